"""What spans and samples hold by OpenTelemetry's database conventions, and what switches them."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import logging
from importlib.metadata import version

import aerospike
import aerospike_py
import pytest
from aerospike_helpers.batch.records import BatchRecords, Write
from aerospike_helpers.operations.operations import increment, write
from opentelemetry import context
from opentelemetry.metrics import NoOpHistogram
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import NoOpTracer, StatusCode

from aerospike_resilience import resilient
from aerospike_resilience.telemetry import registry
from aerospike_resilience.telemetry.board import board_of
from aerospike_resilience.telemetry.providers import tracer
from tests.conformance.telling import DURATION, Listener, seen
from tests.patience import NEVER_LATE, never_late
from tests.waiting import until

SET = "spans"
KEY = ("test", SET, 1)


@pytest.fixture
def listen(bare):
    """Wrap the C client with a listener, under a profile and options of the test's own."""
    wrapped = []

    def listen_(profile="latency", **telemetry):
        listener = Listener()
        words = never_late({"telemetry": telemetry})
        client = resilient(bare, profile, overrides=words, telemetry=listener.providers)
        wrapped.append(client)
        client.put(KEY, {"n": 1, "text": "a"})
        listener.begin()
        return client, listener

    yield listen_
    for client in wrapped:
        client.resilience.close()


@pytest.fixture
def told(listen):
    """Return what one call of the wrapped client tells."""
    client, listener = listen(returned_rows=True)

    def told_(action):
        listener.begin()
        seen(lambda: action(client))
        return listener.told()

    return told_


KEYS = [("test", SET, n) for n in range(3)]
ELSEWHERE = [("test", SET, 1), ("test", "other", 1)]


