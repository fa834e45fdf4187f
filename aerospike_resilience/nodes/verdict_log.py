"""Verdict log: what is logged of the verdict that the cluster is the likely cause, and no flood."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ..concurrency.notices import Notices
from ..model.identity import ClientIdentity

QUIET_S: Final = 10.0
"""For how long after a line a new verdict is not logged, in seconds."""


class VerdictLog:
    """Logs when the verdict begins and ends. Called under the cluster's lock.

    A verdict within ten seconds of the last line is held back, and logged once they are over if it still
    holds.

    Args:
        identity: the wrapped client's name and profile.
        notices: logs once the lock is released.
        clock: seconds on the clock that the whole chain uses.
    """

    def __init__(
        self, identity: ClientIdentity, notices: Notices, clock: Callable[[], float]
    ) -> None:
        self._log = identity.log("aerospike_resilience.nodes")
        self._notices = notices
        self._clock = clock
        self._told = False
        self._told_at: float | None = None
        self._held_back: tuple[Any, ...] | None = None

    def begins(self, reason: str, node: str, others: int, nodes: int) -> None:
        """Note that a node would open if not too much of the cluster were open already.

        Args:
            reason: why it would open.
            node: its name.
            others: how many others are open.
            nodes: how many nodes there are.
        """
        self._held_back = (reason, node, others, nodes)
        self.tend()

    def ends(self) -> None:
        """Note that no node fails any more."""
        self._held_back = None
        if self._told:
            self._told, self._told_at = False, self._clock()
            self._notices.note(
                self._log.info,
                "no node fails any more: the cluster is no longer the likely cause",
            )

    def forget(self) -> None:
        """Start anew, without a line: the client was closed, or this process is a forked child."""
        self._told, self._told_at, self._held_back = False, None, None

    def tend(self) -> None:
        """Log what was held back, once the ten seconds are over."""
        if self._held_back is None:
            return
        now = self._clock()
        if self._told_at is not None and 0 <= now - self._told_at < QUIET_S:
            return
        self._notices.note(
            self._log.warning,
            "%s at node %s, with %d of %d nodes open already: the cluster or our own network "
            "is the likely cause, so the node stays closed (max_open_share)",
            *self._held_back,
        )
        self._told, self._told_at, self._held_back = True, now, None
