"""Duration text: converts durations as people write them (``40ms``, ``2s``) to milliseconds and back."""

from __future__ import annotations

import re
from typing import Final

from .wording import shown

UNITS_MS: Final = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0, "h": 3_600_000.0}
"""Milliseconds of each unit."""

MAX_MS: Final = 24 * 3_600_000
"""A day, in milliseconds. A longer duration is a mistake in the unit."""

WRITTEN: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]+)\s*", re.ASCII)
"""A number and a unit."""


def milliseconds(value: object, bare_ms: float = 1.0) -> float:
    """Return a duration in milliseconds.

    Args:
        value: a number in the field's own unit, or text with a unit.
        bare_ms: the field's own unit, in milliseconds.

    Raises:
        ValueError: it is no duration, negative, or longer than a day.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        # A ValueError, as pydantic collects those for all mistakes of a policy file.
        raise ValueError(  # noqa: TRY004
            f"a duration such as 40ms or 2s is needed, not {shown(value)}"
        )
    if isinstance(value, str):
        written = WRITTEN.fullmatch(value)
        if written is None or written.group(2) not in UNITS_MS:
            units = ", ".join(UNITS_MS)
            raise ValueError(
                f"{shown(value)} is no duration; write a number and one of {units}: 40ms"
            )
        found = float(written.group(1)) * UNITS_MS[written.group(2)]
    else:
        # Compared before it is multiplied, as code may give an int that no float holds.
        found = value * bare_ms if -MAX_MS <= value <= MAX_MS else -1
    if not 0 <= found <= MAX_MS:
        raise ValueError(f"{shown(value)} is out of range; a duration is between 0 and 24h")
    return found


def duration_text(ms: float) -> str:
    """Return a duration with its most readable unit: ``250ms``, ``2s``; 0 is ``0``."""
    if not ms:
        return "0"
    if ms < 1:
        return f"{ms * 1000:g}us"
    for unit in ("h", "m", "s"):
        if unit != "s" and ms < 10 * UNITS_MS[unit]:
            continue
        if ms % UNITS_MS[unit] == 0:
            return f"{ms / UNITS_MS[unit]:.0f}{unit}"
    return f"{round(ms, 3):g}ms" if ms < 100_000 else f"{round(ms)}ms"
