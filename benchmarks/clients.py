"""Every client on the embedded cluster, bare and wrapped in turn: 16 threads, or 1,000 tasks.

Client and cluster each have a core of their own where the machine has two, so that neither takes the
other's time. One client is measured at a time; bursts of bare and wrapped gets alternate, each pair in the
other order, and the figure is the median of the pairs' ratios, with its quartiles.
"""

from __future__ import annotations

import asyncio
import gc
import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from aerospike_resilience import resilient
from aerospike_resilience.testing import LocalCluster

os.environ.setdefault("AEROSPIKE_NO_UVLOOP", "1")

import aerospike
import aerospike_native as native
import aerospike_py
from aerospike_sdk import ClusterDefinition, DataSet
from aerospike_sdk.sync import ClusterDefinition as SyncClusterDefinition

TITLE = "gets of every client on the embedded cluster: 16 threads, or 1,000 tasks"

THREADS, TASKS = 16, 1000
GETS, GETS_QUICK = 6_000, 1_000
"""Of one burst, shared out among threads or tasks."""

PAIRS, PAIRS_QUICK = 31, 2

KEY = ("test", "bench", 1)

Get: TypeAlias = Callable[[], Any]
Burst: TypeAlias = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Pair:
    """What wrapping costs a client.

    Attributes:
        name: the client, and how it is called.
        bare_us: wall time a get, in microseconds.
        wrapped_us: the same of the wrapped client.
        bare_cpu_us: processor time that this process spends on a get, in microseconds.
        wrapped_cpu_us: the same of the wrapped client.
        lost: the share of throughput that wrapping costs, by wall time: the median of the pairs of bursts.
        quartiles: of the same.
        lost_cpu: the same by processor time.
        cpu_quartiles: of the same.
        quiet: the same by processor time, of the quietest quarter of the bursts.
        noisy: whether other work disturbed the run too much for `lost` to be believed.
    """

    name: str
    bare_us: float
    wrapped_us: float
    bare_cpu_us: float
    wrapped_cpu_us: float
    lost: float
    quartiles: tuple[float, float]
    lost_cpu: float
    cpu_quartiles: tuple[float, float]
    quiet: float
    noisy: bool

    def __str__(self) -> str:
        low, high = self.quartiles
        cpu_low, cpu_high = self.cpu_quartiles
        return (
            f"{self.name:<24} {self.bare_us:>6.1f} {self.wrapped_us:>8.1f} "
            f"{self.bare_cpu_us:>9.1f} {self.wrapped_cpu_us:>8.1f}   "
            f"{self.lost:>6.1%} ({low:.1%} to {high:.1%})   "
            f"{self.lost_cpu:>6.1%} ({cpu_low:.1%} to {cpu_high:.1%})  {self.quiet:>6.1%}"
            + ("  TOO NOISY: run it again" if self.noisy else "")
        )


HEADER = (
    f"{'us a get':<24} {'bare':>6} {'wrapped':>8} {'bare cpu':>9} {'wrapped':>8}   lost, by wall time"
    f"{'by processor time':>29}{'quiet quarter':>20}"
)

NOISY = 0.08
"""How far apart the quartiles of the pairs may be. Undisturbed they are 1 to 4 points apart."""


