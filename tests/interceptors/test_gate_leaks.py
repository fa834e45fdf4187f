"""Whatever ends an operation, its permits come home, and whoever waits for them gets them."""

from __future__ import annotations

import asyncio
import gc
import math
import os
import random
import threading
import time

import pytest

from aerospike_resilience.errors import BackpressureError
from aerospike_resilience.interceptors import Backpressure, Gate
from aerospike_resilience.interceptors.gate.backpressure import WeightedBackpressure
from aerospike_resilience.interceptors.gate.queue import Waiter
from tests.interceptors.gating import (
    FORMS,
    Caller,
    Chain,
    a_call,
    hold,
    lay_down,
    nothing,
    tasks_settle,
    waiting,
)
from tests.waiting import until


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_permits_come_home_after_any_exception(form, error):
    chain = Chain()

    def attempt(_call: object) -> None:
        raise error

    with pytest.raises(error):
        chain.around(chain.call(*FORMS[form]), attempt)

    chain.assert_all_home()


@pytest.mark.parametrize("form", FORMS)
def test_permits_come_home_after_an_exception_of_an_operation_that_had_waited(form):
    chain = Chain(limit=2)
    hold(chain.gate, 2)
    caller = waiting(chain.gate, chain.call(*FORMS[form]), chain.around)

    lay_down(chain.gate, 2)

    assert caller.end() == "done"
    chain.assert_all_home()


@pytest.mark.parametrize("form", FORMS)
def test_a_refused_operation_leaves_its_nodes_permits_behind(form):
    chain = Chain(limit=2, queue_timeout_s=0.005)
    hold(chain.gate, 2)

    with pytest.raises(BackpressureError):
        chain.around(chain.call(*FORMS[form]), lambda _call: None)

    assert [gate.in_flight for gate in chain.nodes.by_name.values()] == [0] * len(
        chain.nodes.by_name
    )
    lay_down(chain.gate, 2)
    chain.assert_all_home()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("full", [False, True], ids=["free", "full"])
async def test_permits_come_home_wherever_a_task_is_cancelled(form, full):
    """The task is cancelled after its first step, then a fresh one after its second, and so on."""
    chain = Chain(limit=2)

    async def attempt(_call: object) -> None:
        for _ in range(3):
            await asyncio.sleep(0)

    for steps in range(12):
        if full:
            hold(chain.gate, 2)
        task = asyncio.create_task(chain.around_async(chain.call(*FORMS[form]), attempt))
        for step in range(steps):
            await asyncio.sleep(0)
            if full and step == 2:
                lay_down(chain.gate, 2)
        task.cancel()
        if full and steps <= 2:
            lay_down(chain.gate, 2)
        await asyncio.gather(task, return_exceptions=True)
        chain.assert_all_home()


async def test_a_permit_granted_to_a_task_that_is_cancelled_goes_on_to_the_next():
    gate = Gate(1)
    hold(gate)
    first = asyncio.create_task(gate.wait_async(Waiter(), math.inf, time.monotonic()))
    second = asyncio.create_task(gate.wait_async(Waiter(), math.inf, time.monotonic()))
    await tasks_settle()

    lay_down(gate)
    first.cancel()

    await asyncio.wait_for(second, 60)
    assert first.cancelled()
    assert gate.in_flight == 1


async def test_a_task_cancelled_at_the_edge_of_its_queue_timeout_leaksnothing():
    gate = Gate(1, queue_timeout_s=0.002)
    backpressure = Backpressure(gate)
    chance = random.Random(1)

    async def attempt(_call: object) -> None:
        await asyncio.sleep(chance.random() * 0.004)

    async def one() -> None:
        task = asyncio.create_task(backpressure.around_async(a_call(), attempt))
        await asyncio.sleep(chance.random() * 0.006)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    await asyncio.gather(*(one() for _ in range(300)))

    assert (gate.in_flight, gate.waiting, len(gate.permits)) == (0, 0, 1)


