"""Durations: seconds inside this library, whole milliseconds in the policies of the clients.

Inside this library a duration is a float in seconds, and "no limit" is infinite. In a client's policy a
timeout is a whole number of milliseconds, and "no limit" is 0. So a short time must never be rounded to 0:
what is positive becomes 1 ms at least.
"""

from __future__ import annotations

import math
from typing import Final

NO_LIMIT_S: Final = math.inf
"""No limit, as a float in seconds."""

NO_LIMIT_MS: Final = 0
"""No limit, as a client's policy has it."""

_MS_PER_S: Final = 1000
_FLOAT_ERROR_MS: Final = 1e-6
"""What a whole number of milliseconds may lose on its way through a float in seconds, and more: 29 ms are
0.029 s, which are 28.999999999999996 ms."""


def ms_to_s(duration_ms: float) -> float:
    """Return milliseconds in seconds, exactly. 0 stays 0."""
    return duration_ms / _MS_PER_S


def s_to_ms(duration_s: float) -> float:
    """Return seconds in milliseconds, not rounded. 0 stays 0."""
    return duration_s * _MS_PER_S


def s_to_whole_ms(duration_s: float) -> int:
    """Return a duration that is no limit (a pause, an interval) in whole milliseconds.

    Rounds to the nearest. 0 stays 0, and what is longer than 0 becomes 1 at least.

    Args:
        duration_s: the duration in seconds, 0 or more, finite.
    """
    return max(round(duration_s * _MS_PER_S), 1) if duration_s > 0 else 0


def s_to_shown_ms(duration_s: float | None) -> float | None:
    """Return a duration in milliseconds as snapshots show it: to the microsecond; None stays None."""
    return None if duration_s is None else round(duration_s * _MS_PER_S, 3)


def limit_ms_to_s(limit_ms: object) -> float:
    """Return the limit in a policy's field in seconds.

    Args:
        limit_ms: the field's value. 0, a negative number and whatever is no whole number (None, for a
            field that is not set) stand for no limit.
    """
    if not isinstance(limit_ms, int) or limit_ms <= 0:
        return NO_LIMIT_S
    return limit_ms / _MS_PER_S


def limit_s_to_ms(limit_s: float) -> int:
    """Return a limit as a client's policy takes it, rounded to the nearest millisecond.

    For limits that somebody chose. `limit_ms_to_s` and this function undo each other.

    Args:
        limit_s: the limit in seconds. Infinite becomes 0, no limit. Whatever is finite becomes 1 at least,
            0 and what is negative too.
    """
    return NO_LIMIT_MS if limit_s == NO_LIMIT_S else max(round(limit_s * _MS_PER_S), 1)


def limit_s_to_ms_rounded_down(limit_s: float) -> int:
    """Return a limit as a client's policy takes it, rounded down, so that it does not outlast `limit_s`.

    For limits that were measured, and for parts of a time that remains.

    Args:
        limit_s: the limit in seconds. Infinite becomes 0, no limit. Whatever is finite becomes 1 at least,
            0 and what is negative too.
    """
    if limit_s == NO_LIMIT_S:
        return NO_LIMIT_MS
    return max(int(limit_s * _MS_PER_S + _FLOAT_ERROR_MS), 1)


def remaining_whole_ms(remaining_s: float) -> int:
    """Return how many whole milliseconds of a time remain, rounded down; 0 where less than one does.

    Here 0 means that no time is left. It is no limit for a client's policy: check before it is passed on.

    Args:
        remaining_s: what remains in seconds, finite; negative once the time is over.
    """
    return max(int(remaining_s * _MS_PER_S + _FLOAT_ERROR_MS), 0)
