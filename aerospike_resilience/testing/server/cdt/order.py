"""How values compare with each other: Aerospike's order over all types.

By type first (nil, boolean, integer, string, list, map, blob, float, GeoJSON, infinity), then by
value. Lists compare element by element, then by length; maps by length, then entry by entry.
Source: "Order and compare collection elements" in Aerospike's documentation.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, Final

from .. import msgpack
from ..wire import GEOJSON, STRING

Key = tuple[Any, ...]
"""Sorts, compares and hashes as the value it was made from does."""

INFINITE: Final = (9,)
_WILD: Final = (10,)
_NAN: Final = (7, 0, 0.0)


def key(data: bytes) -> Key:
    """Return the sort key of a value.

    Raises:
        OpError: It is malformed; code 4.
    """
    first = data[0]
    if first == 0xC0:
        return (0,)
    if first in (0xC2, 0xC3):
        return 1, first
    number = msgpack.integer(data)
    if number is not None:
        return 2, number
    body = msgpack.text(data)
    if body is not None:
        return _text_key(body)
    real = msgpack.double(data)
    if real is not None:
        return _NAN if math.isnan(real) else (7, 1, real)
    if msgpack.is_extension(data):
        return _WILD if data == msgpack.WILDCARD else INFINITE
    items = tuple(key(item) for item in msgpack.elements(data)[1])
    return (4, items) if msgpack.is_list(data) else (5, len(items), items)


def _text_key(body: bytes) -> Key:
    if body[:1] == bytes((STRING,)):
        return 3, body[1:]
    if body[:1] == bytes((GEOJSON,)):
        return 8, body[1:]
    return 6, body


def matches(pattern: Key, value: Key) -> bool:
    """Tell whether a value equals a pattern, in which a wildcard stands for anything.

    In a list the wildcard stands for all the elements from there on.
    """
    if pattern == _WILD:
        return True
    if pattern[0] != value[0]:
        return False
    if pattern[0] == 4:
        return _list_matches(pattern[1], value[1])
    if pattern[0] == 5:
        return pattern[1] == value[1] and all(map(matches, pattern[2], value[2]))
    return pattern == value


def _list_matches(pattern: tuple[Key, ...], value: tuple[Key, ...]) -> bool:
    for index, part in enumerate(pattern):
        if part == _WILD:
            return True
        if index >= len(value) or not matches(part, value[index]):
            return False
    return len(pattern) == len(value)


class Wanted:
    """Several values to look for, some of which may hold wildcards."""

    __slots__ = ("_exact", "_patterns")

    def __init__(self, values: list[bytes]) -> None:
        plain = [value for value in values if msgpack.WILDCARD not in value]
        self._exact = {key(value) for value in plain}
        self._patterns = [key(value) for value in values if msgpack.WILDCARD in value]

    def __contains__(self, value: Key) -> bool:
        return value in self._exact or any(matches(each, value) for each in self._patterns)


def storable(data: bytes) -> bytes:
    """Return a value that is to be stored, as the server stores it.

    Raises:
        OpError: It is malformed or cannot be stored: it has infinity or the wildcard in it, a map with
            a key twice, or a map key that is a list or a map; code 4.
    """
    return canonical(data, stored=True)


def canonical(data: bytes, *, stored: bool = False) -> bytes:
    """Return a value as the server stores it: maps sorted by key, ordered lists sorted.

    The server sorts the unordered maps it is given, too: a recorded put of {"a", 2} comes back
    as {2, "a"}.

    Args:
        data: The value.
        stored: Whether it must be one that can be stored.

    Raises:
        OpError: It is malformed, or a map has a key twice; code 4.
    """
    if not (msgpack.is_list(data) or msgpack.is_map(data)):
        if stored and msgpack.is_extension(data):
            raise msgpack.malformed()
        return data
    flags, items = msgpack.elements(data)
    items = [canonical(item, stored=stored) for item in items]
    flags &= msgpack.KEY_VALUE_ORDERED
    if msgpack.is_list(data):
        return msgpack.pack_list(sorted(items, key=key) if flags else items, flags)
    if stored and any(msgpack.is_list(name) or msgpack.is_map(name) for name in items[::2]):
        raise msgpack.malformed()
    keyed = sorted(
        ((key(name), name, value) for name, value in zip(items[::2], items[1::2], strict=True)),
        key=lambda entry: entry[0],
    )
    for one, other in itertools.pairwise(keyed):
        if one[0] == other[0]:
            raise msgpack.malformed()
    return msgpack.pack_map([part for entry in keyed for part in entry[1:]], flags)
