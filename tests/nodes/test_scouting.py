"""While a node is open, one write at a time finds out whether the client has the cluster's new map."""

from __future__ import annotations

import pytest

from aerospike_resilience.errors import CircuitOpenError
from aerospike_resilience.nodes import Admission, Tolerance
from aerospike_resilience.nodes.partitions import PartitionMap
from aerospike_resilience.nodes.scouting import EACH_S, QUICK_S, RETURNS_S
from tests import fakes
from tests.nodes.test_cluster import fail, health_of, read, write


@pytest.fixture
def clock():
    return fakes.FakeClock()


@pytest.fixture
def health(clock):
    """A cluster whose A1 is open, and whose survivors have taken its records over."""
    health = health_of(clock)
    with health.notices, health.lock:
        health.open_locked(health.by_name["A1"], "silence", clock())
        health.settle_locked()
    health.adopt(PartitionMap({"test": (("A2", "A3"),) * 4096}))
    return health


def admitted(health, clock, number=0):
    call = write(health, number, clock)
    try:
        Admission(health).admit(call)
    except CircuitOpenError:
        return None
    return call


def test_one_write_at_a_time_goes_to_find_out(health, clock):
    scout = admitted(health, clock)

    assert scout is not None
    assert (scout.scouts, scout.nodes) == (True, ("A2", "A3"))
    assert admitted(health, clock) is None
    clock.pass_s(RETURNS_S / 2)
    assert admitted(health, clock) is None  # the first one is still out


def test_its_success_lets_all_others_through(health, clock):
    scout = admitted(health, clock)
    began = clock()
    clock.pass_s(0.001)

    health.calls.answered(scout, began, clock())

    assert health.maps.previous is None
    assert [admitted(health, clock).nodes for _ in range(3)] == [("A2", "A3")] * 3
    assert health.by_name["A1"].breaker.state == "open"
    assert health.by_name["A1"].last_alive < began  # it is not A1 that answered


def test_an_answer_that_the_node_itself_may_have_given_shows_nothing(health, clock):
    """It is back, and the client still has the old map."""
    scout, began = admitted(health, clock), clock()
    clock.pass_s(0.001)
    with health.notices, health.lock:
        health.registry.live(("A1",), clock())
    health.calls.answered(scout, began, clock())
    assert health.maps.previous is not None

    clock.pass_s(EACH_S)
    scout, began = admitted(health, clock), clock()
    clock.pass_s(2 * QUICK_S)  # it waited for somebody
    health.calls.answered(scout, began, clock())
    assert health.maps.previous is not None


@pytest.mark.parametrize("shut", [False, True])
def test_a_read_that_was_answered_elsewhere_shows_it_too_unless_it_was_not_let_to_its_master(
    health, clock, shut
):
    master = health.by_name["A1"]
    for _ in range(Tolerance().errors if shut else 1):
        master.haste.left(clock())
    call = read(health, 0, clock)
    Admission(health).admit(call)
    call.began = call.now
    call.now += 0.001

    health.calls.hurried(call)

    assert (health.maps.previous is not None) is shut


def test_an_answer_about_the_record_says_as_much(health, clock):
    fail(health, admitted(health, clock), clock, fakes.NOT_FOUND, took_s=0.001)

    assert health.maps.previous is None


def test_its_failure_charges_nobody_and_another_one_goes_soon(health, clock):
    fail(health, admitted(health, clock), clock, took_s=EACH_S / 2)

    assert not health.inquiries
    assert all(not node.errors and not node.suspect for node in health.by_name.values())
    assert admitted(health, clock) is None
    clock.pass_s(EACH_S)
    assert admitted(health, clock) is not None


def test_one_that_never_comes_back_is_not_waited_for(health, clock):
    assert admitted(health, clock) is not None

    clock.pass_s(RETURNS_S)

    assert admitted(health, clock) is not None


def test_none_goes_before_the_cluster_has_a_new_map_or_where_its_node_is_open_too(clock):
    health = health_of(clock)
    with health.notices, health.lock:
        health.open_locked(health.by_name["A1"], "silence", clock())
        health.settle_locked()
    assert admitted(health, clock) is None

    health.adopt(PartitionMap({"test": (("A2", "A1"),) * 4096}))
    assert admitted(health, clock) is None


def test_none_goes_to_a_node_that_a_human_isolated(health, clock):
    health.isolate("A1")

    assert admitted(health, clock) is None
