"""Operations that change a list, each a function of the list and its arguments.

A function changes the list it is given and returns the answer. If the bin does not exist, the caller
has created an empty list.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .. import msgpack
from ..errors import (
    ERR_ELEMENT_EXISTS,
    ERR_OP_NOT_APPLICABLE,
    ERR_RECORD_TOO_BIG,
    OpError,
)
from . import order, results
from .arguments import Arguments
from .arithmetic import add
from .lists import ListValue, by_index, by_index_range
from .results import Selection

ADD_UNIQUE: Final = 1
INSERT_BOUNDED: Final = 2
NO_FAIL: Final = 4
PARTIAL: Final = 8

SORT_DESCENDING: Final = 1
SORT_DROP_DUPLICATES: Final = 2

MAX_PADDING: Final = 1 << 20
"""More nils than this make any record too big."""

Change = Callable[[ListValue, Arguments], bytes | None]


def set_order(value: ListValue, args: Arguments) -> None:
    """Make the list ordered or unordered."""
    value.ordered = bool(args.number(0) & msgpack.ORDERED)
    if value.ordered:
        value.sort()


def append(value: ListValue, args: Arguments) -> bytes:
    """Add a value at the end, or where it belongs."""
    return _put(value, None, [args.value(0)], args.number(2, 0))


def append_items(value: ListValue, args: Arguments) -> bytes:
    """Add several values at the end, or where they belong."""
    return _put(value, None, args.values(0), args.number(2, 0))


def insert(value: ListValue, args: Arguments) -> bytes:
    """Put a value before an index."""
    return _put(value, args.number(0), [args.value(1)], args.number(2, 0))


def insert_items(value: ListValue, args: Arguments) -> bytes:
    """Put several values before an index."""
    return _put(value, args.number(0), args.values(1), args.number(2, 0))


def _put(value: ListValue, index: int | None, items: list[bytes], flags: int) -> bytes:
    try:
        _try_put(value, index, [order.storable(item) for item in items], flags)
    except _RefusedError as refused:
        if not flags & NO_FAIL:
            raise OpError(refused.code) from None
    return msgpack.pack_integer(len(value))


class _RefusedError(Exception):
    """A write flag forbids the write."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def _try_put(value: ListValue, index: int | None, items: list[bytes], flags: int) -> None:
    if index is not None:
        if value.ordered:
            raise OpError(ERR_OP_NOT_APPLICABLE, "an ordered list has no place to choose")
        index = _slot(value, index, flags)
    if flags & ADD_UNIQUE:
        items = _unique(value, items, flags)
    if index is None:
        value.items = value.items + items
        if value.ordered:
            value.sort()
    else:
        padding = [msgpack.NIL] * (index - len(value))
        value.items = value.items[:index] + padding + items + value.items[index:]


def _slot(value: ListValue, index: int, flags: int) -> int:
    at = index + len(value) if index < 0 else index
    if at < 0:
        raise OpError(ERR_OP_NOT_APPLICABLE, "out of bounds")
    if at > len(value) and flags & INSERT_BOUNDED:
        raise _RefusedError(ERR_OP_NOT_APPLICABLE)
    if at > len(value) + MAX_PADDING:
        raise OpError(ERR_RECORD_TOO_BIG)
    return at


def _unique(value: ListValue, items: list[bytes], flags: int) -> list[bytes]:
    held = set(value.keys())
    added: set[order.Key] = set()
    kept: list[bytes] = []
    for item in items:
        key = order.key(item)
        if key not in held and key not in added:
            added.add(key)
            kept.append(item)
        elif not (flags & PARTIAL and flags & NO_FAIL):
            # A value that is twice among the new ones is an operation that makes no sense.
            raise _RefusedError(ERR_ELEMENT_EXISTS if key in held else ERR_OP_NOT_APPLICABLE)
    return kept


def put_at(value: ListValue, args: Arguments) -> None:
    """Replace the element at an index; fill up with nil if it is after the end."""
    flags = args.number(2, 0)
    try:
        _replace(value, args.number(0), order.storable(args.value(1)), flags)
    except _RefusedError as refused:
        if not flags & NO_FAIL:
            raise OpError(refused.code) from None


