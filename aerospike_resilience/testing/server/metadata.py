"""The data besides records that all nodes of a cluster share: indexes, UDF modules, truncations."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from .node import Node


class Index(NamedTuple):
    """A secondary index.

    Attributes:
        namespace: Of the records.
        set_name: Of the records; None is every set.
        name: Its own name.
        bin_name: What is indexed; empty for an expression or a set index.
        kind: `numeric`, `string`, `geo2dsphere` or `blob`.
        collection: `default`, `list`, `mapkeys` or `mapvalues`.
        context: The context as given, base64.
        expression: The expression as given, base64.
    """

    namespace: str
    set_name: str | None
    name: str
    bin_name: str
    kind: str
    collection: str
    context: str | None = None
    expression: str | None = None


class Metadata:
    """The shared metadata as this node knows it.

    Every entry has the time at which it was set, and the later entry wins. A removed entry stays as a
    mark. So nodes can exchange their entries in any order.

    Args:
        node: The node.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._entries: dict[tuple[str, str], tuple[int, Any]] = {}
        self._due: list[tuple[int, str, str, Any]] = []

    def set(self, kind: str, key: str, value: Any) -> None:
        """Set or, with None, remove an entry, here and at the other nodes."""
        self._entries[kind, key] = (self._node.clock.now_us(), value)
        self._applied(kind, key, value)
        self._node.share_metadata()

    def set_later(self, delay_s: float, kind: str, key: str, value: Any) -> None:
        """Set an entry after a while on the node's clock."""
        self._due.append((self._node.clock.now_us() + int(delay_s * 1_000_000), kind, key, value))
        self._node.loop.call_later(delay_s, self.set_due)

    def set_due(self) -> None:
        """Set the entries whose time has come; the clock may have been moved on."""
        now = self._node.clock.now_us()
        due = [entry for entry in self._due if entry[0] <= now]
        self._due = [entry for entry in self._due if entry[0] > now]
        for _, kind, key, value in due:
            self.set(kind, key, value)

    def seed(self, kind: str, key: str, value: Any) -> None:
        """Set an entry that every node starts with; any later entry wins."""
        self._entries.setdefault((kind, key), (0, value))

    def replace(self, kinds: tuple[str, ...], kept: dict[tuple[str, str], Any]) -> None:
        """Make the entries of some kinds these, and forget truncations. Every node gets it for itself."""
        now = self._node.clock.now_us()
        for kind, key in self._entries:
            if kind in kinds:
                self._entries[kind, key] = (now, None)
            elif kind == "truncate":
                self._entries[kind, key] = (now, 0)
        self._entries.update({entry: (now, value) for entry, value in kept.items()})

    def get(self, kind: str, key: str) -> Any:
        """Return an entry, or None."""
        entry = self._entries.get((kind, key))
        return entry[1] if entry else None

    def all(self, kind: str) -> dict[str, Any]:
        """Return the entries of a kind."""
        return {
            key: value
            for (each, key), (_, value) in sorted(self._entries.items())
            if each == kind and value is not None
        }

    def built(self, index: Index) -> int:
        """Return how many percent of an index are built; below 100 it cannot be queried."""
        build_s = self._node.settings.index_build_s
        entry = self._entries.get(("index", f"{index.namespace}|{index.name}"))
        if not build_s or entry is None:
            return 100
        age_s = (self._node.clock.now_us() - entry[0]) / 1_000_000
        return max(0, min(int(100 * age_s / build_s), 100))

    def indexes(self) -> list[Index]:
        """Return the secondary indexes."""
        return [Index(*value) for value in self.all("index").values()]

    def pack(self) -> dict[tuple[str, str], tuple[int, Any]]:
        """Return everything, to send it to another node."""
        return self._entries

    def merge(self, entries: dict[tuple[str, str], tuple[int, Any]]) -> None:
        """Merge the entries of another node."""
        for (kind, key), entry in entries.items():
            current = self._entries.get((kind, key))
            if current is None or current[0] < entry[0]:
                self._entries[kind, key] = entry
                self._applied(kind, key, entry[1])

    def _applied(self, kind: str, key: str, value: Any) -> None:
        if kind == "truncate":
            namespace, _, set_name = key.partition("|")
            store = self._node.stores.get(namespace.encode())
            if store is not None:
                truncated = store.truncated
                truncated[set_name.encode()] = max(value, truncated.get(set_name.encode(), 0))
                store.sweep()


def module_hash(content: bytes) -> str:
    """Return the hash by which `udf-list` names a module's content."""
    return hashlib.sha1(content).hexdigest()
