"""The C client's view of its cluster, as the tend thread asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...model.digest import partition_of
from ...model.operation import Key, NodeAddress, NotAskedError
from ..shared.asking import check_asked, one_by_one
from ..shared.resting import Resting
from .failures import classify
from .operations import OPERATIONS


class AerospikeSource(Resting):
    """Asks one `aerospike.Client`.

    On a closed client ``get_stats()`` and ``get_key_partition_id()`` crash the interpreter. So the first is
    never used, its error counts include logical errors anyway, and partitions are worked out without the
    client.
    """

    def __init__(self, client: Any) -> None:
        super().__init__()
        self._client = client

    def nodes(self) -> Sequence[NodeAddress]:
        """Return the nodes the client knows now, without I/O; none once it is closed."""
        with self.asked() as may_ask:
            if not may_ask or not self._client.is_connected():
                return ()
            return [
                NodeAddress(node["node_name"], node["address"], node["port"])
                for node in self._client.get_node_names()
            ]

    def key(self, namespace: str, set_name: str, user_key: int) -> Key:
        """Return a key tuple."""
        return (namespace, set_name, user_key)

    def partition(self, key: Key) -> tuple[str, int]:
        """Return a record's namespace and partition, from a digest of our own."""
        return key[0], partition_of(key)

    def info(self, node: str, command: str, timeout_s: float) -> str:
        """Ask one node and return the value of its answer.

        Raises:
            NotAskedError: the client is being closed.
        """
        policy = {"timeout": max(int(timeout_s * 1000), 1)}
        with self.asked() as may_ask:
            if not may_ask or not self._client.is_connected():
                raise NotAskedError("the client is being closed")
            answer: str = self._client.info_single_node(command, node, policy)
        return answer.partition("\t")[2].rstrip("\n")

    def answers(
        self, nodes: Sequence[str], command: str, timeout_s: float
    ) -> dict[str, str | None]:
        """Ask one node after the other."""
        return one_by_one(self.info, nodes, command, timeout_s)

    def read(self, key: Key, timeout_s: float) -> None:
        """Read one record's metadata from its master, in one try."""
        timeout_ms = max(int(timeout_s * 1000), 1)
        policy = {
            "total_timeout": timeout_ms,
            "socket_timeout": timeout_ms,
            "timeout_delay": 0,
            "max_retries": 0,
            "replica": 0,
        }
        with self.asked() as may_ask:
            if may_ask:
                try:
                    self._client.exists(key, policy)
                except Exception as error:
                    failure = classify(error, OPERATIONS["exists"])
                    check_asked(failure, error)
                    if not failure.answered:
                        raise
