"""Lifecycle: closing waits for calls under way, and connecting waits for the cluster."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from contextlib import nullcontext, suppress
from datetime import timedelta

import pytest

from aerospike_resilience import (
    ClientClosedError,
    ClusterDefinition,
    ConnectError,
    SystemSettings,
    connect,
)
from aerospike_resilience.clients.connectors import connector
from aerospike_resilience.runtime.closing import ClosingRuntime
from aerospike_resilience.testing import LocalCluster
from tests.connection.conftest import defined, put_and_get
from tests.patience import NEVER_LATE
from tests.waiting import PATIENCE_S, until

PATIENT = {
    "policy": {
        "all": {"total_timeout": "30s"},
        **{
            scope: {"socket_timeout": "30s", "max_retries": 0}
            for scope in ("reads", "writes", "writes_retryable", "writes_non_retryable")
        },
    },
    "retry": {"sleep": "1ms", "max_sleep": "1ms"},
    "adaptive_timeout": None,
    "breaker": {"mode": "off"},
}


def put(kind, client):
    """Write one record; awaitable for awaited clients."""
    if kind.startswith("aerospike_sdk"):
        from aerospike_sdk import DataSet

        return client.create_session().put(DataSet.of("test", "drain").id(1), {"n": 1})
    if kind.startswith("aerospike_native"):
        import aerospike_native

        key = aerospike_native.Key("test", "drain", 1)
        write = client.put if kind.endswith(".async") else client.put_blocking
        return write(key, {"n": 1})
    return client.put(("test", "drain", 1), {"n": 1})


def test_close_with_a_drain_lets_calls_under_way_end(kind, spare):
    before = spare.requests("write")
    ended = []
    with spare.inject(op="write", latency="300ms"):
        if connector(kind).awaited:

            async def whole():
                client = await connect(defined(spare), kind, overrides=PATIENT)
                writer = asyncio.ensure_future(put(kind, client))
                while spare.requests("write") == before:
                    await asyncio.sleep(0.005)
                await client.close(drain="60s")
                assert writer.done()
                ended.append(await writer)

            asyncio.run(whole())
        else:
            client = connect(defined(spare), kind, overrides=PATIENT)
            thread = threading.Thread(target=lambda: ended.append(put(kind, client)))
            thread.start()
            until(lambda: spare.requests("write") > before)
            client.close(drain="60s")
            thread.join()
    assert len(ended) == 1


class Held:
    """An interceptor of the application's, in which a call stays under way until the test lets it go."""

    def __init__(self) -> None:
        self.entered, self.free = threading.Event(), threading.Event()

    def around(self, call, proceed):
        self.entered.set()
        assert self.free.wait(PATIENCE_S)
        return proceed(call)

    async def around_async(self, call, proceed):
        self.entered.set()
        await until_async(self.free.is_set)
        return await proceed(call)


