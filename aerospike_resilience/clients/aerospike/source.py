"""The C client's view of its cluster, for the tend thread."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from typing import Any

from ...concurrency.threads import blocking
from ...model.durations import limit_s_to_ms_rounded_down
from ...model.failure import Failure
from ...model.operation import Key, NodeAddress, NotAskedError
from ...model.statistics import NO_STATISTICS, ClientStatistics, NodeStatistics
from ..shared.source import TupleKeySource
from .failures import classify
from .operations import OPERATIONS
from .policies import MASTER_ONLY


class AerospikeSource(TupleKeySource):
    """Asks one `aerospike.Client`.

    ``get_stats()`` and ``get_key_partition_id()`` crash the interpreter if the client is closed. So
    partitions are computed without the client, and ``get_stats()`` is called only where no other thread can
    close it in between.
    """

    def nodes(self) -> Sequence[NodeAddress]:
        """Return the nodes that the client knows now, without I/O; none once it is closed."""
        with self.question() as may_ask:
            if not may_ask or not self._client.is_connected():
                return ()
            return [
                NodeAddress(node["node_name"], node["address"], node["port"])
                for node in self._client.get_node_names()
            ]

    def statistics(self) -> ClientStatistics:
        """Return what ``get_stats()`` tells; nothing once the client is closed."""
        with self.question() as may_ask:
            stats = _stats_if_open(self._client) if may_ask else None
        if stats is None:
            return NO_STATISTICS
        return ClientStatistics(tuple(_of_node(node) for node in stats.nodes), stats.retry_count)

    def info(self, node: str, command: str, timeout_s: float) -> str:
        """Ask one node and return the value of its answer.

        Raises:
            NotAskedError: the client is being closed.
        """
        policy = {"timeout": limit_s_to_ms_rounded_down(timeout_s)}
        with self.question() as may_ask:
            if not may_ask or not self._client.is_connected():
                raise NotAskedError("the client is being closed")
            answer: str = blocking(self._client.info_single_node, command, node, policy)
        return answer.partition("\t")[2].rstrip("\n")

    def _exists(self, key: Key, timeout_ms: int) -> None:
        policy = {
            "total_timeout": timeout_ms,
            "socket_timeout": timeout_ms,
            "timeout_delay": 0,
            "max_retries": 0,
            "replica": MASTER_ONLY,
        }
        blocking(self._client.exists, key, policy)

    def _classify(self, error: Exception) -> Failure:
        return classify(error, OPERATIONS["exists"])


def _stats_if_open(client: Any) -> Any:
    """Return ``get_stats()`` of a client, None if it is closed.

    The application may close it in another thread. Both calls are made from C, where Python does not
    switch threads between them.
    """
    asked: list[Any] = []
    ask = functools.partial(asked.extend, map(operator.call, (client.get_stats,)))
    all(map(operator.call, (client.is_connected, ask)))
    return asked[0] if asked else None


def _of_node(node: Any) -> NodeStatistics:
    conns = node.conns
    return NodeStatistics(
        node.name,
        used=conns.in_use,
        idle=conns.in_pool,
        opened=conns.opened,
        closed=conns.closed,
        recovered=conns.recovered,
        aborted=conns.aborted,
        errors=node.error_count,
        timeouts=node.timeout_count,
        key_busy=node.key_busy_count,
    )
