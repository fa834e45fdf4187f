"""The gate hands out a bounded number of permits, in order, and never loses one."""

from __future__ import annotations

import asyncio
import math
import threading
import time

import pytest

from aerospike_resilience.errors import BackpressureError
from aerospike_resilience.interceptors import Backpressure, Gate
from aerospike_resilience.interceptors.gate.queue import Waiter
from aerospike_resilience.interceptors.gate.semaphore import GateFullError
from tests import fakes
from tests.interceptors.gating import Caller, a_call, hold, lay_down, tasks_settle, waiting
from tests.waiting import until


def test_an_operation_holds_a_permit_while_it_runs():
    gate = Gate(2)

    result = Backpressure(gate).around(fakes.call(), lambda _call: gate.in_flight)

    assert (result, gate.in_flight) == (1, 0)


def test_a_full_gate_refuses_after_the_queue_timeout_and_says_why():
    gate = Gate(1, queue_timeout_s=0.01)
    hold(gate)

    with pytest.raises(BackpressureError, match="get was not sent: all 1 permits") as caught:
        Backpressure(gate).around(a_call(), lambda _call: None)

    error = caught.value
    assert (error.operation, error.limit, error.reason) == ("get", 1, "timeout")
    assert error.waited_s >= 0.01
    assert (gate.rejected["timeout"], gate.waiting) == (1, 0)


def test_the_deadline_ends_the_wait_when_it_comes_before_the_queue_timeout():
    gate = Gate(1, queue_timeout_s=60)
    hold(gate)

    with pytest.raises(BackpressureError) as caught:
        Backpressure(gate).around(a_call(deadline_s=0.01), lambda _call: None)

    assert caught.value.reason == "deadline"


def test_the_queue_timeout_is_for_all_attempts_of_an_operation_together():
    gate = Gate(1, queue_timeout_s=60)
    hold(gate)
    call = a_call()
    call.waited_s = 60.0  # its first attempt waited that long

    with pytest.raises(BackpressureError) as caught:
        Backpressure(gate).around(call, lambda _call: None)

    assert caught.value.reason == "timeout"
    assert caught.value.waited_s >= 60.0


def test_an_attempt_that_waited_has_less_time_than_its_operation():
    gate = Gate(1)
    hold(gate)
    call = a_call()
    began = call.now
    caller = waiting(gate, call)

    lay_down(gate)

    assert caller.end() == "done"
    assert call.tailored
    assert call.waited_s > 0
    assert call.now == pytest.approx(began + call.waited_s)


def test_an_attempt_that_did_not_wait_is_an_ordinary_one():
    call = a_call()

    Backpressure(Gate(1)).around(call, lambda _call: None)

    assert (call.tailored, call.waited_s) == (False, 0.0)


def test_sixty_four_waiters_are_served_in_order_of_arrival():
    gate = Gate(1)
    hold(gate)
    served: list[int] = []

    def around(number: int):
        def drive(call, proceed):
            def noted(call):
                served.append(number)
                return proceed(call)

            return Backpressure(gate).around(call, noted)

        return drive

    callers = [waiting(gate, around=around(number)) for number in range(64)]
    for caller in callers:
        caller.finish.set()
    lay_down(gate)
    for caller in callers:
        caller.end()

    assert served == list(range(64))


def test_a_waiter_is_served_while_others_keep_coming():
    """Newcomers do not overtake: sixty-four threads that never stop leave nobody standing."""
    gate = Gate(2)
    stop = threading.Event()
    served = [0] * 64

    def work(number: int) -> None:
        backpressure = Backpressure(gate)
        while not stop.is_set():
            backpressure.around(a_call(), lambda _call: time.sleep(0))
            served[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(64)]
    for thread in threads:
        thread.start()
    try:
        until(lambda: min(served))  # before, the first to be started have no others
        before = list(served)
        until(lambda: min(now - then for now, then in zip(served, before, strict=True)) >= 5)
        turns = [now - then for now, then in zip(served, before, strict=True)]
    finally:
        stop.set()
        for thread in threads:
            thread.join()

    assert max(turns) <= 20 * min(turns)


def test_a_release_wakes_one_waiter_and_no_other():
    gate = Gate(1)
    hold(gate)
    places = [Waiter() for _ in range(5)]
    woken: list[Waiter] = []

    def note(place: Waiter) -> bool:
        woken.append(place)
        return True

    threads = []
    for place in places:
        threads.append(threading.Thread(target=_wait_quietly, args=(gate, place), daemon=True))
        threads[-1].start()
        until(lambda place=place: place in gate._queue, pause_s=0.001)
        wake = place.wake
        place.wake = lambda place=place, wake=wake: note(place) and wake()

    lay_down(gate)

    assert woken == places[:1]
    gate.close()
    for thread in threads:
        thread.join(60)


def _wait_quietly(gate: Gate, place: Waiter) -> None:
    try:
        gate.wait(place, math.inf, time.monotonic())
    except GateFullError:
        return


