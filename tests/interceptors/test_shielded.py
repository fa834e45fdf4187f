"""Waiting for a future whose cancellation must not reach it, by both kinds of task that Python has."""

from __future__ import annotations

import asyncio
import asyncio.tasks
import contextvars
import gc

import pytest

from aerospike_resilience.interceptors.attempt.shielded import Shielded

TASKS = [asyncio.tasks._CTask, asyncio.tasks._PyTask]  # type: ignore[attr-defined]


@pytest.fixture(params=TASKS, ids=["C task", "Python task"])
def start(request):
    """Begin to wait for a future; return the task, which waits already."""

    async def start_(future: asyncio.Future) -> asyncio.Task:
        async def wait():
            return await Shielded(future)

        task = request.param(wait(), loop=asyncio.get_running_loop())
        await asyncio.sleep(0)
        return task

    return start_


async def test_the_answer_comes_through(start):
    future = asyncio.get_running_loop().create_future()
    task = await start(future)

    future.set_result("answer")

    assert await task == "answer"


async def test_an_answer_that_is_there_already_is_not_waited_for(start):
    future = asyncio.get_running_loop().create_future()
    future.set_result("answer")

    task = await start(future)

    assert task.result() == "answer"


async def test_an_error_comes_through(start):
    future = asyncio.get_running_loop().create_future()
    task = await start(future)

    future.set_exception(error := ValueError("no"))

    with pytest.raises(ValueError, match="no") as raised:
        await task
    assert raised.value is error


async def test_a_cancelled_task_leaves_the_future_alone(start):
    future = asyncio.get_running_loop().create_future()
    task = await start(future)

    task.cancel("enough")

    with pytest.raises(asyncio.CancelledError, match="enough"):
        await task
    assert not future.done()
    future.set_result("late")  # and nobody is woken twice


async def test_a_task_that_is_cancelled_before_it_waits_leaves_the_future_alone():
    future = asyncio.get_running_loop().create_future()

    async def wait():
        asyncio.current_task().cancel()
        await Shielded(future)

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(wait())
    assert not future.done()


async def test_a_task_cancelled_once_the_answer_is_there_is_cancelled_all_the_same(start):
    future = asyncio.get_running_loop().create_future()
    task = await start(future)

    future.set_result("answer")
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_futures_own_cancellation_comes_through(start):
    future = asyncio.get_running_loop().create_future()
    task = await start(future)

    future.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_error_that_comes_after_the_task_has_left_is_not_logged_as_lost(start):
    loop, told = asyncio.get_running_loop(), []
    loop.set_exception_handler(lambda _loop, context: told.append(context["message"]))
    future = loop.create_future()
    task = await start(future)
    task.cancel()
    await asyncio.wait([task])

    future.set_exception(ValueError("nobody waits"))
    await asyncio.sleep(0)
    del future, task
    gc.collect()

    assert told == []


async def test_a_timeout_ends_the_wait_and_not_the_future():
    future = asyncio.get_running_loop().create_future()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await Shielded(future)

    assert not future.done()


async def test_the_task_goes_on_in_its_own_context():
    variable = contextvars.ContextVar("variable", default="outside")
    future = asyncio.get_running_loop().create_future()

    async def wait():
        variable.set("inside")
        await Shielded(future)
        return variable.get()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(future.set_result, None)

    assert await task == "inside"
    assert variable.get() == "outside"


async def test_the_answer_needs_no_turn_of_the_event_loop_more_than_the_bare_future_does():
    """What `asyncio.shield` costs, and why this is not it."""
    loop, order = asyncio.get_running_loop(), []
    future = loop.create_future()

    async def wait(awaited, name):
        await awaited
        order.append(name)

    tasks = [
        asyncio.create_task(wait(asyncio.shield(future), "asyncio.shield")),
        asyncio.create_task(wait(Shielded(future), "shielded")),
        asyncio.create_task(wait(future, "bare")),
    ]
    await asyncio.sleep(0)
    future.set_result(None)
    await asyncio.sleep(0)

    assert order == ["shielded", "bare"]
    await asyncio.gather(*tasks)
