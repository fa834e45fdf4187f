"""What telemetry adds to one blocking call, and what the SDK alone costs for the same."""

from __future__ import annotations

import contextlib
import functools
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, Final

from aerospike.exception import RecordNotFound
from opentelemetry import context, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind

from aerospike_resilience import resilient
from aerospike_resilience.nodes.partitions import PARTITIONS, PartitionMap
from aerospike_resilience.telemetry.board import Board
from aerospike_resilience.telemetry.listening import SpanFilter

from .harness import Case
from .stub import KEY, Stub

TITLE = "what telemetry adds to one blocking call, processor time"

CLOCK = time.thread_time_ns

NONE, DISABLED = "resilient, no SDK", "resilient, OTEL_SDK_DISABLED"
METRICS, ROOT, UNDER = (
    "resilient, metrics",
    "resilient, unsampled root",
    "resilient, unsampled parent",
)
BOTH, SAMPLED = "resilient, metrics and unsampled parent", "resilient, sampled"
MISS, MISS_METRICS = "resilient, a miss, no SDK", "resilient, a miss, metrics"
SDK_RECORD, SDK_UNSAMPLED, SDK_SAMPLED = "SDK: record", "SDK: unsampled span", "SDK: sampled span"
HAND_UNSAMPLED, HAND_SAMPLED = "by hand, unsampled root", "by hand, sampled"
NAMED, SDK_NAMED = "resilient, sampled, its node named", "SDK: sampled span, its node named"
CELL, FILTER = "one sample into its cell", "is a span needed, under an unsampled parent"

ATTRIBUTES: Final[Mapping[str, str | int]] = {
    "db.system.name": "aerospike",
    "db.operation.name": "get",
    "db.namespace": "test",
    "db.collection.name": "demo",
    "server.address": "127.0.0.1",
    "server.port": 3000,
    "aerospike.resilience.client": "aerospike-1",
}

NODE: Final[Mapping[str, str | int]] = {
    "network.peer.address": "127.0.0.1",
    "network.peer.port": 3000,
}


def cases() -> list[Case]:
    """Return the cases; the first is the bare call."""
    get = Stub().get
    board = Board(_meters().get_meter("benchmark"))
    add = board.durations.cell(ATTRIBUTES).add
    unsampled, sampled = _tracers(ALWAYS_OFF), _tracers(ALWAYS_ON)
    by_parent = _tracers(ParentBased(ALWAYS_OFF))
    wanted = SpanFilter(by_parent.get_tracer("benchmark"))
    with _disabled():
        disabled = _get(meter_provider=_meters(), tracer_provider=_tracers(ALWAYS_ON))
    return [
        Case("bare call", lambda: get(KEY)),
        Case(NONE, _get()),
        Case(DISABLED, disabled),
        Case(METRICS, _get(meter_provider=_meters())),
        Case(ROOT, _get(tracer_provider=unsampled)),
        Case(UNDER, _get(tracer_provider=by_parent), within=_unsampled_parent),
        Case(
            BOTH,
            _get(meter_provider=_meters(), tracer_provider=by_parent),
            within=_unsampled_parent,
        ),
        Case(SAMPLED, _get(tracer_provider=sampled)),
        Case(MISS, _miss()),
        Case(MISS_METRICS, _miss(meter_provider=_meters())),
        Case(SDK_RECORD, lambda: board.durations.record(0.0003, ATTRIBUTES)),
        Case(SDK_UNSAMPLED, _span(unsampled)),
        Case(SDK_SAMPLED, _span(sampled)),
        Case(HAND_UNSAMPLED, _span(unsampled, _get())),
        Case(HAND_SAMPLED, _span(sampled, _get())),
        Case(NAMED, _named(tracer_provider=sampled)),
        Case(SDK_NAMED, _span(sampled, attributes=NODE)),
        Case(CELL, lambda: add(0.0003)),
        Case(FILTER, wanted.wants, within=_unsampled_parent),
    ]


