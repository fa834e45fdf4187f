"""A call of `aerospike_native` begins when it is made, wrapped too, and is checked then."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import gc
import inspect
import time

import pytest

from aerospike_resilience import BackpressureError, CircuitOpenError, resilient
from aerospike_resilience.clients.aerospike_native import operations as table
from tests.conformance.surfaces import native
from tests.patience import NEVER_LATE
from tests.waiting import PATIENCE_S

KEY = native.Key("test", "begun", 1)


def in_loop(test):
    """Run a test in an event loop, with a bare and a wrapped client; no error may reach the loop."""

    @functools.wraps(test)
    def run(healthy, **kwargs):
        logged = []

        async def main():
            asyncio.get_running_loop().set_exception_handler(
                lambda _loop, context: logged.append(context)
            )
            bare = await native.new_client(native.ClientPolicy(), healthy.seeds)
            client = resilient(
                await native.new_client(native.ClientPolicy(), healthy.seeds),
                "latency",
                overrides=NEVER_LATE,
            )
            await client.put(KEY, {"n": 1})
            try:
                return await test(healthy, bare, client, **kwargs)
            finally:
                await client.close()
                await bare.close()

        asyncio.run(main())
        gc.collect()
        assert not logged

    more = list(inspect.signature(test).parameters)[3:]
    names = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in ("healthy", *more)]
    run.__signature__ = inspect.Signature(names)
    return run


async def isolated(cluster, client):
    """Isolate every node, and wait until that is known of the record's."""
    ends = time.monotonic() + PATIENCE_S
    while len(client.resilience.nodes) < len(cluster.nodes) and time.monotonic() < ends:
        await asyncio.sleep(0.01)
    for node in cluster.nodes:
        client.resilience.isolate(node.name)
    while time.monotonic() < ends:
        try:
            await client.get(KEY)
        except CircuitOpenError:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("no call was refused, though every node is isolated")


@in_loop
async def test_the_request_is_on_its_way_before_anything_is_awaited(cluster, bare, client):
    before = cluster.requests(op="read")
    future = client.get(KEY)
    ends = time.monotonic() + PATIENCE_S
    while cluster.requests(op="read") == before and time.monotonic() < ends:
        time.sleep(0.005)  # the event loop stands still
    assert cluster.requests(op="read") == before + 1
    assert (await future).bins == {"n": 1}


@in_loop
async def test_every_method_raises_at_the_call_what_the_client_raises_there(cluster, bare, client):
    async def where(one, name):
        try:
            future = getattr(one, name)(object(), object(), object())
        except Exception as error:
            return "at the call", type(error), str(error)
        try:
            await future
        except Exception as error:
            return "when awaited", type(error), str(error)
        return "right"

    for name, operation in table.OPERATIONS.items():
        if operation.awaited:
            assert await where(client, name) == await where(bare, name), name


@in_loop
async def test_our_own_refusals_come_when_awaited(cluster, bare, client):
    await isolated(cluster, client)
    future = client.get(KEY)
    with pytest.raises(CircuitOpenError):
        await future


@in_loop
async def test_a_refusal_that_nobody_awaits_is_the_callers_own_affair(cluster, bare, client):
    await isolated(cluster, client)
    future = client.get(KEY)
    await asyncio.wait([future])
    assert isinstance(future.exception(), CircuitOpenError)


@in_loop
async def test_a_result_is_a_future(cluster, bare, client):
    ours, theirs = client.get(KEY), bare.get(KEY)
    assert asyncio.isfuture(theirs)
    assert asyncio.isfuture(ours)
    assert not ours.done()
    results = await asyncio.gather(ours, theirs)
    assert results[0].bins == results[1].bins


@in_loop
async def test_the_task_that_calls_stays_the_current_one(cluster, bare, client):
    mine = asyncio.current_task()
    future = client.get(KEY)
    assert asyncio.current_task() is mine
    async with asyncio.timeout(5):
        await future
    assert asyncio.current_task() is mine


