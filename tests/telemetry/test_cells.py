"""What is exported of samples that waited in cells equals what `Histogram.record` makes of them."""

from __future__ import annotations

import inspect
import os
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import context, trace
from opentelemetry.sdk.metrics import AlwaysOnExemplarFilter, Histogram, MeterProvider
from opentelemetry.sdk.metrics._internal.aggregation import _ExplicitBucketHistogramAggregation
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    InMemoryMetricReader,
    MetricExporter,
    MetricExportResult,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.metrics.view import (
    DropAggregation,
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
    LastValueAggregation,
    SumAggregation,
    View,
)

from aerospike_resilience.telemetry import cells, registry, sdk
from aerospike_resilience.telemetry.board import Board
from aerospike_resilience.telemetry.names import DURATION_BUCKETS_S

SETS = [{"db.operation.name": "get"}, {"db.operation.name": "put", "server.port": 3000}, {}]

VIEWS = {
    "none": [],
    "renamed": [View(instrument_name=registry.DURATION, name="other", description="else")],
    "fewer attributes": [View(instrument_name=registry.DURATION, attribute_keys={"server.port"})],
    "other buckets": [
        View(
            instrument_name=registry.DURATION,
            aggregation=ExplicitBucketHistogramAggregation((0.0, 0.5, 1.0), record_min_max=False),
        )
    ],
    "exponential": [
        View(instrument_name=registry.DURATION, aggregation=ExponentialBucketHistogramAggregation())
    ],
    "sum": [View(instrument_name=registry.DURATION, aggregation=SumAggregation())],
    "last": [View(instrument_name=registry.DURATION, aggregation=LastValueAggregation())],
    "dropped": [View(instrument_name=registry.DURATION, aggregation=DropAggregation())],
    "two": [
        View(instrument_name=registry.DURATION, name="one"),
        View(instrument_name=registry.DURATION, name="two", attribute_keys=set()),
    ],
}

if "aggregation_cardinality_limit" in inspect.signature(View).parameters:  # from 1.45.1 on
    VIEWS["few series"] = [View(instrument_name=registry.DURATION, aggregation_cardinality_limit=2)]

adds_many = pytest.mark.skipif(
    not sdk.can_add(MeterProvider(shutdown_on_exit=False).get_meter("a").create_histogram("a")),
    reason="samples cannot be added to this SDK many at once; each is recorded",
)


def reader(*, delta: bool) -> InMemoryMetricReader:
    kind = AggregationTemporality.DELTA if delta else AggregationTemporality.CUMULATIVE
    return InMemoryMetricReader(preferred_temporality={Histogram: kind})


def sampled() -> object:
    """Enter a context whose span is sampled."""
    flags = trace.TraceFlags(trace.TraceFlags.SAMPLED)
    span = trace.NonRecordingSpan(trace.SpanContext(1, 2, is_remote=False, trace_flags=flags))
    return context.attach(trace.set_span_in_context(span))


class Side:
    """A provider with its readers, and how samples get there."""

    def __init__(self, views: list[View], deltas: list[bool], *, in_cells: bool) -> None:
        self.readers = [reader(delta=delta) for delta in deltas]
        self.provider = MeterProvider(self.readers, views=views, shutdown_on_exit=False)
        meter = self.provider.get_meter("test")
        self.record: Any
        if in_cells:
            histogram = cells.Histogram(_made(meter))
            assert histogram.additions is not None
            meter.create_observable_gauge("collection", [lambda _: histogram.hand_over() or []])
            self.record = histogram.add
        else:
            self.record = _made(meter).record

    def add_reader(self, *, delta: bool) -> None:
        self.readers.append(reader(delta=delta))
        self.provider.add_metric_reader(self.readers[-1])

    def collected(self, which: int) -> list[object]:
        data = self.readers[which % len(self.readers)].get_metrics_data()
        return exported(data)


def _made(meter: Any) -> Any:
    metric = registry.METRICS[registry.DURATION]
    return meter.create_histogram(
        *(registry.DURATION, metric.unit, metric.description),
        explicit_bucket_boundaries_advisory=DURATION_BUCKETS_S,
    )


def exported(data: Any) -> list[object]:
    """Return everything but times, which differ between two providers."""
    found = [
        (metric.name, metric.description, metric.unit, type(metric.data).__name__, _point(point))
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    ]
    return sorted(found, key=str)


def _point(point: Any) -> dict[str, object]:
    assert point.start_time_unix_nano is None or point.start_time_unix_nano <= point.time_unix_nano
    said = {name: getattr(point, name) for name in type(point).__dataclass_fields__}
    exemplars = [one.value for one in said.pop("exemplars", ())]
    if "explicit_bounds" not in said:
        exemplars = [len(exemplars)]  # the SDK draws them by lot
    for name in ("time_unix_nano", "start_time_unix_nano"):
        del said[name]
    return {**said, "attributes": dict(said["attributes"]), "exemplars": exemplars}


def _merged(series: list[Any]) -> tuple[int, float]:
    return sum(one[-1]["count"] for one in series), sum(one[-1]["sum"] for one in series)


