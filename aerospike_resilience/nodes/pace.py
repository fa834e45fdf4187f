"""The pace of reads: which nodes they may leave early, and for which they wait as the bare client would."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from .haste import Departures, Tolerance
from .health import NodeHealth

HICCUP_S: Final = 0.06
"""A node that is silent for longer than this, in seconds, while several are slow, is not one of those."""

RETURN_WINDOWS: Final = 2
"""For so many windows of the client's own breaker reads wait for all nodes once one has come back."""


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
                    self._spare_locked(name, at)
        for name in self._departures.everywhere(at, len(self._by_name), self._answered_since):
            self._spare_locked(name, at)

    def returned_locked(self, at: float) -> None:
        """Have reads wait for all nodes for a while, as one of them has come back.

        It catches up and is slow, others send it what it missed, and which of them the client asks for a
        record depends on the client's own map. Errors that the client's breaker counted before may count
        still.
        """
        for node in list(self._by_name.values()) if self._tolerance.errors else ():
            self._spare_locked(node.address.name, at, RETURN_WINDOWS)

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

    def _spare_locked(self, name: str, at: float, windows: int = 1) -> None:
        """Have reads wait for a node, for so many windows of the client's own breaker."""
        node = self._by_name.get(name)
        if node is None:
            return
        if not node.unhurried:
            self._fold()  # what it answered meanwhile is evidence
        node.unhurried, node.unhurried_until = True, at + windows * node.haste.window_s

    def _answered_since(self, name: str, moment: float) -> bool:
        node = self._by_name.get(name)
        return node is not None and node.alive_since(moment, as_replica=False)
