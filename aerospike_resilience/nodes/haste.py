"""Haste: how often reads may leave a node early before they need evidence that it does not answer.

Every client has a breaker of its own, which counts a try that timed out as an error of its node, however
short the timeout was. More errors than it tolerates, and it refuses all calls to that node, writes too,
until its window ends. So reads that leave a node which is merely busy, or stops for moments, can shut it
for calls that it would have served.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

SHARE: Final = 2
"""Reads may leave a node early for one part in so many of what the client's own breaker tolerates. The rest
is for the errors that nobody could avoid, and for reads that are under way when the limit is reached."""

AT_ONCE: Final = 4
"""Reads that are under way together may make errors of one part in so many of what it tolerates."""

TRIES: Final = 2
"""How many nodes a read in a hurry tries: the record's master and one replica."""

REMEMBERED: Final = 64
LATELY_S: Final = 1.0
SOME: Final = 3
SIMILAR: Final = 4
"""Of the last `REMEMBERED` early departures those of the last `LATELY_S` seconds count. Nodes with at least
`SOME` of them, and at least one for `SIMILAR` of the node that has most, are slow together."""


class Tolerance(NamedTuple):
    """How many errors of one node a client's own breaker tolerates; the defaults are the clients'.

    Attributes:
        errors: errors inside one window; 0 for no limit.
        window_s: the window in seconds.
    """

    errors: int = 100
    window_s: float = 1.0

    @classmethod
    def of(cls, connection: Mapping[str, Any]) -> Tolerance:
        """Return the tolerance of a client with these connection settings, as far as they are known.

        Args:
            connection: settings by a policy file's names; ``tend_interval`` in milliseconds.
        """
        default = cls()
        errors = connection.get("max_error_rate", default.errors)
        tends, tend_ms = (
            connection.get("error_rate_window", 1),
            connection.get("tend_interval", 1000),
        )
        if not tends:  # a window of no tends is how some clients switch their breaker off
            return cls(errors=0)
        return cls(errors, tends * max(tend_ms, 1) / 1000)

    def at_once(self, nodes: int) -> int | None:
        """Return how many reads may be under way in a hurry; None for no limit.

        Args:
            nodes: how many nodes the cluster has. They share the tries.
        """
        if not self.errors:
            return None
        return max(self.errors * max(nodes, TRIES) // (AT_ONCE * TRIES), 1)


class Haste:
    """The early departures from one node inside a sliding window. Written under the cluster's lock.

    The client's window begins at a moment unknown to us. A sliding window is right for any.

    Args:
        tolerance: of the client's own breaker.
    """

    __slots__ = ("_departures", "window_s")

    def __init__(self, tolerance: Tolerance = Tolerance()) -> None:  # noqa: B008 - immutable
        self.window_s = tolerance.window_s
        errors = tolerance.errors
        self._departures: deque[float] | None = (
            deque(maxlen=max(errors // SHARE, 1)) if errors > 0 else None
        )

    def left(self, at: float) -> None:
        """Note that a try left the node without an answer, at that time."""
        if self._departures is not None:
            self._departures.append(at)

    def spent(self, now: float) -> bool:
        """Return whether as many tries left the node inside the window as may."""
        left = self._departures
        return left is not None and len(left) == left.maxlen and left[0] > now - self.window_s

    def used(self, now: float) -> float:
        """Return how much of what may leave the node inside the window has left it, from 0 to 1."""
        left = self._departures
        if left is None or not left.maxlen:
            return 0.0
        begins = now - self.window_s
        return sum(at > begins for at in left) / left.maxlen

    @property
    def since(self) -> float:
        """When the first of the counted tries left; ``-inf`` before there are as many as may."""
        left = self._departures
        return left[0] if left is not None and len(left) == left.maxlen else -math.inf

    def forget(self) -> None:
        """Start anew."""
        if self._departures is not None:
            self._departures.clear()


class Departures:
    """Who was left lately, over all nodes. Tells a node that is slow from a time in which all are.

    When this process or the whole cluster is slow, a read that leaves its node finds the replica as slow:
    it gains nothing, and adds a request and an error.
    """

    __slots__ = ("_recent",)

    def __init__(self) -> None:
        self._recent: deque[tuple[float, str]] = deque(maxlen=REMEMBERED)

    def left(self, node: str, at: float) -> None:
        """Note that a try left a node, at that time."""
        self._recent.append((at, node))

    def everywhere(
        self, now: float, nodes: int, alive_since: Callable[[str, float], bool]
    ) -> frozenset[str]:
        """Return the nodes that are left alike, if they are several that live, or all that there are.

        Args:
            now: the time.
            nodes: how many nodes there are.
            alive_since: whether a node showed life after a time.
        """
        first: dict[str, float] = {}
        count: Counter[str] = Counter()
        for at, node in self._recent:
            if at > now - LATELY_S:
                first.setdefault(node, at)
                count[node] += 1
        if 1 < nodes == len(alike := _alike(count)):
            return alike
        alike = _alike({node: n for node, n in count.items() if alive_since(node, first[node])})
        return alike if len(alike) > 1 else frozenset()

    def forget(self, node: str | None = None) -> None:
        """Start anew: for one node, or for all."""
        kept = () if node is None else [each for each in self._recent if each[1] != node]
        self._recent = deque(kept, maxlen=REMEMBERED)


def _alike(count: Mapping[str, int]) -> frozenset[str]:
    """Return the nodes that were left often, and about as often as the one that was left most."""
    most = max(count.values(), default=0)
    return frozenset(node for node, times in count.items() if times >= max(SOME, most / SIMILAR))
