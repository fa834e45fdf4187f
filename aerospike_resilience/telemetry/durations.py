"""The sets that a client's metrics name, the durations of its attempts, and the sizes of its records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from . import registry
from .cells import Cell, Histogram

MAX_SETS: Final = 100
"""How many sets the metrics of a client name, unless the profile says otherwise."""


class NamedSets:
    """Which sets the metrics of a client name; all others are `registry.OTHER_SET`. Outlives a reload."""

    __slots__ = ("_limit", "_names", "_wanted")

    def __init__(self) -> None:
        self._limit = MAX_SETS
        self._wanted: frozenset[str] = frozenset()
        self._names: set[tuple[str, str]] = set()

    def want(self, wanted: int | Sequence[str]) -> None:
        """Follow a profile.

        Args:
            wanted: how many sets are named, the first that are used; or which, as ``namespace.set``.
        """
        self._limit = wanted if isinstance(wanted, int) else 0
        self._wanted = frozenset(() if isinstance(wanted, int) else wanted)
        self._names = {
            (namespace, name)
            for namespace, name in self._names
            if isinstance(wanted, int) or f"{namespace}.{name}" in self._wanted
        }

    def named(self, namespace: str, set_name: str) -> str:
        """Return how metrics name a set; an empty name, of records without a set, stays so."""
        if not set_name or (namespace, set_name) in self._names:
            return set_name
        if f"{namespace}.{set_name}" in self._wanted or len(self._names) < self._limit:
            self._names.add((namespace, set_name))
            return set_name
        return registry.OTHER_SET


class AttemptDurations:
    """The durations of one client's attempts.

    Args:
        histogram: where they go.
        client: the client's name.
    """

    __slots__ = ("_cells", "_client", "_histogram")

    def __init__(self, histogram: Histogram, client: str) -> None:
        self._histogram = histogram
        self._client = client
        self._cells: dict[tuple[str, str], Cell] = {}

    def cell(self, node: str, outcome: str) -> Cell:
        """Return the cell of a node's attempts of one outcome; the node is empty where it is unknown."""
        index = (node, outcome)
        cell = self._cells.get(index)
        if cell is None:
            attributes: Mapping[str, Any] = {
                registry.CLIENT: self._client,
                registry.OUTCOME: outcome,
                **({registry.NODE: node} if node else {}),
            }
            cell = self._cells.setdefault(index, self._histogram.cell(attributes))
        return cell


class RecordSizes:
    """The sizes of one client's records.

    Args:
        histogram: where they go.
        client: the client's name.
        named: from a namespace and a set to the set's name on metrics.
    """

    __slots__ = ("_cells", "_client", "_histogram", "_named")

    def __init__(self, histogram: Histogram, client: str, named: Callable[[str, str], str]) -> None:
        self._histogram = histogram
        self._client = client
        self._named = named
        self._cells: dict[tuple[str, str, str], Cell] = {}

    def add(self, size: int, operation: str, namespace: str, set_name: str) -> None:
        """Take the size of one record, in bytes."""
        index = (operation, namespace, self._named(namespace, set_name))
        cell = self._cells.get(index)
        if cell is None:
            attributes = {
                registry.CLIENT: self._client,
                registry.DB_SYSTEM: "aerospike",
                registry.DB_OPERATION: operation,
                registry.DB_NAMESPACE: namespace,
                registry.DB_COLLECTION: index[2],
            }
            told = {name: value for name, value in attributes.items() if value}
            cell = self._cells.setdefault(index, self._histogram.cell(told))
        cell.add(size)
