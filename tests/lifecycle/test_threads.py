"""A process that is short of threads for a moment: nothing fails, and all of it is made up for later."""

from __future__ import annotations

import threading

import pybreaker
import pytest

from aerospike_resilience import resilient
from aerospike_resilience.concurrency import threads
from aerospike_resilience.nodes import TEND_THREAD
from aerospike_resilience.testing import LocalCluster
from tests.scarce_threads import ScarceThreads
from tests.waiting import until

KEYS = [("test", "threads", n) for n in range(30)]


@pytest.fixture
def scarce(monkeypatch):
    return ScarceThreads(monkeypatch)


def write_all(client) -> None:
    for key in KEYS:
        try:
            client.put(key, {"n": 1})
        except Exception:
            continue


class Heard(pybreaker.CircuitBreakerListener):
    def __init__(self) -> None:
        self.states: list[str] = []

    def state_change(self, cb, old_state, new_state) -> None:
        self.states.append(new_state.name)


@pytest.fixture
def slow_to_evict():
    with LocalCluster(nodes=3, heartbeat_timeout=20_000) as cluster:
        cluster.wait_until_stable()
        yield cluster


def test_no_thread_while_a_node_stalls_and_all_is_made_up_for_later(slow_to_evict, connect, scarce):
    cluster, heard = slow_to_evict, Heard()
    client = resilient(
        connect(cluster),
        "latency",
        listeners=[heard],
        storage=lambda _node: pybreaker.CircuitMemoryStorage("closed"),
    )
    write_all(client)
    cluster.stall("A1")
    scarce.short = True
    until(lambda: (write_all(client), any("pulse" in name for name in scarce.refused))[1])
    assert client.resilience.nodes["A1"]["state"] == "closed"

    scarce.short = False

    until(lambda: (write_all(client), client.resilience.nodes["A1"]["state"] == "open")[1])
    until(lambda: "open" in heard.states)
    cluster.resume("A1")
    client.resilience.close()


def test_a_client_wrapped_without_a_thread_is_tended_once_there_is_one(healthy, connect, scarce):
    until(lambda: not TEND_THREAD.alive)  # of the tests before
    scarce.short = True
    client = resilient(connect(healthy), "latency")
    write_all(client)
    assert not TEND_THREAD.alive

    scarce.short = False

    until(lambda: write_all(client) or TEND_THREAD.alive)
    until(lambda: client.resilience._engine.shared.health.calm)
    client.resilience.close()


def test_a_transition_is_told_at_the_next_tend_if_no_thread_could_tell_it(healthy, connect, scarce):
    heard = Heard()
    client = resilient(connect(healthy), "latency", listeners=[heard])
    health = client.resilience._engine.shared.health
    scarce.short = True
    with health.notices, health.lock:
        health.by_name["A1"].breaker.open(health.clock(), "test")
    assert heard.states == []

    scarce.short = False

    until(lambda: heard.states[:1] == ["open"])
    client.resilience.close()


def test_a_thread_is_not_started_inside_the_start_of_another():
    """A signal handler may strike there, and `threading` holds locks of its own."""
    inside = threading.get_ident()
    threads._starting.add(inside)
    try:
        assert threads.start(lambda: None, name="nested") is None
    finally:
        threads._starting.discard(inside)
    assert threads.start(lambda: None, name="after") is not None
