"""Settings that `set-config` can change at run time, and their effects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .node import Node

Args = dict[str, str]

_CONTEXTS: Final = ("service", "namespace", "network", "security", "logging")
_MEMORY_TIGHT_PCT: Final = 5
"""Below this share of the machine's memory a namespace counts as full."""
# The server knows these; they have no effect here.
_NO_EFFECT: Final = frozenset(
    (
        *("migrate-sleep", "migrate-threads", "disable-eviction", "high-water-memory-pct"),
        *("evict-tenths-pct", "background-query-max-rps", "conflict-resolution-policy"),
        *("transaction-max-ms", "ticker-interval", "query-threads-limit", "stop-writes-size"),
    )
)


class Configuration:
    """The settings of one node.

    Attributes:
        batch_max_rows: More rows in a batch are refused; 0 is no limit.
        pending_limit: How many writes may wait for one record.
        max_connections: More connections are closed.
        idle_s: A connection that is idle for longer is closed; 0 is never.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self.batch_max_rows = 5000
        self.pending_limit = 20
        self.max_connections = 15_000
        self.idle_s = 0.0
        self._allow_ttl: dict[str, bool] = {}
        self._nsup_period: dict[str, int] = {}

    def set(self, args: Args) -> str:
        """Carry out `set-config`."""
        context = args.get("context")
        if context not in _CONTEXTS:
            return "ERROR:4:invalid context"
        names = args.keys() - {"context", "id", "namespace", "set"}
        if len(names) != 1:
            return "ERROR:4:invalid set-config parameter"
        name = names.pop()
        if context == "service":
            known = self._set_service(name, args[name])
        elif context == "namespace":
            namespace = args.get("id") or args.get("namespace") or ""
            if namespace not in self._node.settings.namespaces:
                return "ERROR:20:namespace not found on node"
            known = self._set_namespace(namespace, args.get("set"), name, args[name])
        else:
            known = False
        return "ok" if known or name in _NO_EFFECT else "ERROR:4:invalid set-config parameter"

    def _set_service(self, name: str, value: str) -> bool:
        if not value.isdigit():
            return False
        number = int(value)
        if name == "batch-max-requests":
            self.batch_max_rows = number
        elif name == "transaction-pending-limit":
            self.pending_limit = number
        elif name == "proto-fd-max":
            self.max_connections = number
        elif name == "proto-fd-idle-ms":
            self.idle_s = number / 1000
        else:
            return False
        return True

    def _set_namespace(self, namespace: str, set_name: str | None, name: str, value: str) -> bool:
        store = self._node.stores[namespace.encode()]
        if name == "allow-ttl-without-nsup":
            self._allow_ttl[namespace] = value == "true"
            self._refresh(namespace)
            return True
        if not value.isdigit():
            return False
        number = int(value)
        if name == "nsup-period":
            self._nsup_period[namespace] = number
            self._refresh(namespace)
        elif name == "default-ttl":
            key = namespace.encode()
            self._node.rules[key] = self._node.rules[key]._replace(default_ttl_s=number)
        elif name == "max-record-size":
            key = namespace.encode()
            self._node.rules[key] = self._node.rules[key]._replace(max_record_size=number)
        elif name == "stop-writes-sys-memory-pct":
            store.stop_writes = number < _MEMORY_TIGHT_PCT
        elif name == "stop-writes-count" and set_name:
            store.set_limits[set_name.encode()] = number
        else:
            return False
        return True

    def _refresh(self, namespace: str) -> None:
        key = namespace.encode()
        expiry = self._node.settings.expiry
        if self._nsup_period.get(namespace) == 0:
            expiry = self._allow_ttl.get(namespace, True)
        self._node.rules[key] = self._node.rules[key]._replace(expiry=expiry)
