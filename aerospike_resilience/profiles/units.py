"""Durations, sizes and shares as people write them: ``40ms``, ``64KiB``, ``0.5``; and what they come to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from .suggest import nearest, shown

_UNITS_MS: Final[Mapping[str, float]] = {
    "us": 0.001,
    "ms": 1.0,
    "s": 1000.0,
    "m": 60_000.0,
    "h": 3_600_000.0,
}
_UNITS_BYTES: Final[Mapping[str, float]] = {
    "B": 1,
    "kB": 1000,
    "KiB": 1 << 10,
    "MB": 1_000_000,
    "MiB": 1 << 20,
    "GB": 1_000_000_000,
    "GiB": 1 << 30,
}
_WRITTEN: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]+)\s*")

_UNITS_S: Final[Mapping[str, float]] = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

TTL_NAMES: Final = ("namespace_default", "never", "dont_update", "client_default")
"""Times to live that are no number of seconds."""

MAX_TTL_S: Final = 10 * 365 * 86_400
"""Ten years: the server's own limit."""

MAX_MS: Final = 24 * 3_600_000
"""A day. What is longer was meant in another unit."""

MAX_BYTES: Final = 1 << 31
"""What the clients' 32-bit fields hold."""


def _in_smallest_unit(value: object, units: Mapping[str, float]) -> float | None:
    """Return what text such as ``40ms`` comes to in the unit that counts 1; None if it is no such text."""
    written = _WRITTEN.fullmatch(value) if isinstance(value, str) else None
    if written is None or written.group(2) not in units:
        return None
    return float(written.group(1)) * units[written.group(2)]


def milliseconds(value: object, bare_ms: float = 1.0) -> float:
    """Return a duration in milliseconds.

    Args:
        value: a number in the field's own unit, or text with a unit.
        bare_ms: that unit, in milliseconds.

    Raises:
        ValueError: it is none, negative, or longer than a day.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        # A ValueError, as everything that is wrong with a policy file: pydantic collects those.
        raise ValueError(  # noqa: TRY004
            f"a duration such as 40ms or 2s is needed, not {shown(value)}"
        )
    if not isinstance(value, str):
        # Compared before it is multiplied: code may give an int that no float holds.
        found = value * bare_ms if -MAX_MS <= value <= MAX_MS else -1
    elif (written := _in_smallest_unit(value, _UNITS_MS)) is not None:
        found = written
    else:
        units = ", ".join(_UNITS_MS)
        raise ValueError(f"{shown(value)} is no duration; write a number and one of {units}: 40ms")
    if not 0 <= found <= MAX_MS:
        raise ValueError(f"{shown(value)} is out of range; a duration is between 0 and 24h")
    return found


def whole_milliseconds(value: object) -> int:
    """Return a duration in whole milliseconds, as Aerospike's policies take it.

    Raises:
        ValueError: it is none, or too short for a whole millisecond.
    """
    found = milliseconds(value)
    if 0 < found < 1:
        raise ValueError(
            f"{shown(value)} is shorter than 1ms, the clients' smallest timeout; 0 means none"
        )
    return round(found)


def size(value: object) -> int:
    """Return a size in bytes.

    Args:
        value: a whole number of bytes, or text with a unit.

    Raises:
        ValueError: it is none, negative, or more than 2 GiB.
    """
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(  # noqa: TRY004
            f"a size such as 4096 or 64KiB is needed, not {shown(value)}"
        )
    found: float
    if not isinstance(value, str):
        found = value
    elif (written := _in_smallest_unit(value, _UNITS_BYTES)) is not None:
        found = written
    else:
        units = ", ".join(_UNITS_BYTES)
        raise ValueError(f"{shown(value)} is no size; write a number and one of {units}: 64KiB")
    if not 0 <= found < MAX_BYTES:
        raise ValueError(f"{shown(value)} is out of range; a size is between 0 and 2GiB")
    return round(found)


def time_to_live(value: object) -> int | str:
    """Return a time to live in whole seconds, or one of `TTL_NAMES`.

    Args:
        value: a whole number of seconds, text with a unit (``30d``), or a name.

    Raises:
        ValueError: it is none, negative, or longer than ten years.
    """
    if value in TTL_NAMES:
        return str(value)
    found = _in_smallest_unit(value, _UNITS_S)
    if isinstance(value, int) and not isinstance(value, bool):
        found = value
    if found is None:
        names = ", ".join(TTL_NAMES)
        raise ValueError(
            f"{shown(value)} is no time to live; write seconds, text such as 30d, or one of "
            f"{names}{nearest(value, TTL_NAMES)}"
        )
    if not 0 <= found <= MAX_TTL_S:
        raise ValueError(
            f"{shown(value)} is out of range; a time to live is between 0 and ten years"
        )
    return round(found)


def node_permits(share: float | None, limit: int) -> int:
    """Return how many of a gate's permits the operations of one node may hold; 0 for all.

    Args:
        share: a share of the limit below 1, or a number of permits; None for all.
        limit: the gate's permits; 0 for no gate.
    """
    if share is None or not limit:
        return 0
    return min(max(int(share * limit if share < 1 else share), 1), limit)
