"""The path to a nested collection: context items, each a type and a value.

The types (list 0x10, map 0x20, neither of them for either; 0 index, 1 rank, 2 key, 3 value) and the flags
that create what is missing (0x40 unordered, 0x80 a list with padding or a map ordered by key, 0xC0 an
ordered list or a map ordered by key and value) are those of the clients' context classes. As recorded,
they are the order of the collection that the step looks into; the operation sets the order of the last
collection.

The rules are those of `cdt.c`, `particle_list.c` and `particle_map.c` in the server's public source. A
path that leads nowhere, through a scalar or through the other kind of collection answers 26; a path into
a bin that is no collection answers 4. Only a map key, and an index right after a list's end, can be
created.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from .. import msgpack
from ..errors import ERR_OP_NOT_APPLICABLE, OpError
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
_PERSISTED_INDEX: Final = 0x100
"""Asks the server to keep an index with the collection; it changes no answer."""
MAX_PADDING: Final = 1 << 20
_MAP_FLAGS: Final = {0x40: 0, 0x80: msgpack.ORDERED, 0xC0: msgpack.KEY_VALUE_ORDERED}

RANK: Final = 1
_LIST_STEPS: Final[dict[int, lists.Selector]] = {
    INDEX: lists.by_index,
    RANK: lists.by_rank,
    3: lists.first_by_value,
}
_MAP_STEPS: Final[dict[int, maps.Selector]] = {
    INDEX: maps.by_index,
    RANK: maps.by_rank,
    KEY: maps.by_key,
    3: maps.first_by_value,
}


class Step(NamedTuple):
    """One context item.

    Attributes:
        where: Whether it looks into a list (0x10), a map (0x20) or either (0).
        by: What it looks for: an index, a rank, a key or a value.
        create: The flags that create what is missing, 0 for none.
        value: The index, rank, key or value.
    """

    where: int
    by: int
    create: int
    value: bytes

    @property
    def in_map(self) -> bool:
        """Whether it looks into a map, and nothing else."""
        return bool(self.where & MAP)


Inner = Callable[[bytes | None], bytes | None]
"""Changes the collection at the end of the path; gets None if that is to be created, and returns None if
it leaves that uncreated."""


def parse(data: bytes) -> list[Step]:
    """Read a context.

    Raises:
        OpError: It is malformed (4), or there is no such type of item (26).
    """
    if not data or not msgpack.is_list(data):
        raise msgpack.malformed()
    items = msgpack.elements(data)[1]
    if not items or len(items) % 2:
        raise msgpack.malformed()
    return [_step(kind, value) for kind, value in zip(items[::2], items[1::2], strict=True)]


def _step(kind: bytes, value: bytes) -> Step:
    number = msgpack.integer(kind)
    if number is None or number < 0:
        raise msgpack.malformed()
    create = number & _CREATE
    plain = number & ~(_CREATE | _PERSISTED_INDEX)
    where, by = plain & (LIST | MAP), plain & ~(LIST | MAP)
    if by not in _MAP_STEPS or where == LIST | MAP or (create and not where):
        raise _nowhere()
    return Step(where, by, create, value)


def find(data: bytes, steps: list[Step]) -> bytes:
    """Return the value at the end of the path.

    Raises:
        OpError: It leads nowhere (26).
    """
    for step in steps:
        collection, at = locate(data, step)
        if at is None:
            raise _nowhere()
        data = collection.values_at([at])[0]
    return data


def locate(data: bytes, step: Step) -> tuple[ListValue | MapValue, int | None]:
    """Return the collection a step looks into, and where its element is; None if there is none.

    Raises:
        OpError: There is no such collection, or an index or rank is out of bounds (26).
    """
    collection = _open(data, step)
    args = Arguments([step.value])
    if isinstance(collection, MapValue):
        positions = _MAP_STEPS[step.by](collection, args).positions
    elif step.by in _LIST_STEPS:
        positions = _LIST_STEPS[step.by](collection, args).positions
    else:
        raise _nowhere()
    return collection, positions[0] if positions else None


def change(data: bytes | None, steps: list[Step], inner: Inner) -> bytes | None:
    """Change the value at the end of the path, and create the collections that the steps allow to create.

    Args:
        data: The outermost value, None if it is to be created.
        steps: The path.
        inner: Changes the value at its end.

    Returns:
        The outermost value, changed; None if nothing was created.

    Raises:
        OpError: It leads nowhere (26).
    """
    if not steps:
        return inner(data)
    step, rest = steps[0], steps[1:]
    if data is None:
        if not step.create:
            raise _nowhere()
        return _build(steps, inner)
    try:
        collection, at = locate(data, step)
    except OpError:
        collection, at = _open(data, step), None
        if not step.create:
            raise
    if at is not None:
        value = change(collection.values_at([at])[0], rest, inner)
        if value is not None:
            _replace(collection, at, value)
        return collection.encode()
    if not step.create:
        raise _nowhere()
    _check_addable(collection, step)
    value = _build(rest, inner)
    if value is None:
        return data
    _add(collection, step, value)
    return collection.encode()


def created(flags: int, *, in_map: bool) -> bytes:
    """Return an empty collection of the order that some flags name."""
    if in_map:
        return msgpack.pack_map([], flags & msgpack.KEY_VALUE_ORDERED)
    return msgpack.pack_list([], flags & msgpack.ORDERED)


def _nowhere() -> OpError:
    return OpError(ERR_OP_NOT_APPLICABLE, "the context leads nowhere")


def _build(steps: list[Step], inner: Inner) -> bytes | None:
    """Return a new value in which a path leads to what `inner` creates."""
    if not steps:
        return inner(None)
    step = steps[0]
    if (step.where, step.by) == (MAP, KEY):
        _check_storable(step.value)
        value = _build(steps[1:], inner)
        if value is None:
            return None
        flags = _MAP_FLAGS.get(step.create, 0)
        return msgpack.pack_map([order.canonical(step.value), value], flags)
    if (step.where, step.by) != (LIST, INDEX):
        raise _nowhere()
    index = msgpack.integer(step.value)
    if index is None or index < -1 or (index > 0 and step.create not in (_CREATE, _PADDED)):
        raise _nowhere()
    if index > MAX_PADDING:
        raise _nowhere()
    value = _build(steps[1:], inner)
    if value is None:
        return None
    padding = [msgpack.NIL] * max(index, 0) if step.create == _PADDED else []
    return msgpack.pack_list([*padding, value], int(step.create == _CREATE))


def _open(data: bytes, step: Step) -> ListValue | MapValue:
    if msgpack.is_map(data) and step.where != LIST:
        return MapValue.decode(data)
    if msgpack.is_list(data) and step.where != MAP:
        return ListValue.decode(data)
    raise _nowhere()


def _check_storable(key: bytes) -> None:
    try:
        order.storable(key)
    except OpError:
        raise _nowhere() from None


def _check_addable(collection: ListValue | MapValue, step: Step) -> None:
    if isinstance(collection, MapValue):
        if step.by != KEY:
            raise _nowhere()
        _check_storable(step.value)
        return
    ranked = step.by == RANK and collection.ordered
    index = msgpack.integer(step.value)
    if index is None or (step.by != INDEX and not ranked):
        raise _nowhere()
    size = len(collection)
    if index == size or (index == -1 and not size) or collection.ordered:
        return
    if step.create != _PADDED or not 0 <= index <= size + MAX_PADDING:
        raise _nowhere()


def _add(collection: ListValue | MapValue, step: Step, value: bytes) -> None:
    if isinstance(collection, MapValue):
        collection.put(order.canonical(step.value), value)
        return
    index = msgpack.integer(step.value) or 0
    padding = [] if collection.ordered else [msgpack.NIL] * (index - len(collection))
    collection.items = [*collection.items, *padding, value]
    if collection.ordered:
        collection.sort()


def _replace(collection: ListValue | MapValue, at: int, value: bytes) -> None:
    if isinstance(collection, MapValue):
        collection.values[at] = value
        return
    collection.items = [*collection.items[:at], value, *collection.items[at + 1 :]]
    if collection.ordered:
        collection.sort()
