"""Calls of one tick cross together: each is a slot, and no task of ours stands behind it."""

from __future__ import annotations

import asyncio

import pytest
from aerospike_sdk import ClusterDefinition, DataSet
from aerospike_sdk.exceptions import AerospikeError

from aerospike_resilience import deadline, resilient
from tests.waiting import PATIENCE_S

RECORDS = DataSet.of("test", "sdk-windows")
PATIENT = {
    "policy": {"all": {"total_timeout": "60s", "socket_timeout": "20s"}},
    "retry": {"sleep": 0, "max_sleep": 0, "native_failover": 0},
    "breaker": {"max_error_rate": 10_000, "silence": "60s"},
    "adaptive_timeout": None,
}
MANY = 60


def run(healthy, test, **backpressure):
    async def main():
        overrides = {**PATIENT, "backpressure": backpressure} if backpressure else PATIENT
        cluster = await ClusterDefinition(*healthy.hosts[0]).connect()
        wrapped = resilient(cluster, "latency", overrides=overrides)
        session = wrapped.create_session()
        await asyncio.gather(*(session.put(RECORDS.id(n), {"n": n}) for n in range(MANY)))
        try:
            return await test(wrapped, session)
        finally:
            healthy.clear_faults()
            await wrapped.close()

    return asyncio.run(main())


def in_flight(client) -> int:
    return client.resilience.snapshot()["gate"]["in_flight"]


async def free(client) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while in_flight(client):
            await asyncio.sleep(0.005)


@pytest.fixture
def tasks():
    """Count the tasks that are made in the running loop."""
    made = []

    def count():
        def factory(loop, coroutine, **more):
            made.append(coroutine)
            return asyncio.Task(coroutine, loop=loop, **more)

        asyncio.get_running_loop().set_task_factory(factory)
        return made

    return count


def test_a_window_makes_no_task(healthy, tasks):
    async def test(client, session):
        health = client.resilience._engine.shared.health
        async with asyncio.timeout(PATIENCE_S):
            while not health.eventual:  # until then the policies for strong consistency count
                await asyncio.sleep(0.005)
        made = tasks()
        for _ in range(50):  # a busy machine makes a node suspect, and then calls take the chain
            made.clear()
            records = await asyncio.gather(*(session.get(RECORDS.id(n)) for n in range(MANY)))
            assert [record.bins["n"] for record in records] == list(range(MANY))
            await asyncio.gather(*(session.put(RECORDS.id(n), {"n": n}) for n in range(MANY)))
            many = await session.get_many([RECORDS.id(n) for n in range(MANY)])
            assert [record.bins["n"] for record in many] == list(range(MANY))
            written = await session.put_many([RECORDS.id(n) for n in range(MANY)], {"n": 0})
            assert written == [None] * MANY
            await asyncio.gather(*(session.put(RECORDS.id(n), {"n": n}) for n in range(MANY)))
            if len(made) == 3 * MANY:  # of `asyncio.gather`
                break
            await asyncio.sleep(0.1)
        assert len(made) == 3 * MANY
        assert in_flight(client) == 0

    run(healthy, test)


def test_a_window_larger_than_the_gate_is_served_in_parts(healthy):
    async def test(client, session):
        calls = [session.get(RECORDS.id(n)) for n in range(MANY)]
        records = await asyncio.gather(*calls)
        assert [record.bins["n"] for record in records] == list(range(MANY))
        many = await session.get_many([RECORDS.id(n) for n in range(MANY)])
        assert [record.bins["n"] for record in many] == list(range(MANY))
        assert in_flight(client) == 0
        assert client.resilience.snapshot()["gate"]["waited"] > 0

    run(healthy, test, max_concurrent_operations=7, operation_queue_timeout="30s")


def test_one_calls_failure_is_retried_alone_and_counted_once(healthy):
    async def test(client, session):
        budget = client.resilience._engine.shared.budget
        counted, sent = budget.operations, healthy.requests(op="read")
        with healthy.inject(op="read", code="DEVICE_OVERLOAD", count=1):
            records = await asyncio.gather(*(session.get(RECORDS.id(n)) for n in range(MANY)))
        assert [record.bins["n"] for record in records] == list(range(MANY))
        assert budget.operations == counted + MANY
        assert healthy.requests(op="read") == sent + MANY + 1
        assert in_flight(client) == 0

    run(healthy, test)


def test_misses_are_each_callers_own(healthy):
    async def test(client, session):
        numbers = [0, 404, 1, 405]
        ends = await asyncio.gather(
            *(session.get(RECORDS.id(n)) for n in numbers), return_exceptions=True
        )
        assert [isinstance(end, AerospikeError) for end in ends] == [False, True, False, True]
        many = await session.get_many([RECORDS.id(n) for n in numbers])
        assert [isinstance(end, AerospikeError) for end in many] == [False, True, False, True]
        assert in_flight(client) == 0

    run(healthy, test)


def test_a_caller_who_leaves_leaves_the_others_alone(healthy):
    async def test(client, session):
        with healthy.inject(op="read", latency="1s"):
            calls = [asyncio.ensure_future(session.get(RECORDS.id(n))) for n in range(8)]
            while in_flight(client) < 8:
                await asyncio.sleep(0.001)
            for call in calls[::2]:
                call.cancel()
            ends = await asyncio.gather(*calls, return_exceptions=True)
        assert [isinstance(end, asyncio.CancelledError) for end in ends] == [True, False] * 4
        await free(client)

    run(healthy, test)


def test_a_deadline_of_one_caller_is_no_other_callers(healthy):
    async def hurried(session):
        with deadline(0.05):
            return await session.get(RECORDS.id(1))

    async def test(client, session):
        with healthy.inject(op="read", latency="1s"):
            ends = await asyncio.gather(
                session.get(RECORDS.id(0)),
                *(hurried(session) for _ in range(3)),
                session.get(RECORDS.id(2)),
                return_exceptions=True,
            )
        assert [isinstance(end, Exception) for end in ends] == [False, True, True, True, False]
        await free(client)

    run(healthy, test)
