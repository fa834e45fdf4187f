"""A node's breaker opens, probes, closes, and re-opens for longer."""

from __future__ import annotations

import random

import pytest

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
    assert node.until - first >= 1.35  # one and a half windows, less the jitter


def test_half_open_lends_a_bounded_number_of_probes_and_closes_when_they_succeed():
    node = breaker(half_open_calls=2)
    node.half_open(10.0)

    assert [bool(node.lease(10.0)) for _ in range(3)] == [True, True, False]
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


def test_a_probe_whose_lease_has_ended_gives_no_other_probes_lease_back():
    node = breaker(half_open_calls=1, lease_s=0.5)
    node.half_open(10.0)
    lost = node.lease(10.0)
    assert node.lease(10.6)

    node.give_back(lost)

    assert node.lease(10.7) is None


def test_a_slow_answer_of_an_earlier_state_is_ignored():
    node = breaker(shares=Shares(slow_call_rate=0.1, minimum_calls=1))
    node.open(10.0, "slow_calls")
    node.half_open(11.0)
    node.close(12.0)

    assert not node.answer(11.9, slow=True)
    assert node.answer(12.0, slow=True)


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

    assert waits[0] < waits[1] < waits[2]
    assert max(waits) <= MAX_OPEN_WINDOWS * 1.1 < 3


def test_an_isolated_node_lends_no_probes():
    node = breaker()
    node.half_open(10.0)
    node.isolate(10.0, {"hand": ""})

    assert (node.state, node.lease(10.0)) == (ISOLATED, None)


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
        node.answer(1.0, slow=False)

    assert not any(node.fail(1.0, "timeout") for _ in range(29))
    assert node.fail(1.0, "timeout")


def test_what_a_node_only_replicated_does_not_keep_its_share_of_failures_down():
    node = sharing(failure_rate=0.5, minimum_calls=10)
    for _ in range(30):
        node.answer(1.0, slow=False, replicated=True)

    assert not any(node.fail(1.0, "timeout") for _ in range(9))
    assert node.fail(1.0, "timeout")


def test_what_a_node_replicated_in_time_keeps_its_share_of_slow_calls_down():
    node = sharing(slow_call_rate=0.5, minimum_calls=10)
    for _ in range(10):
        node.answer(1.0, slow=False, replicated=True)

    assert not any(node.answer(1.0, slow=True) for _ in range(9))
    assert node.answer(1.0, slow=True)


def test_a_share_of_slow_answers_opens():
    node = sharing(slow_call_rate=0.8, minimum_calls=10)
    for _ in range(2):
        node.answer(1.0, slow=False)

    assert not any(node.answer(1.0, slow=True) for _ in range(7))
    assert node.answer(1.0, slow=True)


def test_a_new_window_counts_anew():
    node = sharing(slow_call_rate=0.8, minimum_calls=10)
    for _ in range(9):
        node.answer(1.0, slow=True)
    node.tick(100.0, suspect=False)

    assert not node.answer(99.9, slow=True)


def test_without_shares_none_opens():
    node = sharing()

    assert not any(node.answer(1.0, slow=True) for _ in range(100))


def test_a_max_error_rate_of_zero_is_no_limit():
    breaker = NodeBreaker("A1", max_error_rate=0, window_s=1.0, half_open_calls=1)

    assert not any(breaker.fail(10.0, "overload") for _ in range(1000))
    assert breaker.closed


def test_with_no_limit_to_the_number_of_errors_their_share_opens_a_node_all_the_same():
    breaker = NodeBreaker(
        "A1",
        max_error_rate=0,
        window_s=1.0,
        half_open_calls=1,
        shares=Shares(failure_rate=0.5, minimum_calls=10),
    )

    assert [breaker.fail(10.0, "overload") for _ in range(10)] == [False] * 9 + [True]
