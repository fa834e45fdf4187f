"""The log record of a failed call has the ids of the call's span."""

from __future__ import annotations

import logging

import aerospike
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from aerospike_resilience import resilient
from tests.patience import NEVER_LATE

KEY = ("test", "demo", "trace")


def failed(client, caplog) -> logging.LogRecord:
    client.put(KEY, {"text": "a"})
    with (
        caplog.at_level(logging.DEBUG, logger="aerospike_resilience.call"),
        pytest.raises(aerospike.exception.BinIncompatibleType),
    ):
        client.increment(KEY, "text", 1)
    (record,) = [one for one in caplog.records if one.name == "aerospike_resilience.call"]
    return record


def test_a_failed_calls_record_has_its_trace(healthy, connect, caplog):
    spans, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    client = resilient(connect(healthy), "latency", overrides=NEVER_LATE, tracer_provider=provider)

    record = failed(client, caplog)

    context = spans.get_finished_spans()[-1].context
    assert record.aerospike_trace_id == trace.format_trace_id(context.trace_id)
    assert record.aerospike_span_id == trace.format_span_id(context.span_id)


def test_without_spans_there_is_no_trace_to_name(healthy, connect, caplog):
    record = failed(resilient(connect(healthy), "latency", overrides=NEVER_LATE), caplog)

    assert not hasattr(record, "aerospike_trace_id")
