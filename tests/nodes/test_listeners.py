"""What an application's listeners do, or fail to do, is nothing to calls."""

from __future__ import annotations

import logging
import threading

import pybreaker
import pytest

from aerospike_resilience.model.failure import Failure, FailureKind, Fault
from aerospike_resilience.nodes import ClusterHealth, NodeOptions
from tests import fakes
from tests.waiting import until


class Heard(pybreaker.CircuitBreakerListener):
    """Every transition, and whether the cluster was calm when it was told."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, str]] = []
        self.calm: list[bool] = []
        self.health: ClusterHealth | None = None

    def state_change(self, cb, old_state, new_state) -> None:
        self.seen.append((cb.name, old_state.name, new_state.name))
        if self.health is not None:
            self.calm.append(self.health.calm)


class Raising(pybreaker.CircuitBreakerListener):
    """A listener with a defect."""

    def state_change(self, cb, old_state, new_state) -> None:
        raise LookupError("no such dashboard")


class Slow(pybreaker.CircuitBreakerListener):
    """A listener that waits for something of its own."""

    def __init__(self) -> None:
        self.entered, self.go_on = threading.Event(), threading.Event()
        self.done = False

    def state_change(self, cb, old_state, new_state) -> None:
        self.entered.set()
        self.go_on.wait(60)
        self.done = True


@pytest.fixture
def clock():
    return fakes.FakeClock()


def health_of(clock, *listeners) -> ClusterHealth:
    source = fakes.FakeSource()
    health = ClusterHealth(source, NodeOptions(max_error_rate=0), listeners=listeners, clock=clock)
    with health.lock:
        health.update_nodes_locked({node.name: node for node in source.nodes()})
    return health


def refused_by(health, port: int, clock) -> None:
    """An attempt fails for the node at a port."""
    call = fakes.call(fakes.plan(fakes.PUT), ("test", "s", 0))
    call.started = call.now = clock()
    call.failure = Failure(FailureKind.CONNECTION, fault=Fault.NODE, address=f"127.0.0.1:{port}")
    health.failed(call, clock())


def test_a_listener_that_raises_changes_no_call_and_is_logged(clock, caplog):
    heard = Heard()
    health = health_of(clock, Raising(), heard)

    with caplog.at_level(logging.ERROR, "aerospike_resilience.nodes"):
        refused_by(health, 3000, clock)
        until(lambda: heard.seen)

    assert health.by_name["A1"].breaker.state == "open"
    assert not health.calm
    assert "listener Raising failed at node A1: closed -> open" in caplog.text


def test_a_slow_listener_keeps_no_call_waiting_and_holds_no_lock(clock):
    slow = Slow()
    health = health_of(clock, slow)
    try:
        refused_by(health, 3000, clock)
        assert slow.entered.wait(60)

        refused_by(health, 3001, clock)
        with health.lock:
            assert not slow.done
    finally:
        slow.go_on.set()


def test_listeners_hear_of_transitions_in_order_once_the_state_is_settled(clock):
    heard = Heard()
    health = health_of(clock, heard)
    heard.health = health
    with health.lock:
        breaker = health.by_name["A1"].breaker
        breaker.open(clock(), "silence")
        breaker.half_open(clock())
        breaker.open(clock(), "silence")
        assert health.calm  # not settled yet
        health.settle_locked()

    until(lambda: len(heard.seen) == 3)

    assert heard.seen == [
        ("A1", "closed", "open"),
        ("A1", "open", "half-open"),
        ("A1", "half-open", "open"),
    ]
    assert heard.calm == [False, False, False]
