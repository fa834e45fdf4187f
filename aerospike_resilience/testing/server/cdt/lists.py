"""Lists: their elements, and which of them an operation selects."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Final

from .. import msgpack
from ..errors import ERR_OP_NOT_APPLICABLE, OpError
from . import order, results
from .arguments import Arguments, position, relative, window
from .results import Selection


class ListValue:
    """A list, its elements as bytes.

    Attributes:
        items: The elements; replaced as a whole, never changed in place.
        ordered: Whether it keeps itself sorted.
    """

    __slots__ = ("_keyed", "_keys", "items", "ordered")

    has_keys: bool = False

    def __init__(self, items: list[bytes], *, ordered: bool = False) -> None:
        self.items = items
        self.ordered = ordered
        self._keys: list[order.Key] = []
        self._keyed: list[bytes] | None = None

    @classmethod
    def decode(cls, data: bytes) -> ListValue:
        """Parse a list."""
        flags, items = msgpack.elements(data)
        return cls(items, ordered=bool(flags & msgpack.ORDERED))

    def encode(self) -> bytes:
        """Write the list."""
        return msgpack.pack_list(self.items, msgpack.ORDERED if self.ordered else 0)

    def __len__(self) -> int:
        return len(self.items)

    def keys(self) -> list[order.Key]:
        """Return each element's sort key."""
        if self._keyed is not self.items:
            self._keys = [order.key(item) for item in self.items]
            self._keyed = self.items
        return self._keys

    def by_rank(self) -> list[int]:
        """Return the positions, lowest value first."""
        if self.ordered:
            return list(range(len(self.items)))
        return sorted(range(len(self.items)), key=self.keys().__getitem__)

    def ranks(self) -> list[int]:
        """Return each position's rank by value."""
        ranks = [0] * len(self.items)
        for rank, at in enumerate(self.by_rank()):
            ranks[at] = rank
        return ranks

    def values_at(self, positions: Sequence[int]) -> list[bytes]:
        """Return the elements at some positions."""
        return [self.items[at] for at in positions]

    def keys_at(self, _: Sequence[int], /) -> list[bytes]:
        """A list has no keys; return nothing."""
        return []

    def without(self, positions: Sequence[int]) -> ListValue:
        """Return the list without some elements."""
        gone = set(positions)
        items = [item for at, item in enumerate(self.items) if at not in gone]
        return ListValue(items, ordered=self.ordered)

    def sort(self) -> None:
        """Bring the elements into order."""
        keys = self.keys()
        self.items = [self.items[at] for at in sorted(range(len(self)), key=keys.__getitem__)]


def by_index(value: ListValue, args: Arguments) -> Selection:
    """Select the element at an index."""
    return _one(position(args.number(0), len(value)))


def by_rank(value: ListValue, args: Arguments) -> Selection:
    """Select the element of a rank."""
    at = position(args.number(0), len(value))
    return _one(None if at is None else value.by_rank()[at])


def _one(at: int | None) -> Selection:
    if at is None:
        raise OpError(ERR_OP_NOT_APPLICABLE, "out of bounds")
    return Selection((at,), multi=False)


def by_value(value: ListValue, args: Arguments) -> Selection:
    """Select every element that equals a value."""
    return Selection(_equal(value, [args.value(0)]), sorted_ranks=True)


def first_by_value(value: ListValue, args: Arguments) -> Selection:
    """Select the first element that equals a value."""
    return Selection(_equal(value, [args.value(0)])[:1], multi=False)


def by_value_list(value: ListValue, args: Arguments) -> Selection:
    """Select every element that equals one of several values; in an ordered list, in their order."""
    wanted = args.values(0)
    found = _equal(value, wanted)
    place = {order.key(item): at for at, item in reversed(list(enumerate(wanted)))}
    keys = value.keys()
    asked = sorted(found, key=lambda at: place.get(keys[at], len(wanted)))
    return Selection(asked if value.ordered else found, asked=asked)


def _equal(value: ListValue, wanted: list[bytes]) -> list[int]:
    meant = order.Wanted(wanted)
    return [at for at, key in enumerate(value.keys()) if key in meant]


def by_index_range(value: ListValue, args: Arguments) -> Selection:
    """Select a range of indexes."""
    return Selection(window(args.number(0), args.count(1), len(value)))


def by_rank_range(value: ListValue, args: Arguments) -> Selection:
    """Select a range of ranks, lowest first."""
    return _ranks(value, window(args.number(0), args.count(1), len(value)))


def _ranks(value: ListValue, wanted: range) -> Selection:
    """Select a range of ranks.

    The server takes the elements of an unordered list off a heap, and lists the lower half of the ranks in
    the order in which the heap gives them up, from the highest to the lowest.
    """
    ranked = value.by_rank()
    positions = [ranked[rank] for rank in wanted]
    if not value.ordered and wanted.start <= len(value) - wanted.stop:
        positions.reverse()
    return Selection(positions, sorted_indexes=True, sorted_ranks=True)


def by_interval(value: ListValue, args: Arguments) -> Selection:
    """Select the elements from one value up to, but without, another."""
    start = order.key(args.value(0))
    end = args.given(1)
    stop = order.INFINITE if end is None else order.key(end)
    found = [at for at, key in enumerate(value.keys()) if start <= key < stop]
    return Selection(found, sorted_ranks=True)


def by_relative_rank(value: ListValue, args: Arguments) -> Selection:
    """Select a range of ranks counted from where a value is or would be."""
    keys = value.keys()
    base = bisect_left(value.by_rank(), order.key(args.value(0)), key=keys.__getitem__)
    return _ranks(value, relative(base, args.number(1), args.count(2), len(value)))


Selector = Callable[[ListValue, Arguments], Selection]

_SELECTORS: Final[tuple[Selector, ...]] = (
    by_index,
    first_by_value,
    by_rank,
    by_value,
    by_value_list,
    by_index_range,
    by_interval,
    by_rank_range,
    by_relative_rank,
)
GETTERS: Final = dict(enumerate(_SELECTORS, 19))
"""Operation code to selector, for the reads that begin with a return type."""
REMOVERS: Final = dict(enumerate(_SELECTORS, 32))
"""Operation code to selector, for the removals that begin with a return type."""


def size(value: ListValue, _: Arguments) -> bytes | None:
    """Answer how many elements there are."""
    return msgpack.pack_integer(len(value))


def get(value: ListValue, args: Arguments) -> bytes | None:
    """Answer the element at an index."""
    return results.answer(value, by_index(value, args), results.VALUE)


def get_range(value: ListValue, args: Arguments) -> bytes | None:
    """Answer a range of elements."""
    return results.answer(value, by_index_range(value, args), results.VALUE)


READERS: Final[dict[int, Callable[[ListValue, Arguments], bytes | None]]] = {
    16: size,
    17: get,
    18: get_range,
}
