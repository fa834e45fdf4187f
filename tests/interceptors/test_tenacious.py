"""What an application says about retrying in tenacity's words."""

from __future__ import annotations

import pytest
import tenacity
from tenacity.asyncio import retry as awaited

from aerospike_resilience import resilient
from aerospike_resilience.interceptors import Backoff, Retry, RetryBudget, TenacityRules
from aerospike_resilience.model.failure import Failure, FailureKind, Fault
from tests import fakes
from tests.patience import PATIENT

EMPTY = tenacity.retry_if_result(lambda record: record is None)


def retrying(rules: TenacityRules, budget: RetryBudget | None = None, clock=lambda: 0.0) -> Retry:
    return Retry(Backoff("constant", 0.0, 0.01), budget, rules=rules, clock=clock)


def ready(**settings):
    call = fakes.call(fakes.plan(**settings))
    call.started = call.now = 0.0
    call.deadline = 10.0
    return call


def answers(*results):
    """An inner chain whose attempts return these one after the other; the last again and again."""
    left = list(results)
    made = []

    def proceed(call):
        call.tries_left -= 1  # as the attempt counts one that went well
        made.append(left.pop(0) if len(left) > 1 else left[0])
        return made[-1]

    proceed.made = made
    return proceed


TENACITYS = {
    "constant": tenacity.wait_fixed(0.002),
    "linear": tenacity.wait_incrementing(start=0.002, increment=0.002, max=0.5),
    "exponential": tenacity.wait_exponential(multiplier=0.002, exp_base=2, max=0.5),
    "chained": tenacity.wait_chain(*map(tenacity.wait_fixed, (0.002, 0.01, 0.05))),
}


@pytest.mark.parametrize("name", TENACITYS)
def test_our_curves_sleep_as_tenacitys_of_the_same_name(name):
    backoff = Backoff(name, 0.002, 0.5, chain=(0.002, 0.01, 0.05))
    state = tenacity.RetryCallState(tenacity.Retrying(), None, (), {})

    for failed in (*range(1, 40), 1_000):
        state.attempt_number = failed
        assert backoff.sleep_s(failed, 0.0) == pytest.approx(TENACITYS[name](state))


def test_a_result_that_the_application_does_not_want_is_fetched_again():
    proceed = answers(None, None, "record")
    call = ready(max_tries=5)

    assert retrying(TenacityRules(retry=EMPTY)).around(call, proceed) == "record"
    assert [attempt.failure for attempt in call.attempts] == [None, None]


async def test_an_awaited_one_too():
    proceed = answers(None, "record")

    async def proceed_async(call):
        return proceed(call)

    found = await retrying(TenacityRules(retry=EMPTY)).around_async(ready(), proceed_async)

    assert found == "record"


def test_the_last_result_goes_to_the_caller_whatever_the_rule_says():
    proceed = answers(None)

    assert retrying(TenacityRules(retry=EMPTY)).around(ready(max_tries=3), proceed) is None
    assert len(proceed.made) == 3


def test_tries_that_the_client_may_have_made_by_itself_count():
    proceed = answers(None)

    retrying(TenacityRules(retry=EMPTY)).around(ready(max_tries=4, native_retries=1), proceed)

    assert len(proceed.made) == 2


def test_a_write_is_not_applied_twice_for_its_result():
    once, twice = answers(None), answers(None)
    rules = TenacityRules(retry=EMPTY)

    retrying(rules).around(ready(operation=fakes.PUT, idempotent=False), once)
    retrying(rules).around(ready(operation=fakes.PUT, idempotent=True), twice)

    assert (len(once.made), len(twice.made)) == (1, 3)


def test_results_cost_the_budget_and_keep_to_the_deadline():
    spent = RetryBudget(ratio=0.0, min_per_second=0.1)
    clock = fakes.FakeClock(0.0)
    poor, late = answers(None), answers(None)
    call = ready(max_tries=9)
    call.deadline = 0.0

    retrying(TenacityRules(retry=EMPTY), spent).around(ready(max_tries=9), poor)
    retrying(TenacityRules(retry=EMPTY), clock=clock).around(call, late)

    assert (len(poor.made), len(late.made)) == (2, 1)


