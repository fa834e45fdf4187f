"""Watching a run: when nodes open and close, and how many requests reach the wire in each phase."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from ..testing import LocalCluster
from .mix import Step

_KINDS: Final = ("reads", "writes")


class Watch:
    """What a run sees besides its own calls. Used in one thread.

    Args:
        cluster: counts requests; None for a real cluster, which does not show them.
        states: returns the state of every node's breaker.
        mix: what the load calls; other requests, such as questions to nodes, are not counted.
        elapsed: seconds since the load began.

    Attributes:
        opened: nodes whose breaker was seen in another state than closed.
        closed_after_s: how many seconds after the fault every breaker was closed; 0 where none was open
            when it ended, None while one is still open, and where nodes have no breakers.
    """

    def __init__(
        self,
        cluster: LocalCluster | None,
        states: Callable[[], Mapping[str, str]],
        mix: Sequence[Step],
        elapsed: Callable[[], float],
    ) -> None:
        self._cluster = cluster
        self._states = states
        self._elapsed = elapsed
        self._operations = {
            kind: sorted({step.operation for step in mix if step.writes == (kind == "writes")})
            for kind in _KINDS
        }
        self._counts: dict[str, dict[str, int]] = {}
        self._phases: list[str] = []
        self._first_open: dict[str, float] = {}
        self._fault_ended_s: float | None = None
        self.opened: set[str] = set()
        self.closed_after_s: float | None = None

    def look(self) -> None:
        """Read the states of the nodes."""
        states = self._states()
        now = self._elapsed()
        for name, state in states.items():
            if state != "closed":
                self.opened.add(name)
                self._first_open.setdefault(name, now)
        if self.unsettled and all(state == "closed" for state in states.values()):
            self.closed_after_s = round(max(now - (self._fault_ended_s or 0.0), 0.0), 2)

    def phase(self, name: str) -> None:
        """Note that a phase begins, and the one before ends; an empty name for the end of the last."""
        self._phases.append(name)
        if self._cluster is not None:
            self._counts[name] = {
                kind: sum(map(self._cluster.requests, operations))
                for kind, operations in self._operations.items()
            }

    def fault_ended(self, at_s: float) -> None:
        """Note when the fault ended, in seconds since the load began."""
        if states := self._states():
            self._fault_ended_s = at_s
            if all(state == "closed" for state in states.values()):
                self.closed_after_s = 0.0

    @property
    def unsettled(self) -> bool:
        """Whether a breaker has been open ever since the fault ended."""
        return self._fault_ended_s is not None and self.closed_after_s is None

    def opened_after_s(self, node: str | None, fault_began_s: float) -> float | None:
        """Return how many seconds after the fault began a node's breaker was seen open; None if never."""
        at_s = self._first_open.get(node or "")
        return None if at_s is None else round(max(at_s - fault_began_s, 0.0), 2)

    def requests(self, phase: str, kind: str) -> int | None:
        """Return how many requests of a kind reached the cluster in a phase; None where nobody counts."""
        if phase not in self._counts:
            return None
        following = self._phases[self._phases.index(phase) + 1]
        return self._counts[following][kind] - self._counts[phase][kind]
