"""Reads leave a node early only as often as the client's own breaker can bear, unless it shows no life."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aerospike_resilience.model.plan import EVERY_OWNER
from aerospike_resilience.nodes import AdaptiveTimeout, Admission, TendedCluster, Tolerance
from aerospike_resilience.nodes.admission import SILENT_S
from aerospike_resilience.nodes.haste import SHARE
from aerospike_resilience.nodes.pace import HICCUP_S
from aerospike_resilience.nodes.partitions import PartitionMap
from tests import fakes
from tests.nodes.test_cluster import health_of, read, write

MAY = Tolerance().errors // SHARE


@pytest.fixture
def clock():
    return fakes.FakeClock()


@pytest.fixture
def health(clock):
    return health_of(clock, adaptive=AdaptiveTimeout())


def leave_early(health, clock, times, number=0, lasts_s=0.5):
    """Have so many reads leave the record's master early, and be served by its replica."""
    for _ in range(times):
        call = read(health, number, clock)
        began = clock()
        clock.pass_s(lasts_s / times)
        health.calls.answered(call, began, clock())


def lives(health, clock, number=0):
    """Have a write of the record be answered."""
    health.calls.recent.append((("test", "s", number), clock() - 0.001, clock(), EVERY_OWNER))
    with health.notices, health.lock:
        health.calls.fold_locked()
        health.settle_locked()


def admitted(health, clock, number=0):
    call = read(health, number, clock)
    call.deadline = call.started + call.plan.total_timeout_s
    Admission(health).admit(call)
    return call


def test_a_node_that_lives_is_left_only_as_often_as_the_clients_breaker_can_bear(health, clock):
    leave_early(health, clock, MAY - 1)
    assert admitted(health, clock).patience_s == AdaptiveTimeout().min_s

    leave_early(health, clock, 1, lasts_s=0.0)
    lives(health, clock)
    call = admitted(health, clock)

    assert call.patience_s == pytest.approx(0.125)  # half of its time, as two tries share it
    assert not call.leave_master


def test_a_node_that_shows_no_life_is_left_early_however_often(health, clock):
    lives(health, clock)
    clock.pass_s(0.001)

    leave_early(health, clock, 5 * MAY)

    assert admitted(health, clock).patience_s == AdaptiveTimeout().min_s


def test_reads_hurry_again_when_the_window_of_the_clients_breaker_has_passed(health, clock):
    leave_early(health, clock, MAY)
    lives(health, clock)
    assert not health.calm

    clock.pass_s(Tolerance().window_s)
    TendedCluster(health).advance(clock())

    assert health.calm
    assert health.by_name["A1"].quiet


def test_tries_that_fail_count_at_every_node_that_they_left(health, clock):
    for _ in range(MAY):
        call = read(health, 0, clock)
        began, call.failure = clock(), fakes.TIMEOUT
        clock.pass_s(0.001)
        call.now = clock()
        health.calls.failed(call, began)

    assert [health.by_name[name].unhurried for name in ("A1", "A2", "A3")] == [True, True, False]


def test_a_write_that_fails_counts_at_its_master_as_the_client_has_it(health, clock):
    for _ in range(MAY):
        call = write(health, 0, clock)
        began, call.failure = clock(), fakes.TIMEOUT
        clock.pass_s(0.001)
        call.now = clock()
        health.calls.failed(call, began)

    assert [health.by_name[name].unhurried for name in ("A1", "A2", "A3")] == [True, False, False]


def test_other_nodes_are_hurried_all_the_same(health, clock):
    leave_early(health, clock, MAY, number=0)
    lives(health, clock, number=0)
    leave_early(health, clock, 1, number=1, lasts_s=0.0)

    assert admitted(health, clock, number=1).patience_s == AdaptiveTimeout().min_s


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, Tolerance(100, 1.0)),
        ({"max_error_rate": 20, "error_rate_window": 2, "tend_interval": 250}, Tolerance(20, 0.5)),
        ({"max_error_rate": 0}, Tolerance(0, 1.0)),
        ({"error_rate_window": 0}, Tolerance(0)),
    ],
)
def test_what_a_client_tolerates_is_told_by_its_settings(settings, expected):
    assert Tolerance.of(settings) == expected


def test_a_client_without_a_limit_is_hurried_without_one(clock):
    health = health_of(clock)
    health.registry._tolerance = Tolerance(0)
    health.by_name.clear()
    with health.lock:
        health.update_nodes_locked({node.name: node for node in health.source.nodes()})

    leave_early(health, clock, 1000)

    assert not health.by_name["A1"].unhurried


def test_when_several_nodes_are_slow_alike_a_few_departures_are_enough(health, clock):
    for _ in range(5):
        leave_early(health, clock, 1, number=0, lasts_s=0.01)
        leave_early(health, clock, 1, number=1, lasts_s=0.01)
        lives(health, clock, number=0)
        lives(health, clock, number=1)

    assert health.pace.spares(health.by_name["A1"], clock())
    assert health.pace.spares(health.by_name["A2"], clock())
    assert not health.by_name["A3"].unhurried


