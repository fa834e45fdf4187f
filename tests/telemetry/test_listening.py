"""Whether a call needs a span is known before one is made, where the SDK's answer is certain."""

from __future__ import annotations

import contextlib

import pytest
from opentelemetry import context, trace
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    ParentBased,
    ParentBasedTraceIdRatio,
)

from aerospike_resilience.telemetry import provider_hooks
from aerospike_resilience.telemetry.listening import SpanFilter

LIKE_PARENT = ParentBased(ALWAYS_ON)


class Mine(ParentBased):
    """A sampler of the application's own."""

    def should_sample(self, *args, **kwargs):
        return super().should_sample(*args, **kwargs)


@contextlib.contextmanager
def inside(*, sampled: bool, remote: bool = False, valid: bool = True):
    flags = trace.TraceFlags(int(sampled))
    of_span = trace.SpanContext(int(valid), 2, is_remote=remote, trace_flags=flags)
    token = context.attach(trace.set_span_in_context(trace.NonRecordingSpan(of_span)))
    try:
        yield
    finally:
        context.detach(token)


@pytest.mark.parametrize(
    ("sampler", "parent", "wanted"),
    [
        (LIKE_PARENT, None, True),
        (ALWAYS_OFF, None, True),  # the SDK gives a root its own ids
        (LIKE_PARENT, {"sampled": True}, True),
        (LIKE_PARENT, {"sampled": False}, False),
        (LIKE_PARENT, {"sampled": False, "remote": True}, False),
        (LIKE_PARENT, {"sampled": False, "valid": False}, True),
        (ParentBasedTraceIdRatio(0.01), {"sampled": False}, False),
        (ParentBased(ALWAYS_ON, local_parent_not_sampled=ALWAYS_ON), {"sampled": False}, True),
        (
            ParentBased(ALWAYS_ON, remote_parent_not_sampled=ALWAYS_ON),
            {"sampled": False, "remote": True},
            True,
        ),
        (ALWAYS_ON, {"sampled": False}, True),
        (Mine(ALWAYS_ON), {"sampled": False}, True),
    ],
)
def test_a_span_is_left_out_only_where_it_would_be_dropped(sampler, parent, wanted):
    tracer = TracerProvider(sampler=sampler).get_tracer("test")
    with inside(**parent) if parent is not None else contextlib.nullcontext():
        assert SpanFilter(tracer).wants() is wanted
        if not wanted:
            assert not tracer.start_span("would be dropped").is_recording()


def test_no_span_is_wanted_while_instrumentation_is_suppressed():
    wanted = SpanFilter(TracerProvider().get_tracer("test"))
    assert wanted.wants()
    with suppress_instrumentation():
        assert not wanted.wants()
    assert wanted.wants()


def test_followers_hear_of_every_provider_and_their_errors_reach_nobody(monkeypatch):
    heard = []

    class One:
        def providers_changed(self) -> None:
            heard.append("one")
            raise RuntimeError("mine")

    one = One()
    monkeypatch.setattr("logging.raiseExceptions", False)
    provider_hooks.follow(one)
    provider_hooks._telling(lambda _provider: heard.append("set"))(None)

    assert heard[:2] == ["set", "one"]
    del one
