"""Durations as people write them: ``40ms``, ``2s``, ``1.5m``; a bare number is in the field's unit."""

from __future__ import annotations

import re
from typing import Final

_UNITS_MS: Final = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0, "h": 3_600_000.0}
_WRITTEN: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]+)\s*")

MAX_MS: Final = 24 * 3_600_000
"""A day. What is longer was meant in another unit."""


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
            f"a duration such as 40ms or 2s is needed, not {value!r}"
        )
    if isinstance(value, str):
        written = _WRITTEN.fullmatch(value)
        if written is None or written.group(2) not in _UNITS_MS:
            units = ", ".join(_UNITS_MS)
            raise ValueError(f"{value!r} is no duration; write a number and one of {units}: 40ms")
        found = float(written.group(1)) * _UNITS_MS[written.group(2)]
    else:
        found = value * bare_ms
    if not 0 <= found <= MAX_MS:
        raise ValueError(f"{value!r} is out of range; a duration is between 0 and 24h")
    return found


def whole_milliseconds(value: object) -> int:
    """Return a duration in whole milliseconds, as Aerospike's policies take it.

    Raises:
        ValueError: it is none, or too short for a whole millisecond.
    """
    found = milliseconds(value)
    if 0 < found < 1:
        raise ValueError(
            f"{value!r} is shorter than 1ms, the clients' smallest timeout; 0 means none"
        )
    return round(found)
