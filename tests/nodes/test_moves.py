"""A read that leaves a node which does not answer for a replica which does adds no load."""

from __future__ import annotations

import pytest

from aerospike_resilience.model.attempt import Attempt
from aerospike_resilience.model.failure import Failure, FailureKind, Fault
from aerospike_resilience.model.plan import EVERY_OWNER
from aerospike_resilience.nodes import Admission
from tests import fakes
from tests.nodes.test_cluster import fail, health_of, read, write


@pytest.fixture
def clock():
    return fakes.FakeClock()


@pytest.fixture
def health(clock):
    return health_of(clock)


def owes(health, clock, *names):
    """Have nodes owe an answer."""
    with health.notices, health.lock:
        for name in names:
            health.note_unanswered_locked(health.by_name[name], clock(), clock())


def opened(health, clock, name, reason):
    with health.notices, health.lock:
        health.open_locked(health.by_name[name], reason, clock())
        health.settle_locked()


@pytest.mark.parametrize(
    ("silent", "moves"),
    [(("A1",), True), (("A2",), True), ((), False), (("A1", "A2"), False)],
    ids=str,
)
def test_a_read_moves_if_some_of_its_nodes_answer_and_others_do_not(silent, moves, health, clock):
    owes(health, clock, *silent)

    assert health.may_move(read(health, 0, clock), ("A1", "A2")) is moves


@pytest.mark.parametrize(
    ("reason", "moves"),
    [("silence", True), (FailureKind.CONNECTION, True), (FailureKind.OVERLOAD, False)],
)
def test_a_node_that_opened_for_what_it_answered_is_not_silent(reason, moves, health, clock):
    opened(health, clock, "A1", reason)

    assert health.may_move(read(health, 0, clock), ("A1", "A2")) is moves


def test_writes_and_reads_that_cannot_leave_never_move(health, clock):
    owes(health, clock, "A1")
    stays = fakes.call(fakes.plan(fakes.GET), ("test", "s", 0))

    assert not health.may_move(write(health, 0, clock), ("A1", "A2"))
    assert not health.may_move(stays, ("A1", "A2"))


def test_a_failed_attempt_of_such_a_read_is_marked_until_the_next(health, clock):
    call = read(health, 0, clock)
    health.calls.recent.append(
        (("test", "s", 1), clock() + 0.1, clock() + 0.3, EVERY_OWNER)
    )  # A2 lives
    fail(health, call, clock)
    assert call.moves

    call.next_attempt()
    assert not call.moves


def test_a_spent_budget_leaves_such_a_read_its_second_try(health, clock):
    owes(health, clock, "A1")
    call = read(health, 0, clock)
    call.frugal = True

    Admission(health).admit(call)

    assert not call.frugal


def test_a_spent_budget_leaves_no_second_try_where_all_are_silent(health, clock):
    owes(health, clock, "A1", "A2")
    call = read(health, 0, clock)
    call.frugal = True

    Admission(health).admit(call)

    assert call.frugal


def attempted(call, failure, tries):
    call.attempts += (Attempt(len(call.attempts) + 1, 0.001, tries=tries, failure=failure),)
    call.next_attempt()


BREAKER = Failure(FailureKind.NATIVE_BREAKER, retryable=True, fault=Fault.LOCAL)


@pytest.mark.parametrize(
    ("failure", "tries", "begins_anywhere"),
    [(fakes.TIMEOUT, 2, False), (fakes.TIMEOUT, 0, True), (BREAKER, 0, False)],
    ids=["both tries met the silent node", "nothing was sent", "the client's own breaker refused"],
)
def test_after_tries_that_began_anywhere_the_next_reach_a_replica_for_sure(
    failure, tries, begins_anywhere, health, clock
):
    owes(health, clock, "A1")
    call = read(health, 0, clock)
    admission = Admission(health)
    admission.admit(call)
    assert call.leave_master

    attempted(call, failure, tries)
    admission.leave_master(call)
    admission.admit(call)

    assert call.leave_master is begins_anywhere


def test_a_read_that_began_at_its_master_tries_again_anywhere(health, clock):
    call = read(health, 0, clock)
    attempted(call, fakes.TIMEOUT, 2)

    Admission(health).leave_master(call)

    assert call.leave_master


def test_a_client_that_stays_where_it_is_refused_never_begins_there(health, clock):
    health.source.stays_where_refused = True
    owes(health, clock, "A1")
    opened(health, clock, "A1", FailureKind.CONNECTION)
    call = read(health, 0, clock)
    admission = Admission(health)
    admission.admit(call)

    attempted(call, fakes.TIMEOUT, 2)
    admission.leave_master(call)

    assert call.leave_master


@pytest.mark.parametrize(("max_tries", "begins_anywhere"), [(4, True), (3, False), (2, False)])
def test_a_read_with_tries_for_one_attempt_reaches_a_replica_for_sure(
    max_tries, begins_anywhere, health, clock
):
    owes(health, clock, "A1")
    plan = fakes.plan(failover=True, native_retries=1, max_tries=max_tries)
    call = fakes.call(plan, ("test", "s", 0))
    call.started = call.now = clock()

    Admission(health).admit(call)

    assert call.leave_master is begins_anywhere


def test_a_single_try_that_is_left_may_begin_anywhere(health, clock):
    call = read(health, 0, clock)
    call.began_anywhere, call.tries_left = True, 1
    attempted(call, fakes.TIMEOUT, 2)

    Admission(health).leave_master(call)

    assert call.leave_master
