"""Calls that the SDK sends together keep what holds for each: its deadline, its set, its `using()`."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from aerospike_sdk.exceptions import AerospikeError

from aerospike_resilience import deadline, resilient
from tests.conformance.surfaces import ClusterDefinition, DataSet
from tests.waiting import PATIENCE_S

SLOW = DataSet.of("test", "slow").id(1)
FAST = DataSet.of("test", "fast").id(1)
PATIENT = {"total_timeout": "60s", "socket_timeout": "10s", "max_retries": 0}
HURRIED = {"total_timeout": "80ms", "socket_timeout": "60ms", "max_retries": 0}

READS = {"policy": {"reads": PATIENT, "writes": PATIENT, "writes_non_retryable": PATIENT}}
BY_SET = {
    **READS,
    "sets": {"test.fast": {"reads": HURRIED, "writes": HURRIED, "writes_non_retryable": HURRIED}},
}
OPERATIONS = {
    "read": lambda session, key: session.get(key),
    "write": lambda session, key: session.put(key, {"n": 1}),
}


async def written(session, key):
    """Write a record: on a busy machine it takes longer at times than its set allows."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with contextlib.suppress(AerospikeError):
                return await session.put(key, {"n": 1})


@pytest.fixture
def together(healthy):
    """Makes calls of one turn of the event loop, and says how each ended."""

    def run(overrides, *calls):
        async def main():
            client = await ClusterDefinition(*healthy.hosts[0]).connect()
            wrapped = resilient(client, "latency", overrides=overrides)
            session = wrapped.create_session()
            await written(session, SLOW)
            await written(session, FAST)
            with healthy.inject(op="data", latency="1s"):
                ended = await asyncio.gather(
                    *(call(session, wrapped) for call in calls), return_exceptions=True
                )
            await client.close()
            return [isinstance(one, BaseException) for one in ended]

        return asyncio.run(main())

    yield run
    healthy.clear_faults()


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("order", [1, -1])
def test_a_deadline_is_that_of_its_own_task(together, operation, order):
    async def hurried(session, _wrapped):
        with deadline(0.05):
            return await OPERATIONS[operation](session, SLOW)

    async def patient(session, _wrapped):
        return await OPERATIONS[operation](session, SLOW)

    calls = [hurried, patient, patient][::order]

    assert together(READS, *calls) == [True, False, False][::order]


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("order", [1, -1])
def test_a_set_has_its_own_settings(together, operation, order):
    async def fast(session, _wrapped):
        return await OPERATIONS[operation](session, FAST)

    async def slow(session, _wrapped):
        return await OPERATIONS[operation](session, SLOW)

    calls = [fast, fast, slow, slow][::order]

    assert together(BY_SET, *calls) == [True, True, False, False][::order]


@pytest.mark.parametrize("order", [1, -1])
def test_a_using_block_is_that_of_its_own_task(together, order):
    async def hurried(session, wrapped):
        with wrapped.resilience.using(overrides={"policy": {"reads": HURRIED}}):
            return await session.get(SLOW)

    async def patient(session, _wrapped):
        return await session.get(SLOW)

    calls = [hurried, patient, hurried, patient][::order]

    assert together(READS, *calls) == [True, False, True, False][::order]
