"""`client.resilience.traffic()` measures the shape of a client's calls, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from contextlib import contextmanager

import aerospike
import aerospike_py
import pytest

from aerospike_resilience import Traffic, resilient
from aerospike_resilience.model.record_size import size_of
from aerospike_resilience.runtime.observing import TrafficObserver
from tests.patience import NEVER_LATE


@contextmanager
def calling(*calls):
    """Make calls in turn, each in a thread of its own, until the block ends."""
    ended = threading.Event()

    def work(call):
        for number in itertools.count():
            call(number)
            if ended.wait(0.002):
                return

    threads = [threading.Thread(target=work, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def test_rates_sizes_rows_concurrency_and_nodes_are_those_of_the_calls(healthy):
    bare = aerospike.client({"hosts": healthy.hosts})
    client = resilient(bare, "latency", overrides=NEVER_LATE)
    client.put(("test", "carts", 1), {"data": b"x" * 500})
    keys = [("test", "items", number) for number in range(7)]

    def in_another_profile(_number):
        with client.resilience.using("batch"):
            client.exists(("test", "carts", 1))

    lane = client.resilience._engine.runtime.lane
    assert lane.open
    with calling(
        lambda n: client.put(("test", "carts", n % 50), {"data": b"x" * 500}),
        lambda n: client.get(("test", "carts", 1)),
        lambda n: client.batch_read(keys),
        in_another_profile,
    ):
        found = client.resilience.traffic("2s")
    rows = {(one.operation, one.set): one for one in found.operations}

    assert rows.keys() == {
        ("put", "carts"),
        ("get", "carts"),
        ("batch_read", "items"),
        ("exists", "carts"),
    }
    assert all(one.namespace == "test" and one.rate_per_s > 1 for one in rows.values())
    assert rows["put", "carts"].writes
    assert not rows["get", "carts"].writes
    assert rows["put", "carts"].record_bytes == 500 + len("data")
    assert rows["get", "carts"].record_bytes == 500 + len("data")
    assert rows["batch_read", "items"].rows == 7
    assert 1 <= found.concurrency <= 4
    assert found.nodes
    assert all(0 < node.p50_ms <= node.p99_ms for node in found.nodes.values())
    assert (found.client, found.profile) == ("aerospike", "latency")
    assert Traffic.of(found.as_dict()) == found
    # Afterwards calls take the fused path again.
    assert client.resilience._engine.runtime.lane.open
    assert client.resilience._engine.shared.interceptors == ()
    client.close()


async def test_in_an_event_loop_it_is_called_in_a_thread(healthy):
    bare = aerospike_py.AsyncClient({"hosts": healthy.hosts})
    await bare.connect()
    client = resilient(bare, "latency", overrides=NEVER_LATE)
    with pytest.raises(RuntimeError, match=r"await asyncio\.to_thread"):
        client.resilience.traffic(0.1)
    observing = asyncio.create_task(asyncio.to_thread(client.resilience.traffic, 1.0))

    while not observing.done():
        await client.put(("test", "carts", 1), {"n": 1})
        await asyncio.sleep(0.002)

    found = await observing
    assert [(one.operation, one.set) for one in found.operations] == [("put", "carts")]
    await client.close()


@pytest.mark.parametrize("seconds", [0, -1, "fast", "5", True, None, 1e9])
def test_what_is_no_duration_is_refused(healthy, seconds):
    client = resilient(aerospike.client({"hosts": healthy.hosts}), "latency", overrides=NEVER_LATE)

    with pytest.raises(ValueError, match=r"unit|seconds|us, ms, s"):
        client.resilience.traffic(seconds)

    client.close()


def test_a_client_without_protection_has_no_traffic_to_observe(healthy):
    client = resilient(aerospike.client({"hosts": healthy.hosts}), "latency", overrides=NEVER_LATE)
    client.resilience.close()

    with pytest.raises(RuntimeError, match="has ended"):
        client.resilience.traffic(0.1)


def test_sizes_are_about_those_on_the_wire():
    assert size_of({"name": "Zoë", "n": 7, "list": [1, b"abc", None]}) == 4 + 4 + 1 + 8 + 4 + 8 + 3
    assert size_of((("test", "s", 1), {"gen": 1}, {"a": "b"})) == 2


def test_a_forked_child_observes_nothing(healthy):
    client = resilient(aerospike.client({"hosts": healthy.hosts}), "latency", overrides=NEVER_LATE)
    engine = client.resilience._engine
    observer = TrafficObserver(
        engine.shared.adapter, engine.shared.health.maps.owners, time.monotonic
    )

    with engine.observing(observer):
        client.put(("test", "carts", 1), {"n": 1})
        observer.after_fork()  # as in a child
        engine.after_fork()
        client.put(("test", "carts", 1), {"n": 1})
        assert engine.shared.interceptors == ()

    assert observer._calls.total() == 1
    client.close()
