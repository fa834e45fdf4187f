"""aerospike-py can trace calls by itself; then we do not tell them a second time."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys, aerospike_py
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from aerospike_resilience import resilient

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
if sys.argv[2] == "own":
    aerospike_py.init_tracing()
client = aerospike_py.client({"hosts": [("127.0.0.1", int(sys.argv[1]))]}).connect()
client = resilient(client, "latency", tracer_provider=provider)
client.put(("test", "s", 1), {"n": 1})
print(len(exporter.get_finished_spans()))
client.close()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="threads have names on Linux only")
@pytest.mark.parametrize(("tracing", "spans"), [("ours", "1"), ("own", "0")])
def test_calls_are_not_traced_twice(healthy, tracing, spans):
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(healthy.hosts[0][1]), tracing],
        env={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert found.stdout.strip() == spans, found.stderr
