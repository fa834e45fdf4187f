"""The C client's view of its cluster, as the tend thread asks for it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from ...operation import Key, NodeAddress


class AerospikeSource:
    """Asks one `aerospike.Client`.

    ``get_stats()`` is never used: it crashes the interpreter on a closed client, and its error counts
    include logical errors.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._partition_id = getattr(client, "get_key_partition_id", None)

    def nodes(self) -> Sequence[NodeAddress]:
        """Return the nodes the client knows now, without I/O; none once it is closed."""
        if not self._client.is_connected():
            return ()
        return [
            NodeAddress(node["node_name"], node["address"], node["port"])
            for node in self._client.get_node_names()
        ]

    def key(self, namespace: str, set_name: str, user_key: int) -> Key:
        """Return a key tuple."""
        return (namespace, set_name, user_key)

    def partition(self, key: Key) -> tuple[str, int]:
        """Return a record's partition; from its digest where the key has no user key."""
        if key[2] is None:
            return key[0], int.from_bytes(key[3][:2], "little") & 4095
        return key[0], self._partition_id(key[0], key[1], key[2])  # type: ignore[misc]

    def info(self, node: str, command: str, timeout_s: float) -> str:
        """Ask one node and return the value of its answer."""
        policy = {"timeout": max(int(timeout_s * 1000), 1)}
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

    def rest(self) -> None:
        """Do nothing: this client may be closed while it is asked."""

    def resume(self) -> None:
        """Do nothing, as `rest` does."""

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
        self._client.exists(key, policy)