# Sums of such numbers are exact in any order.
VALUES = st.integers(-1, 12_000).map(lambda number: number / 1024)
STEPS = st.one_of(
    st.tuples(st.just("record"), st.sampled_from(range(3)), VALUES),
    st.tuples(st.just("sampled"), st.sampled_from(range(3)), VALUES),
    st.tuples(st.just("many"), st.sampled_from(range(3)), st.integers(1, 40)),
    st.tuples(st.just("collect"), st.integers(0, 3)),
    st.tuples(st.just("flush")),
    st.tuples(st.just("reader"), st.booleans()),
)


def play(side: Side, step: tuple[Any, ...]) -> list[object]:
    match step:
        case ("record", which, value):
            side.record(value, SETS[which])
        case ("sampled", which, value):
            token = sampled()
            side.record(value, SETS[which])
            context.detach(token)
        case ("many", which, count):
            for number in range(count):
                side.record(number / 64, SETS[which])
        case ("collect", which):
            return side.collected(which)
        case ("flush",):
            side.provider.force_flush()
        case ("reader", delta):
            if len(side.readers) < 4:
                side.add_reader(delta=delta)
    return []


@adds_many
@settings(max_examples=40)
@given(
    st.sampled_from(sorted(VIEWS)),
    st.lists(st.booleans(), max_size=2),
    st.lists(STEPS, max_size=25),
)
def test_cells_export_what_record_exports(view, deltas, steps):
    full, cells.FULL = cells.FULL, 16  # so that calls hand over too
    try:
        plain = Side(VIEWS[view], deltas or [False], in_cells=False)
        ours = Side(VIEWS[view], deltas or [False], in_cells=True)
        for step in [*steps, ("collect", 0), ("collect", 1), ("collect", 2), ("collect", 3)]:
            found, right = play(ours, step), play(plain, step)
            if view == "few series":  # the order decides which of them overflow
                found, right = _merged(found), _merged(right)
            assert found == right
    finally:
        cells.FULL = full


@adds_many
def test_no_sample_of_many_threads_is_lost_or_told_twice_while_readers_collect():
    side = Side([], [False, True], in_cells=True)
    threads, each = 8, 3_000
    begin, deltas, ended = threading.Barrier(threads + 1), [], threading.Event()

    def record() -> None:
        begin.wait()
        for number in range(each):
            side.record(number % 7 / 1024, SETS[number % 3])

    def collect() -> None:
        while not ended.is_set():
            deltas.append(_count(side.readers[1]))
            _count(side.readers[0])

    running = [threading.Thread(target=record) for _ in range(threads)]
    collecting = threading.Thread(target=collect)
    for thread in (*running, collecting):
        thread.start()
    begin.wait()
    for thread in running:
        thread.join()
    ended.set()
    collecting.join()

    assert _count(side.readers[0]) == threads * each
    assert sum(deltas) + _count(side.readers[1]) == threads * each


def _count(one: InMemoryMetricReader) -> int:
    data = one.get_metrics_data()
    return sum(
        point.count
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    )


class Kept(MetricExporter):
    """Keeps what is exported."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: list[int] = []

    def export(self, metrics_data: Any, **_more: Any) -> MetricExportResult:
        self.counts += [
            said["count"] for _name, _text, _unit, _kind, said in exported(metrics_data)
        ]
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 0) -> bool:
        return True

    def shutdown(self, timeout_millis: float = 0, **_more: Any) -> None:
        """Keep what there is."""


@adds_many
def test_the_end_of_the_provider_exports_what_still_waits_in_cells():
    kept = Kept()
    provider = MeterProvider(
        [PeriodicExportingMetricReader(kept, export_interval_millis=3_600_000)],
        shutdown_on_exit=False,
    )
    board = Board(provider.get_meter("test"))
    for _ in range(10):
        board.durations.add(0.5, SETS[0])
    provider.shutdown()

    assert kept.counts == [10]


@adds_many
def test_a_forked_child_begins_at_zero_and_the_parent_loses_nothing():
    one = reader(delta=False)
    board = Board(MeterProvider([one], shutdown_on_exit=False).get_meter("test"))
    for _ in range(10):
        board.durations.add(0.5, SETS[0])
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            board.durations.add(0.5, SETS[0])
            board.durations.add(0.5, SETS[0])
            os.write(write, str(_count(one)).encode())
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(pid, 0)
    with os.fdopen(read) as pipe:
        assert pipe.read() == "2"
    assert _count(one) == 10


def test_an_sdk_of_another_shape_gets_each_sample_by_record(monkeypatch):
    original = _ExplicitBucketHistogramAggregation.aggregate

    def aggregate(self, measurement, should_sample_exemplar=True):
        original(self, measurement, should_sample_exemplar)

    monkeypatch.setattr(_ExplicitBucketHistogramAggregation, "aggregate", aggregate)
    sdk._parts.cache_clear()
    try:
        one = reader(delta=False)
        board = Board(MeterProvider([one], shutdown_on_exit=False).get_meter("test"))
        board.durations.add(0.5, SETS[0])

        assert board.durations.additions is None
        assert _count(one) == 1
    finally:
        monkeypatch.undo()
        sdk._parts.cache_clear()


@pytest.mark.parametrize("exemplars", [AlwaysOnExemplarFilter()])
def test_where_every_sample_may_be_an_exemplar_each_is_recorded(exemplars):
    provider = MeterProvider([reader(delta=False)], exemplar_filter=exemplars)
    board = Board(provider.get_meter("test"))

    assert board.durations.additions is None
