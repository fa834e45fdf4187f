"""Ambient deadlines: nested, shared, carried, and gone when their block ends."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import aerospike_py
import pytest

from aerospike_resilience import (
    DeadlineExceededError,
    ambient,
    carry,
    deadline,
    remaining,
    resilient,
)
from tests.conformance.surfaces import NativeAsync, PyAsyncClient
from tests.waiting import until


def test_nested_deadlines_only_shorten():
    with deadline(500.0):
        with deadline(6000.0):
            assert remaining() <= 500.0
        with deadline(100.0):
            assert remaining() <= 100.0
        assert 100.0 < remaining() <= 500.0

    assert remaining() is None


def test_nothing_is_left_behind_by_a_deadline(client):
    with deadline(500.0), client.resilience.using(idempotent=True), deadline(100.0):
        pass

    assert ambient.current() is None  # calls take the short way again


def test_one_deadline_serves_many_threads_at_once():
    limit, inside, seen = deadline(500.0), threading.Barrier(8), []

    def work():
        with limit:
            inside.wait(60)
            with limit:
                inside.wait(60)
            seen.append(remaining() is not None)
        seen.append(remaining() is None)

    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(work) for _ in range(8)]:
            future.result(60)

    assert seen == [True] * 16


async def test_one_deadline_serves_many_tasks_at_once():
    limit, inside = deadline(500.0), asyncio.Barrier(3)

    async def work():
        async with limit:
            await inside.wait()
            found = remaining()
        return found is not None and remaining() is None

    assert await asyncio.gather(*(work() for _ in range(3))) == [True] * 3


def test_a_deadline_is_carried_into_an_executor(client):
    def get():
        return client.get(("test", "deadline", 1))

    with ThreadPoolExecutor(1) as pool, deadline(0.0):
        with pytest.raises(DeadlineExceededError) as caught:
            pool.submit(carry(get)).result(60)
        assert pool.submit(remaining).result(60) is None

    assert isinstance(caught.value, TimeoutError)


@pytest.mark.parametrize("seconds", [1e9, 1e300])
def test_a_deadline_that_is_farther_off_than_clients_can_count_ends_nothing(
    healthy, connect, seconds
):
    unlimited = {"policy": {"all": {"total_timeout": 0, "socket_timeout": 0}}}
    plain = aerospike_py.client({"hosts": healthy.hosts}).connect()
    clients = [
        resilient(bare, "latency", overrides=unlimited) for bare in (connect(healthy), plain)
    ]
    key = ("test", "deadline", "far")
    clients[0].put(key, {"n": 1})

    with healthy.inject(op="get", latency="20ms"), deadline(seconds):
        assert [client.get(key)[2] for client in clients] == [{"n": 1}] * 2
    for client in clients:
        client.resilience.close()
    plain.close()


def test_no_deadline_lies_in_the_past():
    for wrong in (-1, float("nan")):
        with pytest.raises(ValueError, match="seconds from now"):
            deadline(wrong)


ASKING = {
    "aerospike-py": (PyAsyncClient, lambda client: client.ping()),
    "aerospike-native": (NativeAsync, lambda client: client.info_on_all_nodes("build")),
}


@pytest.mark.parametrize("way", ASKING.values(), ids=ASKING)
def test_a_deadline_ends_awaited_calls_that_take_no_timeout(cluster, way):
    surface_class, ask = way
    surface = surface_class(cluster)
    surface.open()

    async def asked():
        async with deadline(0.1):
            await ask(surface.client)

    cluster.stall("A2")
    with pytest.raises(DeadlineExceededError, match="no answer within"):
        surface.loop.run(asked())

    cluster.resume("A2")
    until(lambda: surface.resilience.snapshot()["gate"]["in_flight"] == 0)
    surface.close()
