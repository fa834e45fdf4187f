"""Target nodes: which nodes a call will keep busy, by the masters of its records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...model.call import Call
from ...model.operation import Key, Shape
from ...model.rows import BatchCall
from ...nodes import ClusterHealth
from ...nodes.partitions import UNKNOWN


class TargetNodes:
    """Looks up nodes in the partition map. Used only where the profile limits by node.

    A read that may go to a replica counts for the master too, as it goes there first.

    Args:
        health: the cluster, with its map.
    """

    __slots__ = ("_health",)

    def __init__(self, health: ClusterHealth) -> None:
        self._health = health

    def weight(self, call: Call, cap: int) -> int:
        """Return how many nodes a batch touches, `cap` at most; 1 for other calls and unknown nodes."""
        if call.plan.operation.shape is not Shape.BATCH:
            return 1
        return max(len(self._of(batch_keys(call), cap)), 1)

    def masters(self, call: Call) -> tuple[str, ...]:
        """Return the names of the nodes that a single record or a batch needs, in order of name.

        Scans, queries and calls to the whole cluster count for no node. While the map is unknown, no call
        counts for a node.
        """
        if call.key is not None:
            return tuple(name for name in self._health.maps.owners(call.key)[:1] if name != UNKNOWN)
        if call.plan.operation.shape is not Shape.BATCH:
            return ()
        return tuple(sorted(self._of(batch_keys(call), len(self._health.by_name))))

    def _of(self, keys: Iterable[Key], most: int) -> set[str]:
        found: set[str] = set()
        for key in keys:
            found.update(name for name in self._health.maps.owners(key)[:1] if name != UNKNOWN)
            if len(found) >= most:
                break
        return found


def batch_keys(call: Call) -> Iterable[Key]:
    """Return the keys of the rows that a batch call is about to send; none where they are unknown.

    `Plan.rows` knows them. A batch that fails whole has none; its rows are keys, or begin with one.
    """
    plan = call.plan
    batch = BatchCall(plan, call.args, call.kwargs)
    try:
        if plan.rows is not None:
            return list(plan.rows.sent(batch))
        return [_key(row) for row in batch.rows]
    except Exception:  # noqa: BLE001 - not a batch: the client raises the better error
        return ()


def _key(row: Any) -> Key:
    if isinstance(row, tuple):
        return row[0] if row and isinstance(row[0], tuple) else row
    key: Key = getattr(row, "key", ())
    return key
