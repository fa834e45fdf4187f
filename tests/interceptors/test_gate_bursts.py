"""A burst that can be served is served; a queue that stands, or does not move, is refused in time."""

from __future__ import annotations

import asyncio
import time

import pytest

from aerospike_resilience.interceptors import Gate
from aerospike_resilience.interceptors.gate.patience import LATE_S, Patience, waits_until
from aerospike_resilience.interceptors.gate.queue import Waiter
from aerospike_resilience.profiles import PolicyLibrary
from benchmarks.at_load.surfaces import Wanted, connect_async
from tests import fakes

QUEUE_S, TOTAL_S = 0.05, 0.25


@pytest.fixture
def clock():
    return fakes.FakeClock()


class Queue:
    """A full gate with one permit, and those who wait at it."""

    def __init__(self, clock):
        self.clock = clock
        self.gate = Gate(1, QUEUE_S, clock=clock)
        self.gate.permits.pop()

    def join(self) -> tuple[Waiter, Patience]:
        waiter, now = Waiter(), self.clock()
        waiter.wake = lambda: True
        assert not self.gate._enter(waiter, now)
        return waiter, Patience(now, now + QUEUE_S, now + TOTAL_S, self.gate._granted)

    def serve_one(self) -> None:
        self.gate.permits.append(None)
        self.gate.settle()
        self.gate.permits[:] = []  # whoever was served is done, and its permit goes to a latecomer

    def waits_on(self, waiter: Waiter, patience: Patience) -> bool:
        return self.gate._waits_on(waiter, patience)


def test_a_queue_that_moves_is_waited_in_beyond_the_queue_timeout(clock):
    queue = Queue(clock)
    queue.join()
    waiter, patience = queue.join()
    clock.pass_s(QUEUE_S + 0.001)
    queue.serve_one()

    assert queue.waits_on(waiter, patience)
    assert patience.ends == pytest.approx(clock() + QUEUE_S)


def test_a_queue_that_does_not_move_is_left_at_the_queue_timeout(clock):
    queue = Queue(clock)
    queue.join()
    waiter, patience = queue.join()
    clock.pass_s(QUEUE_S + 0.001)

    assert not queue.waits_on(waiter, patience)


def test_a_queue_must_go_on_moving(clock):
    queue = Queue(clock)
    queue.join()
    waiter, patience = queue.join()
    clock.pass_s(QUEUE_S + 0.001)
    queue.serve_one()
    assert queue.waits_on(waiter, patience)
    clock.pass_s(QUEUE_S + 0.001)

    assert not queue.waits_on(waiter, patience)


def test_who_waited_before_an_earlier_attempt_waits_on_in_a_queue_that_moves(clock):
    queue = Queue(clock)
    queue.join()
    queue.serve_one()
    clock.pass_s(0.02)
    queue.join()
    waiter, patience = queue.join()
    patience.ends = patience.entered  # nothing is left of its queue timeout
    clock.pass_s(0.002)

    assert queue.waits_on(waiter, patience)
    clock.pass_s(QUEUE_S)
    patience.ends = clock()
    assert not queue.waits_on(waiter, patience)


def test_a_wait_in_a_queue_that_moved_is_not_held_against_a_later_attempt(clock):
    left_s = [
        waits_until(QUEUE_S, clock() + TOTAL_S, clock(), already_s)[0] - clock()
        for already_s in (0.0, 0.4 * QUEUE_S, 3 * QUEUE_S)
    ]
    assert left_s == pytest.approx([QUEUE_S, 0.6 * QUEUE_S, QUEUE_S])


def test_a_queue_that_stands_for_longer_than_an_operation_may_take_is_an_overload(clock):
    queue = Queue(clock)
    for _ in range(20):
        queue.join()
    for _ in range(6):
        clock.pass_s(QUEUE_S + 0.001)
        queue.serve_one()
    waiter, patience = queue.join()
    clock.pass_s(QUEUE_S + 0.001)
    queue.serve_one()

    assert not queue.waits_on(waiter, patience)


