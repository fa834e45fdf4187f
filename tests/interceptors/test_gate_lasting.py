"""The permits of a call that goes on without its caller come home at its true end, all of them."""

from __future__ import annotations

import asyncio
import gc
import os

import pytest

from aerospike_resilience import resilient
from aerospike_resilience.interceptors import Gate
from aerospike_resilience.model.stream import Stream
from tests.conformance.surfaces import Loop, native
from tests.interceptors.gating import hold, lay_down
from tests.waiting import until

PATIENT = {
    "policy": {"all": {"total_timeout": "20s", "socket_timeout": "20s"}},
    "adaptive_timeout": None,
    "breaker": {"mode": "off"},
}
KEYS = [("test", "lasting", number) for number in range(60)]


@pytest.fixture
def connected(healthy):
    """Connect and wrap a native client, in a loop of its own."""
    loop, clients = Loop(), []

    def connected_(**backpressure):
        async def wrapped():
            bare = await native.new_client(native.ClientPolicy(), healthy.seeds)
            return resilient(bare, overrides={**PATIENT, "backpressure": backpressure})

        client = loop.run(wrapped())
        clients.append(client)
        if "max_per_node" in backpressure or "batch_weight" in backpressure:
            until(lambda: client.resilience._engine.shared.health.maps.newest.namespaces)
        return client, loop

    yield connected_
    healthy.clear_faults()
    for client in clients:
        client.resilience.close()
        loop.run(close(client))
    loop.stop()


async def close(client) -> None:
    await client.close()


def out(client) -> tuple[int, list[int]]:
    """Permits that are out: of the gate for all operations, and of each node."""
    gate = client.resilience.snapshot()["gate"]
    return gate["in_flight"], [node["in_flight"] for node in gate["nodes"].values()]


async def cancelled(future, is_out) -> None:
    """Cancel a call once it holds its permits, and return when its caller is told so."""
    while not is_out():
        await asyncio.sleep(0.005)
    future.cancel()
    await asyncio.gather(future, return_exceptions=True)


def test_a_cancelled_batch_keeps_the_permits_of_every_node_it_touches(healthy, connected):
    client, loop = connected(
        max_concurrent_operations=8, batch_weight="nodes", max_per_node=2, operation_queue_timeout=0
    )
    rows = [native.Key(*key) for key in KEYS]

    async def run() -> tuple[int, list[int]]:
        batch = asyncio.ensure_future(client.batch_read(rows, None))
        await cancelled(batch, lambda: out(client) == (3, [1, 1, 1]))
        return out(client)

    with healthy.inject(op="batch", latency="2s"):
        assert loop.run(run()) == (3, [1, 1, 1])
        until(lambda: out(client) == (0, [0, 0, 0]))


def test_a_cancelled_batch_keeps_no_more_permits_than_it_held(healthy, connected):
    client, loop = connected(
        max_concurrent_operations=2, batch_weight="nodes", operation_queue_timeout=0
    )
    rows = [native.Key(*key) for key in KEYS]

    async def run() -> tuple[int, list[int]]:
        batch = asyncio.ensure_future(client.batch_read(rows, None))
        await cancelled(batch, lambda: out(client)[0] == 2)
        return out(client)

    with healthy.inject(op="batch", latency="2s"):
        assert loop.run(run())[0] == 2
        until(lambda: out(client)[0] == 0)


def test_the_next_call_of_the_node_waits_for_the_cancelled_one(healthy, connected):
    client, loop = connected(
        max_concurrent_operations=8, max_per_node=1, operation_queue_timeout="20ms"
    )
    key = native.Key(*KEYS[0])

    async def run() -> BaseException:
        first = asyncio.ensure_future(client.exists(key))
        await cancelled(first, lambda: out(client) == (1, [1]))
        (refused,) = await asyncio.gather(client.exists(key), return_exceptions=True)
        return refused

    with healthy.inject(op="exists", latency="2s"):
        refused = loop.run(run())

    assert "max_per_node" in str(refused)
    until(lambda: out(client) == (0, [0]))


