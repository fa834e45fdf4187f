"""Refusals: how many operations this library refused so far, by reason and node."""

from __future__ import annotations

import threading
from typing import Final

from ..concurrency import forking

CIRCUIT_OPEN: Final = "circuit_open"

REASONS: Final = (
    *(CIRCUIT_OPEN, "gate_timeout", "gate_deadline", "gate_shed", "closed", "deadline"),
)
"""Why an operation is refused."""


class RefusalCounters:
    """One client's counters of operations that ended with a refusal. They outlive a reload.

    An operation that the fallback client served was not refused.
    """

    __slots__ = ("__weakref__", "_counts", "_lock")

    def __init__(self) -> None:
        self._lock = threading.RLock()  # reentrant: a signal handler may make a call inside a call
        self._counts: dict[tuple[str, str], int] = {}
        forking.register(self)

    def count(self, reason: str, node: str | None = None) -> None:
        """Count one operation."""
        index = (reason, node or "")
        with self._lock:
            self._counts[index] = self._counts.get(index, 0) + 1

    def counted(self) -> dict[tuple[str, str], int]:
        """Return the counts by reason and node; the node is empty where none was the reason."""
        with self._lock:
            return dict(self._counts)

    def after_fork(self) -> None:
        """Count from zero in a forked child, with a lock that no thread of the parent holds."""
        self._lock = threading.RLock()
        self._counts = {}
