"""The view that ``aerospike-py`` has of its cluster, for the tend thread.

The client names its nodes, but does not show their addresses, and cannot ask one node alone: ``info_all``
asks all nodes and waits for the slowest, up to its timeout. So the time that it took says nothing about any
single node, and the addresses come from an info command.

``info_all`` asks the nodes that the client knows at that moment. While its pool is exhausted, the client's
own tending finds no connection either, and it forgets healthy nodes. So a node that is missing in the
answers was not asked.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from ...concurrency.threads import blocking
from ...model.durations import limit_s_to_ms_rounded_down
from ...model.failure import Failure
from ...model.operation import Key, NodeAddress, NotAskedError
from ..shared.source import TupleKeySource
from .failures import classify
from .operations import OPERATIONS
from .policies import MASTER

_ADDRESS = "service-clear-std"

_NOT_ASKED = ("Too many connections", "Cannot get a connection for node")
"""What the client says about a node to which it has no free connection, and about one that it dropped."""

_REFRESH_S = 30.0
"""How long the address of a node is kept, in seconds: a node may return elsewhere under the same name."""


class AerospikePySource(TupleKeySource):
    """Asks one `aerospike_py.Client`.

    Its ``close()`` and ``connect()`` fail with "Already borrowed" while any other thread uses the client.
    """

    def __init__(self, client: Any) -> None:
        super().__init__(client)
        self._addresses: dict[str, tuple[str, int]] = {}
        self._learned = 0.0

    def nodes(self) -> Sequence[NodeAddress]:
        """Return the nodes the client knows now, without I/O; none while it is not connected."""
        with self.question() as may_ask:
            if not may_ask or not self._client.is_connected():
                return ()
            unknown = ("", 0)
            names = self._client.get_node_names()
            # A node that left may return elsewhere.
            self._addresses = {
                name: address for name, address in self._addresses.items() if name in names
            }
            return [NodeAddress(name, *self._addresses.get(name, unknown)) for name in names]

    def info(self, node: str, command: str, timeout_s: float) -> str:
        """Ask all nodes and return the answer of one.

        Raises:
            NotAskedError: no connection to that node was free, or the client does not know it now.
            TimeoutError: it did not answer.
        """
        answers, silent = self._info_all(command, timeout_s)
        if node in silent:
            raise TimeoutError(f"node {node} did not answer {command!r}: {silent[node]}")
        if node not in answers:
            raise NotAskedError(f"the client has no free connection to node {node}, or dropped it")
        return answers[node]

    def answers(
        self, nodes: Sequence[str], command: str, timeout_s: float
    ) -> dict[str, str | None]:
        """Ask all nodes at once."""
        if not nodes:
            return {}
        try:
            self._learn_addresses(nodes, timeout_s)
            answers, silent = self._info_all(command, timeout_s)
        except Exception:  # noqa: BLE001 - the client is closed or knows no node: none was asked
            return dict.fromkeys(nodes)
        return {name: answers.get(name) for name in nodes if name not in silent}

    def _learn_addresses(self, nodes: Sequence[str], timeout_s: float) -> None:
        now = time.monotonic()
        if self._addresses.keys() >= set(nodes) and now < self._learned + _REFRESH_S:
            return
        self._learned = now
        found = {}
        for name, answer in self._info_all(_ADDRESS, timeout_s)[0].items():
            host, _, port = answer.partition(",")[0].rpartition(":")
            found[name] = (host, int(port))
        self._addresses = {**self._addresses, **found}

    def _exists(self, key: Key, timeout_ms: int) -> None:
        policy = {
            "total_timeout": timeout_ms,
            "socket_timeout": timeout_ms,
            "max_retries": 0,
            "replica": MASTER,
        }
        blocking(self._call_exists, key, policy)

    def _classify(self, error: Exception) -> Failure:
        return classify(error, OPERATIONS["exists"])

    def _info_all(self, command: str, timeout_s: float) -> tuple[dict[str, str], dict[str, str]]:
        """Return the answers by node, and by node why others did not answer.

        A node that was not asked is in neither.
        """
        with self.question() as may_ask:
            policy = {"timeout": limit_s_to_ms_rounded_down(timeout_s)}
            results = blocking(self._call_info_all, command, policy) if may_ask else ()
        answers, silent = {}, {}
        for result in results:
            if result.error_code == 0:
                answers[result.node_name] = result.response.rpartition("\t")[2].rstrip("\n")
            elif not any(text in result.response for text in _NOT_ASKED):
                silent[result.node_name] = result.response
        return answers, silent

    def _call_info_all(self, command: str, policy: dict[str, int]) -> Any:
        return self._client.info_all(command, policy)

    def _call_exists(self, key: Key, policy: dict[str, int]) -> None:
        self._client.exists(key, policy)


class AerospikePyAsyncSource(AerospikePySource):
    """Asks one `aerospike_py.AsyncClient`. It works in any event loop, so each question runs a new one.

    Call it only in threads that run no event loop.
    """

    def _call_info_all(self, command: str, policy: dict[str, int]) -> Any:
        return asyncio.run(self._client.info_all(command, policy))

    def _call_exists(self, key: Key, policy: dict[str, int]) -> None:
        asyncio.run(self._client.exists(key, policy))
