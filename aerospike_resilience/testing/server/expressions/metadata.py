"""What an expression can read of a record: its bins, its key and the server's metadata."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .. import msgpack
from ..evaluation import (
    PARTICLE_OF_TYPE,
    TYPE_BLOB,
    TYPE_BOOL,
    TYPE_INTEGER,
    TYPE_STRING,
    UNKNOWN,
    Env,
    Loop,
    Node,
    Value,
    from_bin,
)
from ..records import EPOCH_S
from ..view import RecordView
from .building import OPERATORS, Builder, Operator, bare_text, expect, number, operator

_MILLISECOND_NS: Final = 1_000_000
_SECOND_NS: Final = 1_000_000_000
_NEVER: Final = -1

_LOOP_KEY: Final = 0
_LOOP_VALUE: Final = 1
_LOOP_INDEX: Final = 2


def _of_record(kind: int, read: Callable[[RecordView], Value]) -> Operator:
    def build(_: Builder, args: list[bytes]) -> Node:
        expect(args, 0)
        return Node(kind, lambda env: UNKNOWN if env.record is None else read(env.record))

    return build


def _last_update(record: RecordView) -> int:
    return EPOCH_S * _SECOND_NS + record.last_update_ms * _MILLISECOND_NS


def _since_update(record: RecordView) -> int:
    return record.now_ms - record.last_update_ms


def _void_time(record: RecordView) -> int:
    return (EPOCH_S + record.void_time) * _SECOND_NS if record.void_time else _NEVER


def _ttl(record: RecordView) -> int:
    return max(0, record.void_time - record.now_ms // 1000) if record.void_time else _NEVER


OPERATORS.update(
    {
        65: _of_record(TYPE_INTEGER, lambda record: record.size),
        66: _of_record(TYPE_INTEGER, _last_update),
        67: _of_record(TYPE_INTEGER, _since_update),
        68: _of_record(TYPE_INTEGER, _void_time),
        69: _of_record(TYPE_INTEGER, _ttl),
        70: _of_record(TYPE_STRING, lambda record: record.set_name),
        71: _of_record(TYPE_BOOL, lambda record: record.key is not None),
        72: _of_record(TYPE_BOOL, lambda _: False),
        73: _of_record(TYPE_INTEGER, lambda record: record.size),
        74: _of_record(TYPE_INTEGER, lambda record: record.size),
    }
)


@operator(64)
def _digest_modulo(_: Builder, args: list[bytes]) -> Node:
    """`[64, modulus]`: the last four bytes of the digest, little-endian, modulo a number."""
    expect(args, 1)
    modulus = number(args[0])
    if modulus == 0:
        raise msgpack.malformed()

    def run(env: Env) -> Value:
        if env.record is None:
            return UNKNOWN
        return int.from_bytes(env.record.digest[16:20], "little") % abs(modulus)

    return Node(TYPE_INTEGER, run)


@operator(80)
def _key(_: Builder, args: list[bytes]) -> Node:
    """`[80, type]`: the key, if it was stored with the record and is of that type."""
    expect(args, 1)
    kind = number(args[0])
    if kind not in (TYPE_INTEGER, TYPE_STRING, TYPE_BLOB):
        raise msgpack.malformed()

    def run(env: Env) -> Value:
        key = None if env.record is None else env.record.key
        if not key or key[0] != PARTICLE_OF_TYPE[kind]:
            return UNKNOWN
        return from_bin((key[0], key[1:]), kind)

    return Node(kind, run)


@operator(81)
def _bin(_: Builder, args: list[bytes]) -> Node:
    """`[81, type, name]`: a bin, unknown if there is none of that type."""
    expect(args, 2)
    kind, name = number(args[0]), bare_text(args[1])
    if kind not in PARTICLE_OF_TYPE:
        raise msgpack.malformed()

    def run(env: Env) -> Value:
        found = None if env.record is None else env.record.bins.get(name)
        return UNKNOWN if found is None else from_bin(found, kind)

    return Node(kind, run)


@operator(82)
def _bin_type(_: Builder, args: list[bytes]) -> Node:
    """`[82, name]`: the particle type of a bin, 0 if there is none."""
    expect(args, 1)
    name = bare_text(args[0])

    def run(env: Env) -> Value:
        if env.record is None:
            return UNKNOWN
        found = env.record.bins.get(name)
        return 0 if found is None else found[0]

    return Node(TYPE_INTEGER, run)


@operator(122)
def _loop_variable(_: Builder, args: list[bytes]) -> Node:
    """`[122, type, part]`: key, value or index of the element a path expression is at."""
    expect(args, 2)
    kind, part = number(args[0]), number(args[1])
    if (kind not in PARTICLE_OF_TYPE and kind != 0) or part not in _PARTS:
        raise msgpack.malformed()
    read = _PARTS[part]

    def run(env: Env) -> Value:
        data = None if env.loop is None else read(env.loop)
        return UNKNOWN if data is None else from_bin(msgpack.to_bin(data), kind)

    return Node(kind, run)


def _loop_key(loop: Loop) -> bytes | None:
    return loop.key


def _loop_value(loop: Loop) -> bytes | None:
    return loop.value


def _loop_index(loop: Loop) -> bytes | None:
    return msgpack.pack_integer(loop.index)


_PARTS: Final[dict[int, Callable[[Loop], bytes | None]]] = {
    _LOOP_KEY: _loop_key,
    _LOOP_VALUE: _loop_value,
    _LOOP_INDEX: _loop_index,
}
