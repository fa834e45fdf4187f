"""One span and one duration sample for an operation, whatever its retries."""

from __future__ import annotations

import json

import pytest
from aerospike import exception
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from aerospike_resilience import resilient
from aerospike_resilience.telemetry.names import is_live
from tests.patience import NEVER_LATE

KEY = ("test", "telemetry", "secret-key-4711")


class Collected:
    """Spans and metrics of one wrapped client."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider([self.reader])

    @property
    def spans(self):
        return self.exporter.get_finished_spans()

    def points(self, name: str):
        data = self.reader.get_metrics_data()
        if data is None:
            return []
        return [
            point
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]


@pytest.fixture
def collected(healthy, connect):
    found = Collected()
    found.client = resilient(
        connect(healthy),
        profile="latency",
        overrides=NEVER_LATE,
        tracer_provider=found.tracers,
        meter_provider=found.meters,
    )
    found.client.put(KEY, {"n": 1})
    found.exporter.clear()
    yield found
    found.client.resilience.close()
    healthy.clear_faults()


def test_a_success_is_one_client_span_named_after_operation_and_set(collected):
    collected.client.get(KEY)

    (span,) = collected.spans
    assert (span.name, span.kind) == ("get telemetry", SpanKind.CLIENT)
    assert span.attributes["db.system.name"] == "aerospike"
    assert span.attributes["db.namespace"] == "test"
    assert span.attributes["db.collection.name"] == "telemetry"
    assert span.attributes["db.operation.name"] == "get"
    assert span.attributes["aerospike.resilience.profile"] == "latency"
    assert span.status.status_code is StatusCode.UNSET


def test_retries_are_events_of_the_one_span_and_the_one_sample(healthy, collected):
    with healthy.inject(op="get", code=18, count=2):
        collected.client.get(KEY)

    (span,) = collected.spans
    assert {event.name for event in span.events} == {"aerospike.resilience.attempt"}
    first, second = (event.attributes for event in span.events)
    assert first["aerospike.resilience.failure"] == "overload"
    assert first["aerospike.resilience.attempt.tries"] == 2
    assert second["aerospike.resilience.attempt.number"] == 2
    assert "aerospike.resilience.failure" not in second
    assert span.attributes["aerospike.resilience.retries"] == 1
    gets = [
        point
        for point in collected.points("db.client.operation.duration")
        if point.attributes["db.operation.name"] == "get"
    ]
    assert sum(point.count for point in gets) == 1
    assert "error.type" not in gets[0].attributes


def test_a_failure_names_its_type_its_code_and_its_cause(healthy, collected):
    with healthy.inject(op="get", code=18), pytest.raises(exception.DeviceOverload):
        collected.client.get(KEY)

    (span,) = collected.spans
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "overload")
    assert span.attributes["error.type"] == "DeviceOverload"
    assert span.attributes["db.response.status_code"] == "18"
    assert span.attributes["aerospike.resilience.failure"] == "overload"


def test_a_batch_says_how_many_rows_it_has(collected):
    collected.client.batch_read([KEY, KEY])

    assert collected.spans[0].attributes["db.operation.batch.size"] == 2
    durations = collected.points("db.client.operation.duration")
    assert not any("db.operation.batch.size" in point.attributes for point in durations)


def test_no_key_value_leaves_in_spans_or_metrics(healthy, collected):
    with healthy.inject(op="get", code=18), pytest.raises(exception.DeviceOverload):
        collected.client.get(KEY)

    told = collected.spans[0].to_json() + json.dumps(
        [dict(point.attributes) for point in collected.points("db.client.operation.duration")]
    )
    assert "secret-key" not in told


def test_durations_fall_into_buckets_finer_than_a_millisecond(collected):
    collected.client.get(KEY)

    (point, *_) = collected.points("db.client.operation.duration")
    assert point.explicit_bounds[0] == 0.0001


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("aerospike.resilience.node.state", {"A1", "A2", "A3"}),
        ("aerospike.resilience.gate.limit", {None}),
        ("aerospike.resilience.gate.in_flight", {None}),
    ],
)
def test_state_is_shown_by_gauges(metric, expected, collected):
    points = collected.points(metric)

    assert {point.attributes.get("aerospike.node.name") for point in points} == expected


def test_without_an_sdk_the_chain_has_no_telemetry():
    assert not is_live(trace.NoOpTracerProvider())
    assert not is_live(trace.ProxyTracerProvider())
    assert not is_live(metrics.NoOpMeterProvider())
    assert is_live(TracerProvider())
    assert is_live(MeterProvider())


class BrokenProcessor(SpanProcessor):
    """One that raises at the start or at the end of a span."""

    def __init__(self, at: str) -> None:
        self.at = at

    def on_start(self, span, parent_context=None):
        if self.at == "start":
            raise RuntimeError("the processor is broken")

    def on_end(self, span):
        if self.at == "end":
            raise RuntimeError("the processor is broken")


@pytest.mark.parametrize("at", ["start", "end"])
def test_a_broken_span_processor_makes_no_call_fail(bare, at, caplog):
    provider = TracerProvider()
    provider.add_span_processor(BrokenProcessor(at))
    client = resilient(bare, "latency", overrides=NEVER_LATE, tracer_provider=provider)
    for number in range(3):
        client.put(("test", "broken", number), {"n": number})
    with pytest.raises(exception.RecordNotFound):
        client.get(("test", "broken", "nobody"))
    client.resilience.close()

    assert bare.get(("test", "broken", 2))[2] == {"n": 2}
    told = [one for one in caplog.records if "telemetry is broken" in one.getMessage()]
    assert len(told) == 1  # and not once a call


class BrokenMeter:
    """A meter provider whose histograms raise."""

    def get_meter(self, *_args, **_more):
        return self

    def create_histogram(self, *_args, **_more):
        return self

    def record(self, *_args, **_more):
        raise RuntimeError("the exporter is broken")

    def __getattr__(self, name):
        return lambda *_args, **_more: None


def test_a_broken_metric_makes_no_call_fail(bare):
    client = resilient(bare, "latency", overrides=NEVER_LATE, meter_provider=BrokenMeter())
    client.put(("test", "broken", 1), {"n": 7})
    client.resilience.close()

    assert bare.get(("test", "broken", 1))[2] == {"n": 7}