def test_a_permit_is_not_given_to_a_task_whose_loop_was_closed():
    gate = Gate(1)
    hold(gate)
    loop = asyncio.new_event_loop()
    task = loop.create_task(gate.wait_async(Waiter(), math.inf, time.monotonic()))
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.close()
    alive = waiting(gate)

    lay_down(gate)

    assert alive.inside.wait(60)
    alive.end()
    assert gate.in_flight == 0
    task._log_destroy_pending = False
    task.get_coro().close()


def test_a_coroutine_under_way_that_is_thrown_away_lays_its_permits_down():
    chain = Chain()
    loop = asyncio.new_event_loop()

    async def attempt(_call: object) -> None:
        await asyncio.Event().wait()

    task = loop.create_task(chain.around_async(chain.call(*FORMS["a batch on two nodes"]), attempt))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    assert chain.gate.in_flight == 2

    task._log_destroy_pending = False
    del task
    gc.collect()

    chain.assert_all_home()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_operation_inside_which_the_process_forks_gives_the_child_no_permit_too_many():
    gate = Gate(2)

    def attempt(_call: object) -> int:
        pid = os.fork()
        if pid == 0:
            gate.after_fork()
        return pid

    pid = Backpressure(gate).around(a_call(), attempt)
    if pid == 0:
        os._exit(0 if (gate.in_flight, len(gate.permits)) == (0, 2) else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert gate.in_flight == 0


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_has_all_permits_home_though_batches_and_nodes_held_some():
    chain = Chain(limit=3)
    caller = waiting_inside(chain, chain.call(("A1", "A2"), 2))
    blocked = threading.Thread(target=chain.around, args=(chain.call((), 2), nothing), daemon=True)
    blocked.start()
    until(lambda: chain.gate.waiting == 1, pause_s=0.001)

    pid = os.fork()
    if pid == 0:
        for gate in chain.gates:
            gate.after_fork()
        try:
            chain.assert_all_home()
            chain.around(chain.call(("A1", "A2"), 3), nothing)
            chain.assert_all_home()
            os._exit(0)
        finally:
            os._exit(1)

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    caller.end()
    blocked.join(60)
    chain.assert_all_home()


def waiting_inside(chain: Chain, call):
    """Start a caller and return once its call is under way."""
    caller = Caller(chain.around, call)
    caller.start()
    assert caller.inside.wait(60)
    return caller


def test_closing_with_batches_and_nodes_waiting_turns_all_away_and_leaksnothing():
    chain = Chain(limit=2)
    holders = [waiting_inside(chain, chain.call(("A1",))) for _ in range(2)]
    at_gate = waiting(chain.gate, chain.call(("A2",), 2), chain.around)
    at_node = waiting(chain.nodes.gate("A1"), chain.call(("A1", "A2"), 2), chain.around)

    for gate in chain.gates:
        gate.close()

    for caller in (at_gate, at_node):
        caller.join(60)
        assert caller.outcome.reason == "closed"
    for holder in holders:
        holder.end()
    chain.assert_all_home()


def test_shrinking_while_a_batch_waits_for_more_than_is_left_lets_it_through():
    gate = Gate(4)
    hold(gate, 4)
    caller = waiting(gate, around=WeightedBackpressure(gate, lambda _call: 4).around)

    gate.resize(2, 0.0)
    lay_down(gate, 3)
    assert not caller.inside.is_set()
    lay_down(gate)

    assert caller.inside.wait(60)
    assert gate.in_flight == 2
    caller.end()
    assert (gate.in_flight, len(gate.permits)) == (0, 2)


def test_a_batch_that_holds_more_than_the_limit_that_shrank_pays_the_debt():
    gate = Gate(4)
    caller = waiting_at(gate, weight=3)

    gate.resize(1, 0.0)
    assert (gate.in_flight, gate.debt) == (3, 2)
    caller.end()

    assert (gate.in_flight, gate.debt, len(gate.permits)) == (0, 0, 1)


def waiting_at(gate: Gate, weight: int):
    caller = Caller(WeightedBackpressure(gate, lambda _call: weight).around)
    caller.start()
    assert caller.inside.wait(60)
    return caller
