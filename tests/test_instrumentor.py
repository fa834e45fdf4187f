"""``opentelemetry-instrument python app.py`` wraps clients without a line of the application's."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import aerospike
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import aerospike_resilience
from aerospike_resilience.instrumentor import AerospikeInstrumentor

ROOT = Path(aerospike_resilience.__file__).parent.parent
COMMAND = Path(sys.executable).with_name("opentelemetry-instrument")

PROGRAM = """
import aerospike, sys
client = aerospike.client({"hosts": [("127.0.0.1", int(sys.argv[1]))]})
client.put(("test", "instrumented", 1), {"n": 1})
print("PROFILE", getattr(client, "resilience", None) and client.resilience.profile.name)
client.close()
"""


@pytest.fixture
def entry_point(tmp_path) -> Path:
    """A directory that Python takes for an installed distribution with this project's entry point."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        points = tomllib.load(file)["project"]["entry-points"]["opentelemetry_instrumentor"]
    info = tmp_path / "as_published-0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: as-published\nVersion: 0\n")
    lines = [f"{name} = {target}\n" for name, target in points.items()]
    (info / "entry_points.txt").write_text("[opentelemetry_instrumentor]\n" + "".join(lines))
    return tmp_path


@pytest.mark.parametrize(
    ("variables", "profile", "spans"),
    [
        ({}, "observe", 1),
        ({"AEROSPIKE_RESILIENCE_PROFILE": "batch"}, "batch", 1),
        ({"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "aerospike"}, "None", 0),
    ],
    ids=["as it comes", "with a profile", "disabled"],
)
def test_the_command_alone_wraps_clients_unless_it_is_told_not_to(
    healthy, entry_point, variables, profile, spans
):
    inherited = os.environ.items()
    ours = ("OTEL_", "AEROSPIKE_RESILIENCE_")
    environment = {
        **{name: value for name, value in inherited if not name.startswith(ours)},
        "PYTHONPATH": os.pathsep.join((str(entry_point), str(ROOT))),
        "OTEL_TRACES_EXPORTER": "console",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        **variables,
    }

    found = subprocess.run(
        [COMMAND, sys.executable, "-c", PROGRAM, str(healthy.hosts[0][1])],
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )

    assert f"PROFILE {profile}" in found.stdout, found.stderr
    assert found.stdout.count('"name": "put instrumented"') == spans


def test_hooks_see_each_operation_at_its_beginning_and_at_its_end(healthy):
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor = AerospikeInstrumentor()

    def at_request(span, call):
        span.set_attribute("app.operation", call.plan.operation.name)

    def at_response(span, call, outcome):
        span.set_attribute("app.kind", outcome.kind)
        raise ZeroDivisionError  # a hook's own mistake is logged and makes no call fail

    instrumentor.instrument(
        profile="batch",
        tracer_provider=provider,
        request_hook=at_request,
        response_hook=at_response,
    )
    try:
        client = aerospike.client({"hosts": healthy.hosts})
    finally:
        instrumentor.uninstrument()
    client.put(("test", "hooked", 1), {"n": 1})
    with pytest.raises(aerospike.exception.RecordNotFound):
        client.get(("test", "hooked", "missing"))
    client.close()

    put, get = exporter.get_finished_spans()
    assert (put.attributes["app.operation"], put.attributes["app.kind"]) == ("put", "ok")
    assert (get.attributes["app.operation"], get.attributes["app.kind"]) == ("get", "miss")
    host, port = healthy.hosts[0]
    assert (put.attributes["server.address"], put.attributes["server.port"]) == (host, port)
