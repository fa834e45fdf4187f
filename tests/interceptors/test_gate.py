"""The gate hands out a bounded number of permits, in order, and never loses one."""

from __future__ import annotations

import asyncio
import math
import random
import threading
import time

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from aerospike_resilience.errors import BackpressureError
from aerospike_resilience.interceptors import Backpressure, Gate
from aerospike_resilience.interceptors.gate import GateFullError
from tests import fakes


def poll(condition, deadline_s: float = 5.0) -> None:
    until = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < until, "never came true"
        time.sleep(0.001)


def test_an_operation_holds_a_permit_while_it_runs():
    gate = Gate(2)

    result = Backpressure(gate).around(fakes.call(), lambda _call: gate.in_flight)

    assert (result, gate.in_flight) == (1, 0)


def test_a_permit_comes_home_after_an_exception():
    gate = Gate(1)

    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error):
            Backpressure(gate).around(fakes.call(), _raise(error))

    assert gate.in_flight == 0


def test_a_full_gate_refuses_after_the_queue_timeout_and_says_why():
    gate = Gate(1, queue_timeout_s=0.01)
    gate.permits.pop()
    call = fakes.call()
    call.now = time.monotonic()
    call.deadline = math.inf

    with pytest.raises(BackpressureError, match="get was not sent: all 1 permits") as caught:
        Backpressure(gate).around(call, lambda _call: None)

    error = caught.value
    assert (error.operation, error.limit, error.reason) == ("get", 1, "timeout")
    assert error.waited_s >= 0.01


def test_the_deadline_ends_the_wait_when_it_comes_before_the_queue_timeout():
    gate = Gate(1, queue_timeout_s=60)
    gate.permits.pop()
    now = time.monotonic()

    with pytest.raises(GateFullError) as caught:
        gate.wait(now + 0.01, now)

    assert caught.value.reason == "deadline"


def test_waiters_are_served_in_order_of_arrival():
    gate = Gate(1)
    gate.permits.pop()
    served: list[int] = []

    def wait(number: int) -> None:
        gate.wait(math.inf, time.monotonic())
        served.append(number)
        gate.permits.append(None)
        gate.settle()

    threads = []
    for number in range(8):
        threads.append(threading.Thread(target=wait, args=(number,), daemon=True))
        threads[-1].start()
        poll(lambda number=number: len(gate.waiters) == number + 1)
    gate.permits.append(None)
    gate.settle()
    for thread in threads:
        thread.join(5)

    assert served == list(range(8))


def test_closing_turns_every_waiter_away_at_once():
    gate = Gate(1)
    gate.permits.pop()
    reasons: list[str] = []

    def wait() -> None:
        try:
            gate.wait(math.inf, time.monotonic())
        except GateFullError as full:
            reasons.append(full.reason)

    threads = [threading.Thread(target=wait, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    poll(lambda: len(gate.waiters) == 3)
    gate.close()
    for thread in threads:
        thread.join(5)

    assert reasons == ["closed"] * 3
    with pytest.raises(GateFullError):
        gate.wait(math.inf, time.monotonic())


async def test_a_cancelled_waiter_leaves_the_queue():
    gate = Gate(1)
    gate.permits.pop()
    waiting = asyncio.create_task(gate.wait_async(math.inf, time.monotonic()))
    await asyncio.sleep(0)

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    gate.permits.append(None)
    gate.settle()
    assert (len(gate.waiters), gate.in_flight) == (0, 0)


async def test_a_permit_granted_to_a_task_that_is_cancelled_goes_on_to_the_next():
    gate = Gate(1)
    gate.permits.pop()
    first = asyncio.create_task(gate.wait_async(math.inf, time.monotonic()))
    second = asyncio.create_task(gate.wait_async(math.inf, time.monotonic()))
    await asyncio.sleep(0)

    gate.permits.append(None)
    gate.settle()
    first.cancel()

    await asyncio.wait_for(second, 5)
    assert first.cancelled()
    assert gate.in_flight == 1


async def test_threads_and_tasks_share_one_gate():
    gate = Gate(1)
    gate.permits.pop()
    waiting = asyncio.create_task(gate.wait_async(math.inf, time.monotonic()))
    await asyncio.sleep(0)

    def leave() -> None:
        gate.permits.append(None)
        gate.settle()

    threading.Thread(target=leave).start()

    await asyncio.wait_for(waiting, 5)
    assert gate.in_flight == 1


async def test_an_awaited_operation_holds_a_permit_and_returns_it_when_cancelled():
    gate = Gate(1)
    started = asyncio.Event()

    async def forever(_call: object) -> None:
        started.set()
        await asyncio.Event().wait()

    running = asyncio.create_task(Backpressure(gate).around_async(fakes.call(), forever))
    await started.wait()
    assert gate.in_flight == 1
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert gate.in_flight == 0


def test_shrinking_a_full_gate_never_blocks_and_drains():
    gate = Gate(4)
    for _ in range(4):
        gate.permits.pop()

    gate.resize(1, 0.0)
    in_flight = []
    for _ in range(4):
        in_flight.append(gate.in_flight)
        gate.permits.append(None)
        gate.settle()

    assert in_flight == [4, 3, 2, 1]
    assert (gate.in_flight, len(gate.permits), gate.debt) == (0, 1, 0)


def test_growing_serves_waiters_at_once():
    gate = Gate(1)
    gate.permits.pop()
    served = threading.Event()

    def wait() -> None:
        gate.wait(math.inf, time.monotonic())
        served.set()

    threading.Thread(target=wait, daemon=True).start()
    poll(lambda: len(gate.waiters) == 1)
    gate.resize(2, 0.0)

    assert served.wait(5)


def test_all_permits_are_home_after_threads_with_random_faults():
    gate = Gate(3, queue_timeout_s=0.001)
    backpressure = Backpressure(gate)

    def work(seed: int) -> None:
        chance = random.Random(seed)

        def attempt(_call: object) -> None:
            if chance.random() < 0.3:
                raise ValueError

        for _ in range(3000):
            call = fakes.call()
            call.now = time.monotonic()
            call.deadline = call.now + 0.002
            try:
                backpressure.around(call, attempt)
            except (ValueError, BackpressureError):
                continue

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    gate.resize(1, 0.001)
    gate.resize(5, 0.001)
    for thread in threads:
        thread.join()

    assert (gate.in_flight, len(gate.permits), len(gate.waiters)) == (0, 5, 0)


class GateMachine(RuleBasedStateMachine):
    """Any order of arrivals, departures, resizes: permits out never exceed what the limit allows."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = Gate(2)
        self.out = 0
        self.allowed = 2

    @rule()
    def arrive(self) -> None:
        try:
            self.gate.permits.pop()
        except IndexError:
            assert self.out >= self.gate.limit
        else:
            self.out += 1
        self.allowed = max(self.gate.limit, self.out)

    @rule()
    def leave(self) -> None:
        if self.out:
            self.out -= 1
            self.gate.permits.append(None)
            if self.gate.waiters or self.gate.debt:
                self.gate.settle()

    @rule(limit=st.integers(1, 6))
    def resize(self, limit: int) -> None:
        self.gate.resize(limit, 0.0)

    @invariant()
    def counts_agree(self) -> None:
        assert self.gate.in_flight == self.out
        assert len(self.gate.permits) == max(self.gate.limit - self.out, 0)


TestGateMachine = GateMachine.TestCase
TestGateMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def _raise(error: type[BaseException]):
    def attempt(_call: object) -> None:
        raise error

    return attempt
