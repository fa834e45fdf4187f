"""Awaited calls on the fused path behave as the bare client's do, and need no task while all is well."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect

import pytest

from tests.runtime.awaited_clients import (
    KEY,
    by_call,
    in_flight,
    in_loop,
    soon,
)


@by_call
@in_loop
async def test_a_success_needs_no_task(cluster, bare, client, call):
    before = asyncio.all_tasks()
    future = call(client)
    assert asyncio.all_tasks() == before
    assert not inspect.iscoroutine(future)
    await future
    assert asyncio.all_tasks() == before


@by_call
@in_loop
async def test_it_is_a_future_of_the_running_loop(cluster, bare, client, call):
    future = call(client)
    assert asyncio.isfuture(future)
    assert isinstance(future, asyncio.Future)
    assert future.get_loop() is asyncio.get_running_loop()
    assert not future.done()
    result = await future
    assert future.done()
    assert future.result() is result
    assert future.exception() is None
    assert await future is result


@by_call
@in_loop
async def test_everything_of_asyncio_takes_it(cluster, bare, client, call):
    await asyncio.gather(*(call(client) for _ in range(5)))
    done, _pending = await asyncio.wait([call(client), call(client)])
    assert len(done) == 2
    await asyncio.wait_for(call(client), 60)
    await asyncio.shield(call(client))
    async with asyncio.timeout(60):
        await call(client)
    for one in asyncio.as_completed([call(client), call(client)]):
        await one

    async def work():
        return await call(client)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work()) for _ in range(3)]
    assert all(task.result() for task in tasks)
    assert in_flight(client) == 0


@by_call
@in_loop
async def test_two_tasks_may_wait_for_one_call(cluster, bare, client, call):
    future, woken = call(client), []

    async def wait(name):
        woken.append((name, await future))

    await asyncio.gather(wait(1), wait(2), wait(3))
    assert [name for name, _result in sorted(woken, key=lambda one: one[0])] == [1, 2, 3]


@by_call
@in_loop
async def test_callbacks_run_in_their_own_context_and_may_be_removed(cluster, bare, client, call):
    variable, seen = contextvars.ContextVar("variable", default=0), []

    def told(name, future):
        seen.append((name, variable.get(), future.done()))

    future, told_never = call(client), functools.partial(told, "never")
    for number in (1, 2):
        variable.set(number)
        future.add_done_callback(functools.partial(told, number))
    future.add_done_callback(told_never)
    assert future.remove_done_callback(told_never) == 1
    variable.set(3)
    await future
    await soon(lambda: len(seen) == 2)
    future.add_done_callback(functools.partial(told, "late"))
    await soon(lambda: len(seen) == 3)
    assert seen == [(1, 1, True), (2, 2, True), ("late", 3, True)]


@in_loop
async def test_the_future_of_a_call_is_asyncios_own(cluster, bare, client):
    future, seen = client.exists(KEY), []
    assert type(future) is asyncio.Future
    future.add_done_callback(seen.append)
    assert future.remove_done_callback(seen.append) == 1
    await future
    await asyncio.sleep(0)
    assert not seen


@by_call
@pytest.mark.parametrize("times", [1, 3])
@in_loop
async def test_a_cancelled_call_frees_its_caller_at_once_and_its_permit_at_its_end(
    cluster, bare, client, call, times
):
    async def wait():
        await call(client)

    with cluster.inject(op="read", latency="1s"):
        for cancelled in (call(client), asyncio.ensure_future(wait())):
            await asyncio.sleep(0)
            assert cancelled.cancel()
            for _ in range(times - 1):
                cancelled.cancel()
            with pytest.raises(asyncio.CancelledError):
                await cancelled
            assert cancelled.cancelled()
        assert in_flight(client) == 2
        await soon(lambda: in_flight(client) == 0)


@by_call
@in_loop
async def test_a_timeout_of_the_application_leaves_the_request_its_permit(
    cluster, bare, client, call
):
    with cluster.inject(op="read", latency="1s"):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await call(client)
        assert in_flight(client) == 1
        await soon(lambda: in_flight(client) == 0)
