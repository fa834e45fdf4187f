"""What a client tells of itself, as counters that only grow, and that begin at zero in a forked child."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, Final

from ..model.statistics import NO_STATISTICS, ClientStatistics, NodeStatistics
from ..nodes import ClusterHealth

_GROWING: Final = tuple(
    field.name for field in fields(NodeStatistics) if field.name not in ("name", "used", "idle")
)
"""The numbers of a node that grow."""


class CumulativeStatistics:
    """The statistics of one client.

    The client's own numbers begin anew for a node that left and came back, and a forked child has its
    parent's.

    Args:
        health: the client's cluster.
    """

    def __init__(self, health: ClusterHealth) -> None:
        self._health = health
        self._told: dict[tuple[str, str], int] = {}
        self._base: dict[tuple[str, str], int] = {}
        self._begins = False

    def after_fork(self) -> None:
        """Count from zero in a forked child: from the next `read` on, which the first call does."""
        self._begins = True

    def read(self) -> ClientStatistics:
        """Return the numbers of now, or none where the client cannot tell them. No I/O."""
        try:
            told = self._health.source.statistics()
        except Exception:  # noqa: BLE001 - a stand-in, or another version; it must fail no call
            return NO_STATISTICS
        with self._health.notices, self._health.lock:
            begins, self._begins = self._begins, False
            if begins:
                self._told, self._base = {}, {}
            nodes = tuple(self._of_node_locked(node, begins=begins) for node in told.nodes)
            retries = self._grown_locked(("", "retries"), told.retries, begins=begins)
        return ClientStatistics(nodes, retries)

    def _of_node_locked(self, node: NodeStatistics, *, begins: bool) -> NodeStatistics:
        grown: dict[str, Any] = {
            name: self._grown_locked((node.name, name), getattr(node, name), begins=begins)
            for name in _GROWING
        }
        return replace(node, **grown)

    def _grown_locked(
        self, index: tuple[str, str], value: int | None, *, begins: bool
    ) -> int | None:
        if value is None:
            return None
        base, before = self._base.get(index, 0), self._told.get(index, 0)
        if begins:
            base = -value
        elif value < before:
            base += before
        self._base[index], self._told[index] = base, value
        return base + value
