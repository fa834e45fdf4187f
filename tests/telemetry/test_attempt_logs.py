"""Attempts as log records instead of events on spans, with `telemetry: {attempt_logs: true}`."""

from __future__ import annotations

import aerospike
import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider, export
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import StatusCode

from aerospike_resilience import TelemetryProviders, resilient
from aerospike_resilience.telemetry import registry
from tests.conformance.telling import Listener

KEY = ("test", "logs", 1)


@pytest.fixture
def logged():
    """A provider of loggers, and what it exports."""
    if not hasattr(export, "InMemoryLogRecordExporter"):
        pytest.skip("this OpenTelemetry has no event names; attempts stay events of spans")
    exporter = export.InMemoryLogRecordExporter()
    provider = LoggerProvider()
    provider.add_log_record_processor(export.SimpleLogRecordProcessor(exporter))
    yield provider, lambda: [one.log_record for one in exporter.get_finished_logs()]
    provider.shutdown()


@pytest.fixture
def wrap(bare, logged):
    """Wrap the C client with options of the test's own."""
    wrapped = []

    def wrap_(wanted: bool = True, **providers):
        client = resilient(
            bare,
            "latency",
            overrides={"telemetry": {"attempt_logs": wanted}},
            telemetry=TelemetryProviders(logger_provider=logged[0], **providers),
        )
        client.put(KEY, {"n": 1})
        wrapped.append(client)
        return client

    yield wrap_
    for client in wrapped:
        client.resilience.close()


@pytest.mark.parametrize("wanted", [True, False], ids=["on", "off"])
def test_attempts_are_records_or_events_and_never_both(healthy, wrap, logged, wanted):
    listener = Listener()
    client = wrap(wanted, tracer_provider=listener.tracers, meter_provider=listener.meters)
    listener.begin()
    with healthy.inject(op="get", code=18, count=2):
        client.get(KEY)

    (span,) = listener.spans
    records = logged[1]()
    told = records if wanted else span.events
    assert [len(records), len(span.events)] == ([2, 0] if wanted else [0, 2])
    assert [one.attributes[registry.ATTEMPT_NUMBER] for one in told] == [1, 2]
    assert told[0].attributes[registry.FAILURE] == "overload"
    assert registry.FAILURE not in told[1].attributes
    if wanted:
        assert {one.event_name for one in records} == {registry.ATTEMPT_EVENT}
        assert {one.span_id for one in records} == {span.context.span_id}
        assert [one.severity_number for one in records] == [
            SeverityNumber.WARN,
            SeverityNumber.INFO,
        ]
        assert records[0].attributes[registry.DB_OPERATION] == "get"
        assert records[0].attributes[registry.DB_COLLECTION] == "logs"


def test_one_attempt_has_no_record(wrap, logged):
    client = wrap()
    client.get(KEY)

    assert logged[1]() == []


def test_attempts_are_logged_too_where_nobody_takes_spans(healthy, wrap, logged):
    client = wrap(meter_provider=Listener().meters)
    with healthy.inject(op="get", code=18, count=2):
        client.get(KEY)

    assert len(logged[1]()) == 2


def test_a_logger_that_fails_harms_no_call(healthy, wrap, logged, monkeypatch, caplog):
    client = wrap(tracer_provider=TracerProvider())

    def broken(*_args, **_kwargs):
        raise RuntimeError("no disk")

    monkeypatch.setattr(logged[0], "get_logger", broken)
    with healthy.inject(op="get", code=18, count=2):
        assert client.get(KEY)[2] == {"n": 1}

    assert "telemetry is broken" in caplog.text


def test_a_log_processor_that_fails_leaves_the_span_whole(healthy, wrap, logged, monkeypatch):
    listener = Listener()
    client = wrap(tracer_provider=listener.tracers)

    def broken(*_args, **_kwargs):
        raise RuntimeError("no disk")

    monkeypatch.setattr(export.SimpleLogRecordProcessor, "on_emit", broken)
    with healthy.inject(op="get", code=13), pytest.raises(aerospike.exception.AerospikeError):
        client.get(KEY)

    assert any(
        span.status.status_code is StatusCode.ERROR
        for span in listener.exporter.get_finished_spans()
    )
