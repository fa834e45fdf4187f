"""Sharing: the workers of a service tell each other of nodes that they opened, through Redis.

Each worker keeps its own breakers and goes by them alone. What it opens or closes it writes to a
`pybreaker.CircuitRedisStorage` a node; what another opened it opens too, once, and from then on it finds
out for itself when the node is back. All of it happens in a thread of its own: a Redis that is slow or gone
delays no call and no tend.
"""

from __future__ import annotations

import logging
import queue
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import pybreaker

from ..errors import ResilienceError
from .breaker import CLOSED, OPEN
from .cluster import ClusterHealth

if TYPE_CHECKING:
    import redis

_log = logging.getLogger("aerospike_resilience.nodes")

SHARED: Final = "shared"
"""Why a node is open that another worker opened."""

REDIS_TIMEOUT_S: Final = 0.5
"""How long Redis may take to connect or answer, in seconds."""


class SharedStates:
    """One worker's part in the sharing.

    Args:
        url: ``redis://host:port/db``.
        health: the worker's own view of its cluster.
        interval_s: how often the others are heard, in seconds.

    Attributes:
        where: the URL's host and port; it may hold a password, which is told nobody.
        problem: why Redis cannot be used now; empty while it can.

    Raises:
        ResilienceError: the package ``redis`` is not installed.
    """

    def __init__(self, url: str, health: ClusterHealth, interval_s: float) -> None:
        try:
            import redis
        except ImportError:
            raise ResilienceError(
                "breaker.storage needs the package redis: pip install 'aerospike-resilience[redis]'"
            ) from None
        self.url = url
        parts = urlsplit(url)
        self.where = f"{parts.hostname}:{parts.port or 6379}"
        self.problem = ""
        self._redis: redis.Redis = redis.Redis.from_url(
            url, socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S
        )
        self._errors: tuple[type[Exception], ...] = (redis.RedisError, OSError)
        self._health = health
        self._interval_s = interval_s
        self._storages: dict[str, Any] = {}
        self._known: dict[str, datetime | None] = {}
        self._told: queue.SimpleQueue[tuple[str, str] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, or begin again in a forked child."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(
                target=self._run, name="aerospike-resilience-sharing", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """End the thread soon; it is not waited for."""
        self._told.put(None)

    def tell(self, node: str, _old: str, new: str) -> None:
        """Note a transition, to be written. Called under the cluster's lock; never waits."""
        if new in (OPEN, CLOSED) and self._reason(node) != SHARED:
            self._told.put((node, new))

    def _reason(self, node: str) -> str:
        found = self._health.by_name.get(node)
        return found.breaker.reason if found is not None else ""

    def _run(self) -> None:
        while True:
            try:
                told = self._told.get(timeout=self._interval_s)
            except queue.Empty:
                told = ("", "")
            if told is None:
                return
            try:
                self._redis.ping()
                if told[0]:
                    self._write(*told)
                self._hear()
                self._report("")
            except self._errors as error:
                self._report(f"{type(error).__name__}: {error}")

    def _write(self, node: str, state: str) -> None:
        storage = self._storage(node)
        storage.state = state
        if state == OPEN:
            now = datetime.now(UTC).replace(microsecond=0)
            storage.opened_at = now
            self._known[node] = now

    def _hear(self) -> None:
        """Open what another worker opened since; let go what it closed."""
        for node in list(self._health.by_name):
            storage = self._storage(node)
            state, opened_at = storage.state, storage.opened_at
            first = node not in self._known
            news = opened_at is not None and opened_at != self._known.get(node)
            self._known[node] = opened_at
            fresh = opened_at is not None and (
                (datetime.now(UTC) - opened_at).total_seconds() < 4 * self._interval_s + 1
            )
            if state == OPEN and news and (fresh or not first):
                self._adopt(node)
            elif state == CLOSED:
                self._release(node)

    def _adopt(self, name: str) -> None:
        health = self._health
        with health.lock:
            node = health.by_name.get(name)
            if node is not None and node.breaker.closed:
                health.open_locked(node, SHARED, health.clock())
                health.settle_locked()
        health.wake()

    def _release(self, name: str) -> None:
        health = self._health
        with health.lock:
            node = health.by_name.get(name)
            if node is not None and node.breaker.state == OPEN and node.breaker.reason == SHARED:
                node.breaker.half_open(health.clock())
                health.settle_locked()
        health.wake()

    def _storage(self, node: str) -> Any:
        found = self._storages.get(node)
        if found is None:
            address = self._health.by_name[node].address
            namespace = f"aerospike-resilience:{node}:{address.host}:{address.port}"
            found = pybreaker.CircuitRedisStorage(CLOSED, self._redis, namespace)
            self._storages[node] = found
        return found

    def _report(self, problem: str) -> None:
        if problem and not self.problem:
            _log.warning(
                "breaker.storage at %s cannot be used, so nodes are not shared: %s",
                self.where,
                problem,
            )
        elif self.problem and not problem:
            _log.info("breaker.storage at %s can be used again", self.where)
        self.problem = problem
