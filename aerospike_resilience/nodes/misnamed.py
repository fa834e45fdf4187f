"""Nodes that a profile isolates and the cluster does not have: misspelt, or yet to join."""

from __future__ import annotations

from ..model.wording import suggestion
from .cluster import ClusterHealth


class MisnamedNodes:
    """Warns of each such name once. Looked at by one thread at a time, which holds no lock of ours.

    A node that left the cluster is not misspelt: nothing is said about it.

    Args:
        health: the nodes.
    """

    def __init__(self, health: ClusterHealth) -> None:
        self._health = health
        self._log = health.identity.log("aerospike_resilience.nodes")
        self._seen: frozenset[str] = frozenset()
        self._told: frozenset[str] = frozenset()

    def names(self) -> list[str]:
        """Return the names that are in the profile's ``breaker.isolate`` and not in the cluster."""
        return sorted(self._health.registry.unknown(self._health.options))

    def look(self, profile: str) -> None:
        """Tell the log what is new.

        Args:
            profile: the profile's name.
        """
        nodes, isolated = list(self._health.by_name), self._health.options.isolated
        self._seen = (self._seen | isolated.intersection(nodes)) & isolated
        unknown = frozenset(self.names()) - self._seen
        new, self._told = unknown - self._told, unknown
        for name in sorted(new):
            self._log.warning(
                "breaker.isolate of profile %r names %r, which is isolated as soon as it joins: there is "
                "no such node%s",
                *(profile, name, suggestion(name, sorted(nodes))),
            )
