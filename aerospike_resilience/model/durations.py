"""Durations: seconds inside this library, whole milliseconds in the policies of the clients.

Inside this library a duration is a float in seconds, and "no limit" is infinite. In a client's policy a
timeout is a whole number of milliseconds, and "no limit" is 0. So a short time must never be rounded to
0: a positive time becomes at least 1 ms.
"""

from __future__ import annotations

import math
from typing import Final

NO_LIMIT_S: Final = math.inf
"""No limit, as a float in seconds."""

NO_LIMIT_MS: Final = 0
"""No limit, in a client's policy."""

LONGEST_MS: Final = 2**31 - 1
"""The longest limit that the policies of all clients take: 24 days."""

_MS_PER_S: Final = 1000
_FLOAT_ERROR_MS: Final = 1e-6
"""More than a whole number of milliseconds loses as a float in seconds: 29 ms are 0.029 s, which are
28.999999999999996 ms."""


def ms_to_s(duration_ms: float) -> float:
    """Return milliseconds in seconds, exactly. 0 stays 0."""
    return duration_ms / _MS_PER_S


def s_to_ms(duration_s: float) -> float:
    """Return seconds in milliseconds, not rounded. 0 stays 0."""
    return duration_s * _MS_PER_S


def s_to_whole_ms(duration_s: float) -> int:
    """Return a duration that is not a limit (a pause, an interval) in whole milliseconds.

    Rounds to the nearest. 0 stays 0, and a positive duration becomes at least 1.

    Args:
        duration_s: the duration in seconds, 0 or more, finite.
    """
    return max(round(duration_s * _MS_PER_S), 1) if duration_s > 0 else 0


def s_to_shown_ms(duration_s: float | None) -> float | None:
    """Return a duration in milliseconds, rounded to the microsecond, for snapshots; None stays None."""
    return None if duration_s is None else round(duration_s * _MS_PER_S, 3)


def limit_ms_to_s(limit_ms: object) -> float:
    """Return the limit in a policy's field in seconds.

    Args:
        limit_ms: the field's value. 0, a negative number and any value that is no whole number (None, for
            a field that is not set) mean no limit.
    """
    if not isinstance(limit_ms, int) or limit_ms <= 0:
        return NO_LIMIT_S
    return limit_ms / _MS_PER_S


def limit_s_to_ms(limit_s: float) -> int:
    """Return a limit as a client's policy takes it, rounded to the nearest millisecond.

    For configured limits. `limit_ms_to_s` is the inverse function.

    Args:
        limit_s: the limit in seconds. Infinite becomes 0, no limit. Any finite limit becomes at least 1,
            even 0 and a negative one.
    """
    return NO_LIMIT_MS if limit_s == NO_LIMIT_S else max(round(limit_s * _MS_PER_S), 1)


def limit_s_to_ms_rounded_down(limit_s: float) -> int:
    """Return a limit as a client's policy takes it, rounded down, so that it is not longer than `limit_s`.

    For measured limits, and for parts of a remaining time.

    Args:
        limit_s: the limit in seconds. Infinite becomes 0, no limit. Any finite limit becomes at least 1,
            even 0 and a negative one, and at most `LONGEST_MS`.
    """
    if limit_s == NO_LIMIT_S:
        return NO_LIMIT_MS
    return int(min(max(limit_s * _MS_PER_S + _FLOAT_ERROR_MS, 1), LONGEST_MS))


def remaining_whole_ms(remaining_s: float) -> int:
    """Return the remaining time in whole milliseconds, rounded down; 0 for less than one.

    A deadline may be any number of seconds away; clients take no more than `LONGEST_MS`.

    Here 0 means that no time is left. In a client's policy 0 means no limit, so check before passing it on.

    Args:
        remaining_s: the remaining time in seconds, finite; negative once the time is over.
    """
    return int(min(max(remaining_s * _MS_PER_S + _FLOAT_ERROR_MS, 0), LONGEST_MS))
