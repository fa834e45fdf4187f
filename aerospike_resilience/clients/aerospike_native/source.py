"""The view that ``aerospike-native`` has of its cluster, as the tend thread asks for it.

Its blocking calls work from any thread that runs no event loop, also for a client that is otherwise
awaited.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...model.operation import Key, NodeAddress
from ..shared.asking import check_asked, one_by_one
from . import policies
from .failures import classify
from .operations import OPERATIONS
from .package import native


class NativeSource:
    """Asks one `aerospike_native.Client`."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def nodes(self) -> Sequence[NodeAddress]:
        """Return the nodes the client knows now, without I/O; none once it is closed."""
        return [NodeAddress(node.name, *node.host) for node in self._client.nodes()]

    def key(self, namespace: str, set_name: str, user_key: int) -> Key:
        """Return a ``Key``."""
        return native().Key(namespace, set_name, user_key)

    def partition(self, key: Key) -> tuple[str, int]:
        """Return a record's namespace and partition; the key knows both."""
        return key.namespace, key.partition_id

    def info(self, node: str, command: str, timeout_s: float) -> str:
        """Ask one node and return the value of its answer."""
        policy = policies.build("admin", {"timeout": max(int(timeout_s * 1000), 1)})
        asked = self._client.get_node(node)
        try:
            answer: dict[str, str] = asked.info_blocking(command, policy=policy)
        except Exception as error:
            check_asked(classify(error, OPERATIONS["exists"]), error)
            raise
        return answer[command].rstrip("\n")

    def answers(
        self, nodes: Sequence[str], command: str, timeout_s: float
    ) -> dict[str, str | None]:
        """Ask one node after the other."""
        return one_by_one(self.info, nodes, command, timeout_s)

    def rest(self) -> None:
        """Do nothing: this client may be closed while it is asked."""

    def resume(self) -> None:
        """Do nothing, as `rest` does."""

    def after_fork(self) -> None:
        """Do nothing, as `rest` does."""

    def read(self, key: Key, timeout_s: float) -> None:
        """Read whether a record exists from its master, in one try."""
        timeout_ms = max(int(timeout_s * 1000), 1)
        policy = policies.build(
            "read",
            {
                "total_timeout": timeout_ms,
                "socket_timeout": timeout_ms,
                "max_retries": 0,
                "replica": native().Replica.MASTER,
            },
        )
        try:
            self._client.exists_blocking(key, policy=policy)
        except Exception as error:
            failure = classify(error, OPERATIONS["exists"])
            check_asked(failure, error)
            if not failure.answered:
                raise
