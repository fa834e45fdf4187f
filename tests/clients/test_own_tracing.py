"""aerospike-py can trace calls by itself: its spans are children of ours, which are the operations."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.patience import NEVER_LATE

PROGRAM = """
import sys, aerospike_py
from opentelemetry import propagate, trace
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from aerospike_resilience import resilient

class Asked(TextMapPropagator):
    # The client asks for its parent like this, right before it makes its own span.
    parents = []

    def inject(self, carrier, context=None, setter=None):
        self.parents.append(trace.get_current_span(context).get_span_context().span_id)

    def extract(self, carrier, context=None, getter=None):
        return context

    fields = frozenset()

propagate.set_global_textmap(Asked())
exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
aerospike_py.init_tracing()
client = aerospike_py.client({"hosts": [("127.0.0.1", int(sys.argv[1]))]}).connect()
told = {**NEVER_LATE, "telemetry": {"attempt_spans": sys.argv[2] == "attempts"}}
client = resilient(client, "latency", overrides=told, tracer_provider=provider)
client.put(("test", "s", 1), {"n": 1})
spans = exporter.get_finished_spans()
print(*(span.name for span in spans), Asked.parents == [spans[0].context.span_id], sep=", ")
client.close()
"""


@pytest.mark.parametrize(
    ("spans", "told"), [("operations", "put s, True"), ("attempts", "put attempt, put s, True")]
)
def test_the_clients_own_span_is_a_child_of_the_operation_or_of_its_attempt(healthy, spans, told):
    found = subprocess.run(
        [
            sys.executable,
            "-c",
            f"NEVER_LATE = {NEVER_LATE}\n{PROGRAM}",
            str(healthy.hosts[0][1]),
            spans,
        ],
        env={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )

    assert found.stdout.strip() == told, found.stderr
