"""Words of a profile for calls that must be served however busy the machine is."""

from __future__ import annotations

from typing import Any, Final

PATIENT: Final[dict[str, Any]] = {
    "policy": {
        "all": {"total_timeout": "20s"},
        "reads": {"socket_timeout": "2s"},
        "writes_retryable": {"socket_timeout": "400ms"},
    },
    "adaptive_timeout": {"max": "2s"},
    "breaker": {"silence": "1s"},
}
"""For ``latency``. A busy machine stops a healthy node for longer than that profile forgives: what must be
served takes its time, and a stalled node is told from the others after a second."""
