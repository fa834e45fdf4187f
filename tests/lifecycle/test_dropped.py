"""Dropped clients: all is free with the last reference, without the garbage collector."""

from __future__ import annotations

import asyncio
import gc
import weakref
from pathlib import Path

import aerospike
import aerospike_native as native
import aerospike_py
import pytest
from aerospike_sdk import Behavior, ClusterDefinition
from aerospike_sdk.sync import ClusterDefinition as SyncClusterDefinition

from aerospike_resilience import resilient
from tests.patience import NEVER_LATE
from tests.waiting import until

KEY = ("test", "dropped", 1)
ALL_ON = {
    **NEVER_LATE,
    "backpressure": {"limit": "adaptive", "max_per_node": 0.5, "batch_weight": "nodes"},
    "retry": {"in_doubt": "verify"},
    "telemetry": {"last_call": True},
}


def c_client(cluster, wrap):
    client = wrap(aerospike.client({"hosts": cluster.hosts}))
    client.put(KEY, {"n": 1})
    with pytest.raises(aerospike.exception.RecordNotFound):
        client.get(("test", "dropped", "missing"))
    list(client.query("test", "dropped").results())


def py_client(cluster, wrap):
    client = wrap(aerospike_py.client({"hosts": cluster.hosts})).connect()
    client.put(KEY, {"n": 1})


def py_async_client(cluster, wrap):
    async def main() -> None:
        client = await wrap(aerospike_py.AsyncClient({"hosts": cluster.hosts})).connect()
        await client.put(KEY, {"n": 1})

    asyncio.run(main())


def native_client(cluster, wrap):
    async def main() -> None:
        client = wrap(await native.new_client(native.ClientPolicy(), cluster.seeds))
        await client.exists(native.Key(*KEY))

    asyncio.run(main())


def sdk_cluster(cluster, wrap):
    async def main() -> None:
        client = wrap(await ClusterDefinition(*cluster.hosts[0]).connect())
        client.create_session()

    asyncio.run(main())


def sdk_blocking_cluster(cluster, wrap):
    wrap(SyncClusterDefinition(*cluster.hosts[0]).connect()).create_session()


USES = [c_client, py_client, py_async_client, native_client, sdk_cluster, sdk_blocking_cluster]


@pytest.mark.parametrize("use", USES, ids=lambda use: use.__name__)
@pytest.mark.parametrize("overrides", [NEVER_LATE, ALL_ON], ids=["latency", "all switched on"])
def test_a_dropped_client_is_freed_at_once(use, overrides, healthy):
    """The engine holds plans and chain. The health of the nodes holds the source, and that the client."""
    held: list[weakref.ref] = []

    def wrap(client):
        wrapped = resilient(client, "latency", overrides=overrides)
        engine = wrapped.resilience._engine
        health = engine.shared.health
        held.extend(weakref.ref(one) for one in (engine, health, health.source))
        return wrapped

    use(healthy, wrap)  # what is imported, cached and compiled at the first use
    gc.collect()
    gc.disable()
    try:
        held.clear()
        use(healthy, wrap)
        # A question on its way may hold them for a moment.
        until(lambda: [one() for one in held] == [None, None, None])
    finally:
        gc.enable()


def test_a_dropped_c_client_has_closed_its_sockets(healthy):
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    c_client(healthy, lambda client: resilient(client, "latency", overrides=NEVER_LATE))
    gc.collect()
    gc.disable()
    try:
        before = descriptors()
        for _ in range(5):
            c_client(healthy, lambda client: resilient(client, "latency", overrides=NEVER_LATE))
        until(lambda: descriptors() <= before + 2)
    finally:
        gc.enable()


def test_a_method_kept_alone_goes_on_as_the_bare_clients_does(healthy):
    get = resilient(aerospike.client({"hosts": healthy.hosts}), "latency", overrides=NEVER_LATE).get
    put = resilient(aerospike.client({"hosts": healthy.hosts}), "latency", overrides=NEVER_LATE).put
    put(KEY, {"n": 5})
    assert get(KEY)[2] == {"n": 5}


def behaviors() -> int:
    from aerospike_sdk.policy.behavior_registry import get_all_behaviors

    return len(get_all_behaviors()) + len(Behavior.DEFAULT.children)


def test_dropped_sessions_and_clusters_leave_no_behavior_behind(healthy):
    async def main() -> None:
        client = await ClusterDefinition(*healthy.hosts[0]).connect()
        before = behaviors()
        for _ in range(5):
            resilient(client.create_session(), "latency")
        until(lambda: behaviors() == before)
        await client.close()

    asyncio.run(main())
    before = behaviors()
    sdk_cluster(healthy, lambda client: resilient(client, "latency"))
    until(lambda: behaviors() == before)
