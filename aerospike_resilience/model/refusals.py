"""Refusals: how many operations this library refused so far, by reason and node."""

from __future__ import annotations

from typing import Final

from ..concurrency import forking
from ..concurrency.tallies import Tallies

CIRCUIT_OPEN: Final = "circuit_open"

REASONS: Final = (
    *(CIRCUIT_OPEN, "gate_timeout", "gate_deadline", "gate_shed", "closed", "deadline"),
)
"""Why an operation is refused."""


class RefusalCounters:
    """One client's counters of operations that ended with a refusal. They outlive a reload.

    An operation that the fallback client served was not refused.
    """

    __slots__ = ("__weakref__", "_tallies")

    def __init__(self) -> None:
        self._tallies: Tallies[tuple[str, str]] = Tallies()
        forking.register(self)

    def count(self, reason: str, node: str | None = None) -> None:
        """Count one operation."""
        self._tallies.add((reason, node or ""))

    def counted(self) -> dict[tuple[str, str], int]:
        """Return the counts by reason and node; the node is empty where none was the reason."""
        return self._tallies.counted()

    def after_fork(self) -> None:
        """Count from zero in a forked child."""
        self._tallies = Tallies()
