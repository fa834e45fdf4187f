"""Retry counters: how often a client's operations were tried again, or were not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class RetryCounters:
    """Counters of all retries of a client so far. They outlive a reload.

    Attributes:
        retries: attempts beyond an operation's first.
        suppressed: failed operations that were not tried again although they could have been, by
            reason.
        native: tries that the client made by itself in attempts that failed, as far as it tells.
        exhausted: attempts that the client refused for a full pool, by node: the record's master, unless
            the client names another.
    """

    retries: int = 0
    native: int = 0
    suppressed: Counter[str] = field(default_factory=Counter)
    exhausted: Counter[str] = field(default_factory=Counter)

    def after_fork(self) -> None:
        """Count from zero in a forked child."""
        self.retries = self.native = 0
        self.suppressed.clear()
        self.exhausted.clear()