@pytest.mark.parametrize(
    ("action", "name", "attributes"),
    [
        (lambda c: c.batch_read(KEYS), f"batch_read {SET}", {registry.DB_BATCH_SIZE: 3}),
        (lambda c: c.batch_read(KEYS[:1]), f"batch_read {SET}", {registry.DB_BATCH_SIZE: None}),
        (lambda c: c.batch_read([]), "batch_read *", {registry.DB_BATCH_SIZE: 0}),
        (
            lambda c: c.batch_read(ELSEWHERE),
            "batch_read test",
            {registry.DB_NAMESPACE: "test", registry.DB_COLLECTION: None},
        ),
        (
            lambda c: c.batch_write(BatchRecords([Write(key, [write("n", 1)]) for key in KEYS])),
            f"batch_write {SET}",
            {registry.DB_BATCH_SIZE: 3},
        ),
        (
            lambda c: c.apply(KEY, "prices", "discount", ["secret"]),
            f"apply {SET}",
            {registry.DB_PROCEDURE: "prices.discount"},
        ),
        (
            lambda c: c.scan_apply("test", SET, "prices", "discount", []),
            f"scan_apply {SET}",
            {registry.DB_PROCEDURE: "prices.discount"},
        ),
        (
            lambda c: c.query("test", SET).results(),
            f"query {SET}",
            {registry.DB_NAMESPACE: "test"},
        ),
        (lambda c: c.truncate("test", "nobodys", 0), "truncate nobodys", {}),
        (lambda c: c.info_all("build"), "info_all *", {registry.DB_NAMESPACE: None}),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_is_known_of_an_operation_is_told(told, healthy, action, name, attributes):
    found = told(action)

    host, port = healthy.hosts[0]
    assert found.span.name == name.replace("*", f"{host}:{port}")
    assert {one: found.attributes.get(one) for one in attributes} == attributes
    assert registry.DB_BATCH_SIZE not in found.sample


class Remembering(Sampler):
    """A sampler that keeps what it was shown."""

    def __init__(self):
        self.shown = []

    def should_sample(self, parent_context, trace_id, name, kind=None, attributes=None, *more):
        self.shown.append(dict(attributes))
        return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes)

    def get_description(self):
        return "remembering"


def test_a_sampler_sees_what_the_conventions_name(bare, healthy):
    sampler = Remembering()
    client = resilient(
        bare,
        "latency",
        overrides=NEVER_LATE,
        tracer_provider=TracerProvider(sampler=sampler),
    )
    client.put(KEY, {"n": 1})
    name = client.resilience.name
    client.resilience.close()

    host, port = healthy.hosts[0]
    assert sampler.shown == [
        {
            registry.DB_SYSTEM: "aerospike",
            registry.DB_OPERATION: "put",
            registry.DB_NAMESPACE: "test",
            registry.DB_COLLECTION: SET,
            registry.SERVER_ADDRESS: host,
            registry.SERVER_PORT: port,
            registry.CLIENT: name,
            registry.PROFILE: "latency",
        }
    ]


def test_the_peer_is_the_node_that_was_contacted_and_the_server_the_one_that_was_given(
    listen, healthy
):
    client, listener = listen()
    until(lambda: any(node["partitions"] for node in client.resilience.nodes.values()))
    ports = dict(zip((node.name for node in healthy.nodes), healthy.hosts, strict=True))
    number = next(n for n in range(100) if healthy.master("test", SET, n).name == "A2")

    listener.begin()
    client.put(("test", SET, number), {"n": 1})

    attributes = listener.told().attributes
    assert (attributes[registry.PEER_ADDRESS], attributes[registry.PEER_PORT]) == ports["A2"]
    assert attributes[registry.SERVER_PORT] == ports["A1"][1]


def test_the_scope_has_a_version_and_a_schema(listen):
    client, listener = listen()
    client.get(KEY)

    scope = listener.spans[0].instrumentation_scope
    (found, *_) = [
        one.scope
        for resource in listener.reader.get_metrics_data().resource_metrics
        for one in resource.scope_metrics
        if any(metric.name == DURATION for metric in one.metrics)
    ]
    for one in (scope, found):
        assert one.version == version("aerospike-resilience")
        assert one.schema_url == registry.SCHEMA_URL


def test_under_suppression_nothing_is_told(listen):
    client, listener = listen()
    before = listener.points(DURATION)
    token = context.attach(context.set_value("suppress_instrumentation", "yes"))
    try:
        client.get(KEY)
    finally:
        context.detach(token)

    assert listener.spans == ()
    assert [point.count for point in listener.points(DURATION)] == [one.count for one in before]


def test_a_disabled_sdk_leaves_the_chain_without_telemetry(bare, monkeypatch):
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    providers = {"tracer_provider": TracerProvider(), "meter_provider": MeterProvider()}
    assert isinstance(providers["tracer_provider"].get_tracer("any"), NoOpTracer)
    for cls, name in ((NoOpTracer, "start_span"), (NoOpHistogram, "record")):
        monkeypatch.setattr(cls, name, lambda *_args, **_more: pytest.fail("it was called"))

    client = resilient(bare, "latency", overrides=NEVER_LATE, **providers)
    client.put(KEY, {"n": 1})
    client.resilience.close()

    assert tracer(providers["tracer_provider"]) is None
    assert board_of(providers["meter_provider"]) is None
    assert client.resilience._engine.runtime.telemetry.wanted is False


def test_a_profile_may_count_misses_and_what_is_filtered_as_errors(listen):
    client, listener = listen(count_as_errors=["miss"])
    seen(lambda: client.get(("test", SET, "nobody")))

    (span,) = listener.spans
    assert span.attributes[registry.ERROR_TYPE] == "RecordNotFound"
    assert span.attributes[registry.OUTCOME] == "miss"
    assert span.attributes[registry.FAILURE] == "record"
    assert span.status.status_code is StatusCode.ERROR


def test_each_attempt_has_a_child_span_where_the_profile_wants_it(listen, healthy):
    client, listener = listen(attempt_spans=True)
    with healthy.inject(op="get", code=18, count=2):
        client.get(KEY)

    first, second, whole = listener.spans
    assert [one.name for one in (first, second, whole)] == ["get attempt"] * 2 + [f"get {SET}"]
    assert first.parent.span_id == second.parent.span_id == whole.context.span_id
    assert first.attributes[registry.FAILURE] == "overload"
    assert first.attributes[registry.ATTEMPT_TRIES] == 2
    assert first.status.status_code is StatusCode.ERROR
    assert second.status.status_code is StatusCode.UNSET


def test_one_attempt_has_no_event_and_no_retry(listen):
    client, listener = listen()
    seen(lambda: client.get(("test", SET, "nobody")))
    seen(lambda: client.put(KEY, {"n": 1}, policy={"exists": aerospike.POLICY_EXISTS_CREATE}))

    for span in listener.spans:
        assert span.events == ()
        assert registry.RETRIES not in span.attributes


def test_under_a_profile_that_changes_nothing_failed_rows_are_told_too(listen):
    client, listener = listen("observe")
    result = client.batch_operate([KEY, ("test", SET, 2)], [increment("text", 1)])

    told = listener.told()
    codes = [row.result for row in result.batch_records]
    assert told.outcome.kind == "partial"
    assert told.outcome.rows_failed == sum(map(bool, codes)) > 0
    assert told.sample[registry.ERROR_TYPE] in map(str, codes)


async def test_a_coroutine_that_is_closed_in_another_context_logs_nothing(healthy, caplog):
    client = await aerospike_py.AsyncClient({"hosts": healthy.hosts}).connect()
    listener = Listener()
    wrapped = resilient(client, "default", telemetry=listener.providers)
    await wrapped.put(KEY, {"n": 1})
    listener.begin()
    with healthy.inject(op="get", latency="1s", count=1), caplog.at_level(logging.ERROR):
        coroutine = wrapped.get(KEY)
        contextvars.copy_context().run(coroutine.send, None)
        contextvars.copy_context().run(coroutine.close)
        await asyncio.sleep(0)

    assert caplog.records == []
    assert listener.told().outcome.kind == "cancelled"
    await wrapped.close()
    gc.collect()


def test_a_call_that_is_refused_as_the_client_is_closing_is_told_too(listen):
    client, listener = listen()
    client.resilience._engine.refuse_calls()
    listener.begin()

    error = seen(lambda: client.get(KEY))

    told = listener.told()
    assert told.sample[registry.ERROR_TYPE] == type(error).__name__ == "ClientClosedError"
    assert told.attributes[registry.REFUSAL_REASON] == "closed"
    assert told.span.name == f"get {SET}"
