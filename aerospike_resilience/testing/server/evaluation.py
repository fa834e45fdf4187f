"""The parts of a built expression, and the environment it runs in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from struct import Struct
from typing import Final, NamedTuple

from . import msgpack
from .view import RecordView
from .wire import BLOB, BOOL, FLOAT, GEOJSON, HLL, INTEGER, LIST, MAP, STRING, Bin

# Result types as they are on the wire (the clients' expression types).
TYPE_NIL: Final = 0
TYPE_BOOL: Final = 1
TYPE_INTEGER: Final = 2
TYPE_STRING: Final = 3
TYPE_LIST: Final = 4
TYPE_MAP: Final = 5
TYPE_BLOB: Final = 6
TYPE_FLOAT: Final = 7
TYPE_GEOJSON: Final = 8
TYPE_HLL: Final = 9
TYPE_ANY: Final = -1
"""The type of an expression that is always unknown; it matches every type."""

PARTICLE_OF_TYPE: Final = {
    TYPE_BOOL: BOOL,
    TYPE_INTEGER: INTEGER,
    TYPE_STRING: STRING,
    TYPE_LIST: LIST,
    TYPE_MAP: MAP,
    TYPE_BLOB: BLOB,
    TYPE_FLOAT: FLOAT,
    TYPE_GEOJSON: GEOJSON,
    TYPE_HLL: HLL,
}
TYPE_OF_PARTICLE: Final = {particle: kind for kind, particle in PARTICLE_OF_TYPE.items()}

_DOUBLE: Final = Struct(">d")


class Unknown(Enum):
    """The third truth value, for values that cannot be computed, such as a missing bin."""

    UNKNOWN = 0
    REMOVED = 1


UNKNOWN: Final = Unknown.UNKNOWN
REMOVED: Final = Unknown.REMOVED
Value = bool | int | float | bytes | Unknown | None
"""A computed value. Texts, blobs, lists, maps, GeoJSON and sketches are bytes, as in a bin; the
expression's type tells them apart."""


@dataclass(frozen=True, slots=True)
class Loop:
    """The present element of a path expression.

    Attributes:
        key: Its key, None in a list.
        value: The element.
        index: Where it is.
    """

    key: bytes | None
    value: bytes
    index: int


class Env:
    """The environment of an expression.

    Attributes:
        record: The record, None if there is none.
        variables: What `let` defined, by number.
        loop: The present element of a path expression.
    """

    __slots__ = ("loop", "record", "variables")

    def __init__(self, record: RecordView | None, loop: Loop | None = None) -> None:
        self.record = record
        self.variables: dict[int, Value] = {}
        self.loop = loop

    def at(self, loop: Loop) -> Env:
        """Return a copy for another element."""
        env = Env(self.record, loop)
        env.variables = self.variables
        return env


Run = Callable[[Env], Value]


class Node(NamedTuple):
    """A part of an expression, ready to run.

    Attributes:
        type: The type of its result.
        run: Computes it.
    """

    type: int
    run: Run

    def bin_of(self, env: Env) -> Bin | Unknown | None:
        """Compute the value as a bin; nil is None."""
        value = self.run(env)
        if value is None or isinstance(value, Unknown):
            return value
        return to_bin(value, self.type)

    def value_of(self, env: Env) -> bytes | Unknown:
        """Compute the value as it is inside a collection."""
        found = self.bin_of(env)
        if isinstance(found, Unknown):
            return found
        return msgpack.NIL if found is None else msgpack.from_bin(*found)


def to_bin(value: bool | int | float | bytes, kind: int) -> Bin:
    """Return a computed value as a bin."""
    if isinstance(value, bool):
        return BOOL, bytes((value,))
    if isinstance(value, int):
        return INTEGER, (value & 0xFFFFFFFFFFFFFFFF).to_bytes(8)
    if isinstance(value, float):
        return FLOAT, _DOUBLE.pack(value)
    return PARTICLE_OF_TYPE.get(kind, BLOB), value


def from_bin(found: Bin | None, kind: int) -> Value:
    """Return a bin as a computed value, unknown if it has another type than asked for."""
    if found is None:
        return None if kind == TYPE_NIL else UNKNOWN
    particle, raw = found
    if TYPE_OF_PARTICLE.get(particle) != kind:
        return UNKNOWN
    if particle == INTEGER:
        return int.from_bytes(raw, signed=True)
    if particle == FLOAT:
        return float(_DOUBLE.unpack(raw)[0])
    return raw != b"\x00" if particle == BOOL else raw