def test_closing_turns_every_waiter_away_at_once():
    gate = Gate(1)
    hold(gate)
    callers = [waiting(gate) for _ in range(3)]

    gate.close()

    for caller in callers:
        caller.join(60)
        assert "the client is being closed" in str(caller.outcome)
        assert caller.outcome.reason == "closed"
    with pytest.raises(BackpressureError):
        Backpressure(gate).around(a_call(), lambda _call: None)


def test_a_closed_gate_lets_pass_who_need_not_wait():
    """Closing our side leaves the client usable, unprotected."""
    gate = Gate(1)
    gate.close()

    assert Backpressure(gate).around(a_call(), lambda _call: "sent") == "sent"


async def test_threads_and_tasks_share_one_gate():
    gate = Gate(1)
    hold(gate)
    task = asyncio.create_task(Backpressure(gate).around_async(a_call(), _answer))
    await tasks_settle()

    threading.Thread(target=lay_down, args=(gate,)).start()

    assert await asyncio.wait_for(task, 60) == "answer"
    assert gate.in_flight == 0


def test_tasks_of_several_loops_and_threads_share_one_gate():
    gate = Gate(3, queue_timeout_s=60)
    backpressure = Backpressure(gate)
    most = [0]

    async def attempt(_call) -> None:
        most[0] = max(most[0], gate.in_flight)
        await asyncio.sleep(0)

    async def many() -> None:
        await asyncio.gather(*(backpressure.around_async(a_call(), attempt) for _ in range(200)))

    def calls() -> None:
        for _ in range(200):
            backpressure.around(a_call(), lambda _call: time.sleep(0))

    threads = [threading.Thread(target=asyncio.run, args=(many(),)) for _ in range(3)]
    threads += [threading.Thread(target=calls) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert most[0] <= 3
    assert (gate.in_flight, gate.waiting, len(gate.permits)) == (0, 0, 3)


async def _answer(_call) -> str:
    return "answer"


async def test_a_task_is_refused_after_the_queue_timeout():
    gate = Gate(1, queue_timeout_s=0.01)
    hold(gate)

    with pytest.raises(BackpressureError) as caught:
        await Backpressure(gate).around_async(a_call(), _answer)

    assert caught.value.reason == "timeout"
    assert (gate.waiting, gate.in_flight) == (0, 1)


def test_shrinking_a_full_gate_never_blocks_and_drains():
    gate = Gate(4)
    hold(gate, 4)

    gate.resize(1, 0.0)
    in_flight = []
    for _ in range(4):
        in_flight.append(gate.in_flight)
        lay_down(gate)

    assert in_flight == [4, 3, 2, 1]
    assert (gate.in_flight, len(gate.permits), gate.debt) == (0, 1, 0)


def test_growing_serves_waiters_at_once():
    gate = Gate(1)
    hold(gate)
    caller = waiting(gate)

    gate.resize(2, 0.0)

    assert caller.inside.wait(60)
    caller.end()


def test_turning_the_gate_off_lets_everybody_who_waits_pass():
    gate = Gate(2)
    hold(gate, 2)
    callers = [waiting(gate) for _ in range(3)]

    gate.resize(0, 0.0)

    assert [caller.end() for caller in callers] == ["done"] * 3
    lay_down(gate, 2)
    assert (gate.in_flight, gate.debt, gate.permits) == (0, 0, [])


def test_a_gate_turned_off_and_on_again_has_its_permits():
    gate = Gate(2)
    hold(gate, 2)

    gate.resize(0, 0.0)
    gate.resize(3, 0.0)

    assert (gate.in_flight, len(gate.permits)) == (2, 1)


def test_the_newest_are_served_first_where_the_profile_says_lifo():
    gate = Gate(1, order="lifo")
    hold(gate)
    old, new = waiting(gate), waiting(gate)

    lay_down(gate)

    assert new.inside.wait(60)
    assert not old.inside.is_set()
    new.end()
    old.end()


def test_a_wait_is_told_once_it_is_over_and_only_if_there_was_one():
    gate = Gate(1, queue_timeout_s=60)
    told: list[str] = []
    gate.on_wait = lambda _seconds, outcome: told.append(outcome)
    Backpressure(gate).around(a_call(), lambda _call: None)
    assert told == []
    hold(gate)
    served = waiting(gate)
    lay_down(gate)
    served.end()
    hold(gate)
    turned_away = waiting(gate)
    gate.close()
    turned_away.join(60)

    assert told == ["granted", "closed"]
    assert gate.waited == 2


def test_a_caller_in_line_is_counted_as_waiting():
    gate = Gate(1)
    first = Caller(Backpressure(gate).around)
    first.start()
    first.inside.wait(60)
    second = waiting(gate)

    assert (gate.in_flight, gate.waiting) == (1, 1)
    first.end()
    second.end()
