"""The return types of operations on lists and maps.

The order of an answer depends on how the server finds the elements, as its public source
(`particle_list.c`, `particle_map.c`) and the clients' tests of a server show: values in the order of the
elements or of their ranks, ranks of listed values in the order of the list, and so on. A selection says
which.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from .. import msgpack
from ..errors import ERR_OP_NOT_APPLICABLE, OpError

INVERTED: Final = 0x10000

NONE: Final = 0
INDEX: Final = 1
REVERSE_INDEX: Final = 2
RANK: Final = 3
REVERSE_RANK: Final = 4
COUNT: Final = 5
KEY: Final = 6
VALUE: Final = 7
KEY_VALUE: Final = 8
EXISTS: Final = 13
UNORDERED_MAP: Final = 16
ORDERED_MAP: Final = 17

_MAP_FLAGS: Final = {
    KEY_VALUE: msgpack.KEEP_ORDER,
    UNORDERED_MAP: 0,
    ORDERED_MAP: msgpack.ORDERED,
}


class Collection(Protocol):
    """What results are read from: a list, or a map as a list of entries ordered by key."""

    has_keys: bool

    def __len__(self) -> int:
        """Return how many elements there are."""

    def ranks(self) -> list[int]:
        """Return each position's rank by value."""

    def values_at(self, positions: Sequence[int]) -> list[bytes]:
        """Return the values at some positions."""

    def keys_at(self, positions: Sequence[int], /) -> list[bytes]:
        """Return the keys at some positions."""


class Selection:
    """The elements that an operation selects.

    Attributes:
        positions: Where they are, in the order of the answer.
        multi: Whether it may be several: the answer is then a list, else the one element.
        asked: Where they are, in the order they were asked for, if values were listed. Ranks are
            answered in that order, or in ascending order where it is empty.
        listed: Where they are, in the order they were asked for, if keys were listed: the order of indexes.
        sorted_indexes: Indexes are answered in ascending order, whatever the order of the values.
        sorted_ranks: Ranks are answered in ascending order, whatever the order of the values.
    """

    __slots__ = ("asked", "listed", "multi", "positions", "sorted_indexes", "sorted_ranks")

    def __init__(
        self,
        positions: Sequence[int],
        *,
        multi: bool = True,
        asked: Sequence[int] | None = None,
        listed: Sequence[int] | None = None,
        sorted_indexes: bool = False,
        sorted_ranks: bool = False,
    ) -> None:
        self.positions = positions
        self.multi = multi
        self.asked = asked
        self.listed = listed
        self.sorted_indexes = sorted_indexes
        self.sorted_ranks = sorted_ranks


def inverted(selection: Selection, return_type: int, size: int) -> Selection:
    """Apply the return type's inversion: select every other element.

    Raises:
        OpError: A single element cannot be inverted; code 26.
    """
    if not return_type & INVERTED:
        return selection
    if not selection.multi:
        raise OpError(ERR_OP_NOT_APPLICABLE, "one element cannot be inverted")
    meant = set(selection.positions)
    rest = [position for position in range(size) if position not in meant]
    return Selection(
        rest,
        asked=None if selection.asked is None else (),
        sorted_ranks=selection.sorted_ranks,
    )


def answer(collection: Collection, selection: Selection, return_type: int) -> bytes | None:
    """Return the answer of a read or removal, or None if there is none.

    Args:
        collection: What the elements are in, before any removal.
        selection: Which elements.
        return_type: What to return of them, without the inversion.

    Raises:
        OpError: There is no such return type for this collection; code 26.
    """
    positions = selection.positions
    if return_type == NONE:
        return None
    if return_type == COUNT:
        return msgpack.pack_integer(len(positions))
    if return_type == EXISTS:
        return msgpack.pack_bool(positions)
    if return_type in (RANK, REVERSE_RANK) and selection.asked is not None:
        positions = selection.asked or sorted(positions, key=collection.ranks().__getitem__)
    if return_type in (RANK, REVERSE_RANK) and selection.sorted_ranks:
        positions = sorted(positions, key=collection.ranks().__getitem__)
    if return_type in (INDEX, REVERSE_INDEX):
        if selection.listed is not None:
            positions = selection.listed
        elif selection.sorted_indexes:
            positions = sorted(positions)
    if return_type in _NUMBERS:
        numbers = [msgpack.pack_integer(n) for n in _NUMBERS[return_type](collection, positions)]
        if selection.multi:
            return msgpack.pack_list(numbers)
        return numbers[0] if numbers else msgpack.pack_integer(-1)
    if return_type == VALUE:
        return _elements(collection.values_at(positions), selection)
    if collection.has_keys and return_type == KEY:
        return _elements(collection.keys_at(positions), selection)
    if collection.has_keys and return_type in _MAP_FLAGS:
        if return_type != KEY_VALUE:
            positions = sorted(positions)
        pairs = zip(collection.keys_at(positions), collection.values_at(positions), strict=True)
        return msgpack.pack_map([part for pair in pairs for part in pair], _MAP_FLAGS[return_type])
    raise OpError(ERR_OP_NOT_APPLICABLE, "no such return type")


def _elements(values: list[bytes], selection: Selection) -> bytes | None:
    if selection.multi:
        return msgpack.pack_list(values)
    return values[0] if values else None


def _indexes(_: Collection, positions: Sequence[int]) -> list[int]:
    return list(positions)


def _reverse_indexes(collection: Collection, positions: Sequence[int]) -> list[int]:
    return [len(collection) - 1 - position for position in positions]


def _ranks(collection: Collection, positions: Sequence[int]) -> list[int]:
    ranks = collection.ranks() if positions else []
    return [ranks[position] for position in positions]


def _reverse_ranks(collection: Collection, positions: Sequence[int]) -> list[int]:
    return [len(collection) - 1 - rank for rank in _ranks(collection, positions)]


_NUMBERS: Final[dict[int, Callable[[Collection, Sequence[int]], list[int]]]] = {
    INDEX: _indexes,
    REVERSE_INDEX: _reverse_indexes,
    RANK: _ranks,
    REVERSE_RANK: _reverse_ranks,
}