def test_when_all_nodes_are_silent_at_once_it_is_none_of_them(clock):
    health = health_of(clock, adaptive=AdaptiveTimeout())
    health.maps.newest = PartitionMap(
        {"test": tuple((f"A{p % 3 + 1}", f"A{(p + 1) % 3 + 1}") for p in range(4096))}
    )

    for number in range(9):
        leave_early(health, clock, 1, number=number, lasts_s=0.01)

    assert all(health.pace.spares(node, clock()) for node in health.by_name.values())


def test_of_several_slow_nodes_one_that_goes_silent_is_left_early_again(health, clock):
    for number in (0, 1) * 5:
        leave_early(health, clock, 1, number=number, lasts_s=0.01)
        lives(health, clock, number=number)
    leave_early(health, clock, 1, number=0, lasts_s=0.01)
    assert health.pace.spares(health.by_name["A1"], clock())

    clock.pass_s(HICCUP_S)

    assert not health.pace.spares(health.by_name["A1"], clock())


def test_a_node_that_is_silent_is_no_slow_one_among_others(health, clock):
    lives(health, clock, number=1)  # A2, for the last time
    clock.pass_s(0.01)
    for _ in range(8):
        leave_early(health, clock, 2, number=1, lasts_s=0.01)
        leave_early(health, clock, 1, number=0, lasts_s=0.01)
        lives(health, clock, number=0)

    assert not health.by_name["A1"].unhurried
    assert not health.by_name["A2"].unhurried


def test_a_read_whose_master_is_silent_waits_for_a_slow_replica(health, clock):
    leave_early(health, clock, MAY, number=1)  # A2, the replica of number 0
    lives(health, clock, number=1)
    lives(health, clock, number=0)
    clock.pass_s(0.01)
    leave_early(health, clock, 1, number=0, lasts_s=0.01)

    call = admitted(health, clock, number=0)

    assert call.patience_s == pytest.approx(0.25 / 4)  # it has four tries
    assert call.leave_master


def test_failed_writes_do_not_make_their_masters_slow(health, clock):
    for number in (0, 1) * 5:
        call = write(health, number, clock)
        began, call.failure = clock(), fakes.TIMEOUT
        clock.pass_s(0.01)
        call.now = clock()
        health.calls.failed(call, began)

    assert not any(node.unhurried for node in health.by_name.values())


def test_a_node_whose_replicas_are_silent_gets_all_the_time_there_is(health, clock):
    leave_early(health, clock, 1, number=1)  # A2, the replica of number 0

    call = admitted(health, clock, number=0)

    assert call.patience_s == pytest.approx(call.plan.total_timeout_s)
    assert admitted(health, clock, number=1).patience_s == AdaptiveTimeout().min_s


def test_without_adaptive_timeouts_a_read_still_leaves_a_silent_master_soon(clock):
    health = health_of(clock)
    leave_early(health, clock, 1, number=0)
    call = fakes.call(
        fakes.plan(failover=True, native_retries=1, max_tries=3, socket_timeout_s=0.3),
        ("test", "s", 0),
    )
    call.started = call.now = clock()

    Admission(health).admit(call)

    assert call.patience_s == SILENT_S


def test_where_all_are_slow_reads_and_writes_wait_as_the_bare_client_would(health, clock):
    for number in (0, 1) * 5:
        leave_early(health, clock, 1, number=number, lasts_s=0.001)
        lives(health, clock, number=number)
    total_s = fakes.plan().total_timeout_s

    assert admitted(health, clock, number=0).patience_s == pytest.approx(total_s)
    call = write(health, 0, clock)
    call.deadline = call.started + total_s
    Admission(health).admit(call)
    assert call.patience_s == pytest.approx(total_s)


def test_tries_that_may_have_begun_anywhere_count_at_the_node_that_the_error_names(health, clock):
    for _ in range(MAY):
        call = read(health, 0, clock)
        call.leave_master = True
        began, call.failure = clock(), replace(fakes.TIMEOUT, node="A1", tries=2)
        clock.pass_s(0.001)
        call.now = clock()
        health.calls.failed(call, began)

    assert [health.by_name[name].unhurried for name in ("A1", "A2", "A3")] == [True, False, False]


def test_a_write_that_needs_a_silent_node_makes_one_patient_try(health, clock):
    leave_early(health, clock, 1, number=1)  # A2, the replica of number 0

    waits = {}
    for number in (0, 1):
        call = write(health, number, clock)
        call.deadline = call.started + call.plan.total_timeout_s
        Admission(health).admit(call)
        waits[number] = call.patience_s
    total_s = fakes.plan().total_timeout_s

    assert waits == {0: pytest.approx(total_s), 1: pytest.approx(total_s)}


def test_a_write_that_outlasts_the_eviction_of_a_silent_node_keeps_its_tries(health, clock):
    leave_early(health, clock, 1, number=1)  # A2, the replica of number 0

    call = write(health, 0, clock, total_timeout_s=8.0, socket_timeout_s=1.3)
    call.deadline = call.started + call.plan.total_timeout_s
    Admission(health).admit(call)

    assert (call.patience_s, call.tailored) == (1.3, False)