def verdict(ns: dict[str, float]) -> list[str]:
    """Return what the figures say about the budgets, all of the same run."""
    none = ns[NONE]
    said = [
        _said("disabled", ns[DISABLED] - none, 100),
        _said("metrics", ns[METRICS] - none, 2_000),
        _said("an unsampled root", ns[ROOT] - none, ns[SDK_UNSAMPLED] + 1_000),
        _said("under an unsampled parent", ns[UNDER] - none, 600),
        _said("metrics, under an unsampled parent", ns[BOTH] - none, 5_000),
        _said("sampled", ns[SAMPLED] - none, ns[SDK_SAMPLED] * 1.15),
        f"an unsampled span by hand around the call: {ns[HAND_UNSAMPLED] - none:,.0f} ns over no SDK",
        f"a sampled span by hand around the call: {ns[HAND_SAMPLED] - none:,.0f} ns over no SDK",
        _said("sampled, its node named", ns[NAMED] - none, ns[SDK_NAMED] * 1.15),
        _said("a miss with metrics", ns[MISS_METRICS] - ns[MISS], ns[METRICS] - none + 2_000),
    ]
    plain, measured = _of_process(_get()), _of_process(_get(meter_provider=_meters()))
    return [*said, _said("metrics, 8 threads, process time", measured - plain, 4_000)]


def _said(what: str, above_ns: float, budget_ns: float) -> str:
    held = "holds" if above_ns <= budget_ns else "EXCEEDED"
    return f"{what}: {above_ns:,.0f} ns over no SDK; budget {budget_ns:,.0f} ns: {held}"


def _get(**more: Any) -> Callable[[], object]:
    client: Any = resilient(Stub(), "latency", adapter="aerospike", **more)
    return lambda: client.get(KEY)


def _miss(**more: Any) -> Callable[[], None]:
    client: Any = resilient(Stub(), "latency", adapter="aerospike", **more)
    exists = functools.partial(client.exists, KEY)

    def missed() -> None:
        try:
            exists()
        except RecordNotFound:
            return

    return missed


def _named(**more: Any) -> Callable[[], object]:
    """Return a call whose node is known. The map and the address stand in for those of real nodes."""
    client: Any = resilient(Stub(), "latency", adapter="aerospike", **more)
    engine = client.resilience._engine
    engine.shared.health.maps.newest = PartitionMap({"test": (("A", "B"),) * PARTITIONS})
    engine.runtime.lane.telemetry.endings.address = lambda _name: ("127.0.0.1", 3000)
    return lambda: client.get(KEY)


def _span(
    provider: TracerProvider,
    call: Callable[[], object] | None = None,
    attributes: Mapping[str, str | int] | None = None,
) -> Callable[[], None]:
    """Return what the SDK does for a span: start it, enter it, leave it, end it.

    Args:
        provider: where its tracer comes from.
        call: what is called within it.
        attributes: what is set when it ends.
    """
    tracer = provider.get_tracer("benchmark")

    def traced() -> None:
        span = tracer.start_span("get demo", kind=SpanKind.CLIENT, attributes=ATTRIBUTES)
        token = context.attach(trace.set_span_in_context(span))
        if call is not None:
            call()
        context.detach(token)
        if attributes is not None:
            span.set_attributes(attributes)
        span.end()

    return traced


def _meters() -> MeterProvider:
    return MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)


def _tracers(sampler: Sampler) -> TracerProvider:
    return TracerProvider(sampler=sampler, shutdown_on_exit=False)


@contextlib.contextmanager
def _disabled() -> Iterator[None]:
    before = os.environ.get("OTEL_SDK_DISABLED")
    os.environ["OTEL_SDK_DISABLED"] = "true"
    try:
        yield
    finally:
        if before is None:
            del os.environ["OTEL_SDK_DISABLED"]
        else:
            os.environ["OTEL_SDK_DISABLED"] = before


def _unsampled_parent() -> AbstractContextManager[object]:
    return trace.use_span(NonRecordingSpan(SpanContext(1, 2, is_remote=False)))


def _of_process(call: Callable[[], object], threads: int = 8, each: int = 5_000) -> float:
    """Return the processor time of the whole process for each of many threads' calls, in ns."""

    def calls() -> None:
        for _ in range(each):
            call()

    best = float("inf")
    for _ in range(3):
        running = [threading.Thread(target=calls) for _ in range(threads)]
        began = time.process_time_ns()
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
        best = min(best, (time.process_time_ns() - began) / (threads * each))
    return best
