"""A node's breaker opens, probes, closes, and re-opens for longer."""

from __future__ import annotations

import random

import pybreaker
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from aerospike_resilience.nodes.breaker import (
    CLOSED,
    HALF_OPEN,
    ISOLATED,
    MAX_OPEN_WINDOWS,
    OPEN,
    NodeBreaker,
    Shares,
)


def breaker(**more) -> NodeBreaker:
    settings_ = {
        "max_error_rate": 2,
        "window_s": 1.0,
        "half_open_calls": 2,
        "random_source": random.Random(1),
        **more,
    }
    return NodeBreaker("A1", **settings_)


def test_errors_up_to_the_rate_leave_it_closed_and_one_more_wants_it_open():
    node = breaker(max_error_rate=2)

    assert [node.fail(10.0, "timeout") for _ in range(3)] == [False, False, True]


def test_errors_of_an_earlier_window_are_forgotten():
    node = breaker(max_error_rate=2)
    for now in (1.0, 2.5, 4.0, 5.5):
        node.tick(now, suspect=False)
        assert not node.fail(now, "timeout")
        assert not node.fail(now, "timeout")

    assert node.errors == 2


def test_an_open_node_becomes_half_open_when_the_window_ends():
    node = breaker()
    node.open(10.0, "timeout")

    node.tick(10.5, suspect=False)
    assert node.state == OPEN
    node.tick(node.until, suspect=False)
    assert node.state == HALF_OPEN


def test_a_node_that_still_owes_an_answer_stays_open_for_longer():
    node = breaker()
    node.open(10.0, "silence")
    first = node.until

    node.tick(first, suspect=True)

    assert node.state == OPEN
    assert node.until - first >= 1.8  # twice the window, less the jitter


def test_half_open_lends_a_bounded_number_of_probes_and_closes_when_they_succeed():
    node = breaker(half_open_calls=2)
    node.half_open(10.0)

    assert [node.lease(10.0) for _ in range(3)] == [True, True, False]
    node.succeed(10.1, began=10.0)
    assert node.state == HALF_OPEN
    node.succeed(10.2, began=10.0)
    assert node.state == CLOSED


def test_a_lost_probe_comes_back_by_itself():
    node = breaker(half_open_calls=1, lease_s=0.5)
    node.half_open(10.0)
    assert node.lease(10.0)
    assert not node.lease(10.4)

    assert node.lease(10.6)


def test_results_of_calls_that_began_in_an_earlier_state_are_ignored():
    node = breaker(half_open_calls=1)
    node.half_open(10.0)

    node.succeed(10.5, began=9.9)
    assert node.state == HALF_OPEN
    assert not node.fail(9.9, "timeout")


def test_reopening_waits_longer_each_time_up_to_a_cap():
    node = breaker()
    waits = []
    for now in range(100, 1000, 100):
        node.open(float(now), "timeout")
        waits.append(node.until - now)
        node.half_open(node.until)

    assert waits[1] > waits[0] * 1.5
    assert waits[2] > waits[1] * 1.5
    assert max(waits) <= MAX_OPEN_WINDOWS * 1.1


def test_an_isolated_node_lends_no_probes():
    node = breaker()
    node.half_open(10.0)
    node.isolated_by_hand = True

    assert (node.state, node.lease(10.0)) == (ISOLATED, False)


def test_listeners_of_pybreaker_hear_every_transition():
    heard: list[tuple[str, str]] = []

    class Listener(pybreaker.CircuitBreakerListener):
        def state_change(self, cb, old_state, new_state):
            heard.append((old_state.name, new_state.name))

    node = breaker(listeners=[Listener()])
    node.open(1.0, "timeout")
    node.half_open(2.0)
    node.close(3.0)

    assert heard == [(CLOSED, OPEN), (OPEN, HALF_OPEN), (HALF_OPEN, CLOSED)]


class BreakerMachine(RuleBasedStateMachine):
    """Against a model written from the words of DESIGN: windows, probes, late results."""

    def __init__(self) -> None:
        super().__init__()
        self.node = breaker(max_error_rate=2, half_open_calls=2, lease_s=0.5)
        self.now = 0.0
        self.model, self.since = CLOSED, 0.0
        self.errors = self.successes = 0
        self.window_ends = 0.0

    @rule(seconds=st.sampled_from([0.1, 0.6, 1.2, 5.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        until = self.node.until
        self.node.tick(self.now, suspect=False)
        if self.now >= self.window_ends:
            self.window_ends, self.errors = self.now + 1.0, 0
        if self.model == OPEN and self.now >= until:
            self.model, self.since, self.successes = HALF_OPEN, self.now, 0

    @rule(late=st.booleans())
    def an_attempt_fails(self, late: bool) -> None:
        began = self.since - 0.01 if late and self.since else self.now
        wants_open = self.node.fail(began, "timeout")
        if began < self.since:
            assert not wants_open
            return
        if self.model == CLOSED:
            self.errors += 1
        assert wants_open == (self.model == HALF_OPEN or (self.model == CLOSED and self.errors > 2))
        if wants_open:
            self.node.open(self.now, "timeout")
            self.model, self.since = OPEN, self.now

    @rule()
    def a_probe_succeeds(self) -> None:
        self.node.lease(self.now)
        self.node.succeed(self.now, began=self.now)
        if self.model == HALF_OPEN:
            self.successes += 1
            if self.successes == 2:
                self.model, self.since, self.errors = CLOSED, self.now, 0

    @invariant()
    def states_agree(self) -> None:
        assert self.node.state == self.model
        assert self.node.circuit.current_state == self.model

    @invariant()
    def probes_are_bounded(self) -> None:
        assert self.node.probes_out <= 2


TestBreakerMachine = BreakerMachine.TestCase
TestBreakerMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@pytest.mark.parametrize("state", [CLOSED, OPEN, HALF_OPEN])
def test_only_a_closed_node_lets_calls_pass_unasked(state):
    node = breaker()
    if state != CLOSED:
        node.open(1.0, "timeout")
    if state == HALF_OPEN:
        node.half_open(2.0)

    assert node.closed == (state == CLOSED)


def sharing(**shares) -> NodeBreaker:
    return NodeBreaker(
        "A1", max_error_rate=1000, window_s=1.0, half_open_calls=1, shares=Shares(**shares)
    )


def test_a_share_of_failed_calls_opens_once_there_are_enough_calls():
    node = sharing(failure_rate=0.5, minimum_calls=10)

    assert not any(node.fail(1.0, "timeout") for _ in range(9))  # all failed, and too few
    assert node.fail(1.0, "timeout")


def test_answers_keep_the_share_of_failures_down():
    node = sharing(failure_rate=0.5, minimum_calls=10)
    for _ in range(30):
        node.answer(slow=False)

    assert not any(node.fail(1.0, "timeout") for _ in range(29))
    assert node.fail(1.0, "timeout")


def test_a_share_of_slow_answers_opens():
    node = sharing(slow_call_rate=0.8, minimum_calls=10)
    for _ in range(2):
        node.answer(slow=False)

    assert not any(node.answer(slow=True) for _ in range(7))
    assert node.answer(slow=True)


def test_a_new_window_counts_anew():
    node = sharing(slow_call_rate=0.8, minimum_calls=10)
    for _ in range(9):
        node.answer(slow=True)
    node.tick(100.0, suspect=False)

    assert not node.answer(slow=True)


def test_without_shares_none_opens():
    node = sharing()

    assert not any(node.answer(slow=True) for _ in range(100))
