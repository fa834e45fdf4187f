"""Words of a profile for calls that must be served however busy the machine is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

PATIENT: Final[dict[str, Any]] = {
    "policy": {"all": {"total_timeout": "20s"}, "reads": {"socket_timeout": "2s"}},
    "adaptive_timeout": {"max": "2s"},
}
"""For ``latency``. A busy machine stops a healthy node for longer than that profile forgives. Writes keep
their socket timeouts: a node that stalls must be found out before the others evict it, after 1.5 s."""

NEVER_LATE: Final[dict[str, Any]] = {
    "policy": {"all": {"total_timeout": "60s", "socket_timeout": "10s"}},
    "adaptive_timeout": {"min": "10s", "max": "10s"},
    "breaker": {"silence": "60s"},
    "backpressure": {"operation_queue_timeout": "20s"},
}
"""For ``latency``, where no node is harmed: no call is too late, and no node is suspected."""

SECOND_A_TRY: Final[dict[str, Any]] = {
    **NEVER_LATE,
    "policy": {"all": {"total_timeout": "60s", "socket_timeout": "1s"}},
    "adaptive_timeout": {"min": "1s", "max": "1s"},
}
"""For ``latency``, where answers are dropped: a try is given up after a second, and others have time."""


def never_late(more: Mapping[str, Any]) -> dict[str, Any]:
    """Return `NEVER_LATE` with more words, which win."""
    return _merged(NEVER_LATE, more)


def _merged(words: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    both = {
        name: _merged(words[name], value)
        for name, value in more.items()
        if isinstance(value, Mapping) and isinstance(words.get(name), Mapping)
    }
    return {**words, **more, **both}
