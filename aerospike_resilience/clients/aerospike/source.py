"""The C client's view of its cluster, as the tend thread asks for it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from ...operation import Key, NodeAddress
from ..digest import partition_of
from ..resting import Resting
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
            ConnectionError: the client is being closed.
        """
        policy = {"timeout": max(int(timeout_s * 1000), 1)}
        with self.asked() as may_ask:
            if not may_ask or not self._client.is_connected():
                raise ConnectionError("the client is being closed")
            answer: str = self._client.info_single_node(command, node, policy)
        return answer.partition("\t")[2].rstrip("\n")

    def answers(self, nodes: Sequence[str], command: str, timeout_s: float) -> dict[str, str]:
        """Ask one node after the other; return what those answered that did."""
        found = {}
        for node in nodes:
            # Whatever is raised, the node did not answer.
            with contextlib.suppress(Exception):
                found[node] = self.info(node, command, timeout_s)
        return found

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
                    if not classify(error, OPERATIONS["exists"]).answered:
                        raise
