"""How long reads wait for nodes that were slow together, or came back, under a wide client breaker."""

from __future__ import annotations

import pytest

from aerospike_resilience.model.attempt import Attempt
from aerospike_resilience.model.plan import EVERY_OWNER
from aerospike_resilience.nodes import AdaptiveTimeout, Admission, TendedCluster, Tolerance
from aerospike_resilience.nodes.haste import LATELY_S, SOME
from aerospike_resilience.nodes.pace import LONGEST_WINDOW_S, QUICK, RETURN_WINDOWS
from aerospike_resilience.nodes.partitions import PartitionMap
from tests import fakes
from tests.nodes.test_cluster import health_of, read, write
from tests.nodes.test_haste import admitted, leave_early, lives

WIDE = Tolerance.of({"max_error_rate": 10_000, "error_rate_window": 100})
QUICK_S, SLOW_S = 0.001, 0.05


@pytest.fixture
def clock():
    return fakes.FakeClock()


@pytest.fixture
def health(clock):
    """A cluster whose reads usually take a millisecond, under a client with a wide breaker."""
    health = health_of(clock, adaptive=AdaptiveTimeout())
    health.pace._tolerance = WIDE
    health.patience_s = 0.005
    for node in health.by_name.values():
        node.haste = type(node.haste)(WIDE)
        node.hurry_s = 0.005
    return health


def slow_together(health, clock):
    for number in (0, 1) * SOME:  # A1 and A2
        leave_early(health, clock, 1, number=number, lasts_s=0.001)
        lives(health, clock, number=number)
    assert unhurried(health) == {"A1", "A2"}


def unhurried(health) -> set[str]:
    return {name for name, node in health.by_name.items() if node.unhurried}


def answers(health, clock, number, times, took_s) -> None:
    """Have reads of a record be answered by its master."""
    for _ in range(times):
        began = clock()
        clock.pass_s(took_s)
        health.calls.recent.append((("test", "s", number), began, clock(), None))
    with health.notices, health.lock:
        health.calls.fold_locked()
        health.settle_locked()


def test_a_wide_breaker_does_not_make_a_moment_of_slowness_last(health, clock):
    slow_together(health, clock)

    clock.pass_s(LATELY_S)
    TendedCluster(health).advance(clock())

    assert health.calm


def test_a_node_that_was_slow_with_others_and_left_for_good_is_forgotten(health, clock):
    slow_together(health, clock)
    health.maps.newest = PartitionMap({"test": (("A2", "A3"),) * 4096})
    with health.notices, health.lock:
        health.update_nodes_locked(
            {node.name: node for node in health.source.nodes() if node.name != "A1"}
        )

    leave_early(health, clock, 1, number=1, lasts_s=0.001)
    answers(health, clock, 1, QUICK, QUICK_S)

    assert not health.pace.together


def test_nodes_that_answer_quickly_again_are_no_longer_slow_together(health, clock):
    slow_together(health, clock)

    answers(health, clock, 0, QUICK, QUICK_S)
    assert unhurried(health) == {"A2"}
    leave_early(health, clock, 1, number=1, lasts_s=0.001)
    assert unhurried(health) == {"A2"}  # what A1 did before counts no more
    lives(health, clock, number=1)
    answers(health, clock, 1, QUICK, QUICK_S)

    assert unhurried(health) == set()


def test_slow_answers_in_between_show_that_it_is_not_over(health, clock):
    slow_together(health, clock)

    answers(health, clock, 0, QUICK - 1, QUICK_S)
    answers(health, clock, 0, 1, SLOW_S)
    answers(health, clock, 0, QUICK - 1, QUICK_S)

    assert unhurried(health) == {"A1", "A2"}


def test_answers_to_reads_from_before_count_for_nothing(health, clock):
    before = clock()
    slow_together(health, clock)

    health.calls.recent.extend([(("test", "s", 0), before, before + QUICK_S, None)] * QUICK)
    answers(health, clock, 0, 0, 0.0)

    assert unhurried(health) == {"A1", "A2"}


def test_it_begins_anew_where_it_was_over_by_time(health, clock):
    slow_together(health, clock)
    answers(health, clock, 0, QUICK - 1, QUICK_S)
    clock.pass_s(LATELY_S)
    TendedCluster(health).advance(clock())

    slow_together(health, clock)
    answers(health, clock, 0, 1, QUICK_S)

    assert unhurried(health) == {"A1", "A2"}


def test_quick_answers_do_not_cut_short_the_wait_for_one_that_came_back(health, clock):
    slow_together(health, clock)
    with health.notices, health.lock:
        health.pace.returned_locked(clock())

    answers(health, clock, 0, QUICK, QUICK_S)

    assert unhurried(health) == {"A1", "A2", "A3"}


def test_a_return_is_over_after_seconds_under_a_wide_breaker(health, clock):
    with health.notices, health.lock:
        health.pace.returned_locked(clock())
        health.settle_locked()
    assert not health.calm

    clock.pass_s(RETURN_WINDOWS * LONGEST_WINDOW_S)
    TendedCluster(health).advance(clock())

    assert health.calm


