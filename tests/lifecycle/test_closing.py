"""Closing: after the end of the protection nothing of ours refuses or delays a call."""

from __future__ import annotations

import asyncio
import threading
import time

import aerospike_py
import pytest

from aerospike_resilience import BackpressureError, CircuitOpenError, resilient
from aerospike_resilience.nodes import TEND_THREAD
from aerospike_resilience.telemetry import board
from tests.patience import NEVER_LATE
from tests.waiting import PATIENCE_S, until

ONE = {
    **NEVER_LATE,
    "backpressure": {"max_concurrent_operations": 1, "operation_queue_timeout": "60s"},
}
KEY = ("test", "closing", 1)


def test_after_the_end_calls_go_straight_to_every_client(opened):
    surface = opened(overrides={**ONE, "breaker": {"mode": "enforce"}})
    surface.put(1, {"n": 1})
    names = list(surface.resilience.nodes)
    engine = surface.resilience._engine
    for name in names:
        surface.resilience.isolate(name)
    engine.shared.gates.main.permits.clear()  # as if somebody held them forever

    engine.close()

    surface.put(1, {"n": 2})
    assert surface.get(1) == {"n": 2}
    surface.increment(1)
    assert surface.get(1) == {"n": 3}
    assert engine.closed


def test_after_the_end_an_open_node_is_written_to_as_soon_as_it_is_well(cluster, connect):
    client = resilient(connect(cluster), "latency", overrides=NEVER_LATE)
    keys = [("test", "closing", n) for n in range(30)]
    for name in ("A1", "A2"):
        client.resilience.isolate(name)
    with client.resilience.using("best-effort"):
        client.resilience.close()
        for key in keys:
            client.put(key, {"n": 1})
            assert client.get(key)[2] == {"n": 1}


def test_who_waits_for_a_permit_at_the_end_is_let_through(healthy, connect):
    client = resilient(connect(healthy), "latency", overrides=ONE)
    client.put(KEY, {"n": 1})
    gate = client.resilience._engine.shared.gates.main
    gate.permits.pop()
    came = []
    waiting = threading.Thread(target=lambda: came.append(client.get(KEY)))
    waiting.start()
    until(lambda: gate.waiting)

    client.resilience.close()

    waiting.join(PATIENCE_S)
    assert came[0][2] == {"n": 1}


def test_a_close_that_fails_turns_nobody_away_and_leaves_all_as_it_was(healthy):
    bare = aerospike_py.client({"hosts": healthy.hosts}).connect()
    client = resilient(bare, "latency", overrides=ONE)
    client.put(KEY, {"n": 1})
    gate = client.resilience._engine.shared.gates.main
    results: list[object] = []

    def put() -> None:
        try:
            results.append(client.put(KEY, {"n": 2}))
        except Exception as error:
            results.append(error)

    with healthy.inject(op="put", latency="2s", count=1):
        before = healthy.requests(op="put")
        threads = [threading.Thread(target=put) for _ in range(3)]
        for thread in threads:
            thread.start()
        until(lambda: healthy.requests(op="put") > before and gate.waiting == 2)
        with pytest.raises(RuntimeError, match="borrowed"):
            client.close()
        for thread in threads:
            thread.join(PATIENCE_S)

    assert not any(isinstance(one, BackpressureError) for one in results), results
    assert not client.resilience._engine.closed
    until(lambda: TEND_THREAD.alive)
    client.close()
    assert client.resilience._engine.closed


class Failing:
    """A client whose close() fails as often as asked."""

    def __init__(self, client, failures: int) -> None:
        self.client, self.failures = client, failures

    def __getattr__(self, name):
        return getattr(self.client, name)

    def close(self):
        if self.failures:
            self.failures -= 1
            raise OSError("not now")
        return self.client.close()


def test_questions_are_asked_again_after_a_close_that_failed(healthy, connect):
    client = resilient(
        Failing(connect(healthy), 1), "latency", adapter="aerospike", overrides=NEVER_LATE
    )
    source = client.resilience._engine.shared.health.source
    with pytest.raises(OSError, match="not now"):
        client.close()

    assert source.info("A1", "build", PATIENCE_S)
    client.close()


def test_an_awaited_close_leaves_the_event_loop_to_others_while_a_question_is_out(cluster):
    async def main() -> float:
        client = await resilient(aerospike_py.AsyncClient({"hosts": cluster.hosts})).connect()
        source = client.resilience._engine.shared.health.source
        asking, answer = threading.Event(), threading.Event()

        def ask() -> None:
            with source.question():
                asking.set()
                answer.wait(PATIENCE_S)

        thread = threading.Thread(target=ask)
        thread.start()
        asking.wait(PATIENCE_S)
        closing = asyncio.ensure_future(client.close())
        turns = 0
        began = time.monotonic()
        while turns < 20:  # the loop turns while close() waits
            await asyncio.sleep(0)
            turns += 1
        assert not closing.done()
        answer.set()
        await asyncio.wait_for(closing, 10)
        thread.join()
        return time.monotonic() - began

    assert asyncio.run(main()) < 10


def test_the_end_of_a_client_leaves_no_gauge(healthy, connect):
    metrics = pytest.importorskip("opentelemetry.sdk.metrics")
    export = pytest.importorskip("opentelemetry.sdk.metrics.export")
    reader = export.InMemoryMetricReader()
    provider = metrics.MeterProvider([reader])
    client = resilient(connect(healthy), "latency", meter_provider=provider)

    def shown() -> bool:
        return "aerospike.resilience.gate.limit" in str(reader.get_metrics_data())

    until(shown)
    client.resilience.close()

    until(lambda: not shown())
    assert not board.is_shown(client.resilience._engine)


def test_a_client_that_is_connected_again_is_protected_again(healthy):
    client = resilient(
        aerospike_py.client({"hosts": healthy.hosts}).connect(), "latency", overrides=NEVER_LATE
    )
    client.close()
    assert client.connect() is client

    engine = client.resilience._engine
    assert not engine.closed
    client.put(KEY, {"n": 3})
    client.resilience.isolate("A1")
    refused = 0
    for n in range(60):
        try:
            client.put(("test", "closing", n), {"n": 1})
        except CircuitOpenError as error:
            refused += error.node == "A1"
    assert refused
    client.close()


def test_a_connect_that_fails_leaves_a_closed_client_closed():
    client = resilient(aerospike_py.client({"hosts": [("127.0.0.1", 1)]}), "latency")
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the client raises
        client.connect()
    assert not client.resilience._engine.closed  # it had never been ended
