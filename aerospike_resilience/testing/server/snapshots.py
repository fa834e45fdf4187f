"""What a node holds, to save it and to put it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .partitions import MASTER
from .records import Record, partition_of

if TYPE_CHECKING:
    from .node import Node

KINDS: Final = ("index", "udf")
"""Of the shared metadata. Truncations are not kept: what they removed is not in a snapshot."""

Records = dict[bytes, list[Any]]
"""Namespace to packed records."""


def dump(node: Node, first: int, last: int) -> Records:
    """Return the records of the partitions `first` to `last - 1` that this node is master of."""
    mine = [pid for pid in range(first, last) if node.roles[pid] == MASTER]
    return {
        namespace: [
            record.pack() for pid in mine if store.partitions[pid] for record in store.live(pid)
        ]
        for namespace, store in node.stores.items()
    }


def metadata(node: Node) -> dict[tuple[str, str], Any]:
    """Return the indexes and UDF modules."""
    store = node.metadata_store
    return {(kind, key): value for kind in KINDS for key, value in store.all(kind).items()}


def clear(node: Node, kept: dict[tuple[str, str], Any]) -> None:
    """Remove all records, and make the indexes and UDF modules those of a snapshot."""
    for store in node.stores.values():
        for partition in store.partitions:
            partition.clear()
        store.truncated.clear()
    node.metadata_store.replace(KINDS, kept)


def load(node: Node, records: Records) -> None:
    """Store those of the records whose partitions this node owns."""
    view = node.membership.view
    if view is None:
        return
    name = node.settings.name
    mine = [name in owners for owners in view.replicas]
    for namespace, packed in records.items():
        store = node.stores[namespace]
        for each in packed:
            pid = partition_of(each[0])
            if mine[pid]:
                store.put(pid, each[0], Record.unpack(each))
