"""One file has every name, unit and attribute; what is exported is in it, and what is in it is exported."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import get_args

import pytest
from aerospike import exception
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import aerospike_resilience
from aerospike_resilience import resilient
from aerospike_resilience.interceptors.gate.queue import REASONS
from aerospike_resilience.model.outcome import OutcomeKind
from aerospike_resilience.telemetry import registry, span_attributes

HOUSE = Path(aerospike_resilience.__file__).parent

OURS = re.compile(r"(db|server|network\.peer|error|aerospike)(\.[a-z][a-z_]*)+")


@pytest.mark.parametrize("name", [*registry.METRICS, *span_attributes.SPAN_ATTRIBUTES])
def test_every_name_is_namespaced_and_in_snake_case(name):
    assert OURS.fullmatch(name)


@pytest.mark.parametrize(("name", "metric"), registry.METRICS.items())
def test_no_unit_renames_a_metric_on_its_way(name, metric):
    """The Collector and Prometheus add `_ratio` to a gauge of unit 1."""
    assert metric.unit in ("s", "By") or re.fullmatch(r"\{[a-z]+\}", metric.unit), name
    assert metric.description.endswith("."), name


def test_the_words_of_outcomes_and_of_the_gate_are_those_of_the_code():
    assert get_args(OutcomeKind) == registry.OUTCOMES
    assert set(registry.GATE_OUTCOMES) == {"granted", *REASONS}


def test_every_attribute_of_spans_and_events_is_used_by_the_code():
    """By its constant: nobody writes a name a second time."""
    tables = {HOUSE / "telemetry" / name for name in ("registry.py", "span_attributes.py")}
    code = "".join(file.read_text() for file in HOUSE.rglob("*.py") if file not in tables)
    constants = {value: name for name, value in vars(registry).items() if isinstance(value, str)}
    for name in [*span_attributes.SPAN_ATTRIBUTES, *span_attributes.EVENT_ATTRIBUTES]:
        assert re.search(rf"\b{constants[name]}\b", code), name


def test_spans_have_no_attribute_that_is_not_in_the_registry(healthy, connect):
    exporter = InMemorySpanExporter()
    tracers = TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    client = resilient(
        connect(healthy),
        "latency",
        tracer_provider=tracers,
        overrides={"telemetry": {"db_query_text": True, "returned_rows": True}},
    )
    keys = [("test", "registry", n) for n in range(20)]
    for key in keys:
        client.put(key, {"n": 1})
    client.batch_read(keys)
    client.query("test", "registry").results()
    for code in ("device_overload", 2, 4, 27):
        failing = healthy.inject(op="get", code=code, count=1)
        with failing, contextlib.suppress(exception.AerospikeError):
            client.get(keys[0])
    client.resilience.isolate("A1")
    for key in keys:
        with contextlib.suppress(exception.AerospikeError):
            client.put(key, {"n": 2})
    client.resilience.close()

    spans = exporter.get_finished_spans()
    seen = {name for span in spans for name in span.attributes}
    events = {name for span in spans for event in span.events for name in event.attributes}
    assert seen - span_attributes.SPAN_ATTRIBUTES.keys() == set()
    assert events - span_attributes.EVENT_ATTRIBUTES.keys() == set()
    assert len(seen) > 18
    for span in spans:
        for name, value in span.attributes.items():
            assert value in registry.WORDS.get(name, (value,)), name
