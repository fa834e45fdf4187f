"""Awaited calls on the fused path that fail, are left or are late, and what becomes of their permits."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import time

import pytest

from aerospike_resilience import RetryRules, deadline, resilient
from aerospike_resilience.concurrency.event_loop_lag import EventLoopLag, lag_of
from aerospike_resilience.runtime.fast.under_way import NativeCall
from tests.conformance.surfaces import native
from tests.runtime.awaited_clients import (
    CALLS,
    KEY,
    NOWHERE,
    PATIENT,
    by_call,
    connected,
    in_flight,
    in_loop,
    soon,
)


@in_loop
async def test_a_miss_is_handed_on_without_a_task(cluster, bare, client):
    before = asyncio.all_tasks()
    future = client.get(NOWHERE)
    (theirs,) = await asyncio.gather(bare.get(NOWHERE), return_exceptions=True)
    with pytest.raises(type(theirs)) as raised:
        await future
    assert str(raised.value).split("node")[0] == str(theirs).split("node")[0]
    assert asyncio.all_tasks() == before
    assert in_flight(client) == 0


@by_call
@in_loop
async def test_a_failed_attempt_is_retried_once_and_counted_once(cluster, bare, client, call):
    budget = client.resilience._engine.shared.budget
    counted, sent = budget.operations, cluster.requests(op="read")
    retried = client.resilience.snapshot()["retry"]["retries"]
    with cluster.inject(op="read", code="DEVICE_OVERLOAD", count=1):
        assert await call(client)
    assert budget.operations == counted + 1
    assert cluster.requests(op="read") == sent + 2
    assert client.resilience.snapshot()["retry"]["retries"] == retried + 1
    assert in_flight(client) == 0


@by_call
@in_loop
async def test_what_is_raised_in_the_end_tells_of_every_attempt(cluster, bare, client, call):
    with cluster.inject(op="read", code="DEVICE_OVERLOAD"):
        (error,) = await asyncio.gather(call(client), return_exceptions=True)
    assert isinstance(error, native.exceptions.ServerError | native.exceptions.AerospikeError)
    assert [attempt.number for attempt in error.attempts] == list(range(1, len(error.attempts) + 1))
    assert len(error.attempts) > 1
    assert "attempt 1" in error.__notes__[0]


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_no_permit_is_held_while_a_retry_sleeps(healthy, call):
    slow = {**PATIENT, "retry": {"sleep": "2s", "max_sleep": "2s", "native_failover": 0}}

    async def main():
        client = await connected(healthy, overrides=slow)
        await client.put(KEY, {"n": 1})
        with healthy.inject(op="read", code="DEVICE_OVERLOAD", count=1):
            future = call(client)
            asleep = client.resilience._engine.shared.closing
            await soon(lambda: asleep._tasks)
            held = in_flight(client)
            assert await future
        await client.close()
        return held

    assert asyncio.run(main()) == 0


@by_call
@in_loop
async def test_a_caller_who_leaves_ends_the_retries(cluster, bare, client, call):
    slow = {**PATIENT, "retry": {"sleep": "20s", "max_sleep": "20s", "native_failover": 0}}
    client = await connected(cluster, overrides=slow)
    with cluster.inject(op="read", code="DEVICE_OVERLOAD"):
        future, asleep = call(client), client.resilience._engine.shared.closing
        await soon(lambda: asleep._tasks)
        sent = cluster.requests(op="read")
        future.cancel()
        await soon(lambda: not asleep._tasks)
        with pytest.raises(asyncio.CancelledError):
            await future
    assert cluster.requests(op="read") == sent
    await client.close()


def test_a_retry_runs_in_the_context_of_its_caller(healthy):
    variable, seen = contextvars.ContextVar("variable", default="outside"), []

    def wait(_state):
        seen.append(variable.get())
        return 0.0

    async def main():
        client = await connected(healthy, retry=RetryRules(wait=wait))
        await client.put(KEY, {"n": 1})
        for name, call in CALLS.items():
            with healthy.inject(op="read", code="DEVICE_OVERLOAD", count=1):
                variable.set(name)
                future = call(client)
                variable.set("later")
                await future
        await client.close()

    asyncio.run(main())
    assert seen == list(CALLS)


@in_loop
async def test_what_the_client_raises_at_the_call_is_raised_at_the_call(cluster, bare, client):
    for name, args in (
        *(("get", ("no key",)), ("get", ()), ("get", (KEY, 5)), ("put", (KEY, {"n": object()}))),
        *(("put", (KEY,)), ("exists", (5,)), ("exists", ()), ("add", (KEY, 5)), ("get", (None,))),
    ):
        told = []
        for one in (bare, client):
            with pytest.raises((TypeError, ValueError)) as raised:
                getattr(one, name)(*args)
            told.append((type(raised.value), str(raised.value)))
        assert told[0] == told[1], (name, args)
    assert in_flight(client) == 0


def test_a_call_that_nobody_awaits_gives_its_permit_back(healthy):
    async def main():
        client = await connected(healthy)
        for call in CALLS.values():
            call(client)
        await soon(lambda: in_flight(client) == 0)
        await client.close()

    asyncio.run(main())


def test_a_failure_that_nobody_awaits_is_logged_as_the_bare_clients_is(healthy):
    async def left(wrapped):
        logged = []
        asyncio.get_running_loop().set_exception_handler(
            lambda _loop, context: logged.append(context["message"])
        )
        bare = await native.new_client(native.ClientPolicy(), healthy.seeds)
        client = resilient(bare, "latency", overrides=PATIENT) if wrapped else bare
        future = client.get(NOWHERE)
        await asyncio.wait([future])
        del future
        gc.collect()
        await client.close()
        return logged

    assert asyncio.run(left(wrapped=True)) == asyncio.run(left(wrapped=False))


def test_calls_whose_loop_was_closed_give_their_permits_back(healthy):
    clients = []

    async def leave():
        client = await connected(healthy)
        clients.append(client)
        for call in CALLS.values():
            call(client)
        assert in_flight(client) == 2

    with healthy.inject(op="read", latency="1s"):
        asyncio.run(leave())
        (client,) = clients
        client.resilience._engine.shared.under_way.tend()
        assert in_flight(client) == 0
    asyncio.run(again(client))
    client.resilience.close()
    client.close_blocking()


async def again(client):
    """Nothing of the old event loop is used in a new one."""
    with contextlib.suppress(Exception):  # the client itself is bound to its first loop
        await client.exists(KEY)


@in_loop
async def test_a_deadline_of_the_caller_holds(cluster, bare, client):
    with cluster.inject(op="read", latency="5s"), deadline(0.05):
        for call in CALLS.values():
            with pytest.raises((TimeoutError, native.exceptions.TimeoutError)):
                await call(client)
    await soon(lambda: in_flight(client) == 0)


@in_loop
async def test_a_client_without_the_private_way_is_called_by_its_own_methods(cluster, bare, client):
    adapter = client.resilience._engine.shared.adapter

    class Without:
        def __getattr__(self, name):
            if name.startswith("_submit"):
                raise AttributeError(name)
            return getattr(bare, name)

    for name in ("get", "put"):
        assert adapter.slot_sender(bare, adapter.operations[name]) is not None
        assert adapter.slot_sender(Without(), adapter.operations[name]) is None
    assert adapter.slot_sender(bare, adapter.operations["exists"]) is None


@in_loop
async def test_successes_leave_no_garbage_and_no_memory(cluster, bare, client):
    async def many():
        for _ in range(20):
            await asyncio.gather(*(call(client) for call in CALLS.values() for _ in range(25)))

    await many()
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        await many()
        found = gc.collect()
        grown = len(gc.get_objects()) - before
    finally:
        gc.enable()
    # The client itself keeps the last futures that it completed together.
    assert len([one for one in gc.get_objects() if isinstance(one, NativeCall)]) <= 25
    assert found < 200  # of 1,000 calls; what asyncio.gather makes is not ours
    assert grown < 200


@in_loop
async def test_a_late_event_loop_is_held_against_no_node(cluster, bare, client):
    """The answer has come long before the loop gets round to it."""
    hurried = await connected(cluster, overrides={"breaker": {"silence": "20s"}})
    await soon(lambda: hurried.resilience.nodes and hurried.resilience._engine.shared.health.calm)
    health = hurried.resilience._engine.shared.health
    for call in CALLS.values():
        await asyncio.sleep(0.01)
        future = call(hurried)
        time.sleep(0.15)  # longer than any socket timeout of a read
        await future
    assert [node.left_early for node in health.nodes()] == [0, 0, 0]
    await hurried.close()


async def test_lag_is_how_late_the_loop_is():
    loop = asyncio.get_running_loop()
    lag = EventLoopLag(loop)
    began_s = lag.begin()
    assert lag.late_after > loop.time()
    time.sleep(0.05)
    assert lag.since(began_s) > 0.03  # a tick is overdue
    assert loop.time() > lag.late_after
    await soon(lambda: lag.total_s > 0.03)
    assert loop.time() > lag.late_after  # remembered for a while
    lag.end()
    await soon(lambda: not lag.ticking)


async def test_each_loop_has_its_own_lag():
    assert lag_of(asyncio.get_running_loop()) is lag_of(asyncio.get_running_loop())
    other = asyncio.new_event_loop()
    assert lag_of(other) is not lag_of(asyncio.get_running_loop())
    other.close()


@in_loop
async def test_reads_are_not_hurried_while_the_loop_is_late(cluster, bare, client):
    hurried = await connected(cluster, overrides=None)
    plan = hurried.resilience._engine.runtime.plans["get"]
    assert plan.policy.socket_timeout < plan.patient.socket_timeout
    assert plan.patient.socket_timeout == 125
    assert plan.patient.total_timeout == 250
    assert plan.patient_early_s > plan.early_s
    await hurried.close()
