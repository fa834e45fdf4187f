"""The path to a nested collection: context items, each a type and a value.

The types (list 0x10, map 0x20; 0 index, 1 rank, 2 key, 3 value) and the flags that create what is
missing (0x40 unordered, 0x80 a list with padding or a map ordered by key, 0xC0 an ordered list or
a map ordered by key and value) are those of the clients' context classes. As recorded,
they are the order of the collection that the step looks into; the operation sets the order of the last
collection. A path to a missing element answers 26. A path to or through a value that is no such
collection answers a read with 12 and a change with 4 (as the clients' own tests expect of a server).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from .. import msgpack
from ..errors import ERR_INCOMPATIBLE_TYPE, ERR_OP_NOT_APPLICABLE, OpError
from . import lists, maps, order
from .arguments import Arguments
from .lists import ListValue
from .maps import MapValue

LIST: Final = 0x10
MAP: Final = 0x20
INDEX: Final = 0
KEY: Final = 2
_CREATE: Final = 0xC0
_PADDED: Final = 0x80
_MAP_FLAGS: Final = {0x40: 0, 0x80: msgpack.ORDERED, 0xC0: msgpack.KEY_VALUE_ORDERED}

_LIST_STEPS: Final[dict[int, lists.Selector]] = {
    0x10: lists.by_index,
    0x11: lists.by_rank,
    0x13: lists.first_by_value,
}
_MAP_STEPS: Final[dict[int, maps.Selector]] = {
    0x20: maps.by_index,
    0x21: maps.by_rank,
    0x22: maps.by_key,
    0x23: maps.first_by_value,
}


@dataclass(frozen=True, slots=True)
class Step:
    """One context item.

    Attributes:
        kind: Its type without the flags.
        create: The flags that create what is missing, 0 for none.
        value: The index, rank, key or value.
    """

    kind: int
    create: int
    value: bytes

    @property
    def in_map(self) -> bool:
        """Whether it looks into a map."""
        return bool(self.kind & MAP)


Inner = Callable[[bytes | None], bytes]
"""Changes the collection at the end of the way; gets None if that is to be created."""


def parse(data: bytes) -> list[Step]:
    """Read a context.

    Raises:
        OpError: It is malformed; code 4.
    """
    if not data or not msgpack.is_list(data):
        raise msgpack.malformed()
    items = msgpack.elements(data)[1]
    if len(items) % 2:
        raise msgpack.malformed()
    steps: list[Step] = []
    for kind, value in zip(items[::2], items[1::2], strict=True):
        number = msgpack.integer(kind)
        plain = 0 if number is None else number & ~_CREATE
        if number is None or (plain not in _LIST_STEPS and plain not in _MAP_STEPS):
            raise msgpack.malformed()
        steps.append(Step(plain, number & _CREATE, value))
    return steps


def find(data: bytes, steps: list[Step]) -> bytes:
    """Return the value at the end of the path.

    Raises:
        OpError: It leads nowhere (26) or through something that is no such collection (12).
    """
    for step in steps:
        collection, at = locate(data, step)
        if at is None:
            raise OpError(ERR_OP_NOT_APPLICABLE, "the context leads nowhere")
        data = collection.values_at([at])[0]
    return data


def locate(data: bytes, step: Step) -> tuple[ListValue | MapValue, int | None]:
    """Return the collection a step looks into, and where its element is."""
    collection = _open(data, step)
    return collection, _locate(collection, step)


def change(data: bytes | None, steps: list[Step], inner: Inner) -> bytes:
    """Change the value at the end of the path, and create the collections that the steps allow to create.

    Args:
        data: The outermost value, None if it is to be created.
        steps: The path.
        inner: Changes the value at its end.

    Returns:
        The outermost value, changed.

    Raises:
        OpError: It leads nowhere (26) or through something that is no such collection (4).
    """
    if not steps:
        return inner(data)
    step, rest = steps[0], steps[1:]
    if data is None:
        data = _created(step)
    try:
        collection = _open(data, step)
    except OpError:
        raise msgpack.malformed() from None
    at = _locate(collection, step, missing_is_none=bool(step.create))
    if at is None:
        if not step.create:
            raise OpError(ERR_OP_NOT_APPLICABLE, "the context leads nowhere")
        _add(collection, step, change(None, rest, inner))
    else:
        value = change(collection.values_at([at])[0], rest, inner)
        _replace(collection, at, value)
    return collection.encode()


def created(flags: int, *, in_map: bool) -> bytes:
    """Return an empty collection of the order that some flags name."""
    if in_map:
        return msgpack.pack_map([], flags & msgpack.KEY_VALUE_ORDERED)
    return msgpack.pack_list([], flags & msgpack.ORDERED)


def _created(step: Step) -> bytes:
    if not step.create:
        raise OpError(ERR_OP_NOT_APPLICABLE, "the context leads nowhere")
    flags = _MAP_FLAGS[step.create] if step.in_map else int(step.create == _CREATE)
    return created(flags, in_map=step.in_map)


def _open(data: bytes, step: Step) -> ListValue | MapValue:
    if step.in_map and msgpack.is_map(data):
        return MapValue.decode(data)
    if not step.in_map and msgpack.is_list(data):
        return ListValue.decode(data)
    raise OpError(ERR_INCOMPATIBLE_TYPE, "the context names another kind of collection")


def _locate(
    collection: ListValue | MapValue, step: Step, *, missing_is_none: bool = False
) -> int | None:
    args = Arguments([step.value])
    try:
        if isinstance(collection, ListValue):
            positions = _LIST_STEPS[step.kind](collection, args).positions
        else:
            positions = _MAP_STEPS[step.kind](collection, args).positions
    except OpError as error:
        if missing_is_none and error.code == ERR_OP_NOT_APPLICABLE:
            return None
        raise
    return positions[0] if positions else None


def _add(collection: ListValue | MapValue, step: Step, value: bytes) -> None:
    if isinstance(collection, MapValue):
        if step.kind != MAP | KEY:
            raise OpError(ERR_OP_NOT_APPLICABLE, "only a key can be created")
        collection.put(order.canonical(step.value), value)
        return
    index = msgpack.integer(step.value)
    if step.kind != LIST | INDEX or index is None or index < 0 or collection.ordered:
        raise OpError(ERR_OP_NOT_APPLICABLE, "only an index can be created")
    missing = index - len(collection)
    if missing > 0 and (step.create != _PADDED or missing > 1 << 20):
        raise OpError(ERR_OP_NOT_APPLICABLE, "there is a gap before the index")
    collection.items = collection.items + [msgpack.NIL] * missing + [value]


def _replace(collection: ListValue | MapValue, at: int, value: bytes) -> None:
    if isinstance(collection, MapValue):
        collection.values[at] = value
        return
    collection.items = [*collection.items[:at], value, *collection.items[at + 1 :]]
    if collection.ordered:
        collection.sort()
