"""Sharing: the workers of a service tell each other of nodes that they opened.

Each worker keeps its own breakers and decides by them alone. What it opens or closes it writes to one of
pybreaker's storages a node; what another opened it opens too, once, and from then on it finds out for
itself when the node is back. Through Redis it also hears of orders to the whole fleet, and says what it
sees. All of it happens in a thread of its own: a storage that is slow or gone delays no call and no tend.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import weakref
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from ..concurrency import forking, threads
from ..model.wording import redacted
from . import fleet
from .breaker import CLOSED, OPEN
from .cluster import ClusterHealth
from .storages import GivenStorages, RedisStorages, StorageFactory, Storages

SHARED: Final = "shared"
"""Why a node is open that another worker opened."""

_Told: TypeAlias = queue.SimpleQueue[tuple[str, str] | None]
"""Nodes and their new states, to be written; None ends the thread."""


class SharedStates:
    """One worker's part in the sharing.

    Args:
        origin: ``redis://host:port/db``, or what makes the application's own storages.
        health: the worker's own view of its cluster.
        interval_s: how often the others are heard, in seconds.

    Attributes:
        problem: why the storage cannot be used now; empty while it can.
        orders: the orders to the whole fleet; none come through the application's own storages.

    Raises:
        ResilienceError: the package ``redis`` or ``pybreaker`` is not installed.
        ValueError: the URL is none.
    """

    def __init__(
        self, origin: str | StorageFactory, health: ClusterHealth, interval_s: float
    ) -> None:
        self.origin = origin
        self.problem = ""
        self._storages: Storages = (
            RedisStorages(origin) if isinstance(origin, str) else GivenStorages(origin)
        )
        self.orders = fleet.KnownOrders()
        self._health = health
        self._log = health.identity.log("aerospike_resilience.nodes")
        self._interval_s = interval_s
        self._known: dict[str, datetime | None] = {}
        self._unwritten: dict[str, str] = {}
        self._told: _Told = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        forking.register(self)

    @property
    def where(self) -> str:
        """Whose storage it is; without a password."""
        return self._storages.where

    def report(self) -> dict[str, Any]:
        """Return its state as plain values, ready for JSON."""
        return {
            "where": self.where,
            "problem": self.problem or None,
            "orders": [
                {"node": one.target, "reason": one.reason, "by": one.by, "at": one.at}
                for one in self.orders.in_force()
            ],
        }

    def start(self) -> None:
        """Begin, or begin again in a forked child."""
        if self._thread is None or not self._thread.is_alive():
            # If it cannot be started now, the next tend tries again.
            self._thread = threads.start(
                *(_run, weakref.ref(self), self._told, self._interval_s),
                name="aerospike-resilience-sharing",
            )

    def stop(self) -> None:
        """End the thread soon; it is not waited for."""
        self._told.put(None)

    def after_fork(self) -> None:
        """Start anew in a forked child: what was not written yet is written in the parent."""
        self._told = queue.SimpleQueue()
        self._unwritten.clear()
        self._thread = None

    def tell(self, node: str, _old: str, new: str) -> None:
        """Note a transition, to be written. Called under the cluster's lock; never waits."""
        if new in (OPEN, CLOSED) and self._reason(node) != SHARED:
            self._told.put((node, new))

    def _reason(self, node: str) -> str:
        found = self._health.by_name.get(node)
        return found.breaker.reason if found is not None else ""

    def exchange(self, news: list[tuple[str, str]]) -> None:
        """Write what is new here and hear what is new elsewhere.

        What could not be written is tried again the next time; of one node only the newest counts.
        """
        self._unwritten.update(news)
        try:
            self._storages.check()
            for node, state in list(self._unwritten.items()):
                self._write(node, state)
                self._storages.check()
                del self._unwritten[node]
            self._hear()
            self._storages.check()
            if isinstance(self._storages, RedisStorages):
                self._exchange_with_fleet(self._storages)
        except Exception as error:  # noqa: BLE001 - whatever a storage raises, calls go on without it
            self._report(f"{type(error).__name__}: {redacted(str(error))}")
        else:
            self._report("")

    def leave(self) -> None:
        """Say that this worker is gone, if there is somebody to tell."""
        if isinstance(self._storages, RedisStorages):
            with contextlib.suppress(Exception):  # it is forgotten soon all the same
                self._storages.plain.delete(self._worker().key)

    def _exchange_with_fleet(self, storages: RedisStorages) -> None:
        client = storages.plain
        self.orders.exchange(client)
        if self.orders.version:
            self._health.follow_fleet(self.orders.reason)
        fleet.tell(client, self._worker(), self._interval_s)

    def _worker(self) -> fleet.Worker:
        health, identity = self._health, self._health.identity
        nodes = {
            node.address.name: {
                "address": f"{node.address.host}:{node.address.port}",
                "state": node.breaker.state,
                "reason": "" if node.breaker.closed else node.breaker.why,
            }
            for node in health.nodes()
        }
        return fleet.Worker(
            *(identity.name, os.uname().nodename, os.getpid(), identity.profile),
            *(self.orders.version, nodes),
        )

    def _write(self, node: str, state: str) -> None:
        storage = self._storage(node)
        if storage is None:
            return
        if state == OPEN:
            now = datetime.now(UTC).replace(microsecond=0)
            self._known[node] = now  # before it is written, so that it is never taken for another's
            storage.state = state
            storage.opened_at = now
        else:
            storage.state = state

    def _hear(self) -> None:
        """Open what another worker opened since; let go what it closed."""
        for node in list(self._health.by_name):
            storage = self._storage(node)
            if storage is None:
                continue
            state, opened_at = storage.state, storage.opened_at
            self._storages.check()  # what could not be read is no news
            if opened_at is not None and opened_at.tzinfo is None:
                opened_at = opened_at.replace(tzinfo=UTC)
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
        with health.notices, health.lock:
            node = health.by_name.get(name)
            if node is not None and node.breaker.closed:
                health.open_locked(node, SHARED, health.clock())
                health.settle_locked()
        health.wake()

    def _release(self, name: str) -> None:
        health = self._health
        with health.notices, health.lock:
            node = health.by_name.get(name)
            if node is None or node.breaker.state != OPEN or node.breaker.reason != SHARED:
                return
            node.breaker.half_open(health.clock())
            health.settle_locked()
        health.wake()

    def _storage(self, node: str) -> Any:
        """Return a node's storage; None if it left the cluster just now."""
        found = self._health.by_name.get(node)
        return None if found is None else self._storages.of(found.address)

    def _report(self, problem: str) -> None:
        if problem and not self.problem:
            self._log.warning(
                "breaker.storage at %s cannot be used, so nodes are not shared: %s",
                self.where,
                problem,
            )
        elif self.problem and not problem:
            self._log.info("breaker.storage at %s can be used again", self.where)
        self.problem = problem


def _run(shared: weakref.ref[SharedStates], told: _Told, interval_s: float) -> None:
    """Exchange at every interval, and at once when there is news, until told to end or forgotten."""
    while True:
        news: list[tuple[str, str]] = []
        try:
            one = told.get(timeout=interval_s)
            while one is not None:
                news.append(one)
                one = told.get_nowait()
        except queue.Empty:
            pass
        else:
            if (states := shared()) is not None:
                states.leave()
            return
        states = shared()
        if states is None:
            return
        states.exchange(news)
        del states
