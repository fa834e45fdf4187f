"""A failed attempt is made again where that is safe, useful and paid for."""

from __future__ import annotations

import random

import pytest
import tenacity

from aerospike_resilience.interceptors import Backoff, Closing, Retry, RetryBudget, TenacityRules
from aerospike_resilience.model.attempt import Attempt
from aerospike_resilience.model.failure import Failure, FailureKind, Fault
from tests import fakes


def retrying(budget: RetryBudget | None = None, backoff: Backoff | None = None) -> Retry:
    return Retry(backoff or Backoff("constant", 0.0, 0.05), budget, clock=lambda: 0.0)


def ready(**plan_settings):
    call = fakes.call(fakes.plan(**plan_settings))
    call.started = call.now = 0.0
    call.deadline = 10.0
    return call


def attempts_made(call, failure, retry=None) -> int:
    with pytest.raises(TimeoutError):
        (retry or retrying()).around(call, fakes.failing_attempt(failure))
    return len(call.attempts)


def test_a_read_is_tried_until_its_tries_are_used_up():
    assert attempts_made(ready(max_tries=3), fakes.TIMEOUT) == 3


def test_an_answer_is_not_tried_again():
    assert attempts_made(ready(max_tries=3), fakes.NOT_FOUND) == 1


def test_a_write_in_doubt_is_sent_again_only_if_it_is_idempotent():
    doubt = Failure(FailureKind.TIMEOUT, retryable=True, in_doubt=True, fault=Fault.NODE)

    assert attempts_made(ready(operation=fakes.PUT, idempotent=False), doubt) == 1
    assert attempts_made(ready(operation=fakes.PUT, idempotent=True), doubt) == 3


def test_a_write_that_was_never_applied_is_sent_again_whatever_it_is():
    refused = Failure(FailureKind.CONNECTION, retryable=True, fault=Fault.NODE)

    assert attempts_made(ready(operation=fakes.PUT, idempotent=False), refused) == 3


def test_overload_is_retried_twice_whatever_the_profile_says():
    assert attempts_made(ready(max_tries=10), fakes.OVERLOAD) == 3


def test_no_sleep_ends_past_the_deadline():
    call = ready(max_tries=5)
    call.deadline = 0.04

    assert (
        attempts_made(call, fakes.TIMEOUT, retrying(backoff=Backoff("constant", 0.05, 0.05))) == 1
    )


def test_a_spent_budget_ends_retrying_and_is_counted():
    budget = RetryBudget(ratio=0.0, min_per_second=0.1)  # one retry in ten seconds
    retry = retrying(budget)

    made = [attempts_made(ready(max_tries=3), fakes.TIMEOUT, retry) for _ in range(2)]

    assert made == [2, 1]
    assert retry.counters.suppressed == {"budget": 2}


def test_the_budget_is_a_share_of_recent_operations():
    budget = RetryBudget(ratio=0.1, min_per_second=0.0)
    budget.operations = 100

    assert sum(budget.withdraw(1, now=0.0) for _ in range(20)) == 10


def test_the_budget_forgets():
    budget = RetryBudget(ratio=0.1, min_per_second=0.1)
    assert budget.withdraw(1, now=0.0)
    assert not budget.withdraw(1, now=0.1)

    assert budget.withdraw(1, now=100.0)


def test_closing_the_client_ends_a_sleep():
    closing = Closing()
    retry = Retry(Backoff("constant", 30.0, 30.0), None, closing)
    call = ready(max_tries=3)
    call.deadline = 1000.0
    closing.set()

    with pytest.raises(TimeoutError):
        retry.around(call, fakes.failing_attempt(fakes.TIMEOUT))

    assert len(call.attempts) == 1


async def test_awaited_operations_are_retried_by_the_same_rules():
    call = ready(max_tries=3)
    fail = fakes.failing_attempt(fakes.TIMEOUT)

    async def proceed(a_call):
        return fail(a_call)

    with pytest.raises(TimeoutError):
        await retrying().around_async(call, proceed)

    assert len(call.attempts) == 3


def test_the_error_tells_the_story_and_stays_the_same_object():
    call = ready(operation=fakes.PUT, idempotent=True, max_tries=2)
    doubt = Failure(FailureKind.TIMEOUT, retryable=True, in_doubt=True, fault=Fault.NODE)

    with pytest.raises(TimeoutError) as caught:
        fakes.whole(retrying(), call, fakes.failing_attempt(doubt))

    error = caught.value
    assert error.attempts == call.attempts
    assert error.in_doubt is True
    assert "attempt 1 timeout after 0 ms" in error.__notes__[0]
    assert "max_retries is used up" in error.__notes__[0]


