"""The verdict that the cluster is the likely cause: it lasts as long as its cause, and floods no log."""

from __future__ import annotations

import contextlib
import logging

import aerospike
import pytest

from aerospike_resilience import resilient
from aerospike_resilience.model.failure import Failure, FailureKind, Fault
from aerospike_resilience.nodes import TendedCluster
from aerospike_resilience.nodes.verdict_log import QUIET_S
from aerospike_resilience.testing import LocalCluster
from tests import fakes
from tests.nodes.test_cluster import fail, health_of, write
from tests.waiting import until

KEY = ("test", "verdict", 1)
BROKEN = Failure(FailureKind.OVERLOAD, fault=Fault.NODE, address="127.0.0.1:3001")


@pytest.fixture
def clock():
    return fakes.FakeClock()


@pytest.fixture
def lines(caplog):
    """What was logged of the verdict, by level."""
    caplog.set_level(logging.INFO, logger="aerospike_resilience.nodes")
    return lambda: [one.levelname for one in caplog.records if "likely cause" in one.getMessage()]


@pytest.fixture
def only(request):
    """A cluster of one node, for one test to harm."""
    if request.config.getoption("--aerospike"):
        pytest.skip("harms nodes, which is not done to a real cluster")
    with LocalCluster(nodes=1, replication_factor=1) as cluster:
        cluster.wait_until_stable()
        yield cluster


def test_while_the_only_node_stalls_reads_go_to_the_second_cluster(only, spare, connect, lines):
    bare, other = connect(only), connect(spare)
    client = resilient(bare, "latency", fallback=other)
    client.put(KEY, {"at": "first"})
    other.put(KEY, {"at": "second"})

    def read_at() -> str | None:
        with contextlib.suppress(aerospike.exception.AerospikeError):
            return client.get(KEY)[2]["at"]
        return None

    only.stall("A1")
    until(lambda: read_at() == "second")
    assert client.resilience.snapshot()["verdict"] == "cluster"

    only.resume("A1")
    until(lambda: read_at() == "first")
    assert lines()[:2] == ["WARNING", "INFO"]
    client.resilience.close()


def none_may_open(clock):
    """A cluster whose second node fails with overload: a node that answers owes none."""
    health = health_of(clock, max_open_share=0.0, max_error_rate=5, window_s=1.0)
    tended = TendedCluster(health)
    tended.advance(clock())

    def fail_for(seconds: int) -> None:
        for _ in range(seconds):
            for _ in range(20):
                fail(health, write(health, 1, clock), clock, BROKEN, took_s=0.001)
            clock.pass_s(1.0)
            tended.advance(clock())

    return health, fail_for


def test_a_verdict_lasts_for_the_window_whose_errors_it_comes_from(clock):
    health, _ = none_may_open(clock)
    for _ in range(6):
        fail(health, write(health, 1, clock), clock, BROKEN, took_s=0.001)

    fail(health, write(health, 0, clock), clock, fakes.NOT_FOUND, took_s=0.001)
    assert health.verdict == "cluster"

    clock.pass_s(1.0)
    TendedCluster(health).advance(clock())
    assert health.verdict == ""


def test_a_verdict_that_comes_and_goes_is_logged_once_in_ten_seconds(clock, lines):
    health, fail_for = none_may_open(clock)

    fail_for(int(QUIET_S))
    assert lines() == ["WARNING", "INFO"]

    fail_for(3)
    assert lines() == ["WARNING", "INFO", "WARNING", "INFO"]
    assert health.verdict == ""


def test_a_verdict_ends_while_a_node_is_isolated(clock):
    health, fail_for = none_may_open(clock)
    health.isolate("A3")

    fail_for(1)

    assert health.verdict == ""


def test_a_verdict_that_was_held_back_and_still_holds_is_logged_later(clock, lines):
    health = health_of(clock)
    log = health.verdict_log
    log.begins("silence", "A1", 1, 3)
    log.ends()
    log.begins("silence", "A1", 1, 3)
    assert lines() == ["WARNING", "INFO"]

    clock.pass_s(QUIET_S)
    TendedCluster(health).advance(clock())
    assert lines() == ["WARNING", "INFO", "WARNING"]


@pytest.mark.parametrize("how", ["close", "after_fork"])
def test_a_verdict_that_was_held_back_is_forgotten_with_the_clients_end(how, clock, lines):
    health = health_of(clock, max_open_share=0.0)

    def comes() -> None:
        with health.notices, health.lock:
            health.open_locked(health.by_name["A1"], "silence", clock())

    comes()
    with health.notices, health.lock:
        health.settle_locked()
    comes()  # within ten seconds
    told = lines()
    getattr(health, how)()
    health.verdict = ""
    clock.pass_s(2 * QUIET_S)
    TendedCluster(health).advance(clock())

    assert lines() == told == ["WARNING", "INFO"]
