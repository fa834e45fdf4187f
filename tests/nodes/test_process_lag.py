"""Time in which our own process was kept from running is held against no node."""

from __future__ import annotations

import pytest

from aerospike_resilience.concurrency.process_lag import REMEMBERED, ProcessLag
from aerospike_resilience.nodes import ClusterHealth, NodeOptions, TendedCluster, TendThread
from tests import fakes
from tests.nodes.test_cluster import states
from tests.waiting import until


@pytest.fixture
def clock():
    return fakes.FakeClock()


@pytest.fixture
def lag(clock):
    return ProcessLag(clock)


def health_of(clock, lag) -> ClusterHealth:
    source = fakes.FakeSource()
    options = NodeOptions(silence_s=0.25)
    health = ClusterHealth(source, options, clock=clock, held_up_s=lag.within)
    with health.notices, health.lock:
        health.update_nodes_locked({node.name: node for node in source.nodes()})
    return health


def test_a_pause_of_our_own_process_opens_no_node_though_a_pulse_was_under_way(clock, lag):
    health = health_of(clock, lag)
    tended = TendedCluster(health)
    began = clock()
    with health.notices, health.lock:
        health.note_unanswered_locked(health.by_name["A1"], began, began)
    lag.here(0.05)
    clock.pass_s(0.35)  # the process stands still: it was to look after 50 ms

    tended.health_checks.missed("A1", began, hard=True)  # before the tend thread wakes
    lag.here(0.0)
    tended.advance(clock())

    assert states(health)["A1"] == "closed"
    assert health.by_name["A1"].suspect


def test_a_node_that_shows_no_life_after_the_pause_either_opens(clock, lag):
    health = health_of(clock, lag)
    tended = TendedCluster(health)
    began = clock()
    with health.notices, health.lock:
        health.note_unanswered_locked(health.by_name["A1"], began, began)
    lag.here(0.05)
    clock.pass_s(0.35)
    lag.here(0.3)
    clock.pass_s(0.21)  # with the 50 ms before the pause it is more than `silence`

    tended.health_checks.missed("A1", began, hard=True)

    assert states(health)["A1"] == "open"


def test_the_lag_is_what_lies_in_the_time_that_is_asked_about(clock, lag):
    for late_s in (0.01, 0.3, -0.5):  # usual, late, woken before its time
        lag.here(1.0)
        clock.pass_s(1.0 + late_s)
        lag.here(0.0)

    assert lag.within(60.0) == pytest.approx(0.3)
    assert lag.within(0.5 + 0.1) == pytest.approx(0.1)
    assert lag.within(0.4) == 0.0
    lag.here(1.0)
    clock.pass_s(3.0)
    assert lag.within(60.0) == pytest.approx(0.3 + 2.0)  # it is overdue
    lag.forget()
    assert lag.within(60.0) == 0.0


def test_it_remembers_so_many_times_it_was_late(clock, lag):
    for _ in range(3 * REMEMBERED):
        lag.here(0.0)
        clock.pass_s(1.0)
        lag.here(0.0)

    lag.ends()
    assert lag.within(1e9) == REMEMBERED


def test_the_tend_thread_measures_it_and_a_forked_child_starts_anew(clock):
    slept: list[float] = []

    class Noted(ProcessLag):
        def here(self, next_in_s: float) -> None:
            super().here(next_in_s)
            slept.append(next_in_s)
            self._due = -1.0  # so that it is late every time

    thread = TendThread()
    thread.lag = Noted()
    tended = TendedCluster(health_of(clock, thread.lag))
    thread.add(tended)
    until(lambda: thread.lag._late)
    thread.discard(tended)
    until(lambda: not thread.alive)

    assert 0.0 in slept
    assert thread.lag.within(1e9) > 0
    thread.after_fork()
    assert thread.lag.within(1e9) == 0
