"""The pace of reads: which nodes they may leave early, and for which they wait as the bare client would."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from .haste import LATELY_S, Departures, Tolerance
from .health import NodeHealth

HICCUP_S: Final = 0.06
"""A node that is silent for longer than this, in seconds, while several are slow, is not one of those."""

RETURN_WINDOWS: Final = 2
"""For so many windows of the client's own breaker reads wait for all nodes once one has come back."""

LONGEST_WINDOW_S: Final = 1.0
"""A longer window counts as one of this many seconds once a node has come back: a wide breaker's lasts
minutes, and no node needs so long to catch up."""

QUICK: Final = 20
"""After so many quick answers in a row a node is no longer slow together with others."""

LITTLE: Final = 0.25
"""Unless more than this share of the tries that may leave it did: the client's own breaker could shut it at
the next moment of slowness."""


class ReadPace:
    """What early departures from a cluster's nodes mean for the reads that follow.

    Written under the cluster's lock.

    Args:
        by_name: every node's health.
        fold: works out what successes say about nodes. Called under the lock.
        tolerance: of the client's own breaker.
    """

    def __init__(
        self, by_name: Mapping[str, NodeHealth], fold: Callable[[], None], tolerance: Tolerance
    ) -> None:
        self._tolerance = tolerance
        self._by_name = by_name
        self._fold = fold
        self._departures = Departures()
        self._together: dict[str, int] = {}
        self._together_since = 0.0
        self._returned_until = -math.inf

    def left_locked(self, names: Iterable[str], at: float, *, reads: bool) -> None:
        """Note that a try left each of these nodes without an answer.

        A write may have waited for another node, so it does not show that its master is slow.
        """
        for name in names:
            if node := self._by_name.get(name):
                node.haste.left(at)
                if reads:
                    self._departures.left(name, at)
                if node.haste.spent(at):
                    self._spare_locked(name, at + node.haste.window_s)
        for name in self._departures.everywhere(at, len(self._by_name), self._answered_since):
            if name not in self._together or not self._by_name[name].unhurried:
                self._together[name], self._together_since = 0, at
            self._spare_locked(name, at + LATELY_S)

    @property
    def together(self) -> bool:
        """Whether reads wait for several nodes as these were slow together."""
        return bool(self._together)

    def answered_locked(self, node: NodeHealth, began: float, took_s: float) -> None:
        """End the wait for a node that was slow together with others, once it answers quickly again.

        Args:
            node: a node that answered a read.
            began: when that read began, on the chain's clock, in seconds.
            took_s: how long it took.
        """
        name = node.address.name
        if name not in self._together or began < self._together_since:
            return
        self._together[name] = self._together[name] + 1 if took_s < node.hurry_s else 0
        if self._together[name] < QUICK:
            return
        ended = began + took_s
        if node.haste.used(ended) > LITTLE:
            self._together[name] = 0
            return
        del self._together[name]
        self._departures.forget(name)
        node.unhurried = ended < self._returned_until

    def returned_locked(self, at: float) -> None:
        """Have reads wait for all nodes for a while, as one of them has come back.

        It catches up and is slow, others send it what it missed, and which of them the client asks for a
        record depends on the client's own map. Errors that the client's breaker counted before may count
        still.
        """
        if not self._tolerance.errors:
            return
        lasts_s = RETURN_WINDOWS * min(self._tolerance.window_s, LONGEST_WINDOW_S)
        self._returned_until = at + lasts_s
        for node in list(self._by_name.values()):
            self._spare_locked(node.address.name, self._returned_until)

    def spares(self, node: NodeHealth, now: float) -> bool:
        """Return whether reads wait for a node as the bare client would.

        They do if they left it too often though it lives. It shows no life if it did not answer since the
        first of the tries left it that `NodeHealth.haste` counts. While those are fewer than its client
        tolerates, a short silence is enough. If no node at all shows life, the cause is another.
        """
        if not node.unhurried or node.asked_since is None:
            return node.unhurried
        if all(other.suspect for other in list(self._by_name.values())):
            return True
        if node.haste.spent(now):
            return node.last_alive >= node.haste.since
        return now - node.asked_since < HICCUP_S

    @property
    def most_at_once(self) -> int | None:
        """With how many operations under way a read may still hurry; None for no limit.

        If all nodes pause together, all of them leave their nodes together, before the first could show
        that there is no better one.
        """
        return self._tolerance.at_once(len(self._by_name))

    def forget(self) -> None:
        """Start anew in a forked child."""
        self._departures.forget()
        self._together.clear()

    def gone_locked(self, name: str) -> None:
        """Forget a node that has left the cluster."""
        self._departures.forget(name)
        self._together.pop(name, None)

    def _spare_locked(self, name: str, until: float) -> None:
        """Have reads wait for a node until then, on the chain's clock."""
        node = self._by_name.get(name)
        if node is None:
            return
        if not node.unhurried:
            self._fold()  # what it answered meanwhile is evidence
            node.unhurried, node.unhurried_until = True, until
        node.unhurried_until = max(node.unhurried_until, until)

    def _answered_since(self, name: str, moment: float) -> bool:
        node = self._by_name.get(name)
        return node is not None and node.alive_since(moment, as_replica=False)
