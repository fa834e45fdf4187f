"""The current context is read and replaced by its variable, as OpenTelemetry means it."""

from __future__ import annotations

import contextvars

import pytest
from opentelemetry import context, trace
from opentelemetry.context.contextvars_context import ContextVarsRuntimeContext
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased

from aerospike_resilience import resilient
from aerospike_resilience.nodes import partitions
from aerospike_resilience.runtime.fast.lane import Lane
from aerospike_resilience.telemetry import current
from tests.waiting import until

SPAN = trace.NonRecordingSpan(trace.SpanContext(1, 2, is_remote=False))
KEY = ("test", "current", 1)


def test_a_span_that_was_entered_is_the_current_one_until_it_is_left():
    outside = context.set_value("mine", 1)
    outer = context.attach(outside)
    token = current.enter(SPAN)

    assert trace.get_current_span() is SPAN
    assert context.get_value("mine") == 1
    assert current.get_current() is context.get_current()
    assert type(context.get_current()) is context.Context
    current.detach(token)
    assert context.get_current() is outside
    context.detach(outer)


def test_a_context_of_another_kind_is_left_to_the_api(monkeypatch):
    class Mine(ContextVarsRuntimeContext):
        """It may do more at each `attach`."""

    assert current.variable() is not None
    monkeypatch.setattr(context, "_RUNTIME_CONTEXT", Mine())
    assert current.variable() is None

    monkeypatch.setattr(current, "_VARIABLE", None)
    token = current.enter(SPAN)
    assert trace.get_current_span() is SPAN
    current.detach(token)
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_a_span_may_be_left_in_another_context_than_it_was_entered_in():
    token = contextvars.copy_context().run(current.enter, SPAN)

    current.detach(token)

    assert trace.get_current_span() is trace.INVALID_SPAN


@pytest.fixture
def wrapped(bare):
    client = resilient(
        bare,
        "latency",
        overrides={"telemetry": {"metrics": False}},
        tracer_provider=TracerProvider(sampler=ParentBased(ALWAYS_ON)),
    )
    client.put(KEY, {"n": 1})
    yield client
    client.resilience.close()


def _asked(monkeypatch, call):
    """Return how often a call asks OpenTelemetry's API for the current context."""
    asked = []
    get_current = ContextVarsRuntimeContext.get_current
    monkeypatch.setattr(
        ContextVarsRuntimeContext,
        "get_current",
        lambda self: asked.append(1) or get_current(self),
    )
    call()
    return len(asked)


def test_a_plain_call_with_a_span_asks_the_api_for_no_context(wrapped, monkeypatch):
    monkeypatch.setattr(Lane, "fit", lambda *_args: pytest.fail("it is no call of another form"))

    assert _asked(monkeypatch, lambda: wrapped.get(KEY)) == 0


def test_under_an_unsampled_parent_nothing_is_looked_up(wrapped, monkeypatch):
    monkeypatch.setattr(
        wrapped.resilience._engine.runtime.lane.telemetry,
        "_of_key",
        lambda *_args: pytest.fail("nobody wants to know"),
    )
    token = context.attach(trace.set_span_in_context(SPAN))
    try:
        assert _asked(monkeypatch, lambda: wrapped.get(KEY)) == 0
    finally:
        context.detach(token)


def test_while_no_partition_map_is_known_no_digest_is_made(wrapped, monkeypatch):
    health = wrapped.resilience._engine.shared.health
    until(lambda: health.maps.owners(KEY))
    monkeypatch.setattr(health.maps, "newest", partitions.EMPTY)
    monkeypatch.setattr(health.maps, "_source", None)

    assert health.maps.owners(KEY) == ()
