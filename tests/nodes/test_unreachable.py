"""What a node only replicates is not refused where its neighbours reach it and this client does not."""

from __future__ import annotations

import contextlib

import pytest

from aerospike_resilience import CircuitOpenError, resilient
from aerospike_resilience.nodes import Admission
from aerospike_resilience.nodes.partitions import PartitionMap
from aerospike_resilience.nodes.unreachable import EACH_S, LATELY_S, SURELY_EVICTED_S
from tests import fakes
from tests.nodes.test_cluster import health_of, write
from tests.patience import NEVER_LATE
from tests.waiting import until

KEYS = range(60)


@pytest.fixture
def clock():
    return fakes.FakeClock()


@pytest.fixture
def health(clock):
    """A cluster whose second node owes an answer and is open; it replicates even records."""
    health = health_of(clock)
    open_silent(health, "A2")
    return health


def open_silent(health, name: str) -> None:
    with health.notices, health.lock:
        node, now = health.by_name[name], health.clock()
        health.note_unanswered_locked(node, now, now)
        health.open_locked(node, "silence", now)
        health.settle_locked()


def passes(health, clock, number: int = 0) -> bool:
    try:
        Admission(health).admit(write(health, number, clock))
    except CircuitOpenError:
        return False
    return True


def succeeds(health, clock) -> None:
    health.calls.recent.append((("test", "s", 0), clock(), clock(), slice(None)))
    with health.notices, health.lock:
        health.calls.fold_locked()


def test_a_write_finds_out_once_the_cluster_would_have_evicted_a_silent_node(health, clock):
    assert not passes(health, clock)

    clock.pass_s(SURELY_EVICTED_S)
    assert [passes(health, clock) for _ in range(3)] == [True, False, False]
    clock.pass_s(EACH_S)
    assert [passes(health, clock) for _ in range(3)] == [True, False, False]
    assert not passes(health, clock, number=1)  # the node is master of that record


def test_others_follow_a_write_that_succeeded_as_long_as_some_do(health, clock):
    clock.pass_s(SURELY_EVICTED_S)
    assert passes(health, clock)
    succeeds(health, clock)

    assert [passes(health, clock) for _ in range(3)] == [True] * 3
    assert not passes(health, clock, number=1)

    clock.pass_s(LATELY_S + EACH_S)
    assert [passes(health, clock) for _ in range(3)] == [True, False, False]


def test_a_write_that_another_replica_refuses_finds_nothing_out(health, clock):
    """It is not sent, so the next one may."""
    health.maps.newest = PartitionMap({"test": (("A1", "A2", "A3"), ("A1", "A2")) * 2048})
    with health.notices, health.lock:
        health.open_locked(health.by_name["A3"], "overload", clock())
        health.by_name["A3"].breaker.open(clock(), "overload")
        health.settle_locked()
    clock.pass_s(SURELY_EVICTED_S)
    needs_three = {n: len(health.maps.owners(("test", "s", n))) == 3 for n in (0, 1)}
    three, two = sorted(needs_three, key=lambda n: not needs_three[n])

    assert [passes(health, clock, three), passes(health, clock, two)] == [False, True]


def test_no_write_is_sent_for_a_replica_that_is_isolated(health, clock):
    health.isolate("A2")
    clock.pass_s(SURELY_EVICTED_S)

    assert not passes(health, clock)


def test_writes_go_on_whose_replica_only_this_client_does_not_reach(healthy, connect, monkeypatch):
    client = resilient(connect(healthy), "latency", overrides=NEVER_LATE)
    health = client.resilience._engine.shared.health
    until(lambda: health.maps.newest.namespaces)
    unreachable = healthy.owners("test", "unreachable", 0)[1].name
    info = type(health.source).info

    def broken(self, node, command, timeout_s):
        if node == unreachable:
            raise TimeoutError(node)
        return info(self, node, command, timeout_s)

    monkeypatch.setattr(type(health.source), "info", broken)
    open_silent(health, unreachable)

    def put(number: int) -> bool:
        with contextlib.suppress(CircuitOpenError):
            client.put(("test", "unreachable", number), {"n": number})
            return True
        return False

    assert not put(0)
    for number in KEYS:
        owners = [node.name for node in healthy.owners("test", "unreachable", number)]
        if owners[0] == unreachable:
            assert not put(number)
        elif unreachable in owners:
            until(lambda number=number: put(number))
    client.resilience.close()