def run(*, quick: bool) -> Iterator[Pair]:
    """Measure one client after the other."""
    gets, pairs = (GETS_QUICK, PAIRS_QUICK) if quick else (GETS, PAIRS)
    with _cluster() as cluster, ThreadPoolExecutor(THREADS) as pool, _loop() as loop:
        aerospike.client({"hosts": cluster.hosts}).put(KEY, {"n": 1})
        clients = _Clients(cluster, loop)
        for name, make, get in clients.blocking():
            bursts = [
                _threads(pool, get(client), gets // THREADS)
                for client in (make(), clients.wrap(make()))
            ]
            yield _pair(f"{name}, threads", *bursts, gets=gets // THREADS * THREADS, pairs=pairs)
        for name, make, get in clients.awaited():
            bursts = [
                _tasks(loop, get(client), gets // TASKS)
                for client in (make(), clients.wrap(make()))
            ]
            yield _pair(f"{name}, tasks", *bursts, gets=gets // TASKS * TASKS, pairs=pairs)


class _Clients:
    """Makes each client, and from one a function that gets the record."""

    def __init__(self, cluster: LocalCluster, loop: asyncio.AbstractEventLoop) -> None:
        self._cluster = cluster
        self._loop = loop

    def wrap(self, client: Any) -> Any:
        async def wrapped() -> Any:  # where the loop runs: an awaited client finds it so
            # A gate above the load: what is measured is what wrapping costs, not what waiting does.
            gate = {"max_concurrent_operations": 2048}
            return resilient(client, "throughput", overrides={"backpressure": gate})

        return _run(self._loop, wrapped())

    def _configured(self) -> Any:
        """Return a client whose own configuration is what the profile sends for a read."""
        hosts = self._cluster.hosts
        once = self.wrap(aerospike.client({"hosts": hosts}))
        sent = dict(once.resilience._engine.runtime.plans["get"].policy)
        once.close()
        policies = {"read": sent}
        return aerospike.client({"hosts": hosts, "max_conns_per_node": 600, "policies": policies})

    def blocking(self) -> list[tuple[str, Get, Callable[[Any], Get]]]:
        hosts, seeds, (host, port) = (
            self._cluster.hosts,
            self._cluster.seeds,
            self._cluster.hosts[0],
        )
        key, record = native.Key(*KEY), DataSet.of("test", "bench").id(1)
        return [
            (
                "aerospike",
                lambda: aerospike.client({"hosts": hosts, "max_conns_per_node": 600}),
                lambda client: lambda: client.get(KEY),
            ),
            (
                "aerospike, configured",
                self._configured,
                lambda client: lambda: client.get(KEY),
            ),
            (
                "aerospike-py",
                lambda: aerospike_py.client({"hosts": hosts}).connect(),
                lambda client: lambda: client.get(KEY),
            ),
            (
                "aerospike-native",
                lambda: native.new_client_blocking(native.ClientPolicy(), seeds),
                lambda client: lambda: client.get_blocking(key),
            ),
            (
                "aerospike-sdk",
                lambda: SyncClusterDefinition(host, port).connect(),
                lambda cluster: (lambda session: lambda: session.get(record))(
                    cluster.create_session()
                ),
            ),
        ]

    def awaited(self) -> list[tuple[str, Get, Callable[[Any], Get]]]:
        hosts, seeds, (host, port) = (
            self._cluster.hosts,
            self._cluster.seeds,
            self._cluster.hosts[0],
        )
        key, record = native.Key(*KEY), DataSet.of("test", "bench").id(1)

        async def py_client() -> Any:
            return await aerospike_py.AsyncClient({"hosts": hosts}).connect()

        async def native_client() -> Any:
            return await native.new_client(native.ClientPolicy(), seeds)

        async def sdk_cluster() -> Any:
            return await ClusterDefinition(host, port).connect()

        return [
            (
                "aerospike-py",
                lambda: _run(self._loop, py_client()),
                lambda client: lambda: client.get(KEY),
            ),
            (
                "aerospike-native",
                lambda: _run(self._loop, native_client()),
                lambda client: lambda: client.get(key),
            ),
            (
                "aerospike-sdk",
                lambda: _run(self._loop, sdk_cluster()),
                lambda cluster: (lambda session: lambda: session.get(record))(
                    cluster.create_session()
                ),
            ),
        ]


def _threads(pool: ThreadPoolExecutor, get: Get, each: int) -> Burst:
    def many() -> None:
        for _ in range(each):
            get()

    def burst() -> None:
        for done in [pool.submit(many) for _ in range(THREADS)]:
            done.result()

    return burst


def _tasks(loop: asyncio.AbstractEventLoop, get: Get, each: int) -> Burst:
    async def many() -> None:
        for _ in range(each):
            await get()

    async def all_of_them() -> None:
        await asyncio.gather(*(many() for _ in range(TASKS)))

    return lambda: _run(loop, all_of_them())


def _pair(name: str, bare: Burst, wrapped: Burst, *, gets: int, pairs: int) -> Pair:
    bursts = {"bare": bare, "wrapped": wrapped}
    wall: dict[str, list[float]] = {which: [] for which in bursts}
    cpu: dict[str, list[float]] = {which: [] for which in bursts}
    for burst in bursts.values():
        burst()  # connections, maps and caches
    gc.collect()
    for number in range(pairs):
        for which in sorted(bursts, reverse=bool(number % 2)):
            began, spent = time.perf_counter(), time.process_time()
            bursts[which]()
            wall[which].append((time.perf_counter() - began) / gets * 1e6)
            cpu[which].append((time.process_time() - spent) / gets * 1e6)
    low, lost, high = _lost(wall)
    cpu_low, lost_cpu, cpu_high = _lost(cpu)
    return Pair(
        name=name,
        bare_us=statistics.median(wall["bare"]),
        wrapped_us=statistics.median(wall["wrapped"]),
        bare_cpu_us=statistics.median(cpu["bare"]),
        wrapped_cpu_us=statistics.median(cpu["wrapped"]),
        lost=lost,
        quartiles=(low, high),
        lost_cpu=lost_cpu,
        cpu_quartiles=(cpu_low, cpu_high),
        quiet=1 - _quiet(cpu["bare"]) / _quiet(cpu["wrapped"]),
        noisy=high - low > NOISY,
    )


def _lost(samples: dict[str, list[float]]) -> list[float]:
    """Return the quartiles of what the pairs lost."""
    pairs = zip(samples["bare"], samples["wrapped"], strict=True)
    return statistics.quantiles([1 - bare / wrapped for bare, wrapped in pairs], n=4)


def _quiet(samples: list[float]) -> float:
    """Return the mean of the quietest quarter."""
    return statistics.mean(sorted(samples)[: max(len(samples) // 4, 1)])


def _run(loop: asyncio.AbstractEventLoop, coroutine: Any) -> Any:
    return asyncio.run_coroutine_threadsafe(coroutine, loop).result()


@contextmanager
def _loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


@contextmanager
def _cluster() -> Iterator[LocalCluster]:
    """Start the cluster on one core and stay on the others, where the system can tell them apart."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    apart = len(cores) > 1
    if apart:
        os.sched_setaffinity(0, cores[:1])  # what is started from here on stays there
    try:
        with LocalCluster(nodes=3, replication_factor=2) as cluster:
            cluster.wait_until_stable()
            if apart:
                os.sched_setaffinity(0, cores[1:])
            yield cluster
    finally:
        if apart:
            os.sched_setaffinity(0, cores)
