"""The workers of a service share what they know of a node through a real Redis."""

from __future__ import annotations

import contextlib
import logging
import threading
from datetime import UTC, datetime

import pybreaker
import pytest
import redis
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from redis.connection import AbstractConnection

from aerospike_resilience import resilient
from tests.patience import never_late
from tests.waiting import PATIENCE_S, until

SERVED = {"total_timeout": 20_000, "socket_timeout": 10_000}


@pytest.fixture
def cluster(unhurried_cluster):
    return unhurried_cluster


@pytest.fixture
def worker(cluster, connect):
    workers = []

    def worker_(url: str, *, hurried: bool = False, **options):
        words = {"breaker": {"storage": url}, "connection": {"tend_interval": "250ms"}}
        client = resilient(
            connect(cluster),
            "latency",
            overrides=words if hurried else never_late(words),
            **options,
        )
        for n in range(30):
            client.put(("test", "sharing", n), {"n": n}, policy=SERVED)
        workers.append(client)
        return client

    yield worker_
    for client in workers:
        client.resilience.close()


@contextlib.contextmanager
def unanswered(monkeypatch):
    """Have every question to Redis wait until the block ends; the names of the threads that ask."""
    asking: set[str] = set()
    ended = threading.Event()

    def waiting(way):
        def wait(*args, **named):
            asking.add(threading.current_thread().name)
            if not ended.wait(PATIENCE_S):
                asking.add("the block did not end while Redis owed an answer")
            return way(*args, **named)

        return wait

    with monkeypatch.context() as patch:
        for name in ("connect", "send_packed_command"):
            patch.setattr(AbstractConnection, name, waiting(getattr(AbstractConnection, name)))
        try:
            yield asking
        finally:
            ended.set()


def state(client, node: str) -> tuple[str, str]:
    found = client.resilience.nodes[node]
    return found["state"], found["reason"]


class Transitions(pybreaker.CircuitBreakerListener):
    """Every node's transitions, in order."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def state_change(self, cb, old_state, new_state) -> None:
        self.seen.append((cb.name, new_state.name))


def storage_of(cluster, server, node: str) -> pybreaker.CircuitRedisStorage:
    """What workers write of a node."""
    namespace = f"aerospike-resilience:{node}:127.0.0.1:{cluster.node(node).port}"
    return pybreaker.CircuitRedisStorage("closed", redis.Redis(port=server.port), namespace)


def test_what_a_worker_opens_is_written_for_the_others(cluster, redis_server, worker):
    client = worker(redis_server.url, hurried=True)
    written = storage_of(cluster, redis_server, "A1")
    cluster.stall("A1")

    def write_on() -> bool:
        for n in range(30):
            try:
                client.put(("test", "sharing", n), {"n": n})
            except Exception:
                continue
        return written.state == "open"

    until(write_on)
    cluster.resume("A1")
    until(lambda: written.state == "closed")


def test_what_another_worker_opened_is_opened_once_and_found_well_again(
    cluster, redis_server, worker
):
    transitions = Transitions()
    client = worker(redis_server.url, listeners=[transitions])
    until(lambda: "A2" in client.resilience._engine.sharing._known)
    written = storage_of(cluster, redis_server, "A2")

    written.state = "open"
    written.opened_at = datetime.now(UTC)

    until(lambda: ("A2", "closed") in transitions.seen)
    assert transitions.seen == [("A2", "open"), ("A2", "half-open"), ("A2", "closed")]
    assert client.resilience.nodes["A2"]["errors"] == {}


def test_what_was_open_long_ago_is_no_news(cluster, redis_server, worker):
    old = storage_of(cluster, redis_server, "A1")
    old.state = "open"
    old.opened_at = datetime(2001, 9, 9, tzinfo=UTC)

    fresh = worker(redis_server.url)

    until(lambda: fresh.resilience._engine.sharing._known.get("A1") is not None)
    assert state(fresh, "A1")[0] == "closed"


def test_a_redis_that_is_gone_delays_no_call_and_is_reported(
    redis_server, worker, caplog, monkeypatch
):
    client = worker(redis_server.url)
    until(lambda: client.resilience._engine.sharing._known)
    with caplog.at_level(logging.INFO, "aerospike_resilience.nodes"):
        redis_server.stop()
        until(lambda: client.resilience.snapshot()["storage"]["problem"])
        with unanswered(monkeypatch) as asking:
            until(lambda: asking)
            for n in range(200):
                client.get(("test", "sharing", n % 30))
        redis_server.start()
        until(lambda: client.resilience.snapshot()["storage"]["problem"] is None)

    assert asking == {"aerospike-resilience-sharing"}  # no call waited until it had its answer
    said = [record.message for record in caplog.records if "storage" in record.message]
    assert len(said) == 2
    assert "cannot be used" in said[0]


def test_a_redis_that_answers_nothing_delays_no_call_and_shows_in_the_metric(
    redis_server, worker, cluster, monkeypatch
):
    reader = InMemoryMetricReader()
    client = worker(redis_server.url, hurried=True, meter_provider=MeterProvider([reader]))
    until(lambda: client.resilience._engine.sharing._known)
    assert unreachable(reader) == 0
    redis_server.stall()
    try:
        until(lambda: client.resilience.snapshot()["storage"]["problem"])
        cluster.kill("A1")  # transitions, to be told to a Redis that does not listen
        with unanswered(monkeypatch) as asking:
            until(lambda: asking)
            for n in range(300):
                with contextlib.suppress(Exception):
                    client.put(("test", "sharing", n % 30), {"n": n})
        assert "Timeout" in client.resilience.snapshot()["storage"]["problem"]
        assert unreachable(reader) == 1
    finally:
        redis_server.resume()

    assert asking == {"aerospike-resilience-sharing"}
    until(lambda: unreachable(reader) == 0)


def unreachable(reader: InMemoryMetricReader) -> float | None:
    """The metric `storage.unreachable` now."""
    data = reader.get_metrics_data()
    points = [
        point.value
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == "aerospike.resilience.storage.unreachable"
        for point in metric.data.data_points
    ]
    return points[0] if points else None


def test_what_redis_failed_at_is_written_once_it_is_back(cluster, redis_server, worker):
    client = worker(redis_server.url)
    written = storage_of(cluster, redis_server, "A1")
    health = client.resilience._engine.shared.health
    until(lambda: client.resilience._engine.sharing._known)

    def open_a1() -> None:
        with health.notices, health.lock:
            health.open_locked(health.by_name["A1"], "overload", health.clock())
            health.settle_locked()

    open_a1()
    until(lambda: written.state == "open")
    redis_server.stop()
    until(lambda: client.resilience.snapshot()["storage"]["problem"])
    until(lambda: state(client, "A1")[0] == "closed")  # it answers, and nobody can be told

    redis_server.start()

    until(lambda: written.state == "closed")


def test_a_password_is_told_nobody(worker, redis_server):
    client = worker(f"redis://:hunter2@127.0.0.1:{redis_server.port}/0")

    assert "hunter2" not in str(client.resilience.snapshot())
