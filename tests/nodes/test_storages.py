"""The application's own storages, and news that must not be lost with them."""

from __future__ import annotations

import gc
import threading
import weakref
from datetime import UTC, datetime

import pybreaker
import pytest

from aerospike_resilience import resilient
from aerospike_resilience.nodes import ClusterHealth, NodeOptions, SharedStates
from tests import fakes
from tests.patience import never_late
from tests.waiting import until


@pytest.fixture
def clock():
    return fakes.FakeClock()


def health_of(clock) -> ClusterHealth:
    source = fakes.FakeSource()
    health = ClusterHealth(source, NodeOptions(), clock=clock)
    with health.notices, health.lock:
        health.update_nodes_locked({node.name: node for node in source.nodes()})
    return health


class Breaking(pybreaker.CircuitMemoryStorage):
    """A storage that cannot be written to while it is broken."""

    broken = False

    def __init__(self) -> None:
        super().__init__("closed")

    @property
    def state(self) -> str:
        return self._state

    @state.setter
    def state(self, state: str) -> None:
        if self.broken:
            raise ConnectionError("the storage went away while it was written to")
        self._state = state


class Store:
    """Storages by node, shared by all workers that are given this."""

    def __init__(self) -> None:
        self.made: dict[str, Breaking] = {}

    def __call__(self, node: str) -> Breaking:
        return self.made.setdefault(node, Breaking())


def test_news_that_a_storage_failed_at_is_written_the_next_time(clock):
    store = Store()
    shared = SharedStates(store, health_of(clock), 1.0)
    shared.exchange([("A1", "open")])
    store.made["A1"].broken = True

    shared.exchange([("A1", "closed")])
    assert "went away" in shared.problem
    store.made["A1"].broken = False
    shared.exchange([])

    assert store.made["A1"].state == "closed"
    assert shared.problem == ""


def test_a_node_that_left_meanwhile_ends_no_sharing(clock):
    store, health = Store(), health_of(clock)
    shared = SharedStates(store, health, 1.0)
    with health.notices, health.lock:
        del health.by_name["A2"]

    shared.exchange([("A2", "open"), ("A1", "open")])

    assert store.made["A1"].state == "open"
    assert shared.problem == ""


def test_a_state_without_a_time_zone_is_taken_for_utc(clock):
    store, health = Store(), health_of(clock)
    shared = SharedStates(store, health, 1.0)
    shared.exchange([])
    store("A3").state = "open"
    store("A3").opened_at = datetime.now(UTC).replace(tzinfo=None)

    shared.exchange([])

    assert shared.problem == ""
    assert health.by_name["A3"].breaker.state == "open"


def test_workers_share_through_a_storage_that_the_application_gives(healthy, connect):
    store = Store()
    one, other = (
        resilient(
            connect(healthy),
            profile="latency",
            overrides=never_late({"connection": {"tend_interval": "250ms"}}),
            storage=store,
        )
        for _ in range(2)
    )
    heard = other.resilience._engine.shared.health.registry.history.transitions
    until(lambda: len(other.resilience._engine.sharing._known) == 3)
    health = one.resilience._engine.shared.health
    try:
        with health.notices, health.lock:
            health.open_locked(health.by_name["A1"], "overload", health.clock())
            health.settle_locked()

        until(lambda: heard["A1", "open"])
        until(lambda: other.resilience.nodes["A1"]["state"] == "closed")
        assert one.resilience.snapshot()["storage"] == {
            "where": "storage=",
            "problem": None,
            "orders": [],  # they come through Redis only
        }
    finally:
        one.resilience.close()
        other.resilience.close()


def test_the_applications_storage_stands_in_the_place_of_the_profiles(healthy, connect):
    wrapped = resilient(
        connect(healthy),
        profile="latency",
        overrides={"breaker": {"storage": "redis://127.0.0.1:1/0"}},
        storage=Store(),
    )

    assert wrapped.resilience.snapshot()["storage"]["where"] == "storage="
    wrapped.resilience.close()


def test_sharing_keeps_no_forgotten_client_alive(clock):
    health = health_of(clock)
    shared = SharedStates(Store(), health, 0.05)
    shared.start()
    gone = weakref.ref(health)
    del health, shared

    def ended() -> bool:
        gc.collect()
        names = [thread.name for thread in threading.enumerate()]
        return gone() is None and "aerospike-resilience-sharing" not in names

    until(ended)
