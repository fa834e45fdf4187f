"""Until when the client of a request waits, where the node stood still before it read it."""

import pytest

from aerospike_resilience.testing.server.standstill import Standstill
from aerospike_resilience.testing.server.wire import Request


class Loop:
    """An event loop whose clock and rounds the test moves."""

    def __init__(self):
        self.now = 100.0
        self.soon = []

    def time(self):
        return self.now

    def call_soon(self, callback):
        self.soon.append(callback)

    def round(self):
        soon, self.soon = self.soon, []
        for callback in soon:
            callback()


def request(timeout_ms):
    return Request((0, 0, 0, 0), 0, 0, timeout_ms, {}, [], b"")


@pytest.fixture
def loop():
    return Loop()


@pytest.fixture
def still(loop):
    return Standstill(loop)


def left_s(still, loop, timeout_ms, writes=True):
    return pytest.approx(still.gives_up_at(loop.now, request(timeout_ms), writes=writes) - loop.now)


def stop(still, loop, for_s):
    loop.now += for_s
    still.tick(loop.now)


def test_a_request_waits_for_its_timeout(still, loop):
    loop.now += 0.19  # of a busy machine
    assert left_s(still, loop, 300) == 0.3
    stop(still, loop, 0.0)
    assert left_s(still, loop, 300) == 0.3


@pytest.mark.parametrize("ticked", [False, True])
def test_a_write_read_after_a_standstill_counts_from_its_beginning(still, loop, ticked):
    loop.now += 2.0
    if ticked:
        still.tick(loop.now)
    assert left_s(still, loop, 300) == -1.7
    assert left_s(still, loop, 2500) == 0.5


def test_a_read_may_be_answered_late(still, loop):
    stop(still, loop, 2.0)
    assert left_s(still, loop, 300, writes=False) == 0.3


def test_a_client_without_a_timeout_still_waits(still, loop):
    stop(still, loop, 2.0)
    assert left_s(still, loop, 0) == 1.0


def test_a_new_connection_is_read_before_the_standstill_is_forgotten(still, loop):
    stop(still, loop, 2.0)
    for _ in range(5):  # accepted, given its protocol, made, watched, read
        loop.round()
        still.tick(loop.now)
    assert left_s(still, loop, 300) == -1.7


def test_a_tick_that_was_to_come_late_is_no_standstill(still, loop):
    loop.now += 0.5
    still.tick(loop.now, 0.5)
    assert left_s(still, loop, 300) == 0.3
    loop.now += 2.0
    still.tick(loop.now, 0.5)
    assert left_s(still, loop, 300) == 0.3 - 2.0


def test_a_standstill_is_forgotten_when_all_was_read(still, loop):
    stop(still, loop, 2.0)
    while loop.soon:
        loop.round()
    assert left_s(still, loop, 300) == 0.3


def test_a_second_standstill_begins_the_reading_anew(still, loop):
    stop(still, loop, 2.0)
    for _ in range(10):
        loop.round()
    stop(still, loop, 0.5)
    for _ in range(5):
        loop.round()
    assert len(loop.soon) == 1
    assert left_s(still, loop, 300) == -1.7  # what was left from the first may still be there
