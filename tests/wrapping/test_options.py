"""What `resilient()` takes: small values, or their parts by themselves."""

from __future__ import annotations

import pybreaker
import pytest
import tenacity

from aerospike_resilience import (
    BreakerHooks,
    FallbackClient,
    RetryRules,
    TelemetryProviders,
    resilient,
)
from aerospike_resilience.wrapping.options import options

WAIT, STOP, RETRY = (
    tenacity.wait_fixed(0.001),
    tenacity.stop_after_attempt(2),
    tenacity.retry_always,
)


def parts(**separate):
    values = {
        name: separate.pop(name, None) for name in ("retry", "fallback", "breaker", "telemetry")
    }
    return options(**values, separate=separate)


def test_a_value_and_its_parts_by_themselves_come_to_the_same():
    listener, providers = pybreaker.CircuitBreakerListener(), (object(), object())
    tracers, meters = providers
    one = parts(
        retry=RetryRules(wait=WAIT, retry=RETRY, stop=STOP),
        fallback=FallbackClient("other", writes=True),
        breaker=BreakerHooks(listeners=(listener,), storage=dict),
        telemetry=TelemetryProviders(tracer_provider=tracers, meter_provider=meters),
    )

    assert one == parts(
        wait=WAIT,
        retry=RETRY,
        stop=STOP,
        fallback="other",
        fallback_writes=True,
        listeners=iter([listener]),
        storage=dict,
        tracer_provider=tracers,
        meter_provider=meters,
    )
    assert parts() == options(None, None, None, None, {})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"retry": RetryRules(), "wait": WAIT}, r"wait= is part of retry=RetryRules\(…\)"),
        (
            {"breaker": BreakerHooks(), "listeners": []},
            "listeners= is part of breaker=BreakerHooks",
        ),
        (
            {"fallback": FallbackClient("other"), "fallback_writes": True},
            "fallback_writes= is part of fallback=FallbackClient",
        ),
        ({"breaker": {"mode": "shadow"}}, r'overrides=\{"breaker": \{…\}\}'),
        ({"retry": {"budget": None}}, r'overrides=\{"retry": \{…\}\}'),
        ({"telemetry": False}, "telemetry= takes a TelemetryProviders"),
        (
            {"max_retries": 1},
            r'did you mean overrides=\{"policy": \{"all": \{"max_retries": 1\}\}\}\?',
        ),
        ({"backpressure": {}}, r'did you mean overrides=\{"backpressure": \{\}\}\?'),
        ({"override": {}}, "did you mean 'overrides'"),
        ({"tracer_providers": None}, "did you mean 'tracer_provider'"),
        ({"xyzzy": 1}, "unexpected keyword argument 'xyzzy'. Known: name, "),
        (
            {"total_timeout": "1s", "silence": 3},
            "unexpected keyword arguments 'total_timeout' and 'silence'; did you mean overrides=",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_could(bare, given, said):
    with pytest.raises(TypeError, match=said):
        resilient(bare, "latency", **given)


def test_a_profile_is_a_name(bare):
    with pytest.raises(TypeError, match='profile is a name, such as "latency", not 3'):
        resilient(bare, 3)


def test_a_rules_class_without_its_parentheses_is_refused(bare):
    with pytest.raises(TypeError, match=r"write retry_if_exception_type\(…\)"):
        resilient(bare, "latency", retry=tenacity.retry_if_exception_type)


def test_rules_given_as_one_value_are_asked(bare):
    asked = []

    def never_again(state: tenacity.RetryCallState) -> bool:
        asked.append(state.attempt_number)
        return True

    client = resilient(bare, "latency", retry=RetryRules(retry=RETRY, stop=never_again))
    result_rules = RetryRules(retry=tenacity.retry_if_result(lambda found: True), stop=never_again)
    client.resilience.close()
    client = resilient(bare, "latency", retry=result_rules)
    client.exists(("test", "options", 1))
    client.resilience.close()

    assert asked == [1]
