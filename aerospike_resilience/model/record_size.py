"""Record sizes, estimated from what a client returns or is given. No client tells them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_NUMBER_BYTES: Final = 8
_DEEPEST: Final = 8


def size_of(value: Any, depth: int = 0) -> int:
    """Return about how many bytes a value takes on the wire."""
    kind = type(value)
    if kind is str and value.isascii():  # the plain kinds first: `Mapping` is slow to ask
        return len(value)
    if kind is int or kind is float:
        return _NUMBER_BYTES
    if kind is dict and depth < _DEEPEST:
        return sum(size_of(k, depth + 1) + size_of(v, depth + 1) for k, v in value.items())
    if isinstance(value, bytes | bytearray | memoryview):
        return len(value)
    if isinstance(value, str):
        return len(value.encode(errors="replace"))
    if value is None or isinstance(value, bool | int | float):
        return 0 if value is None else _NUMBER_BYTES
    if depth >= _DEEPEST:
        return _NUMBER_BYTES
    if isinstance(value, Mapping):
        return sum(size_of(k, depth + 1) + size_of(v, depth + 1) for k, v in value.items())
    if isinstance(value, tuple) and len(value) == 3 and isinstance(value[2], Mapping):
        return size_of(value[2], depth + 1)  # a record: key, metadata, bins
    if isinstance(value, list | tuple | set | frozenset):
        return sum(size_of(one, depth + 1) for one in value)
    bins = getattr(value, "bins", None)
    return size_of(bins, depth + 1) if bins is not None else 0


def record_size(value: Any) -> int | None:
    """Return about how many bytes the bins of a record take; None if a value is no record with bins."""
    is_triple = isinstance(value, tuple) and len(value) == 3
    bins = value[2] if is_triple else getattr(value, "bins", None)
    return size_of(bins) if type(bins) is dict or isinstance(bins, Mapping) else None
