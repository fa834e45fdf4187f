"""The view that ``aerospike-py`` has of its cluster, as the tend thread asks for it.

The client names its nodes, but tells neither where they are nor anything of one node alone:
``info_all`` asks all of them and waits for the slowest, up to the timeout it is given. So many nodes
are asked at once, how long it took says nothing of any one of them, and where a node is comes from an info
command of its own.

It asks the nodes that it knows at that moment. While the pool is exhausted its own tending finds no
connection either, and it forgets healthy nodes, one or all: who is not in its answer was not asked.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from ...model.digest import partition_of
from ...model.operation import Key, NodeAddress, NotAskedError
from ..shared.asking import check_asked
from ..shared.resting import Resting
from .failures import classify
from .operations import OPERATIONS
from .policies import MASTER

_ADDRESS = "service-clear-std"

_NOT_ASKED = ("Too many connections", "Cannot get a connection for node")
"""What this client says of a node to which it has no free connection, and of one that it gave up for it."""

_REFRESH_S = 30.0
"""How long the address of a node is believed, in seconds: one may come back elsewhere under its name."""


class AerospikePySource(Resting):
    """Asks one `aerospike_py.Client`.

    Its ``close()`` and ``connect()`` fail with "Already borrowed" while any other thread uses the client.
    """

    def __init__(self, client: Any) -> None:
        super().__init__()
        self._client = client
        self._addresses: dict[str, tuple[str, int]] = {}
        self._learned = 0.0

    def nodes(self) -> Sequence[NodeAddress]:
        """Return the nodes the client knows now, without I/O; none while it is not connected."""
        with self.asked() as may_ask:
            if not may_ask or not self._client.is_connected():
                return ()
            unknown = ("", 0)
            names = self._client.get_node_names()
            # One that left may come back elsewhere.
            self._addresses = {n: a for n, a in self._addresses.items() if n in names}
            return [NodeAddress(name, *self._addresses.get(name, unknown)) for name in names]

    def key(self, namespace: str, set_name: str, user_key: int) -> Key:
        """Return a key tuple."""
        return (namespace, set_name, user_key)

    def partition(self, key: Key) -> tuple[str, int]:
        """Return a record's namespace and partition, from a digest of our own."""
        return key[0], partition_of(key)

    def info(self, node: str, command: str, timeout_s: float) -> str:
        """Ask all nodes and return what one of them answered.

        Raises:
            NotAskedError: no connection to that one was free, or the client does not know it now.
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
        except Exception:  # noqa: BLE001 - raised before any node is asked: closed, or none known
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

    def read(self, key: Key, timeout_s: float) -> None:
        """Read one record's metadata from its master, in one try."""
        timeout_ms = max(int(timeout_s * 1000), 1)
        policy = {
            "total_timeout": timeout_ms,
            "socket_timeout": timeout_ms,
            "max_retries": 0,
            "replica": MASTER,
        }
        with self.asked() as may_ask:
            if may_ask:
                try:
                    self._exists(key, policy)
                except Exception as error:
                    failure = classify(error, OPERATIONS["exists"])
                    check_asked(failure, error)
                    if not failure.answered:
                        raise

    def _info_all(self, command: str, timeout_s: float) -> tuple[dict[str, str], dict[str, str]]:
        """Return what nodes answered, and why others did not. Who was not asked is in neither."""
        with self.asked() as may_ask:
            policy = {"timeout": max(int(timeout_s * 1000), 1)}
            results = self._call_info_all(command, policy) if may_ask else ()
        answers, silent = {}, {}
        for result in results:
            if result.error_code == 0:
                answers[result.node_name] = result.response.rpartition("\t")[2].rstrip("\n")
            elif not any(text in result.response for text in _NOT_ASKED):
                silent[result.node_name] = result.response
        return answers, silent

    def _call_info_all(self, command: str, policy: dict[str, int]) -> Any:
        return self._client.info_all(command, policy)

    def _exists(self, key: Key, policy: dict[str, int]) -> None:
        self._client.exists(key, policy)


class AerospikePyAsyncSource(AerospikePySource):
    """Asks one `aerospike_py.AsyncClient`, which may be used from any event loop: from one of our own.

    Only ever called from threads that run no event loop.
    """

    def _call_info_all(self, command: str, policy: dict[str, int]) -> Any:
        return asyncio.run(self._client.info_all(command, policy))

    def _exists(self, key: Key, policy: dict[str, int]) -> None:
        asyncio.run(self._client.exists(key, policy))