async def until_async(condition):
    """Do as `until` does, in an event loop."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.005)


def test_while_a_client_drains_new_calls_are_refused(kind, healthy):
    """Those of any form: plain ones, and those in a block of `using()` that take another profile."""
    held = Held()
    options = {"overrides": PATIENT, "interceptors": [("before", "attempt", held)]}
    refused = 0

    def refusing(client):
        return isinstance(client.resilience._engine.runtime, ClosingRuntime)

    if connector(kind).awaited:

        async def whole():
            nonlocal refused
            client = await connect(defined(healthy), kind, **options)
            writer = asyncio.ensure_future(put(kind, client))
            await until_async(held.entered.is_set)
            closer = asyncio.ensure_future(client.close(drain="60s"))
            await until_async(lambda: refusing(client))
            for block in (nullcontext(), client.resilience.using("durable")):
                with block, pytest.raises(ClientClosedError):
                    await put(kind, client)
                refused += 1
            assert not closer.done()
            held.free.set()
            await asyncio.gather(writer, closer)

        asyncio.run(whole())
    else:
        client = connect(defined(healthy), kind, **options)
        writer = threading.Thread(target=lambda: put(kind, client))
        writer.start()
        until(held.entered.is_set)
        closer = threading.Thread(target=lambda: client.close(drain="60s"))
        closer.start()
        try:
            until(lambda: refusing(client))
            for block in (nullcontext(), client.resilience.using("durable")):
                with block, pytest.raises(ClientClosedError):
                    put(kind, client)
                refused += 1
            assert closer.is_alive()
        finally:
            held.free.set()
        writer.join()
        closer.join()
    assert refused == 2


def test_a_drain_ends_when_its_time_is_over(healthy):
    held = Held()
    interceptors = [("before", "attempt", held)]
    client = connect(defined(healthy), overrides=PATIENT, interceptors=interceptors)

    def write():
        with suppress(Exception):  # the client is closed by then
            put("aerospike", client)

    writer = threading.Thread(target=write)
    writer.start()
    until(held.entered.is_set)
    client.close(drain="50ms")
    assert writer.is_alive()
    held.free.set()
    writer.join()


def test_a_bad_drain_closes_nothing(healthy):
    with connect(defined(healthy), overrides=NEVER_LATE) as client:
        with pytest.raises(ValueError, match="no duration"):
            client.close(drain="soon")
        client.exists(("test", "drain", 1))


def test_a_client_that_was_closed_can_be_connected_and_closed_again(healthy):
    for kind in ("aerospike", "aerospike_py"):
        client = connect(defined(healthy), kind, overrides=NEVER_LATE)
        client.close()
        client.connect()
        assert put_and_get(kind)(client) == {"n": 1}
        assert not client.resilience._engine.closed
        client.close()
        assert client.resilience._engine.closed


def test_a_dropped_client_is_freed_at_once(healthy):
    gc.disable()
    try:
        client = connect(defined(healthy))
        gone = weakref.ref(client)
        bare = client.resilience._engine.shared.client
        del client
        assert gone() is None
        bare.close()
    finally:
        gc.enable()


@pytest.fixture(scope="module")
def away():
    """One node that is killed and started again."""
    with LocalCluster(nodes=1) as cluster:
        cluster.wait_until_stable()
        yield cluster


def test_a_client_that_must_not_fail_becomes_usable_when_the_cluster_does(kind, away):
    away.kill("A1")
    definition = (
        ClusterDefinition(*away.hosts[0])
        .fail_if_not_connected(False)
        .with_system_settings(SystemSettings(tend_interval=timedelta(milliseconds=250)))
    )
    with pytest.raises(ConnectError):
        connect(ClusterDefinition(*away.hosts[0]))

    def usable(client):
        try:
            return put_and_get(kind)(client)
        except Exception:
            return None

    if connector(kind).awaited:

        async def whole():
            client = await connect(definition, kind)

            async def usable_async():
                try:
                    return await put_and_get(kind)(client)
                except Exception:
                    return None

            assert await usable_async() is None
            away.restart("A1")
            while (found := await usable_async()) is None:
                await asyncio.sleep(0.05)
            await client.close()
            return found

        assert asyncio.run(whole()) == {"n": 1}
    else:
        with connect(definition, kind) as client:
            assert usable(client) is None
            away.restart("A1")
            assert until(lambda: usable(client), pause_s=0.05) == {"n": 1}


def test_closing_ends_connecting_in_the_background(nobody):
    definition = ClusterDefinition(*nobody).fail_if_not_connected(False)
    client = connect(definition, "aerospike_py")
    names = [thread.name for thread in threading.enumerate()]
    assert "aerospike-resilience-reconnect" in names
    client.close()
    until(
        lambda: (
            "aerospike-resilience-reconnect"
            not in [thread.name for thread in threading.enumerate()]
        )
    )


@pytest.mark.parametrize("kind", ["aerospike", "aerospike_native.async"])
def test_waiting_connects_once_the_cluster_has_started(kind, away, caplog):
    away.kill("A1")
    definition = ClusterDefinition(*away.hosts[0])
    said = threading.Event()

    def start():
        until(lambda: "waiting for the cluster: attempt 1 failed" in caplog.text)
        away.restart("A1")
        said.set()

    starter = threading.Thread(target=start)
    starter.start()
    if kind.endswith(".async"):

        async def whole():
            async with connect(
                definition, kind, wait="60s", name="carts", overrides=NEVER_LATE
            ) as client:
                return await put_and_get(kind)(client)

        assert asyncio.run(whole()) == {"n": 1}
    else:
        with connect(definition, kind, wait="60s", name="carts", overrides=NEVER_LATE) as client:
            assert put_and_get(kind)(client) == {"n": 1}
    starter.join()
    assert said.is_set()
    assert "client 'carts', profile 'latency': waiting for the cluster" in caplog.text
    assert "refused the connection" in caplog.text