def test_a_rule_of_failures_is_not_asked_about_results():
    proceed = answers(None)

    retrying(TenacityRules(retry=tenacity.retry_always)).around(ready(max_tries=3), proceed)

    assert len(proceed.made) == 1


def test_rules_that_are_joined_are_heard_together():
    both = tenacity.retry_if_exception_type(TimeoutError) | EMPTY
    attempts = iter(
        [fakes.failing_attempt(fakes.TIMEOUT), lambda _call: None, lambda _call: "record"]
    )

    found = retrying(TenacityRules(retry=both)).around(ready(), lambda call: next(attempts)(call))

    assert found == "record"


def test_a_wanted_result_is_waited_for_on_the_wire(healthy, bare):
    key = ("test", "tenacious", 1)
    bare.put(key, {"n": 1})
    client = resilient(
        bare,
        "latency",
        retry=tenacity.retry_if_result(lambda found: found[2]["n"] == 1),
        overrides=PATIENT,
    )
    before = healthy.requests("get")

    found = client.get(key)
    made = healthy.requests("get") - before
    client.resilience.close()

    assert found[2] == {"n": 1}
    assert made == 2  # four tries, of which each call may have made two


def test_a_stop_before_a_delay_knows_the_sleep_to_come():
    rules = TenacityRules(wait=tenacity.wait_fixed(0.01), stop=tenacity.stop_before_delay(0.005))
    call = ready(max_tries=5)

    with pytest.raises(TimeoutError):
        retrying(rules).around(call, fakes.failing_attempt(fakes.TIMEOUT))

    assert len(call.attempts) == 1


def test_a_chain_of_waits_is_followed():
    rules = TenacityRules(
        wait=tenacity.wait_chain(*map(tenacity.wait_fixed, (0.001, 0.002, 0.003)))
    )
    call = ready(max_tries=5)

    with pytest.raises(TimeoutError):
        retrying(rules).around(call, fakes.failing_attempt(fakes.TIMEOUT))

    assert [attempt.slept_s for attempt in call.attempts] == [0.001, 0.002, 0.003, 0.003, 0.0]


def test_a_wait_that_looks_at_the_error_serves_batches_without_one():
    class ByError(tenacity.wait.wait_base):
        def __call__(self, retry_state: tenacity.RetryCallState) -> float:
            return 0.001 * bool(str(retry_state.outcome.exception()))

    rules = TenacityRules(wait=ByError())

    assert rules.sleep_s(ready(), None) == 0.001


@pytest.mark.parametrize(
    "rule",
    [
        {"wait": 0.5},
        {"stop": 3},
        {"retry": awaited.retry_if_exception(lambda _error: True)},
    ],
    ids=lambda rule: next(iter(rule)),
)
def test_what_is_no_rule_or_is_awaited_is_refused_when_the_client_is_wrapped(bare, rule):
    with pytest.raises(TypeError, match=next(iter(rule))):
        resilient(bare, "latency", **rule)


def test_overloads_are_counted_in_tries():
    overload = Failure(FailureKind.OVERLOAD, retryable=True, fault=Fault.NODE, tries=2)
    fail = fakes.failing_attempt(overload)

    def twice(call):
        import dataclasses

        with pytest.raises(TimeoutError):
            fail(call)
        *before, last = call.attempts
        call.attempts = (*before, dataclasses.replace(last, tries=2))
        raise call.raised

    call = ready(max_tries=10)
    with pytest.raises(TimeoutError) as caught:
        fakes.whole(retrying(TenacityRules(stop=tenacity.stop_never)), call, twice)

    assert len(call.attempts) == 2
    assert "the server is overloaded" in caught.value.__notes__[0]
