"""Retry budget: limits the extra load of retries to a share of recent operations plus a reserve.

The rule is Finagle's (``RetryBudget``: a percentage of requests and a minimum a second, over about
ten seconds). Instead of a ring of slots it keeps two sums that decay with one time constant. So an
operation costs one addition, and only a retry reads the clock.
"""

from __future__ import annotations

import math
import threading

from ...concurrency import forking

MEMORY_S = 10.0
"""How far back "recent" reaches: the time constant of both sums, in seconds."""


class RetryBudget:
    """A balance of tries: operations add to it, and retries withdraw from it.

    It keeps retries from becoming a load of their own for nodes that serve, or that would if they were left
    in peace. So it pays for tries that reach such a node. A try that was never sent, and the move of a read
    from a node that does not answer to a replica that does, cost nothing.

    This library's attempts withdraw before they are made. Tries that the client makes by itself inside a
    native call are known only afterwards. They are charged where the call failed, and not where a replica
    served the read. Once the balance is spent, calls are made without such tries too.

    Attributes:
        operations: operations so far. Every call adds to it without a lock: an addition lost between
            threads makes the budget a little smaller, never larger.
        spent: whether the balance was used up at the last check. Read by calls without a lock.
    """

    __slots__ = (
        "__weakref__",
        "_at",
        "_lock",
        "_recent_operations",
        "_recent_retries",
        "_seen",
        "min_per_second",
        "operations",
        "ratio",
        "spent",
    )

    def __init__(self, ratio: float, min_per_second: float) -> None:
        self.ratio = ratio
        self.min_per_second = min_per_second
        self.operations = 0
        self.spent = False
        self._lock = threading.RLock()  # reentrant: a signal handler may make a call inside a call
        self._at = -math.inf
        self._seen = 0
        self._recent_operations = 0.0
        self._recent_retries = 0.0
        forking.register(self)

    def after_fork(self) -> None:
        """Replace the lock, which a thread of the parent may have held."""
        self._lock = threading.RLock()

    def withdraw(self, tries: int, now: float) -> bool:
        """Withdraw `tries` requests on the wire if the balance allows; return whether it did.

        Args:
            tries: how many the retry may make.
            now: the chain's clock, in seconds.
        """
        with self._lock:
            self._fade_locked(now)
            # A decaying sum never reaches 0, so a missing hundredth of a try is ignored.
            if self._balance_locked() < tries - 0.01:
                self.spent = True
                return False
            self._recent_retries += tries
            return True

    def charge(self, tries: int, now: float) -> None:
        """Withdraw tries that were already made; the balance may become negative."""
        with self._lock:
            self._fade_locked(now)
            self._recent_retries += tries
            self.spent = self._balance_locked() < 1

    def affords(self, tries: int, now: float) -> bool:
        """Return whether the balance allows that many tries; called while `spent`."""
        with self._lock:
            self._fade_locked(now)
            self.spent = self._balance_locked() < tries
            return not self.spent

    def balance(self, now: float) -> float:
        """Return how many tries are left to spend."""
        with self._lock:
            self._fade_locked(now)
            return max(self._balance_locked(), 0.0)

    def _balance_locked(self) -> float:
        earned = self.ratio * self._recent_operations + self.min_per_second * MEMORY_S
        return earned - self._recent_retries

    def _fade_locked(self, now: float) -> None:
        fading = math.exp(min(self._at - now, 0.0) / MEMORY_S)
        fresh = self.operations - self._seen
        self._seen += fresh
        self._recent_operations = self._recent_operations * fading + fresh
        self._recent_retries *= fading
        self._at = max(self._at, now)