def _replace(value: ListValue, index: int, item: bytes, flags: int) -> None:
    if value.ordered:
        raise OpError(ERR_OP_NOT_APPLICABLE, "an ordered list has no place to choose")
    at = _slot(value, index, flags)
    if flags & INSERT_BOUNDED and at >= len(value):
        raise _RefusedError(ERR_OP_NOT_APPLICABLE)
    if flags & ADD_UNIQUE and order.key(item) in value.keys()[:at] + value.keys()[at + 1 :]:
        raise _RefusedError(ERR_ELEMENT_EXISTS)
    padding = [msgpack.NIL] * (at - len(value))
    value.items = value.items[:at] + padding + [item] + value.items[at + 1 :]


def increment(value: ListValue, args: Arguments) -> bytes | None:
    """Add to the number at an index."""
    index, flags = args.number(0), args.number(3, 0)
    at = index + len(value) if index < 0 else index
    total = add(value.items[at] if 0 <= at < len(value) else None, args.given(1))
    if value.ordered:
        if not 0 <= at < len(value):
            raise OpError(ERR_OP_NOT_APPLICABLE, "out of bounds")
        value.items = [*value.items[:at], total, *value.items[at + 1 :]]
        value.sort()
        return total
    try:
        _replace(value, index, total, flags)
    except _RefusedError as refused:
        if not flags & NO_FAIL:
            raise OpError(refused.code) from None
        return None
    return total


def pop(value: ListValue, args: Arguments) -> bytes | None:
    """Remove the element at an index and answer it."""
    return remove(value, by_index(value, args), results.VALUE)


def pop_range(value: ListValue, args: Arguments) -> bytes | None:
    """Remove a range and answer it."""
    return remove(value, by_index_range(value, args), results.VALUE)


def remove_at(value: ListValue, args: Arguments) -> bytes | None:
    """Remove the element at an index and answer how many that were."""
    return remove(value, by_index(value, args), results.COUNT)


def remove_range(value: ListValue, args: Arguments) -> bytes | None:
    """Remove a range and answer how many that were."""
    return remove(value, by_index_range(value, args), results.COUNT)


def trim(value: ListValue, args: Arguments) -> bytes | None:
    """Remove all but a range and answer how many that were."""
    return remove(value, by_index_range(value, args), results.COUNT | results.INVERTED)


def remove(value: ListValue, selection: Selection, return_type: int) -> bytes | None:
    """Remove elements and answer what the return type asks for."""
    selection = results.inverted(selection, return_type, len(value))
    answer = results.answer(value, selection, return_type & ~results.INVERTED)
    value.items = value.without(selection.positions).items
    return answer


def clear(value: ListValue, _: Arguments) -> None:
    """Remove every element; the order stays."""
    value.items = []


def sort(value: ListValue, args: Arguments) -> None:
    """Sort once; the list stays as ordered or unordered as it is."""
    flags = args.number(0, 0)
    value.sort()
    if flags & SORT_DROP_DUPLICATES:
        keys = value.keys()
        value.items = [
            item for at, item in enumerate(value.items) if not at or keys[at] != keys[at - 1]
        ]
    if flags & SORT_DESCENDING and not value.ordered:
        value.items = value.items[::-1]


CREATING: Final[dict[int, Change]] = {
    0: set_order,
    1: append,
    2: append_items,
    3: insert,
    4: insert_items,
    9: put_at,
    12: increment,
}
"""Operation code to function, for those that create a bin that does not exist."""

REDUCING: Final[dict[int, Change]] = {
    5: pop,
    6: pop_range,
    7: remove_at,
    8: remove_range,
    10: trim,
    11: clear,
}
"""Operation code to function, for those that leave a missing bin missing and answer nothing."""

SORT: Final = 13
"""The one operation that a missing bin makes fail, with 12."""
ORDER_ARGUMENT: Final = {1: 1, 2: 1, 12: 2}
"""Operation code to the argument that holds the order of a list created by it."""