@pytest.mark.parametrize(("departures", "waits"), [(10, False), (20, True)])
def test_a_node_that_used_much_of_what_the_breaker_tolerates_waits_for_the_whole_second(
    departures, waits, clock
):
    """The next moment of slowness could shut it, as the errors still count in the client."""
    health = health_of(clock, adaptive=AdaptiveTimeout())
    for number in (0, 1) * departures:
        leave_early(health, clock, 1, number=number, lasts_s=0.001)
        lives(health, clock, number=number)
    health.by_name["A1"].hurry_s = 0.005
    assert unhurried(health) >= {"A1"}

    answers(health, clock, 0, 2 * QUICK, QUICK_S)

    assert ("A1" in unhurried(health)) is waits


# ----- while the client lags behind the cluster


@pytest.fixture
def lagging(health, clock):
    """A3, the replica of odd records, is silent and out of the cluster, and the client does not know it."""
    with health.notices, health.lock:
        health.open_locked(health.by_name["A3"], "silence", clock())
        health.settle_locked()
    health.adopt(PartitionMap({"test": (("A1", "A2"), ("A2", "A1")) * 2048}))
    assert health.maps.previous is not None
    return health


def test_a_read_moves_to_the_replica_that_the_client_knows(lagging, clock):
    """It would meet the silent one there, so its master gets all the time that there is."""
    call = admitted(lagging, clock, number=1)

    assert call.nodes == ("A2", "A3")
    assert call.patience_s == pytest.approx(call.plan.total_timeout_s)


def test_a_write_needs_the_replica_that_the_cluster_has(lagging, clock):
    call = write(lagging, 1, clock)

    Admission(lagging).admit(call)

    assert call.nodes == ("A2", "A1")


def test_where_the_client_knows_the_new_map_reads_go_by_it(lagging, clock):
    lagging.maps.previous = None
    call = admitted(lagging, clock, number=1)

    assert call.nodes == ("A2", "A1")


def test_what_is_no_key_is_for_the_client_to_say(lagging):
    assert lagging.maps.owners_asked("no key") == ()
    assert lagging.maps.owners_asked(None) == ()


def test_a_write_that_wrote_shows_nothing_about_quickness(health, clock):
    slow_together(health, clock)

    began = clock()
    clock.pass_s(QUICK_S)
    health.calls.recent.extend([(("test", "s", 0), began, clock(), EVERY_OWNER)] * QUICK)
    answers(health, clock, 0, 0, 0.0)

    assert unhurried(health) == {"A1", "A2"}


# ----- where the replica is open, the master is the best there is


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("attempts", [0, 1])
def test_a_read_whose_replica_is_open_stays_at_its_master(attempts, late, health, clock):
    """Also if the master is late, and at a second try, which could begin at the replica otherwise."""
    with health.notices, health.lock:
        health.open_locked(health.by_name["A3"], "silence", clock())
        if late:
            health.note_unanswered_locked(health.by_name["A2"], clock(), clock())
        health.settle_locked()
    call = read(health, 1, clock)  # A2's, with replica A3
    call.deadline = call.started + call.plan.total_timeout_s
    call.attempts = (Attempt(1, 0.01, failure=fakes.TIMEOUT, error="TimeoutError"),) * attempts
    if attempts:
        Admission(health).leave_master(call)
        assert call.leave_master

    Admission(health).admit(call)

    assert not call.leave_master
    assert not call.began_anywhere
    assert call.patience_s == pytest.approx(call.plan.total_timeout_s)


def test_a_late_master_is_left_for_a_replica_that_is_only_isolated(health, clock):
    health.isolate("A3")
    with health.notices, health.lock:
        health.note_unanswered_locked(health.by_name["A2"], clock(), clock())
        health.settle_locked()

    assert admitted(health, clock, number=1).patience_s < fakes.plan().total_timeout_s


# ----- which of two nodes a quick read came from


@pytest.mark.parametrize(
    ("reason", "half_open", "lives"),
    [("silence", False, True), ("overload", False, False), ("silence", True, False)],
)
def test_a_quick_read_shows_life_of_a_late_master_if_its_replica_does_not_answer(
    reason, half_open, lives, health, clock
):
    """Otherwise the client may have gone to the replica at once."""
    with health.notices, health.lock:
        health.open_locked(health.by_name["A3"], reason, clock())
        if half_open:
            health.by_name["A3"].breaker.half_open(clock())
        health.note_unanswered_locked(health.by_name["A2"], clock(), clock())
        health.settle_locked()

    clock.pass_s(0.01)
    answers(health, clock, 1, 1, QUICK_S)

    assert health.by_name["A2"].suspect is not lives


def test_a_read_of_an_open_master_looks_whether_its_late_replica_has_answered_meanwhile(
    health, clock
):
    """It would wait for both as for nodes that are slow together."""
    with health.notices, health.lock:
        health.open_locked(health.by_name["A1"], "silence", clock())
        health.note_unanswered_locked(health.by_name["A2"], clock(), clock())
        health.settle_locked()
    late = admitted(health, clock, number=0)
    clock.pass_s(0.01)
    health.calls.recent.append((("test", "s", 1), clock() - 0.001, clock(), EVERY_OWNER))

    soon = admitted(health, clock, number=0)

    assert late.patience_s == fakes.plan().socket_timeout_s
    assert soon.patience_s == pytest.approx(0.005)
