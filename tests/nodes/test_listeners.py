"""What an application's listeners do, or fail to do, is nothing to calls."""

from __future__ import annotations

import logging
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime

import pybreaker
import pytest

from aerospike_resilience.errors import ResilienceError
from aerospike_resilience.model.failure import Failure, FailureKind, Fault
from aerospike_resilience.nodes import ClusterHealth, NodeOptions
from aerospike_resilience.nodes.listeners import TransitionListeners
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
    health = ClusterHealth(
        source, NodeOptions(**fakes.AT_FIRST_ERROR), listeners=listeners, clock=clock
    )
    with health.notices, health.lock:
        health.update_nodes_locked({node.name: node for node in source.nodes()})
    return health


class Looking(pybreaker.CircuitBreakerListener):
    """What pybreaker's breaker reports as its state at each transition, by the new state."""

    def __init__(self) -> None:
        self.circuits: dict[str, pybreaker.CircuitBreaker] = {}

    def state_change(self, cb, old_state, new_state) -> None:
        self.circuits[new_state.name] = cb


def refused_by(health, port: int, clock) -> None:
    """An attempt fails for the node at a port."""
    call = fakes.call(fakes.plan(fakes.PUT), ("test", "s", 0))
    call.started = call.now = clock()
    call.failure = Failure(FailureKind.CONNECTION, fault=Fault.NODE, address=f"127.0.0.1:{port}")
    health.calls.failed(call, clock())


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
        with health.notices, health.lock:
            assert not slow.done
    finally:
        slow.go_on.set()


def test_listeners_hear_of_transitions_in_order_once_the_state_is_settled(clock):
    heard = Heard()
    health = health_of(clock, heard)
    heard.health = health
    with health.notices, health.lock:
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


def test_listeners_are_shown_a_breaker_of_pybreakers_that_says_what_the_node_is(clock):
    looking = Looking()
    health = health_of(clock, looking)
    breaker = health.by_name["A1"].breaker
    refused_by(health, 3000, clock)
    until(lambda: looking.circuits)
    circuit = looking.circuits["open"]

    assert isinstance(circuit, pybreaker.CircuitBreaker)
    assert circuit.name == "A1"
    assert (circuit.current_state, circuit.state.name) == ("open", "open")
    assert isinstance(circuit.state, pybreaker.CircuitOpenState)
    assert (circuit.fail_max, circuit.fail_counter) == (20, breaker.errors) == (20, 1)
    assert circuit.reset_timeout == breaker.window_s
    assert circuit.success_threshold == breaker.half_open_calls
    assert abs((datetime.now(UTC) - circuit._state_storage.opened_at).total_seconds()) < 60
    assert circuit.listeners == (looking,)


def test_what_a_listener_is_shown_follows_the_node_and_a_reload(clock):
    looking = Looking()
    health = health_of(clock, looking)
    breaker = health.by_name["A1"].breaker
    refused_by(health, 3000, clock)
    until(lambda: looking.circuits)
    circuit = looking.circuits["open"]

    with health.notices, health.lock:
        breaker.half_open(clock())
        breaker.succeed(clock(), clock())
    health.reconfigure(replace(health.options, max_error_rate=7, window_s=9.0))

    assert (circuit.current_state, circuit.success_counter) == ("half-open", 1)
    assert (circuit.fail_max, circuit.reset_timeout) == (7, 9.0)
    until(lambda: "half-open" in looking.circuits)
    assert looking.circuits["half-open"] is circuit


@pytest.mark.parametrize("name", ["open", "half_open", "close", "call"])
def test_a_nodes_state_is_not_changed_through_pybreakers_breaker(clock, name):
    looking = Looking()
    health = health_of(clock, looking)
    refused_by(health, 3000, clock)
    until(lambda: looking.circuits)

    with pytest.raises(ResilienceError, match=r"client\.resilience\.isolate\('A1'\)"):
        getattr(looking.circuits["open"], name)()
    with pytest.raises(AttributeError):
        looking.circuits["open"]._state_storage.state = "closed"

    assert health.by_name["A1"].breaker.state == "open"


def test_a_listener_added_to_one_nodes_breaker_hears_of_that_node(clock):
    looking, late = Looking(), Heard()
    health = health_of(clock, looking)
    refused_by(health, 3000, clock)
    until(lambda: looking.circuits)
    looking.circuits["open"].add_listener(late)

    with health.notices, health.lock:
        for name in ("A1", "A2"):
            health.by_name[name].breaker.half_open(clock())

    until(lambda: late.seen)
    until(lambda: "half-open" in looking.circuits)
    assert late.seen == [("A1", "open", "half-open")]


def test_without_listeners_no_object_of_pybreakers_is_made(clock):
    health = health_of(clock)
    refused_by(health, 3000, clock)

    assert health.listeners._circuits == {}


def test_listeners_without_the_package_pybreaker_are_refused_with_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pybreaker", None)
    monkeypatch.delitem(sys.modules, "aerospike_resilience.nodes.pybreaker_view", raising=False)

    with pytest.raises(ResilienceError, match=r"aerospike-resilience\[pybreaker\]"):
        TransitionListeners([object()], threading.Lock, logging.getLogger())
