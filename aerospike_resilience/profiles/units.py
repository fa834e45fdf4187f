"""Durations, sizes and shares as people write them (``40ms``, ``64KiB``, ``0.5``), and their values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Final

from ..model.duration_text import WRITTEN as _WRITTEN
from ..model.duration_text import milliseconds
from ..model.wording import shown, suggestion


class Unit(Enum):
    """The unit of a bare number of a field, and the unit of its validated value."""

    MILLISECONDS = "Aerospike's durations: milliseconds"
    OURS = "durations of this library: written in milliseconds, kept in seconds"
    IDLE = "max_socket_idle: seconds"
    BYTES = "bytes"
    TTL = "times to live: seconds"
    SHARE = "shares of the processes: percent, or a number between 0 and 1"


_UNITS_BYTES: Final[Mapping[str, float]] = {
    "B": 1,
    "kB": 1000,
    "KiB": 1 << 10,
    "MB": 1_000_000,
    "MiB": 1 << 20,
    "GB": 1_000_000_000,
    "GiB": 1 << 30,
}
_UNITS_S: Final[Mapping[str, float]] = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

TTL_NAMES: Final = ("namespace_default", "never", "dont_update", "client_default")
"""Names of times to live that are not a number of seconds."""

MAX_TTL_S: Final = 10 * 365 * 86_400
"""Ten years: the server's own limit."""

MAX_BYTES: Final = 1 << 31
"""The largest value of the clients' 32-bit fields."""


def _in_smallest_unit(value: object, units: Mapping[str, float]) -> float | None:
    """Return the value of text such as ``64KiB`` in the smallest unit; None if it is no such text."""
    written = _WRITTEN.fullmatch(value) if isinstance(value, str) else None
    if written is None or written.group(2) not in units:
        return None
    return float(written.group(1)) * units[written.group(2)]


def whole_milliseconds(value: object) -> int:
    """Return a duration in whole milliseconds, as Aerospike's policies need it.

    Raises:
        ValueError: it is not a duration, or is shorter than a millisecond.
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
        ValueError: it is not a size, is negative, or is more than 2 GiB.
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
        ValueError: it is not a time to live, is negative, or is longer than ten years.
    """
    if value in TTL_NAMES:
        return str(value)
    found = _in_smallest_unit(value, _UNITS_S)
    if isinstance(value, int) and not isinstance(value, bool):
        found = value
    if found is None:
        raise ValueError(
            f"{shown(value)} is no time to live; write seconds, text such as 30d, or a name"
            f"{suggestion(value, TTL_NAMES)}"
        )
    if not 0 <= found <= MAX_TTL_S:
        raise ValueError(
            f"{shown(value)} is out of range; a time to live is between 0 and ten years"
        )
    return round(found)


_PERCENT: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%\s*", re.ASCII)


def share_of(value: object) -> float:
    """Return a share between 0 and 1.

    Args:
        value: text such as ``10%``, or a number between 0 and 1.

    Raises:
        ValueError: it is not a share. Also 1 is none: it may mean 1 % or all.
    """
    written = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    if written is not None and float(written[1]) <= 100:
        return float(written[1]) / 100
    if (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and (0 <= value < 1 or (isinstance(value, float) and value == 1))
    ):
        return float(value)
    raise ValueError(f"{shown(value)} is no share; write a percentage from 0% to 100%, such as 10%")


def share_text(share: float) -> str:
    """Return a share as people write it: ``10%``."""
    return f"{share * 100:.6g}%"


def node_permits(share: float | None, limit: int) -> int:
    """Return how many of a gate's permits the operations of one node may hold; 0 means all.

    Args:
        share: a share of the limit below 1, or a number of permits; None for all.
        limit: the gate's permits; 0 for no gate.
    """
    if share is None or not limit:
        return 0
    return min(max(int(share * limit if share < 1 else share), 1), limit)


def size_text(number: int) -> str:
    """Return a size with the unit that people would write: ``64KiB``, ``1500B``; 0 is ``0``."""
    for unit in ("GiB", "MiB", "KiB"):
        if number and number % _UNITS_BYTES[unit] == 0:
            return f"{number / _UNITS_BYTES[unit]:.0f}{unit}"
    return f"{number}B" if number else "0"


def time_to_live_text(found: int | str) -> str:
    """Return a time to live with the unit that people would write: ``30d``, ``90s``, or its name."""
    if isinstance(found, str) or not found:
        return str(found)
    for unit in ("d", "h", "m"):
        if found % _UNITS_S[unit] == 0:
            return f"{found / _UNITS_S[unit]:.0f}{unit}"
    return f"{found}s"
