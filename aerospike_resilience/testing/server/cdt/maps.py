"""Maps: their entries, and which of them an operation selects.

A map's entries are always kept in key order: the server stores even an unordered map that way
(a recorded put of {"a", 2} comes back as {2, "a"}), so an index means the same in both.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Final

from .. import msgpack
from ..errors import ERR_OP_NOT_APPLICABLE, OpError
from . import order
from .arguments import Arguments, position, relative, window
from .results import Selection


class MapValue:
    """A map, its keys and values as bytes, in key order.

    Attributes:
        names: The keys.
        values: The values, in the same order.
        flags: 0 unordered, 1 ordered by key, 3 by key and value.
    """

    __slots__ = ("flags", "keys", "names", "values")

    has_keys: bool = True

    def __init__(self, flags: int = 0) -> None:
        self.names: list[bytes] = []
        self.values: list[bytes] = []
        self.keys: list[order.Key] = []
        self.flags = flags & msgpack.KEY_VALUE_ORDERED

    @classmethod
    def decode(cls, data: bytes) -> MapValue:
        """Parse a map."""
        flags, parts = msgpack.elements(data)
        value = cls(flags)
        names, values = parts[::2], parts[1::2]
        keys = [order.key(name) for name in names]
        at = sorted(range(len(keys)), key=keys.__getitem__)
        value.names = [names[each] for each in at]
        value.values = [values[each] for each in at]
        value.keys = [keys[each] for each in at]
        return value

    def encode(self) -> bytes:
        """Write the map."""
        pairs = zip(self.names, self.values, strict=True)
        return msgpack.pack_map([part for pair in pairs for part in pair], self.flags)

    def __len__(self) -> int:
        return len(self.names)

    def find(self, key: order.Key) -> int | None:
        """Return where a key is, or None."""
        at = bisect_left(self.keys, key)
        return at if at < len(self.keys) and self.keys[at] == key else None

    def by_rank(self) -> list[int]:
        """Return the positions, lowest value first."""
        keys = self.value_keys()
        return sorted(range(len(self.values)), key=keys.__getitem__)

    def value_keys(self) -> list[order.Key]:
        """Return each value's sort key."""
        return [order.key(value) for value in self.values]

    def ranks(self) -> list[int]:
        """Return each position's rank by value."""
        ranks = [0] * len(self.values)
        for rank, at in enumerate(self.by_rank()):
            ranks[at] = rank
        return ranks

    def values_at(self, positions: Sequence[int]) -> list[bytes]:
        """Return the values at some positions."""
        return [self.values[at] for at in positions]

    def keys_at(self, positions: Sequence[int], /) -> list[bytes]:
        """Return the keys at some positions."""
        return [self.names[at] for at in positions]

    def put(self, name: bytes, value: bytes) -> None:
        """Set an entry."""
        key = order.key(name)
        at = bisect_left(self.keys, key)
        if at < len(self.keys) and self.keys[at] == key:
            self.values[at] = value
            return
        self.keys.insert(at, key)
        self.names.insert(at, name)
        self.values.insert(at, value)

    def drop(self, positions: Sequence[int]) -> None:
        """Remove some entries."""
        gone = set(positions)
        kept = [at for at in range(len(self.names)) if at not in gone]
        self.names = [self.names[at] for at in kept]
        self.values = [self.values[at] for at in kept]
        self.keys = [self.keys[at] for at in kept]


def by_key(value: MapValue, args: Arguments) -> Selection:
    """Select the entry of a key."""
    at = value.find(order.key(args.value(0)))
    return Selection(() if at is None else (at,), multi=False)


def by_index(value: MapValue, args: Arguments) -> Selection:
    """Select the entry at an index."""
    return _one(position(args.number(0), len(value)))


def by_rank(value: MapValue, args: Arguments) -> Selection:
    """Select the entry of a rank."""
    at = position(args.number(0), len(value))
    return _one(None if at is None else value.by_rank()[at])


def _one(at: int | None) -> Selection:
    if at is None:
        raise OpError(ERR_OP_NOT_APPLICABLE, "out of bounds")
    return Selection((at,), multi=False)