@in_loop
async def test_a_call_may_be_made_outside_of_any_task(cluster, bare, client):
    loop = asyncio.get_running_loop()
    made = loop.create_future()
    loop.call_soon(lambda: made.set_result(client.get(KEY)))
    assert (await (await made)).bins == {"n": 1}


@in_loop
async def test_context_variables_hold_for_the_whole_call(cluster, bare, client):
    variable = contextvars.ContextVar("variable", default=0)
    variable.set(1)
    future = client.get(KEY)
    variable.set(2)
    await future
    assert variable.get() == 2


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("ticks", [0, 1, 2])
@in_loop
async def test_cancelled_at_once_or_later_it_ends_as_cancelled(cluster, bare, client, times, ticks):
    with cluster.inject(op="read", latency="200ms"):
        for one in (bare, client):
            future = one.get(KEY)
            for _ in range(ticks):
                await asyncio.sleep(0)
            for _ in range(times):
                future.cancel()
            with pytest.raises(asyncio.CancelledError):
                await future
            assert future.cancelled()
    gate = client.resilience.snapshot
    ends = asyncio.get_running_loop().time() + PATIENCE_S
    while gate()["gate"]["in_flight"] and asyncio.get_running_loop().time() < ends:
        await asyncio.sleep(0.02)
    assert gate()["gate"]["in_flight"] == 0


@pytest.mark.parametrize("times", [1, 2, 3])
@in_loop
async def test_a_task_that_waits_for_it_may_be_cancelled_more_than_once(
    cluster, bare, client, times
):
    async def waiting(one):
        return await one.get(KEY)

    with cluster.inject(op="read", latency="200ms"):
        for one in (bare, client):
            task = asyncio.ensure_future(waiting(one))
            for _ in range(3):  # turns of the loop, until it waits
                await asyncio.sleep(0)
            for _ in range(times):
                task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
            assert task.cancelling() == times


@in_loop
async def test_nested_timeouts_of_one_length_end_as_they_do_bare(cluster, bare, client):
    async def nested(one):
        try:
            async with asyncio.timeout(0.03):
                async with asyncio.timeout(0.03):
                    await one.get(KEY)
        except TimeoutError:
            return "timed out"
        return "answered"

    with cluster.inject(op="read", latency="2s"):  # no busy machine is so late that both are due
        assert [await nested(one) for one in (bare, client)] == ["timed out"] * 2


@in_loop
async def test_a_call_that_waits_for_a_permit_begins_at_the_call_too(cluster, bare, client):
    def one_at_a_time(waits: str) -> dict[str, object]:
        gate = {"max_concurrent_operations": 1, "operation_queue_timeout": waits}
        return {**NEVER_LATE, "backpressure": gate}

    async def limited(waits: str) -> object:
        bare = await native.new_client(native.ClientPolicy(), cluster.seeds)
        return resilient(bare, "latency", overrides=one_at_a_time(waits))

    client = await limited("60s")
    await client.put(KEY, {"n": 1})
    calls = [client.get(KEY) for _ in range(20)]
    assert client.resilience.snapshot()["gate"]["in_flight"] == 1
    assert all(record.bins == {"n": 1} for record in await asyncio.gather(*calls))
    with pytest.raises(TypeError):
        client.get("no key")
    await client.close()
    client = await limited("1ms")
    with cluster.inject(op="read", latency="1s"):
        first, second = client.get(KEY), client.get(KEY)
        with pytest.raises(BackpressureError):
            await second
        await first
    await client.close()


def test_debug_mode_has_nothing_to_say(healthy):
    async def main():
        bare = await native.new_client(native.ClientPolicy(), healthy.seeds)
        client = resilient(bare, "latency", overrides=NEVER_LATE)
        await client.put(KEY, {"n": 1})
        for future in (client.get(KEY), client.exists(KEY), client.batch_exists([KEY])):
            repr(future)
            assert await future
        await client.close()

    asyncio.run(main(), debug=True)
