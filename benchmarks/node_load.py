"""Steady mixed load for the node experiments: 16 threads of one client, or 500 tasks of another."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

import aerospike
import aerospike_py

from aerospike_resilience import resilient
from aerospike_resilience.testing import LocalCluster

NAMESPACE, SET = "test", "nodes"
KEYS = 1000


@dataclass(frozen=True, slots=True)
class Sample:
    """One call.

    Attributes:
        key: the record's user key.
        write: whether it wrote.
        due: when it was due, in seconds on the monotonic clock.
        took_s: from when it was sent to its end, in seconds.
        error: the name of what was raised; empty if it was answered.
    """

    key: int
    write: bool
    due: float
    took_s: float
    error: str


class Load(Protocol):
    """Callers that read and write in turn, each on a schedule of its own."""

    client: Any
    samples: list[Sample]

    def __enter__(self) -> Self:
        """Connect, write every key once, begin."""
        ...

    def __exit__(self, *_: object) -> None:
        """End every caller, then the client."""
        ...


class Threads:
    """Sixteen threads of the ``aerospike`` client.

    Args:
        cluster: where to connect.
        rate: calls a second in all, half of them writes.
        options: of `resilient()`; None for the bare client.
    """

    CALLERS: ClassVar[int] = 16

    def __init__(self, cluster: LocalCluster, rate: float, options: dict[str, Any] | None) -> None:
        bare = aerospike.client(
            {
                "hosts": cluster.hosts,
                "max_conns_per_node": 300,
                # The client's own breaker out of the way, as docs/nodes.md has it.
                "max_error_rate": 10_000,
                "error_rate_window": 100,
                **({"policies": BARE} if options is None else {}),
            }
        )
        self.client: Any = bare if options is None else resilient(bare, **options)
        self.samples: list[Sample] = []
        self._bare = bare
        self._interval_s = self.CALLERS / rate
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        for key in range(KEYS):
            self.client.put((NAMESPACE, SET, key), {"n": 0})
        self._threads = [
            threading.Thread(target=self._run, args=(number,), daemon=True)
            for number in range(self.CALLERS)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self.client.close()

    def _run(self, number: int) -> None:
        get, put, note, clock = (
            self.client.get,
            self.client.put,
            self.samples.append,
            time.monotonic,
        )
        due, turn = clock() + self._interval_s * number / self.CALLERS, 0
        while not self._stop.wait(max(due - clock(), 0.0)):
            turn += 1
            write, key = turn % 2 == 0, (turn * 7 + number * 61) % KEYS
            error, sent = "", clock()
            try:
                if write:
                    put((NAMESPACE, SET, key), {"n": turn})
                else:
                    get((NAMESPACE, SET, key))
            except Exception as raised:  # noqa: BLE001 - what is raised is what is measured
                error = type(raised).__name__
            ended = clock()
            note(Sample(key, write, due, ended - sent, error))
            due = max(due + self._interval_s, ended - 1.0)


class Tasks:
    """Five hundred tasks of ``aerospike_py.AsyncClient`` in a loop of their own.

    Args:
        cluster: where to connect.
        rate: calls a second in all, half of them writes.
        options: of `resilient()`; None for the bare client.
    """

    CALLERS: ClassVar[int] = 500

    def __init__(self, cluster: LocalCluster, rate: float, options: dict[str, Any] | None) -> None:
        self.samples: list[Sample] = []
        self._interval_s = self.CALLERS / rate
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.client = self._await(self._connect(cluster, options))
        self._tasks: list[asyncio.Task[None]] = []

    def __enter__(self) -> Self:
        self._await(self._begin())
        return self

    def __exit__(self, *_: object) -> None:
        self._await(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _await(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    async def _connect(self, cluster: LocalCluster, options: dict[str, Any] | None) -> Any:
        bare = await aerospike_py.AsyncClient({"hosts": cluster.hosts}).connect()
        return bare if options is None else resilient(bare, **options)

    async def _begin(self) -> None:
        for key in range(KEYS):
            await self.client.put((NAMESPACE, SET, key), {"n": 0})
        self._tasks = [asyncio.create_task(self._run(number)) for number in range(self.CALLERS)]

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.client.close()

    async def _run(self, number: int) -> None:
        get, put, clock = self.client.get, self.client.put, time.monotonic
        due, turn = clock() + self._interval_s * number / self.CALLERS, number
        while True:
            await asyncio.sleep(max(due - clock(), 0.0))
            turn += 1
            write, key = turn % 2 == 0, (turn * 7 + number * 61) % KEYS
            error, sent = "", clock()
            try:
                if write:
                    await put((NAMESPACE, SET, key), {"n": turn})
                else:
                    await get((NAMESPACE, SET, key))
            except Exception as raised:  # noqa: BLE001 - what is raised is what is measured
                error = type(raised).__name__
            ended = clock()
            self.samples.append(Sample(key, write, due, ended - sent, error))
            due = max(due + self._interval_s, ended - 1.0)


BARE: dict[str, Any] = {
    "read": {"total_timeout": 250, "max_retries": 2},
    "write": {"total_timeout": 250},
}
"""What a careful user gives the bare client: the same ``total_timeout``, and its own retries of reads."""

LOADS: dict[str, type[Threads] | type[Tasks]] = {"threads": Threads, "tasks": Tasks}
