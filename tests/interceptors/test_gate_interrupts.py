"""An interrupt may strike anywhere; no permit is lost, and whoever waits is served."""

from __future__ import annotations

import ctypes
import math
import random
import sys
import threading
import time

import pytest

from aerospike_resilience.errors import BackpressureError
from aerospike_resilience.interceptors import Gate
from aerospike_resilience.interceptors.gate.queue import Waiter
from tests.interceptors.gating import (
    FORMS,
    Chain,
    hold,
    nothing,
    waiting,
)
from tests.waiting import PATIENCE_S, until


class Tormented(threading.Thread):
    """Makes calls without end while interrupts strike it, one at most in a round."""

    def __init__(self, chain: Chain, seed: int) -> None:
        super().__init__(daemon=True)
        self._chain = chain
        self._chance = random.Random(seed)
        # Plain attributes: an interrupt inside an Event leaves its lock locked.
        self._target = self._striking = False
        self.done = False
        self.interrupts = 0

    def run(self) -> None:
        ended = False
        while not ended:
            try:
                self._loop()
                ended = True
            except KeyboardInterrupt:
                self.interrupts += 1

    def _loop(self) -> None:
        # An interrupt at the very end of a round is raised at the head of this loop.
        while not self.done:
            self._round()

    def _round(self) -> None:
        call = self._chain.call(*self._chance.choice(list(FORMS.values())), deadline_s=5)
        self._target = True
        try:
            for _ in range(200):
                self._chain.around(call, nothing)
        except BackpressureError:
            pass
        self._target = False
        while self._striking:  # an interrupt on its way strikes here
            time.sleep(0)

    def strike(self) -> None:
        """Interrupt the thread, if it is in a round."""
        self._striking = True
        if self._target:
            self._target = False
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(self.ident), ctypes.py_object(KeyboardInterrupt)
            )
        self._striking = False


@pytest.fixture
def quick_switches():
    """Threads take turns every few microseconds, so that races show."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.mark.parametrize("limit", [2, 8], ids=["contended", "free"])
def test_permits_come_home_wherever_an_interrupt_strikes(limit, quick_switches):
    """Interrupts strike between any two bytecodes that can be interrupted, in and around the gate."""
    chain = Chain(limit=limit)
    workers = [Tormented(chain, seed) for seed in range(4)]
    for worker in workers:
        worker.start()
    chance, ends = random.Random(7), time.monotonic() + 3
    gives_up = ends + PATIENCE_S  # a machine that is busy gets to few of them in three seconds

    def interrupts() -> int:
        return sum(worker.interrupts for worker in workers)

    while interrupts() < 3000 and time.monotonic() < (ends if interrupts() > 50 else gives_up):
        chance.choice(workers).strike()
        time.sleep(chance.random() * 0.001)
    for worker in workers:
        worker.done = True
    for worker in workers:
        worker.join(60)
        assert not worker.is_alive()
    for gate in chain.gates:
        gate.settle()  # as the tend thread does each tend

    assert interrupts() > 50
    chain.assert_all_home()


def test_the_line_is_served_again_after_an_interrupt_between_laying_down_and_serving():
    gate = Gate(1)
    hold(gate)
    caller = waiting(gate)

    gate.permits.append(None)  # and here the interrupt struck
    gate.settle()  # the tend thread comes by

    assert caller.inside.wait(60)
    caller.end()
    assert gate.in_flight == 0


def test_an_interrupt_while_permits_are_handed_over_loses_none():
    gate = Gate(2)
    hold(gate, 2)
    place = Waiter(weight=2)
    done = threading.Event()

    def wait() -> None:
        gate.wait(place, math.inf, time.monotonic())
        done.set()

    threading.Thread(target=wait, daemon=True).start()
    until(lambda: gate.waiting == 1, pause_s=0.001)
    wake, struck = place.wake, []

    def interrupted() -> bool:
        if not struck:
            struck.append(True)
            raise KeyboardInterrupt
        return wake()

    place.wake = interrupted
    gate.permits += [None, None]
    with pytest.raises(KeyboardInterrupt):
        gate.settle()
    gate.settle()

    assert done.wait(60)
    assert (place.held, gate.in_flight, gate.permits) == (2, 2, [])