def test_a_conflict_answered_to_a_write_sent_before_is_in_doubt():
    call = ready(operation=fakes.PUT, idempotent=True, max_tries=2)
    doubt = Failure(FailureKind.TIMEOUT, retryable=True, in_doubt=True, fault=Fault.NODE)
    conflict = Failure(FailureKind.CONFLICT, code=3)
    failures = iter([doubt, conflict])

    with pytest.raises(TimeoutError) as caught:
        fakes.whole(retrying(), call, lambda a_call: fakes.failing_attempt(next(failures))(a_call))

    assert caught.value.in_doubt is True
    assert "may be about this very write" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("constant", [0.01, 0.01, 0.01, 0.01]),
        ("linear", [0.01, 0.02, 0.03, 0.04]),
        ("exponential", [0.01, 0.02, 0.04, 0.05]),
    ],
)
def test_backoff_follows_its_curve_up_to_the_longest_sleep(name, expected):
    backoff = Backoff(name, 0.01, 0.05)

    assert [round(backoff.sleep_s(n, 0.0), 6) for n in (1, 2, 3, 4)] == expected


@pytest.mark.parametrize("name", ["exponential_jitter", "full_jitter", "decorrelated_jitter"])
def test_jitter_is_bounded_and_can_be_replayed(name):
    def sleeps() -> list[float]:
        backoff, last, found = Backoff(name, 0.01, 0.05, random.Random(7)), 0.0, []
        for failed in range(1, 2000):
            last = backoff.sleep_s(failed, last)
            found.append(last)
        return found

    first = sleeps()

    assert first == sleeps()
    assert all(0 <= sleep <= 0.05 for sleep in first)
    assert len(set(first)) > 5


def test_an_unknown_backoff_names_those_there_are():
    with pytest.raises(ValueError, match=r"fibonacci.*constant, linear, exponential"):
        Backoff("fibonacci", 0.01, 0.05)


def test_tries_inside_a_failed_native_call_cost_the_budget_too():
    budget = RetryBudget(ratio=0.0, min_per_second=0.5)  # five tries in all
    call = ready(max_tries=2, native_retries=1)

    def fail(a_call):
        a_call.failure = fakes.TIMEOUT
        a_call.tries_left -= 2
        a_call.attempts += (Attempt(1, 0.0, tries=2, failure=fakes.TIMEOUT),)
        a_call.raised = TimeoutError()
        raise a_call.raised

    with pytest.raises(TimeoutError):
        retrying(budget).around(call, fail)

    assert budget.balance(0.0) == pytest.approx(4.0)


def test_tries_made_without_asking_are_paid_for_later_too():
    budget = RetryBudget(ratio=0.1, min_per_second=1.0)
    budget.charge(30, 0.0)  # by many calls at once, each of them sure that there was enough
    budget.operations += 150

    assert not budget.withdraw(1, 0.0)

    budget.operations += 100
    assert budget.withdraw(1, 0.0)


def test_a_spent_budget_keeps_the_client_from_trying_again_by_itself():
    budget = RetryBudget(ratio=0.0, min_per_second=0.1)
    budget.charge(1, 0.0)
    call = ready(max_tries=3, native_retries=1)

    retrying(budget).around(call, lambda _call: "record")

    assert call.frugal
    assert call.tailored


def test_a_budget_that_recovered_lets_it_try_again():
    budget = RetryBudget(ratio=0.0, min_per_second=1.0)
    budget.charge(10, 0.0)
    call = ready(max_tries=3, native_retries=1)
    call.now = 60.0

    retrying(budget).around(call, lambda _call: "record")

    assert not call.frugal


def test_a_chained_backoff_sleeps_its_chain_and_then_the_last_again():
    backoff = Backoff("chained", 0.001, 1.0, chain=(0.002, 0.01, 0.05))

    assert [backoff.sleep_s(n, 0.0) for n in (1, 2, 3, 4)] == [0.002, 0.01, 0.05, 0.05]


def slept(call, rules) -> list[float]:
    retry = Retry(Backoff("constant", 0.0, 0.01), None, rules=rules, clock=lambda: 0.0)
    with pytest.raises(TimeoutError):
        retry.around(call, fakes.failing_attempt(fakes.TIMEOUT))
    return [attempt.slept_s for attempt in call.attempts]


