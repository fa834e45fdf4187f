"""The tend thread: one for all clients, never kept by a node, on the clock of the cluster."""

from __future__ import annotations

import importlib
import logging
import threading
from dataclasses import replace

import pytest

from aerospike_resilience import deadline, resilient
from aerospike_resilience.clients.registry import adapter_named
from aerospike_resilience.model.failure import FailureKind
from aerospike_resilience.nodes import (
    TEND_THREAD,
    ClusterHealth,
    NodeOptions,
    TendedCluster,
    TendThread,
)
from aerospike_resilience.nodes.breaker import HALF_OPEN, JITTER, MAX_OPEN_WINDOWS
from aerospike_resilience.nodes.map_refresh import MapRefresher
from aerospike_resilience.nodes.options import AdaptiveTimeout
from tests import fakes
from tests.nodes.test_partitions import bitmap
from tests.patience import NEVER_LATE, never_late
from tests.waiting import until


@pytest.fixture
def clock():
    return fakes.FakeClock()


def health_of(clock, source=None, **options) -> ClusterHealth:
    return ClusterHealth(source or fakes.FakeSource(), NodeOptions(**options), clock=clock)


def tend_threads() -> list[str]:
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name == "aerospike-resilience-tend"]


class StalledSource(fakes.FakeSource):
    """Every node takes a question and says nothing until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.go_on = threading.Event(), threading.Event()

    def answers(self, nodes, command, timeout_s):
        self.asked.set()
        self.go_on.wait(60)
        return {}


def test_two_clients_share_one_thread(healthy, connect):
    one, other = (
        resilient(connect(healthy), profile="latency", overrides=NEVER_LATE) for _ in range(2)
    )
    until(lambda: TEND_THREAD.alive)

    assert len(tend_threads()) == 1

    one.resilience.close()
    other.put(("test", "tend", 1), {"n": 1})
    assert TEND_THREAD.alive
    other.resilience.close()
    until(lambda: not tend_threads())


def test_a_first_map_that_no_node_gives_keeps_neither_the_thread_nor_the_application(clock):
    source = StalledSource()
    tended = TendedCluster(health_of(clock, source))
    try:
        tended.first()  # returns after a while

        assert source.asked.is_set()
        clock.pass_s(1.0)
        tended.tend()
        assert tended.health.by_name["A1"].breaker.closed
    finally:
        source.go_on.set()


def test_the_thread_tends_other_clusters_while_one_gives_no_first_map(clock):
    stalled, well = StalledSource(), fakes.FakeSource()
    tender = TendThread()
    ended = threading.Event()
    one = TendedCluster(health_of(clock, stalled))
    other = TendedCluster(health_of(clock, well), on_tend=ended.set)
    try:
        tender.add(one)
        tender.add(other)
        ended.clear()
        clock.pass_s(5.0)
        tender.wake()
        assert ended.wait(60)
    finally:
        tender.discard(one)
        tender.discard(other)
        stalled.go_on.set()
        until(lambda: not tender.alive)


def test_what_rides_on_a_tend_and_fails_keeps_no_node_from_being_tended(clock, caplog):
    def ride() -> None:
        raise LookupError("the policy file is gone")

    health = health_of(clock)
    tended = TendedCluster(health, on_tend=ride)
    tended.tend()
    with health.notices, health.lock:
        health.open_locked(health.by_name["A1"], "overload", clock())
        health.settle_locked()
    clock.pass_s(3.0)

    with caplog.at_level(logging.ERROR, "aerospike_resilience.tend"):
        tended.tend()

    assert health.by_name["A1"].breaker.state == "half-open"
    assert "the policy file is gone" in caplog.text


def test_windows_advance_by_the_clusters_own_clock(clock):
    health = health_of(clock)
    tender = TendThread()
    tended = TendedCluster(health)
    tender.add(tended)
    try:
        with health.notices, health.lock:
            health.open_locked(health.by_name["A1"], "overload", clock())
            health.settle_locked()
        tender.wake()
        until(lambda: health.by_name["A1"].breaker.state == "open")

        clock.pass_s(3.0)
        tender.wake()

        until(lambda: health.by_name["A1"].breaker.state == "half-open")
    finally:
        tender.discard(tended)
        until(lambda: not tender.alive)


def test_a_clock_that_is_set_back_puts_no_tend_off(clock):
    tended = TendedCluster(health_of(clock, tend_interval_s=1.0))
    tended.tend()
    clock.pass_s(-500.0)

    assert tended.tend() <= 1.0


def test_an_ambient_deadline_holds_on_a_clock_of_the_applications_own(healthy, connect, clock):
    wrapped = resilient(
        connect(healthy),
        profile="latency",
        overrides=never_late({"telemetry": {"last_call": True}}),
        clock=clock,
    )
    wrapped.put(("test", "tend", 2), {"n": 2})
    try:
        with deadline(60):
            assert wrapped.get(("test", "tend", 2))[2] == {"n": 2}
        with deadline(0.0), pytest.raises(TimeoutError):
            wrapped.get(("test", "tend", 2))
        assert wrapped.resilience.last_call().duration_s == 0.0  # that clock stood still
    finally:
        wrapped.resilience.close()


def test_tending_goes_at_its_usual_pace_while_a_node_is_isolated(clock):
    health = health_of(clock)
    tended = TendedCluster(health)
    tended.tend()
    health.isolate("A1")
    clock.pass_s(1.0)

    assert tended.tend() == health.options.tend_interval_s


@pytest.mark.parametrize("mode", ["shadow", "off"])
def test_another_mode_closes_what_was_opened_by_evidence(clock, mode):
    health = health_of(clock)
    tended = TendedCluster(health)
    tended.tend()
    with health.notices, health.lock:
        health.note_unanswered_locked(health.by_name["A2"], clock(), clock())
        health.open_locked(health.by_name["A1"], "silence", clock())
        health.settle_locked()
    assert tended.tend() < health.options.tend_interval_s

    health.reconfigure(replace(health.options, mode=mode))
    clock.pass_s(1.0)

    assert tended.tend() == health.options.tend_interval_s
    assert {node.breaker.state for node in health.nodes()} == {"closed"}
    assert health.calm


def test_a_reload_after_which_nobody_asks_nodes_leaves_none_suspect(clock):
    health = health_of(clock, mode="off", adaptive=AdaptiveTimeout())
    tended = TendedCluster(health)
    tended.tend()
    with health.notices, health.lock:
        health.note_unanswered_locked(health.by_name["A1"], clock(), clock())
    assert not health.calm

    health.reconfigure(replace(health.options, adaptive=None))

    clock.pass_s(health.options.tend_interval_s)
    assert health.calm
    assert tended.tend() == health.options.tend_interval_s


def test_in_mode_off_a_late_failure_makes_no_node_suspect(clock):
    health = health_of(clock, mode="off")
    TendedCluster(health).tend()
    call = fakes.call(fakes.plan(fakes.PUT), ("test", "s", 0))
    call.now, call.failure = clock(), fakes.TIMEOUT

    health.calls.failed(call, clock() - 1.0)

    assert health.calm


def test_a_reload_reaches_all_of_a_breaker(clock):
    health = health_of(clock)
    TendedCluster(health).tend()
    breaker = health.by_name["A1"].breaker

    health.reconfigure(replace(health.options, max_error_rate=7, window_s=9.0, half_open_calls=2))

    assert (breaker.max_error_rate, breaker.window_s, breaker.lease_s) == (7, 9.0, 9.0)


def test_a_shorter_window_holds_for_the_one_that_has_begun_and_for_a_node_that_is_open(clock):
    health = health_of(clock, window_s=600.0, max_error_rate=1)
    tended = TendedCluster(health)
    tended.tend()
    with health.notices, health.lock:
        health.open_locked(health.by_name["A1"], FailureKind.OVERLOAD, clock())
        health.charge_locked(("A2",), FailureKind.OVERLOAD, clock(), clock())

    health.reconfigure(replace(health.options, window_s=1.0))
    tended.advance(clock())
    assert health.by_name["A2"].breaker.errors == 0

    clock.pass_s(MAX_OPEN_WINDOWS * (1 + JITTER))
    tended.advance(clock())
    assert health.by_name["A1"].breaker.state == HALF_OPEN


def test_a_shorter_interval_holds_for_the_tend_that_is_next(clock):
    rode = []
    health = health_of(clock, tend_interval_s=3600.0)
    tended = TendedCluster(health, on_tend=lambda: rode.append(clock()))
    tended.tend()
    health.reconfigure(replace(health.options, tend_interval_s=1.0))
    clock.pass_s(1.0)
    tended.tend()

    assert len(rode) == 2


def test_the_map_is_learned_though_every_node_was_isolated_before(clock):
    source = fakes.FakeSource()
    source.replicas = {
        name: f"test:0,1,{bitmap(*range(start, 4096, 3))}"
        for start, name in enumerate(source.names)
    }
    health = health_of(clock, source)
    with health.lock:
        health.update_nodes_locked({node.name: node for node in source.nodes()})
    for name in source.names:
        health.isolate(name)

    MapRefresher(health, lambda _name, _asked: None).refresh()

    assert health.maps.newest.namespaces == ("test",)


def test_a_node_that_refuses_connections_opens_at_the_first_pulse(clock):
    health = health_of(clock)
    tended = TendedCluster(health)
    tended.tend()
    with health.notices, health.lock:
        health.note_unanswered_locked(health.by_name["A2"], clock(), clock())

    health.source.refusing.add("A2")
    tended.health_checks._send(health.by_name["A2"])

    assert {name: node.breaker.state for name, node in health.by_name.items()} == {
        "A1": "closed",
        "A2": "open",
        "A3": "closed",
    }
    assert health.by_name["A2"].breaker.reason == "connection"


def test_the_native_clients_view_tells_a_node_that_refuses_from_one_that_is_slow(cluster):
    native = importlib.import_module("aerospike_native")
    client = native.new_client_blocking(native.ClientPolicy(), cluster.seeds)
    source = adapter_named("aerospike-native").source(client)

    assert not source.refuses("A1", 1.0)
    cluster.stall("A1")
    assert not source.refuses("A1", 1.0)
    cluster.kill("A2")
    assert source.refuses("A2", 1.0)
    assert not source.refuses("no such node", 1.0)
    source.pause()
    assert not source.refuses("A2", 1.0)