def by_key_list(value: MapValue, args: Arguments) -> Selection:
    """Select the entries of several keys."""
    wanted = args.values(0)
    meant = order.Wanted(wanted)
    found = [at for at, key in enumerate(value.keys) if key in meant]
    place = {order.key(item): at for at, item in reversed(list(enumerate(wanted)))}
    return Selection(found, listed=sorted(found, key=lambda at: place.get(value.keys[at], at)))


def by_key_interval(value: MapValue, args: Arguments) -> Selection:
    """Select the entries from one key up to, but without, another."""
    start = bisect_left(value.keys, order.key(args.value(0)))
    end = args.given(1)
    stop = len(value) if end is None else bisect_left(value.keys, order.key(end))
    return Selection(range(start, max(start, stop)))


def by_index_range(value: MapValue, args: Arguments) -> Selection:
    """Select a range of indexes."""
    return Selection(window(args.number(0), args.count(1), len(value)))


def by_relative_index(value: MapValue, args: Arguments) -> Selection:
    """Select a range of indexes counted from where a key is or would be."""
    base = bisect_left(value.keys, order.key(args.value(0)))
    return Selection(relative(base, args.number(1), args.count(2), len(value)))


def by_value(value: MapValue, args: Arguments) -> Selection:
    """Select every entry with a value."""
    return _by_values(value, [args.value(0)])


def first_by_value(value: MapValue, args: Arguments) -> Selection:
    """Select the first entry with a value."""
    return Selection(_by_values(value, [args.value(0)]).positions[:1], multi=False)


def by_value_list(value: MapValue, args: Arguments) -> Selection:
    """Select every entry with one of several values."""
    return _by_values(value, args.values(0))


def _by_values(value: MapValue, wanted: list[bytes]) -> Selection:
    meant = order.Wanted(wanted)
    return Selection([at for at, key in enumerate(value.value_keys()) if key in meant])


def by_value_interval(value: MapValue, args: Arguments) -> Selection:
    """Select the entries from one value up to, but without, another."""
    start = order.key(args.value(0))
    end = args.given(1)
    stop = order.INFINITE if end is None else order.key(end)
    keys = value.value_keys()
    places = value.by_rank() if value.flags == msgpack.KEY_VALUE_ORDERED else range(len(value))
    return Selection([at for at in places if start <= keys[at] < stop], sorted_ranks=True)


def by_rank_range(value: MapValue, args: Arguments) -> Selection:
    """Select a range of ranks, lowest first."""
    ranked = value.by_rank()
    return Selection([ranked[at] for at in window(args.number(0), args.count(1), len(value))])


def by_relative_rank(value: MapValue, args: Arguments) -> Selection:
    """Select a range of ranks counted from where a value is or would be."""
    ranked = value.by_rank()
    base = bisect_left(ranked, order.key(args.value(0)), key=value.value_keys().__getitem__)
    wanted = relative(base, args.number(1), args.count(2), len(value))
    return Selection([ranked[at] for at in wanted])


Selector = Callable[[MapValue, Arguments], Selection]

# Code of the read, code of the removal, what they mean.
_TABLE: Final[tuple[tuple[int, int, Selector], ...]] = (
    (97, 76, by_key),
    (98, 77, by_index),
    (99, 78, first_by_value),
    (100, 79, by_rank),
    (102, 82, by_value),
    (103, 84, by_key_interval),
    (104, 85, by_index_range),
    (105, 86, by_value_interval),
    (106, 87, by_rank_range),
    (107, 81, by_key_list),
    (108, 83, by_value_list),
    (109, 88, by_relative_index),
    (110, 89, by_relative_rank),
)
GETTERS: Final = {read: selector for read, _, selector in _TABLE}
"""Operation code to selector, for the reads that begin with a return type."""
REMOVERS: Final = {removal: selector for _, removal, selector in _TABLE}
"""Operation code to selector, for the removals that begin with a return type."""


def size(value: MapValue, _: Arguments) -> bytes | None:
    """Answer how many entries there are."""
    return msgpack.pack_integer(len(value))


READERS: Final[dict[int, Callable[[MapValue, Arguments], bytes | None]]] = {96: size}
