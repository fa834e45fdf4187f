"""Who listens to the two clients of an equivalence test, and what they were told, as plain values."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from opentelemetry import trace
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from aerospike_resilience.ambient import inside_operation
from aerospike_resilience.telemetry import registry
from tests.telemetry.exported import Exported

LISTENERS: Mapping[str, tuple[bool, Sampler | None]] = {
    "nobody": (False, None),
    "metrics": (True, None),
    "metrics, spans by parent": (True, ParentBased(ALWAYS_ON)),
    "metrics, spans dropped": (True, ALWAYS_OFF),
    "spans by parent": (False, ParentBased(ALWAYS_ON)),
}
"""Whether metrics are taken, and how spans are sampled; None where nobody takes spans."""


def _parent(flags: int) -> Any:
    return trace.use_span(
        NonRecordingSpan(SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(flags)))
    )


SURROUNDINGS: Mapping[str, Any] = {
    "nothing": contextlib.nullcontext,
    "unsampled parent": lambda: _parent(0),
    "sampled parent": lambda: _parent(1),
    "suppressed": suppress_instrumentation,
    "a part of another operation": lambda: inside_operation(10),
}


class Listener:
    """The providers of one client."""

    def __init__(self, name: str) -> None:
        metrics, sampler = LISTENERS[name]
        self._metrics = Exported() if metrics else None
        self._spans = InMemorySpanExporter()
        self.options: dict[str, Any] = {}
        if self._metrics is not None:
            self.options["meter_provider"] = self._metrics.provider
        if sampler is not None:
            provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
            provider.add_span_processor(SimpleSpanProcessor(self._spans))
            self.options["tracer_provider"] = provider

    def spans(self) -> list[Any]:
        """Return the spans that ended since the last time."""
        found = [_plain(span) for span in self._spans.get_finished_spans()]
        self._spans.clear()
        return found

    def samples(self, *, timed: bool = True) -> dict[Any, Any]:
        """Return the count and, if `timed`, the sum of the durations, by their attributes."""
        return {
            _known(point.attributes): (point.count, round(point.sum, 6) if timed else None)
            for metric in (() if self._metrics is None else self._metrics.metrics())
            if metric.name == registry.DURATION
            for point in metric.data.data_points
        }


def _plain(span: ReadableSpan) -> Any:
    took_ns = (span.end_time or 0) - (span.start_time or 0)
    if (span.attributes or {}).get(registry.OUTCOME) == "cancelled":
        took_ns = 0  # the paths see in different turns of the event loop that a caller has left
    return (
        *(span.name, span.kind, _known(span.attributes), span.parent is not None),
        *(span.status.status_code, span.status.description, round(took_ns / 1e3)),
        [(event.name, _known(event.attributes)) for event in span.events],
    )


def _known(attributes: Any) -> tuple[Any, ...]:
    return tuple(
        sorted((name, value) for name, value in attributes.items() if name != registry.CLIENT)
    )