def test_a_call_whose_loop_was_closed_gives_its_permits_back(healthy):
    """`asyncio.run()` cancels it at its end; the client has no loop left to tell when it is done."""
    clients, tasks = [], []

    async def leave() -> None:
        bare = await native.new_client(native.ClientPolicy(), healthy.seeds)
        gate = {"max_concurrent_operations": 4, "max_per_node": 2, "operation_queue_timeout": 0}
        client = resilient(bare, overrides={**PATIENT, "backpressure": gate})
        clients.append(client)
        while not client.resilience._engine.shared.health.maps.newest.namespaces:
            await asyncio.sleep(0.01)
        tasks.append(asyncio.ensure_future(client.exists(native.Key(*KEYS[0]))))
        while out(client) != (1, [1]):
            await asyncio.sleep(0.005)

    with healthy.inject(op="exists", latency="2s", count=1):
        asyncio.run(leave())
    (client,) = clients

    until(lambda: out(client) in ((0, [0]), (0, [])))
    client.resilience.close()
    client.close_blocking()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_stream_that_ends_in_a_forked_child_brings_it_no_permit_too_many():
    gate = Gate(2)
    stream = Stream(iter(()))
    hold(gate)
    restore = gate.withhold()
    stream.when_done(lambda _error: restore())
    lay_down(gate)
    assert gate.in_flight == 1

    pid = os.fork()
    if pid == 0:
        gate.after_fork()
        del stream
        gc.collect()
        os._exit(0 if (gate.in_flight, len(gate.permits)) == (0, 2) else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    del stream
    assert (gate.in_flight, gate.debt, len(gate.permits)) == (0, 0, 2)


class Leave:
    """Ways to leave a scan before its records have all come."""

    @staticmethod
    def dropped(stream) -> None:
        next(stream)

    @staticmethod
    def closed(stream) -> None:
        next(stream)
        stream.close()

    @staticmethod
    def finished(stream) -> None:
        assert len(list(stream)) >= len(KEYS)

    @staticmethod
    def failed(stream) -> None:
        def mistake(_record: object) -> None:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            list(map(mistake, stream))


@pytest.mark.parametrize("left", ["dropped", "closed", "finished", "failed"])
def test_a_scan_keeps_its_permit_until_its_iteration_ends_or_is_given_up(connected, left):
    client, _loop = connected(max_concurrent_operations=2, operation_queue_timeout=0)
    for key in KEYS:
        client.put_blocking(native.Key(*key), {"n": 1})

    stream = client.query_blocking(
        native.Statement("test", "lasting"), native.PartitionFilter.all()
    )
    held = out(client)[0]
    getattr(Leave, left)(stream)
    del stream
    gc.collect()

    assert held == 1
    assert out(client)[0] == 0


def test_an_awaited_scan_that_is_broken_off_gives_its_permit_back(connected):
    client, loop = connected(max_concurrent_operations=2, operation_queue_timeout=0)
    for key in KEYS:
        client.put_blocking(native.Key(*key), {"n": 1})

    async def run() -> int:
        statement = native.Statement("test", "lasting")
        async for _record in await client.query(statement, native.PartitionFilter.all()):
            return out(client)[0]
        return -1

    assert loop.run(run()) == 1
    until(lambda: out(client)[0] == 0)


@pytest.mark.parametrize("form", ["blocking", "awaited"])
def test_a_stream_of_rows_keeps_its_permit_until_it_is_dropped(connected, form):
    client, loop = connected(max_concurrent_operations=2, operation_queue_timeout=0)
    rows = [native.BatchReadOp(native.Key(*key)) for key in KEYS]

    async def streamed():
        return await client.batch_stream(rows)

    stream = client.batch_stream_blocking(rows) if form == "blocking" else loop.run(streamed())

    assert out(client)[0] == 1
    del stream
    gc.collect()
    until(lambda: out(client)[0] == 0)
