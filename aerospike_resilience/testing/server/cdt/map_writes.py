"""Operations that change a map, each a function of the map and its arguments.

A function changes the map it is given and returns the answer. If the bin does not exist, the caller
has created an empty map.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from .. import msgpack
from ..errors import ERR_ELEMENT_EXISTS, ERR_ELEMENT_NOT_FOUND, OpError
from . import order, results
from .arguments import Arguments
from .arithmetic import add
from .maps import MapValue
from .results import Selection

CREATE_ONLY: Final = 1
UPDATE_ONLY: Final = 2
NO_FAIL: Final = 4
PARTIAL: Final = 8

Change = Callable[[MapValue, Arguments], bytes | None]


def set_order(value: MapValue, args: Arguments) -> None:
    """Make the map unordered, ordered by key, or by key and value."""
    value.flags = args.number(0) & msgpack.KEY_VALUE_ORDERED


def put(value: MapValue, args: Arguments) -> bytes:
    """Set one entry."""
    return _put(value, [args.value(0), args.value(1)], args.number(3, 0))


def put_items(value: MapValue, args: Arguments) -> bytes:
    """Set several entries."""
    return _put(value, _entries(args), args.number(2, 0))


def _forced_put(flags: int, value: MapValue, args: Arguments) -> bytes:
    return _put(value, [args.value(0), args.value(1)], flags)


def _forced_put_items(flags: int, value: MapValue, args: Arguments) -> bytes:
    return _put(value, _entries(args), flags)


def _entries(args: Arguments) -> list[bytes]:
    data = args.value(0)
    if not msgpack.is_map(data):
        raise msgpack.malformed()
    return msgpack.elements(data)[1]


def _put(value: MapValue, entries: list[bytes], flags: int) -> bytes:
    names = [_key(name) for name in entries[::2]]
    kept: list[tuple[bytes, bytes]] = []
    for name, item in zip(names, entries[1::2], strict=True):
        code = _refusal(value, name, flags)
        if not code:
            kept.append((name, order.storable(item)))
        elif not flags & NO_FAIL:
            raise OpError(code)
        elif not flags & PARTIAL:
            return msgpack.pack_integer(len(value))
    for name, item in kept:
        value.put(name, item)
    return msgpack.pack_integer(len(value))


def _key(name: bytes) -> bytes:
    if msgpack.is_list(name) or msgpack.is_map(name):
        raise msgpack.malformed()
    return order.storable(name)


def _refusal(value: MapValue, name: bytes, flags: int) -> int:
    if not flags & (CREATE_ONLY | UPDATE_ONLY):
        return 0
    exists = value.find(order.key(name)) is not None
    if flags & CREATE_ONLY and exists:
        return ERR_ELEMENT_EXISTS
    return ERR_ELEMENT_NOT_FOUND if flags & UPDATE_ONLY and not exists else 0


def _add(sign: int, value: MapValue, args: Arguments) -> bytes:
    name = _key(args.value(0))
    at = value.find(order.key(name))
    total = add(None if at is None else value.values[at], args.given(1), sign)
    value.put(name, total)
    return total


def clear(value: MapValue, _: Arguments) -> None:
    """Remove every entry; the order stays."""
    value.drop(range(len(value)))


def remove(value: MapValue, selection: Selection, return_type: int) -> bytes | None:
    """Remove entries and answer what the return type asks for."""
    selection = results.inverted(selection, return_type, len(value))
    answer = results.answer(value, selection, return_type & ~results.INVERTED)
    value.drop(selection.positions)
    return answer


CREATING: Final[dict[int, Change]] = {
    64: set_order,
    65: partial(_forced_put, CREATE_ONLY),
    66: partial(_forced_put_items, CREATE_ONLY),
    67: put,
    68: put_items,
    69: partial(_forced_put, UPDATE_ONLY),
    70: partial(_forced_put_items, UPDATE_ONLY),
    73: partial(_add, 1),
    74: partial(_add, -1),
}
"""Operation code to function, for those that create a bin that does not exist."""

REDUCING: Final[dict[int, Change]] = {75: clear}
"""Operation code to function, for those that leave a missing bin missing and answer nothing."""

ORDER_ARGUMENT: Final = {65: 2, 66: 1, 67: 2, 68: 1, 73: 2, 74: 2}
"""Operation code to the argument that holds the order of a map created by it."""
