"""The view that ``aerospike-native`` has of its cluster, for the tend thread.

Its blocking calls work in any thread that runs no event loop, even for a client that the application
awaits.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

from ...concurrency.threads import blocking
from ...model.durations import limit_s_to_ms_rounded_down
from ...model.failure import Failure
from ...model.operation import Key, NodeAddress, NotAskedError
from ...model.statistics import NO_STATISTICS, ClientStatistics, NodeStatistics
from ..shared.source import ClientSource
from . import policies
from .failures import classify
from .operations import OPERATIONS
from .package import native


class NativeSource(ClientSource):
    """Asks one `aerospike_native.Client`. It may be closed while it is asked, so nobody waits for that."""

    stays_where_refused = True

    def pause(self) -> None:
        """Begin no more questions; those under way may go on."""
        self.stop()

    async def pause_async(self) -> None:
        """Do as `pause` does."""
        self.stop()

    def nodes(self) -> Sequence[NodeAddress]:
        """Return the nodes that the client knows now, without I/O; none once it is closed."""
        return [NodeAddress(node.name, *node.host) for node in self._client.nodes()]

    def key(self, namespace: str, set_name: str, user_key: int) -> Key:
        """Return a ``Key``."""
        return native().Key(namespace, set_name, user_key)

    def partition(self, key: Key) -> tuple[str, int]:
        """Return a record's namespace and partition; the key knows both."""
        return key.namespace, key.partition_id

    def statistics(self) -> ClientStatistics:
        """Return what ``metrics()`` tells; nothing once the client is closed.

        The client counts only while the application has metrics enabled. Retries and errors stay 0
        unless it has the operational tier enabled, which the client does not show.
        """
        with self.question() as may_ask:
            if not may_ask:
                return NO_STATISTICS
            enabled, metrics = self._client.metrics_enabled(), self._client.metrics()
            names = {_place(*node.host): node.name for node in self._client.nodes()}
        found = tuple(
            _of_node(names[place], node, enabled=enabled)
            for address, node in metrics.nodes.items()
            if (place := address.replace("[", "").replace("]", "")) in names
        )
        retries = metrics.cluster_aggregated.transaction_retry_count if enabled else None
        return ClientStatistics(found, retries)

    def info(self, node: str, command: str, timeout_s: float) -> str:
        """Ask one node and return the value of its answer.

        Raises:
            NotAskedError: no connection to the node was free, or the client is being closed.
        """
        policy = policies.build("admin", {"timeout": limit_s_to_ms_rounded_down(timeout_s)})

        def ask() -> dict[str, str]:
            asked = self._client.get_node(node)
            answer: dict[str, str] = asked.info_blocking(command, policy=policy)
            return answer

        with self.question() as may_ask:
            if not may_ask:
                raise NotAskedError("the client is being closed")
            try:
                answer = blocking(ask)
            except Exception as error:
                self._raise_if_not_asked(error)
                raise
        return answer[command].rstrip("\n")

    def refuses(self, node: str, timeout_s: float) -> bool:
        """Return whether a node refuses connections.

        The client waits a second for a connection to such a node, and then says that none was free.
        """
        with self.question() as may_ask:
            host = next((one.host for one in self._client.nodes() if one.name == node), None)
            if not may_ask or host is None:
                return False
            try:
                socket.create_connection(tuple(host), timeout_s).close()
            except ConnectionRefusedError:
                return True
            except OSError:  # no answer either: the question shows it
                return False
        return False

    def _exists(self, key: Key, timeout_ms: int) -> None:
        policy = policies.build(
            "read",
            {
                "total_timeout": timeout_ms,
                "socket_timeout": timeout_ms,
                "max_retries": 0,
                "replica": native().Replica.MASTER,
            },
        )

        def ask() -> None:
            self._client.exists_blocking(key, policy=policy)

        blocking(ask)

    def _classify(self, error: Exception) -> Failure:
        return classify(error, OPERATIONS["exists"])


def _place(host: str, port: int) -> str:
    return f"{host.strip('[]')}:{port}"


def _of_node(name: str, node: Any, *, enabled: bool) -> NodeStatistics:
    return NodeStatistics(
        name,
        used=node.connections_in_use,
        idle=node.connections_in_pool,
        opened=node.connections_successful if enabled else None,
        closed=node.connections_closed if enabled else None,
        errors=node.transaction_error_count if enabled else None,
    )
