"""Invariant 15, for every client: span, sample, outcome, error and wire say the same of each call."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from aerospike_resilience import CircuitOpenError, deadline
from tests.conformance.surfaces import (
    CClient,
    NativeAsync,
    learned,
)
from tests.conformance.telling import CALM, SDK, Listener, Watched, seen
from tests.patience import NEVER_LATE
from tests.waiting import until

THREE_TRIES = {**NEVER_LATE["policy"], "reads": {"max_retries": 2}}


def test_answers_are_told_as_answers_and_failures_as_failures(healthy, watched):
    call = watched(policy=THREE_TRIES)
    surface = call.surface

    result, told = call.told(lambda: surface.get("there"))
    assert (result, told.outcome.kind, told.requests) == ({"n": 1}, "ok", 1)
    assert told.sample["db.namespace"] == "test"
    assert told.sample["db.collection.name"] == "conformance"
    assert told.span.name == f"{told.sample['db.operation.name']} conformance"

    result, told = call.told(lambda: surface.get("nobody"))
    assert isinstance(result, surface.missing)
    assert (told.outcome.kind, told.sample["db.response.status_code"]) == ("miss", "2")

    result, told = call.told(lambda: surface.create("there", {"n": 2}))
    assert isinstance(result, surface.exists_already)
    assert told.outcome.kind == "failed"
    assert told.sample["aerospike.resilience.failure"] == "conflict"

    before = healthy.requests("get")
    with healthy.inject(op="get", code=18, count=2):
        result, told = call.told(lambda: surface.get("there"))
    assert (result, told.outcome.kind) == ({"n": 1}, "ok")
    assert told.requests == healthy.requests("get") - before == 3
    assert len(told.span.events) == told.outcome.retries + 1 == 2

    before = healthy.requests("get")
    with healthy.inject(op="get", code=18):
        result, told = call.told(lambda: surface.get("there"))
    assert isinstance(result, surface.error)
    assert told.requests == healthy.requests("get") - before == 3
    assert told.sample["aerospike.resilience.failure"] == "overload"
    assert sum(attempt.tries for attempt in told.outcome.attempts) == 3


def test_under_a_fault_no_call_and_no_request_is_lost_or_told_twice(healthy, watched):
    call = watched(
        policy={
            **THREE_TRIES,
            "all": {**NEVER_LATE["policy"]["all"], "sleep_between_retries": "0ms"},
        },
        retry={"native_failover": 0, "budget": None, "max_sleep": "1ms"},
    )
    surface, listener = call.surface, call.listener
    retried = lambda: surface.resilience.snapshot()["retry"]["retries"]  # noqa: E731
    listener.begin()
    before, before_retries = healthy.requests("get"), retried()

    with healthy.inject(op="get", code=18, share=0.4):
        ends = [seen(lambda: surface.get("there")) for _ in range(60)]

    requests, retries = healthy.requests("get") - before, retried() - before_retries
    failed = sum(isinstance(end, Exception) for end in ends)
    assert listener.counted() == len(listener.spans) == len(listener.outcomes) == len(ends)
    assert sum(one.kind == "failed" for one in listener.outcomes) == failed
    assert sum(one.retries for one in listener.outcomes) == retries > 0
    assert sum(1 + one.retries + one.native_retries for one in listener.outcomes) == requests


def test_a_wrong_argument_is_the_callers(watched):
    call = watched()
    surface = call.surface
    if isinstance(surface, SDK):
        pytest.skip("the SDK refuses it before it calls its client")

    def wrong():
        if surface.awaited:

            async def called():
                return await surface.client.get(42)

            return surface.run(called())
        get = getattr(surface.client, "get_blocking", surface.client.get)
        return get(42)

    result, told = call.told(wrong)

    assert isinstance(result, Exception)
    assert told.sample["aerospike.resilience.failure"] == "caller"
    assert sum(attempt.tries for attempt in told.outcome.attempts) == 0


def test_a_timeout_is_told_with_the_tries_that_were_made(healthy, watched):
    short = {"socket_timeout": "60ms", "total_timeout": "150ms", "max_retries": 1}
    call = watched(policy={**NEVER_LATE["policy"], "reads": short})

    with healthy.inject(op="get", answer="drop"):
        result, told = call.told(lambda: call.surface.get("there"))

    assert isinstance(result, call.surface.error)
    assert told.outcome.kind == "failed"
    assert told.sample["aerospike.resilience.failure"] == "timeout"
    assert told.outcome.duration_s >= 0.06


def test_refusals_say_who_refused_and_why(healthy, watched):
    call = watched(
        breaker={"mode": "enforce"},
        policy={**NEVER_LATE["policy"], "reads": {"max_retries": 0}},
        backpressure={"max_concurrent_operations": 1, "operation_queue_timeout": "20ms"},
    )
    surface = call.surface
    learned(surface)

    with deadline(0):
        result, told = call.told(lambda: surface.get("there"))
    if not surface.awaited:  # the loop of an awaited surface runs in a thread without the deadline
        assert told.outcome.refusal.reason == "deadline"
        assert told.attributes["aerospike.resilience.refusal.reason"] == "deadline"
        assert told.sample["aerospike.resilience.failure"] == "deadline"

    with healthy.inject(op="get", latency="9s", count=1) as answer, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(surface.get, "there")
        until(lambda: surface.resilience.snapshot()["gate"]["in_flight"] == answer.hits == 1)
        result, told = call.told(lambda: surface.get("there"))
        assert told.outcome.refusal.reason == "gate_timeout"
        assert told.sample["aerospike.resilience.failure"] == "gate"
        assert told.attributes["aerospike.resilience.queue_time"] == told.outcome.waited_s > 0
        answer.clear()
        slow.result()

    master = healthy.master("test", "conformance", "there").name
    surface.resilience.isolate(master)
    result, told = call.told(lambda: surface.put("there", {"n": 1}))
    assert isinstance(result, CircuitOpenError)
    assert told.sample["aerospike.resilience.failure"] == "circuit_open"
    assert told.attributes["aerospike.node.name"] == result.node == master
    assert told.attributes["aerospike.resilience.node.state"] == "isolated"
    assert told.attributes["aerospike.resilience.refusal.role"] == result.role
    assert "network.peer.port" not in told.attributes


def test_a_call_that_is_shed_and_one_whose_deadline_passes_in_line_say_so(healthy):
    listener = Listener()
    surface = CClient(healthy)
    line = {"max_concurrent_operations": 1, "operation_queue_timeout": "10s"}
    surface.open(overrides={**CALM, "backpressure": line}, telemetry=listener.providers)
    surface.put("there", {"n": 1})
    call = Watched(surface, listener)
    gate = lambda: surface.resilience.snapshot()["gate"]  # noqa: E731

    with healthy.inject(op="get", latency="9s", count=1) as answer, ThreadPoolExecutor(2) as pool:
        first = pool.submit(surface.get, "there")
        until(lambda: gate()["in_flight"] == answer.hits == 1)
        second = pool.submit(surface.get, "there")
        until(lambda: gate()["waiting"] == 1)
        with surface.resilience.using(criticality="sheddable"):
            _result, shed = call.told(lambda: surface.get("there"))
        with deadline(0.02):
            _result, late = call.told(lambda: surface.get("there"))
        answer.clear()
        first.result()
        second.result()
    surface.close()

    assert shed.outcome.refusal.reason == "gate_shed"
    assert late.outcome.refusal.reason in ("gate_deadline", "deadline")
    assert late.attributes["aerospike.resilience.refusal.reason"] == late.outcome.refusal.reason


# ----- cancellation


@pytest.mark.parametrize("how", ["cancel", "wait_for"])
def test_a_cancelled_call_is_no_error(healthy, watched, how):
    call = watched()
    surface = call.surface
    if not surface.awaited:
        pytest.skip("a call that blocks cannot be cancelled")

    async def left() -> str:
        pending = asyncio.ensure_future(surface.awaitable_get("there"))
        try:
            if how == "wait_for":
                await asyncio.wait_for(pending, 0.05)
            else:
                await asyncio.sleep(0.05)
                pending.cancel()
                await pending
        except (TimeoutError, asyncio.CancelledError) as error:
            return type(error).__name__
        return "not cancelled"

    with healthy.inject(op="get", latency="3s", count=1):
        result, told = call.told(lambda: surface.run(left()), told_as="CancelledError")

    assert result == ("TimeoutError" if how == "wait_for" else "CancelledError")
    assert told.outcome.kind == "cancelled"


# ----- the fallback


@pytest.mark.parametrize("other", ["bare", "wrapped"])
@pytest.mark.parametrize("made", [CClient, NativeAsync], ids=lambda made: made.name)
def test_a_call_on_the_fallback_is_one_operation(healthy, spare, made, other):
    listener = Listener()
    surface, second = made(spare), made(healthy)
    if surface.awaited:
        second.loop.stop()
        second.loop = surface.loop
    second.open(overrides=NEVER_LATE, telemetry=listener.providers)
    second.put("f", {"n": 2})
    surface.open(
        overrides={**CALM, "breaker": {"mode": "enforce"}},
        telemetry=listener.providers,
        fallback=second.bare if other == "bare" else second.client,
    )
    learned(surface)
    for node in ("A1", "A2", "A3"):
        surface.resilience.isolate(node)
    call = Watched(surface, listener)

    result, told = call.told(lambda: surface.get("f"))
    assert (result, told.outcome.kind) == ({"n": 2}, "ok")
    assert told.attributes["aerospike.resilience.fallback"] is True
    assert "network.peer.port" not in told.attributes

    result, told = call.told(lambda: surface.get("nobody"))
    assert isinstance(result, surface.missing)
    assert told.outcome.kind == "miss"

    if surface.awaited:
        second.close_client()
        surface.close()
    else:
        surface.close()
        second.close()
