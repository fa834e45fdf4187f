"""What became of each node so far: transitions, time not closed, and nodes that left lately.

Metrics read it. It is cumulative, so that a slow scrape misses nothing, and it outlives the nodes it is
about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

from .breaker import CLOSED

GONE_FOR_S: Final = 300.0
"""How long a node that left is shown as gone, in seconds: longer than any usual time between scrapes."""


class NodeHistory:
    """Counts what happens to nodes. Every method is called under the lock of the cluster that owns it.

    Args:
        clock: seconds on the clock that the whole chain uses.

    Attributes:
        transitions: changes of state so far, by node and new state.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.transitions: Counter[tuple[str, str]] = Counter()
        self._not_closed_s: dict[str, float] = {}
        self._not_closed_since: dict[str, float] = {}
        self._left: dict[str, float] = {}

    def changed(self, name: str, state: str) -> None:
        """Count a change of state."""
        self.transitions[name, state] += 1

    def is_now(self, name: str, state: str) -> None:
        """Begin or end the time for which a node is not closed.

        It need not be the state of the last change: a breaker changes under an isolation too.
        """
        if state == CLOSED:
            self._end(name)
        else:
            self._not_closed_since.setdefault(name, self._clock())

    def joined(self, name: str, state: str) -> None:
        """Note that the cluster has a node."""
        self._left.pop(name, None)
        self.is_now(name, state)

    def left(self, name: str) -> None:
        """Note that a node left the cluster."""
        self._end(name)
        self._left[name] = self._clock()

    def not_closed_s(self, name: str) -> float:
        """Return for how long a node was not closed so far, in seconds."""
        since = self._not_closed_since.get(name)
        running = 0.0 if since is None else max(self._clock() - since, 0.0)
        return self._not_closed_s.get(name, 0.0) + running

    def gone(self) -> list[str]:
        """Return the nodes that left within the last `GONE_FOR_S`."""
        earliest = self._clock() - GONE_FOR_S
        for name in [name for name, at in self._left.items() if at < earliest]:
            del self._left[name]
        return sorted(self._left)

    def after_fork(self) -> None:
        """Count from zero in a forked child. A node that is not closed is so from now on."""
        now = self._clock()
        self.transitions.clear()
        self._not_closed_s.clear()
        self._not_closed_since = dict.fromkeys(self._not_closed_since, now)

    def _end(self, name: str) -> None:
        since = self._not_closed_since.pop(name, None)
        if since is not None:
            spent_s = max(self._clock() - since, 0.0)
            self._not_closed_s[name] = self._not_closed_s.get(name, 0.0) + spent_s
