"""The C client's view of its cluster, for the tend thread."""

from __future__ import annotations

from collections.abc import Sequence

from ...concurrency.threads import blocking
from ...model.durations import limit_s_to_ms_rounded_down
from ...model.failure import Failure
from ...model.operation import Key, NodeAddress, NotAskedError
from ..shared.source import TupleKeySource
from .failures import classify
from .operations import OPERATIONS
from .policies import MASTER_ONLY


class AerospikeSource(TupleKeySource):
    """Asks one `aerospike.Client`.

    ``get_stats()`` and ``get_key_partition_id()`` crash the interpreter if the client is closed. So
    neither is
    called: the errors that ``get_stats()`` counts include logical ones anyway, and partitions are computed
    without the client.
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
