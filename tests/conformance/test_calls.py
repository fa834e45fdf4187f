"""The contract for every client: calls are transparent, bounded, and tell what became of them."""

from __future__ import annotations

import pytest

from aerospike_resilience import (
    DeadlineExceededError,
    deadline,
)
from tests.patience import NEVER_LATE
from tests.stopwatch import quickest_s
from tests.waiting import PATIENCE_S, until

# ----- 1. transparent


def test_results_are_those_of_the_bare_client(surface):
    surface.put(1, {"n": 7, "name": "seven"})

    assert surface.get(1) == surface.raw_get(1) == {"n": 7, "name": "seven"}
    assert surface.batch_put([10, 11, 12]) == [0, 0, 0]
    assert [bins is not None for bins in surface.batch_get([10, "none", 12])] == [True, False, True]
    surface.increment(1)
    surface.operate_increment(1)
    assert surface.get(1)["n"] == 9
    assert [surface.remove(1), surface.remove(1)] == [True, False]


def test_a_wrapped_client_is_still_of_its_class(surface):
    assert isinstance(surface.client, type(surface.bare))
    assert surface.resilience.profile.name == "latency"


def test_a_chain_that_the_application_emptied_still_makes_the_calls(opened):
    surface = opened(arrange=lambda _chain: [], overrides=NEVER_LATE)

    surface.put(1, {"n": 7})

    assert surface.get(1) == {"n": 7}


def test_a_missing_record_is_the_clients_own_error(surface):
    with pytest.raises(surface.missing):
        surface.get("no such record")


def test_a_scan_returns_every_record_and_its_permit(surface):
    for n in range(20):
        surface.put(n, {"n": n})

    assert surface.scan("conformance") >= 20
    until(lambda: surface.resilience.snapshot()["gate"]["in_flight"] == 0)


# ----- 2. tries are conserved


def test_a_read_makes_no_more_requests_than_max_retries_allows(healthy, surface):
    surface.put(1, {"n": 1})
    before = healthy.requests("get")

    with healthy.inject(op="get", code=18), pytest.raises(surface.error):
        surface.get(1)

    assert 2 <= healthy.requests("get") - before <= 4  # latency: max_retries 3


def test_a_read_whose_master_is_silent_succeeds_at_the_replica(healthy, surface):
    surface.put(1, {"n": 1})
    master = healthy.master("test", "conformance", 1)

    with healthy.inject(node=master, op="get", answer="drop"):
        assert surface.get(1) == {"n": 1}


# ----- 3. deadline


def test_no_operation_outlives_an_ambient_deadline(healthy, opened):
    surface = opened(profile="default", overrides=NEVER_LATE)
    surface.put(1, {"n": 1})

    def timed_out() -> None:
        with deadline(0.2), pytest.raises(surface.error):
            surface.get(1)

    with healthy.inject(op="get", answer="drop"):
        assert quickest_s(timed_out, 0.6) < 0.6  # the profile alone would have given it a minute


def test_what_cannot_finish_is_refused_at_once(healthy, surface):
    before = healthy.requests("get")

    with deadline(0.0), pytest.raises(DeadlineExceededError) as caught:
        surface.get(1)

    assert isinstance(caught.value, TimeoutError)
    assert isinstance(caught.value, surface.error)
    assert healthy.requests("get") == before


# ----- 10. errors keep their class


def test_an_error_tells_what_was_tried(healthy, surface):
    surface.put(1, {"n": 1})

    with healthy.inject(op="get", code=18), pytest.raises(surface.error) as caught:
        surface.get(1)

    told = caught.value if hasattr(caught.value, "attempts") else caught.value.__cause__
    assert len(told.attempts) >= 2
    assert any("under profile 'latency'" in note for note in told.__notes__)


def test_using_another_profile_holds_for_a_block(surface):
    surface.put(1, {"n": 1})

    with surface.resilience.using("batch"):
        assert surface.get(1) == {"n": 1}


# ----- the story of a call


def test_the_last_call_is_told_on_demand(healthy, opened):
    surface = opened(overrides={**NEVER_LATE, "telemetry": {"last_call": True}})
    surface.put(1, {"n": 1})

    def last():
        """Ask where the call was made: in the thread, or in the task."""
        if not surface.awaited:
            surface.get(1)
            return surface.resilience.last_call()

        async def asked():
            await surface.awaitable_get(1)
            return surface.resilience.last_call()

        return surface.run(asked())

    plain = last()
    with healthy.inject(op="get", code=18, count=1 if surface.name != "aerospike-py" else 2):
        retried = last()

    assert (plain.operation, plain.profile, plain.error) == ("get", "latency", "")
    assert plain.attempts == ()
    assert 0 < plain.duration_s < PATIENCE_S
    assert retried.error == ""


def test_nobody_asked_for_last_calls(surface):
    with pytest.raises(RuntimeError, match="last_call: true"):
        surface.resilience.last_call()
