"""What opens a node besides the count of errors, and what nothing does in mode `off`: on a real cluster."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC

import aerospike
import pytest
from freezegun import freeze_time

from aerospike_resilience import CircuitOpenError, resilient
from aerospike_resilience.nodes import ClusterHealth, NodeOptions, SharedStates, report
from tests import fakes
from tests.nodes.test_storages import Store
from tests.waiting import until

KEYS = range(60)
SERVED = {"total_timeout": 20_000, "socket_timeout": 10_000}


def key(number: int) -> tuple[str, str, int]:
    return ("test", "modes", number)


@pytest.fixture
def wrap(cluster, connect):
    clients = []

    def wrap_(profile: str = "default", **more):
        client = resilient(connect(cluster), profile, **more)
        clients.append(client)
        for n in KEYS:
            client.put(key(n), {"n": n}, policy=SERVED)
        return client

    yield wrap_
    for client in clients:
        client.resilience.close()


def outcomes(call) -> set[type[BaseException] | None]:
    """Make a call for every record; what came of it."""
    found: set[type[BaseException] | None] = set()
    for n in KEYS:
        try:
            call(n)
            found.add(None)
        except aerospike.exception.AerospikeError as error:
            found.add(CircuitOpenError if isinstance(error, CircuitOpenError) else type(error))
    return found


def transitions(client) -> dict[tuple[str, str], int]:
    return dict(client.resilience._engine.shared.health.registry.history.transitions)


def opened(client) -> set[str]:
    return {node for node, state in transitions(client) if state == "open"}


def test_a_share_of_failed_calls_opens_the_node_that_failed_them(wrap, cluster):
    client = wrap(
        overrides={
            "breaker": {"max_error_rate": 100_000, "failure_rate": 0.5, "minimum_calls": 10},
            "policy": {"all": {"max_retries": 0}},
        }
    )
    cluster.inject(node="A1", op="put", code="DEVICE_OVERLOAD", share=0.9)

    until(lambda: outcomes(lambda n: client.put(key(n), {"n": n})) and opened(client))

    assert opened(client) == {"A1"}
    assert set(client.resilience.nodes["A1"]["errors"]) == {"overload"}


def test_a_share_of_failed_calls_below_the_rate_opens_nothing(wrap, cluster):
    client = wrap(
        overrides={
            "breaker": {"max_error_rate": 100_000, "failure_rate": 0.8, "minimum_calls": 10},
            "policy": {"all": {"max_retries": 0}},
        }
    )
    cluster.inject(node="A1", op="put", code="DEVICE_OVERLOAD", share=0.3)

    def enough() -> bool:
        outcomes(lambda n: client.put(key(n), {"n": n}))
        return client.resilience.nodes["A1"]["errors"].get("overload", 0) >= 30

    until(enough)
    assert not opened(client)


def test_a_share_of_slow_calls_opens_the_slow_node_and_no_other(wrap, cluster):
    client = wrap(
        overrides={
            "breaker": {
                "max_error_rate": 100_000,
                "minimum_calls": 10,
                "slow_call_rate": 0.5,
                "slow_call_duration": "400ms",
                "error_rate_window": 30,
            },
            "policy": {"all": {"total_timeout": "20s", "socket_timeout": "10s"}},
            "adaptive_timeout": None,
        }
    )
    cluster.inject(node="A1", op="get", latency="450ms")

    def read(n: int) -> None:
        with contextlib.suppress(aerospike.exception.AerospikeError):
            client.get(key(n))

    def reason() -> str:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(read, KEYS))
        return client.resilience.nodes["A1"]["reason"]

    until(lambda: reason() == "slow_calls")

    assert opened(client) == {"A1"}


def test_in_mode_off_nothing_is_judged_asked_or_refused(wrap, cluster):
    client = wrap("latency", overrides={"breaker": {"mode": "off"}, "adaptive_timeout": None})
    cluster.stall("A1")
    try:
        seen = outcomes(lambda n: client.put(key(n), {"n": n}))
        health_checks = [t.name for t in threading.enumerate() if "pulse" in t.name]
    finally:
        cluster.resume("A1")

    assert CircuitOpenError not in seen
    assert aerospike.exception.TimeoutError in seen
    assert not transitions(client)
    assert not health_checks
    assert {node["suspect"] for node in client.resilience.nodes.values()} == {False}


@pytest.mark.parametrize("mode", ["off", "shadow"])
def test_a_reload_takes_an_open_node_out_of_force_at_once(wrap, cluster, tmp_path, mode):
    file = tmp_path / "mine.yaml"
    file.write_text("version: 1\nextends: latency\n")
    client = wrap("mine", policies=tmp_path)
    cluster.stall("A1")
    try:
        until(lambda: CircuitOpenError in outcomes(lambda n: client.put(key(n), {"n": n})))
        file.write_text(f"version: 1\nextends: latency\nbreaker: {{mode: '{mode}'}}\n")

        assert client.resilience.reload().error is None

        assert client.resilience.nodes["A1"]["state"] == "closed"
        seen = outcomes(lambda n: client.put(key(n), {"n": n}))
    finally:
        cluster.resume("A1")
    assert CircuitOpenError not in seen
    assert aerospike.exception.TimeoutError in seen


@pytest.fixture
def judged():
    """An open node and a suspect one, on a clock that stands still."""
    clock = fakes.FakeClock()
    source = fakes.FakeSource()
    health = ClusterHealth(source, NodeOptions(), clock=clock)
    with health.notices, health.lock:
        health.update_nodes_locked({node.name: node for node in source.nodes()})
        health.open_locked(health.by_name["A1"], "overload", clock())
        health.note_unanswered_locked(health.by_name["A2"], clock(), clock())
        health.settle_locked()
    return health


@pytest.mark.parametrize("jump", ["1999-12-31", "2038-01-19"])
def test_a_jump_of_the_wall_clock_changes_no_state_and_no_time_that_is_told(judged, jump):
    before = report(judged)

    with freeze_time(jump):
        assert report(judged) == before
        assert 0.9 <= report(judged)["A1"]["open_until_s"] <= 1.1


def test_what_another_worker_opened_is_news_only_while_it_is_fresh():
    with freeze_time("2026-03-01 12:00:00") as wall:
        store = Store()
        store("A1").state = "open"
        store("A1").opened_at = wall().replace(tzinfo=UTC)
        wall.tick(3.0)
        soon = fresh_worker(store)
        wall.tick(60.0)
        late = fresh_worker(store)

    assert (soon.by_name["A1"].breaker.state, late.by_name["A1"].breaker.state) == (
        "open",
        "closed",
    )


def fresh_worker(store) -> ClusterHealth:
    """A worker that hears of the others for the first time."""
    health = ClusterHealth(fakes.FakeSource(), NodeOptions(), clock=fakes.FakeClock())
    with health.notices, health.lock:
        health.update_nodes_locked({node.name: node for node in health.source.nodes()})
    SharedStates(store, health, 1.0).exchange([])
    return health
