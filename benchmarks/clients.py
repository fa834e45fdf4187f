"""Every client on the embedded cluster, bare and wrapped: 16 threads, or 1,000 tasks."""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aerospike_resilience import resilient
from aerospike_resilience.testing import LocalCluster

from .harness import Case

os.environ.setdefault("AEROSPIKE_NO_UVLOOP", "1")

import aerospike
import aerospike_native as native
import aerospike_py
from aerospike_sdk import ClusterDefinition, DataSet
from aerospike_sdk.sync import ClusterDefinition as SyncClusterDefinition

TITLE = "gets of every client on the embedded cluster: 16 threads (64 each), or 1,000 tasks"

THREADS, EACH, TASKS = 16, 64, 1000

KEY = ("test", "bench", 1)


def cases() -> list[Case]:
    """Return the cases, a bare client and then the same wrapped."""
    cluster = LocalCluster(nodes=3, replication_factor=2).start()
    atexit.register(cluster.stop)
    cluster.wait_until_stable()
    pool = ThreadPoolExecutor(THREADS)
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    host, port = cluster.hosts[0]
    key, record = native.Key(*KEY), DataSet.of("test", "bench").id(1)

    def threads(get: Callable[[], Any]) -> Callable[[], None]:
        def many() -> None:
            for _ in range(EACH):
                get()

        def burst() -> None:
            for done in [pool.submit(many) for _ in range(THREADS)]:
                done.result()

        return burst

    def run(coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result()

    def tasks(get: Callable[[], Any]) -> Callable[[], None]:
        async def many() -> None:
            await asyncio.gather(*(get() for _ in range(TASKS)))

        return lambda: run(many())

    async def wrap(client: Any) -> Any:
        # A gate above the load: what is measured is what wrapping costs, not what waiting does.
        return resilient(
            client, "throughput", overrides={"backpressure": {"max_concurrent_operations": 2048}}
        )

    def wrapped(client: Any) -> Any:
        return run(wrap(client))

    def c_client() -> Any:
        return aerospike.client({"hosts": cluster.hosts, "max_conns_per_node": 600})

    def py_client() -> Any:
        return aerospike_py.client({"hosts": cluster.hosts}).connect()

    async def py_async() -> Any:
        return await aerospike_py.AsyncClient({"hosts": cluster.hosts}).connect()

    async def native_client() -> Any:
        return await native.new_client(native.ClientPolicy(), cluster.seeds)

    async def sdk_cluster() -> Any:
        return await ClusterDefinition(host, port).connect()

    def sync_cluster() -> Any:
        return SyncClusterDefinition(host, port).connect()

    c_client().put(KEY, {"n": 1})
    blocking: list[tuple[str, Any, Callable[[Any], Callable[[], Any]]]] = [
        ("aerospike", c_client, lambda c: lambda: c.get(KEY)),
        ("aerospike-py", py_client, lambda c: lambda: c.get(KEY)),
        (
            "aerospike-native, blocking",
            lambda: native.new_client_blocking(native.ClientPolicy(), cluster.seeds),
            lambda c: lambda: c.get_blocking(key),
        ),
        (
            "aerospike-sdk, blocking",
            sync_cluster,
            lambda c: (lambda session: lambda: session.get(record))(c.create_session()),
        ),
    ]
    awaited: list[tuple[str, Any, Callable[[Any], Callable[[], Any]]]] = [
        ("aerospike-py, async", py_async, lambda c: lambda: c.get(KEY)),
        ("aerospike-native", native_client, lambda c: lambda: c.get(key)),
        (
            "aerospike-sdk",
            sdk_cluster,
            lambda c: (lambda session: lambda: session.get(record))(c.create_session()),
        ),
    ]
    found = []
    for name, make, get in blocking:
        found.append(Case(name, threads(get(make()))))
        found.append(Case(f"resilient({name})", threads(get(wrapped(make())))))
    for name, make, get in awaited:
        found.append(Case(name, tasks(get(run(make())))))
        found.append(Case(f"resilient({name})", tasks(get(wrapped(run(make()))))))
    return found


def verdict(ns: dict[str, float]) -> list[str]:
    """Return what wrapping costs each client."""
    return [
        f"wrapping costs {name} {1 - ns[name] / ns[f'resilient({name})']:.1%} of its throughput"
        for name in ns
        if not name.startswith("resilient(")
    ]
