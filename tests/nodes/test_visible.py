"""What an open node means for each kind of call, and where it is told: metrics, spans, log, snapshot."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import textwrap

import aerospike
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from aerospike_resilience import CircuitOpenError, resilient
from tests.patience import PATIENT, never_late
from tests.waiting import until

KEYS = range(60)
SERVED = {"total_timeout": 20_000, "socket_timeout": 10_000}
OPEN = "A1"


def key(number: int) -> tuple[str, str, int]:
    return ("test", "visible", number)


def with_part(cluster, rank: int) -> int:
    """A record of which the open node is master (0) or replica (1)."""
    return next(n for n in KEYS if cluster.owners("test", "visible", n)[rank].name == OPEN)


class Seen:
    """A wrapped client and what it told OpenTelemetry."""

    def __init__(self, bare, **overrides) -> None:
        self.spans = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()
        tracers = TracerProvider()
        tracers.add_span_processor(SimpleSpanProcessor(self.spans))
        self.client = resilient(
            bare,
            profile="latency",
            overrides=overrides,
            tracer_provider=tracers,
            meter_provider=MeterProvider([self.reader]),
        )

    def values(self, name: str) -> dict[tuple, float]:
        data = self.reader.get_metrics_data()
        return {
            tuple(v for k, v in sorted(point.attributes.items()) if k != _CLIENT): point.value
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == f"aerospike.resilience.{name}"
            for point in metric.data.data_points
        }


_CLIENT = "aerospike.resilience.client"


@pytest.fixture
def seen(healthy, connect):
    found = []

    def wrap(**overrides) -> Seen:
        one = Seen(connect(healthy), **never_late(overrides))
        for number in KEYS:
            one.client.put(key(number), {"n": number})
        until(lambda: len(one.client.resilience.nodes) == 3)
        one.spans.clear()
        found.append(one)
        return one

    yield wrap
    for one in found:
        one.client.resilience.close()


def test_isolation_and_its_end_are_transitions_in_log_and_metric(seen, caplog):
    one = seen()
    with caplog.at_level(logging.INFO, logger="aerospike_resilience.nodes"):
        one.client.resilience.isolate(OPEN)
        one.client.resilience.release(OPEN)

    assert "node A1: closed -> isolated (by hand)" in caplog.text
    assert "node A1: isolated -> closed (by hand)" in caplog.text
    counted = one.values("node.transitions")
    assert {series: count for series, count in counted.items() if count} == {
        (OPEN, "isolated"): 1,
        (OPEN, "closed"): 1,
    }
    assert len(counted) == 3 * 4  # whatever can happen is exported as 0 before it does


def test_a_write_committed_on_its_master_alone_is_said_in_span_and_metric(healthy, seen):
    one = seen(breaker={"on_replica_open": "commit_master"})
    one.client.resilience.isolate(OPEN)

    one.client.put(key(with_part(healthy, 1)), {"n": 1})
    one.client.put(key(with_part(healthy, 1)), {"n": 2})

    assert [
        s.attributes["aerospike.resilience.commit_master"] for s in one.spans.get_finished_spans()
    ]
    until(lambda: one.values("commit_master") == {(): 2})


def test_a_cluster_whose_nodes_all_stall_has_a_verdict_and_keeps_most_of_them_closed(
    cluster, connect, caplog
):
    one = Seen(connect(cluster))
    client = one.client

    def put_and_look() -> str | None:
        for number in KEYS:
            try:
                client.put(key(number), {"n": 1})
            except aerospike.exception.AerospikeError:
                break
        return client.resilience.snapshot()["verdict"]

    put_and_look()
    for node in cluster.nodes:
        cluster.stall(node)
    until(lambda: put_and_look() == "cluster")
    states = [node["state"] for node in client.resilience.nodes.values()]
    assert sum(state != "closed" for state in states) <= 1
    assert one.values("cluster.verdict") == {(): 1}
    until(lambda: "the cluster or our own network is the likely cause" in caplog.text)

    for node in cluster.nodes:
        cluster.resume(node)
    until(lambda: put_and_look() is None)
    assert one.values("cluster.verdict") == {(): 0}
    client.resilience.close()


@pytest.mark.parametrize(
    "policy",
    [
        {"replica": aerospike.POLICY_REPLICA_MASTER},
        {"read_mode_sc": aerospike.POLICY_READ_MODE_SC_LINEARIZE},
    ],
    ids=["master only", "linearized"],
)
def test_a_read_that_only_the_master_may_answer_fails_at_once_while_it_is_open(
    policy, healthy, seen
):
    client = seen().client
    client.resilience.isolate(OPEN)
    before = healthy.requests("read", OPEN)

    with pytest.raises(CircuitOpenError, match="node A1, the record's master"):
        client.get(key(with_part(healthy, 0)), policy)

    assert healthy.requests("read", OPEN) == before
    assert client.get(key(with_part(healthy, 1)), policy)[2]


def test_scans_and_info_go_on_while_a_node_is_open(seen):
    client = seen().client
    client.resilience.isolate(OPEN)

    assert len(client.scan("test", "visible").results()) == len(KEYS)
    assert len(client.query("test", "visible").results()) == len(KEYS)
    assert set(client.info_all("build")) >= {OPEN}
    assert client.info_single_node("build", OPEN)


def test_info_to_the_others_goes_on_while_a_node_is_stalled_and_nobody_else_is_blamed(
    unhurried_cluster, connect
):
    cluster = unhurried_cluster
    client = resilient(
        connect(cluster), profile="latency", overrides={**PATIENT, "breaker": {"silence": "1s"}}
    )
    for number in KEYS:
        client.put(key(number), {"n": 1}, policy=SERVED)
    cluster.stall("A2")

    def states() -> dict[str, str]:
        for number in KEYS:
            client.get(key(number))
        return {name: node["state"] for name, node in client.resilience.nodes.items()}

    until(lambda: states()["A2"] == "open")
    with pytest.raises(aerospike.exception.AerospikeError):
        client.info_single_node("build", "A2", {"timeout": 50})
    assert client.info_single_node("build", "A3")
    assert states() == {"A1": "closed", "A2": "open", "A3": "closed"}
    cluster.resume("A2")
    client.resilience.close()


def test_nodes_tell_what_an_operator_asks_first(seen):
    client = seen().client

    def timed() -> bool:
        for number in KEYS:
            client.get(key(number))
        return all(node["p99_ms"] for node in client.resilience.nodes.values())

    until(timed)

    nodes = json.loads(json.dumps(client.resilience.nodes))

    assert set(nodes) == {"A1", "A2", "A3"}
    for node in nodes.values():
        assert node["address"].startswith("127.0.0.1:")
        assert (node["state"], node["errors_in_window"], node["open_until_s"]) == (
            "closed",
            0,
            None,
        )
        assert 0 < node["p50_ms"] <= node["p99_ms"]
        assert 0.2 < node["partitions"]["test"] < 0.5


@pytest.mark.parametrize("ending", ["", "client.close()", "client = None"])
def test_an_interpreter_ends_whatever_became_of_its_client(ending, healthy):
    program = f"""
        import aerospike
        from aerospike_resilience import resilient
        client = resilient(aerospike.client({{"hosts": {healthy.hosts!r}}}), profile="latency")
        client.put(("test", "visible", 1), {{"n": 1}})
        {ending}
        print("done")
    """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=200,
        check=True,
    )

    assert ended.stdout == "done\n"