def test_a_queue_that_was_empty_meanwhile_is_a_new_one(clock):
    queue = Queue(clock)
    queue.join()
    clock.pass_s(10 * TOTAL_S)
    queue.serve_one()
    queue.join()
    waiter, patience = queue.join()
    clock.pass_s(QUEUE_S + 0.001)
    queue.serve_one()

    assert queue.waits_on(waiter, patience)


def test_time_in_which_our_own_process_was_held_up_is_not_held_against_the_queue(clock):
    queue = Queue(clock)
    queue.join()
    waiter, patience = queue.join()
    clock.pass_s(QUEUE_S + 2 * LATE_S)

    assert queue.waits_on(waiter, patience)
    clock.pass_s(2 * LATE_S)
    assert not queue.waits_on(waiter, patience)


def test_the_lag_of_the_event_loop_is_not_held_against_the_queue(clock):
    queue = Queue(clock)
    queue.join()
    waiter, patience = queue.join()
    patience.lag_s = QUEUE_S
    clock.pass_s(2 * QUEUE_S - 0.001)

    assert patience.next_look > clock()
    assert queue.waits_on(waiter, patience)
    clock.pass_s(0.002)
    assert not queue.waits_on(waiter, patience)


def test_the_lag_of_the_event_loop_leaves_time_for_the_answer(clock):
    queue = Queue(clock)
    queue.join()
    waiter, patience = queue.join()
    patience.lag_s = 10 * TOTAL_S
    queue.serve_one()

    assert patience.next_look == pytest.approx(clock() + 0.8 * TOTAL_S)
    clock.pass_s(0.79 * TOTAL_S)
    assert queue.waits_on(waiter, patience)
    clock.pass_s(0.02 * TOTAL_S)
    assert not queue.waits_on(waiter, patience)


async def test_one_timer_looks_after_all_that_wait_in_an_event_loop(monkeypatch):
    loop, timers = asyncio.get_running_loop(), []
    call_later = loop.call_later

    def counted(delay, callback, *args, **more):
        timers.append(callback)
        return call_later(delay, callback, *args, **more)

    monkeypatch.setattr(loop, "call_later", counted)
    gate = Gate(1, 20.0)
    gate.permits.pop()
    waiters = [Waiter() for _ in range(50)]
    now = time.monotonic()
    tasks = [asyncio.ensure_future(gate.wait_async(waiter, now + 60.0, now)) for waiter in waiters]
    await asyncio.sleep(0)
    assert gate.waiting == len(waiters)
    assert len(timers) == 1
    for task in tasks[1:]:
        task.cancel()
    gate.permits.append(None)
    gate.settle()
    await asyncio.wait(tasks)
    assert gate.waiting == 0
    assert waiters[0].held == 1


def test_nobody_waits_past_the_deadline(clock):
    queue = Queue(clock)
    queue.join()
    waiter, patience = queue.join()
    clock.pass_s(TOTAL_S)
    queue.serve_one()

    assert not queue.waits_on(waiter, patience)


PATIENCE_S = 60.0
"""How long a burst may be repeated: what else the machine does takes its time."""

UNLIMITED = {"policy": {"all": {"total_timeout": "60s", "socket_timeout": "20s"}}}
"""How long a burst takes is the machine's; whom the gate lets wait, and for how long, the profile's."""


@pytest.mark.parametrize("client", ["aerospike-py (awaited)", "aerospike-native (awaited)"])
@pytest.mark.parametrize("profile", PolicyLibrary.of(None).names())
def test_a_burst_is_served_under_every_profile(healthy, profile, client):
    """Most profiles let 256 reads through at once; what is tested is the queue, not `total_timeout`."""
    wanted = Wanted(healthy.hosts, profile, overrides=UNLIMITED)

    async def main() -> list[str]:
        surface = await connect_async(client, wanted)
        await surface.put(1)
        failed, until = [], time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            ends = await asyncio.gather(
                *(surface.get(1) for _ in range(1000)), return_exceptions=True
            )
            failed = [repr(end) for end in ends if isinstance(end, BaseException)]
            if not failed:
                break
        if (closing := surface.close()) is not None:
            await closing
        return failed

    assert asyncio.run(main()) == []