def test_tenacitys_wait_takes_the_place_of_the_backoff_up_to_the_longest_sleep():
    rules = TenacityRules(wait=tenacity.wait_incrementing(0.004, 0.004))

    assert slept(ready(max_tries=5), rules) == [0.004, 0.008, 0.01, 0.01, 0.0]


def test_tenacitys_stop_gives_up_sooner_and_never_later():
    early = TenacityRules(stop=tenacity.stop_after_attempt(2))
    late = TenacityRules(stop=tenacity.stop_after_attempt(9))

    assert len(slept(ready(max_tries=5), early)) == 2
    assert len(slept(ready(max_tries=3), late)) == 3


def test_tenacitys_retry_can_refuse_but_not_permit():
    timeouts = TenacityRules(retry=tenacity.retry_if_exception_type(TimeoutError))
    others = TenacityRules(retry=tenacity.retry_if_exception_type(KeyError))
    doubt = Failure(FailureKind.TIMEOUT, retryable=True, in_doubt=True, fault=Fault.NODE)
    unsafe = ready(operation=fakes.PUT, idempotent=False)

    assert len(slept(ready(max_tries=3), timeouts)) == 3
    assert len(slept(ready(max_tries=3), others)) == 1
    retry = Retry(Backoff("constant", 0.0, 0.01), None, rules=timeouts)
    assert attempts_made(unsafe, doubt, retry) == 1


def spent_by(call, failure, *, tries, moves=False) -> float:
    """Fail once, then succeed; return what that cost the budget."""
    budget = RetryBudget(ratio=0.0, min_per_second=1.0)  # ten retries
    found = iter([failure])

    def proceed(a_call):
        if (first := next(found, None)) is None:
            return "record"
        a_call.failure, a_call.moves = first, moves
        a_call.tries_left -= tries
        a_call.attempts += (Attempt(1, 0.0, tries=tries, failure=first),)
        a_call.raised = TimeoutError()
        raise a_call.raised

    assert retrying(budget).around(call, proceed) == "record"
    return 10.0 - budget.balance(0.0)


@pytest.mark.parametrize(
    ("tries", "moves", "cost"),
    [(2, False, 2.0), (1, False, 1.0), (0, False, 0.0), (2, True, 0.0)],
    ids=["two tries", "one try", "connection refused", "to a replica that serves"],
)
def test_the_budget_pays_for_tries_that_add_load_to_nodes_that_serve(tries, moves, cost):
    call = ready(max_tries=4, native_retries=1)

    assert spent_by(call, fakes.TIMEOUT, tries=tries, moves=moves) == pytest.approx(cost)


@pytest.mark.parametrize(("began_anywhere", "attempts"), [(True, 2), (False, 1)])
def test_what_the_clients_own_breaker_refused_is_asked_again_only_of_other_nodes(
    began_anywhere, attempts
):
    refused = Failure(FailureKind.NATIVE_BREAKER, retryable=True, fault=Fault.LOCAL)
    call = ready(max_tries=9)
    fail = fakes.failing_attempt(refused)

    def attempt(a_call):
        a_call.began_anywhere = began_anywhere and not a_call.attempts
        return fail(a_call)

    with pytest.raises(TimeoutError):
        retrying().around(call, attempt)

    assert len(call.attempts) == attempts


def test_attempts_that_send_nothing_end_too():
    refused = Failure(FailureKind.CONNECTION, retryable=True, fault=Fault.NODE)
    call = ready(max_tries=3)

    def fail(a_call):
        a_call.failure = refused
        a_call.attempts += (Attempt(len(a_call.attempts) + 1, 0.0, tries=0, failure=refused),)
        a_call.raised = ConnectionError()
        raise a_call.raised

    with pytest.raises(ConnectionError):
        retrying().around(call, fail)

    assert len(call.attempts) == 4


def test_an_attempt_that_never_reached_a_node_costs_the_budget_nothing():
    budget = RetryBudget(ratio=0.0, min_per_second=0.1)  # one retry in ten seconds
    no_connection = Failure(FailureKind.POOL_EXHAUSTED, retryable=True, fault=Fault.LOCAL)

    assert attempts_made(ready(max_tries=3), no_connection, retrying(budget)) == 3
    assert budget.balance(0.0) == pytest.approx(1.0)
