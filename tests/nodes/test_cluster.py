"""What the cluster's health makes of evidence, on a clock that the test moves."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from aerospike_resilience.errors import CircuitOpenError, UnknownNodeError
from aerospike_resilience.interceptors import Breaker
from aerospike_resilience.model.attempt import Attempt
from aerospike_resilience.model.failure import Failure, FailureKind, Fault
from aerospike_resilience.nodes import (
    AdaptiveTimeout,
    Admission,
    ClusterHealth,
    NodeOptions,
    TendedCluster,
    report,
)
from aerospike_resilience.nodes.partitions import PartitionMap
from tests import fakes


@pytest.fixture
def clock():
    return fakes.FakeClock()


def health_of(clock, **options) -> ClusterHealth:
    source = fakes.FakeSource()
    health = ClusterHealth(source, NodeOptions(**options), clock=clock)
    # Even keys belong to A1 with replica A2, odd ones to A2 with replica A3.
    health.maps.newest = PartitionMap(
        {"test": tuple(("A1", "A2") if p % 2 == 0 else ("A2", "A3") for p in range(4096))}
    )
    with health.notices, health.lock:
        health.update_nodes_locked({node.name: node for node in source.nodes()})
    return health


def write(health, number, clock, **plan):
    call = fakes.call(fakes.plan(fakes.PUT, **plan), ("test", "s", number))
    call.started = call.now = clock()
    return call


def read(health, number, clock):
    call = fakes.call(
        fakes.plan(fakes.GET, failover=True, native_retries=1, max_tries=4), ("test", "s", number)
    )
    call.started = call.now = clock()
    return call


def fail(health, call, clock, failure=fakes.TIMEOUT, took_s=0.25):
    began = call.now
    clock.pass_s(took_s)
    call.now = clock()
    call.failure = failure
    health.calls.failed(call, began)


def states(health) -> dict[str, str]:
    return {name: node["state"] for name, node in report(health).items()}


def test_a_node_silent_for_too_long_opens_and_the_others_do_not(clock):
    health = health_of(clock, silence_s=0.25)
    health.calls.recent.append((("test", "s", 0), clock(), clock() + 0.2, None))  # A1 lives

    fail(health, write(health, 0, clock), clock, took_s=0.26)
    TendedCluster(health).health_checks.missed("A2", clock(), hard=True)

    assert states(health) == {"A1": "closed", "A2": "open", "A3": "closed"}
    assert not health.calm


def test_a_write_that_needs_an_open_node_is_refused_and_told_why(clock):
    health = health_of(clock)
    with health.notices, health.lock:
        health.open_locked(health.by_name["A2"], "silence", clock())
        health.settle_locked()
    clock.pass_s(0.5)

    with pytest.raises(CircuitOpenError) as caught:
        Admission(health).admit(write(health, 0, clock))

    error = caught.value
    assert (error.node, error.role, error.state, error.reason) == (
        "A2",
        "replica",
        "open",
        "silence",
    )
    assert "put was not sent: node A2, the record's replica, has been open for 0.5 s" in str(error)
    with pytest.raises(CircuitOpenError, match="the record's master"):
        Admission(health).admit(write(health, 1, clock))


def test_a_node_may_leave_the_cluster_while_a_call_is_refused_for_it(clock):
    health = health_of(clock)

    error = Admission(health).refusal(write(health, 0, clock), "A9", "master")

    assert (error.state, error.retry_after_s) == ("open", 0.0)
    assert "it has left the cluster" in str(error)


def test_a_refusal_never_names_the_records_key(clock):
    health = health_of(clock)
    with health.notices, health.lock:
        health.open_locked(health.by_name["A2"], "silence", clock())
        health.settle_locked()
    call = write(health, 4093, clock)

    with pytest.raises(CircuitOpenError) as caught:
        Admission(health).admit(call)

    assert "4093" not in str(caught.value)


@pytest.mark.parametrize(("word", "commits"), [("commit_master", True), ("wait", False)])
def test_a_write_whose_replica_is_open_may_be_let_through(word, commits, clock):
    health = health_of(clock, on_replica_open=word)
    with health.notices, health.lock:
        health.open_locked(health.by_name["A2"], "silence", clock())
        health.settle_locked()
    call = write(health, 0, clock)

    Admission(health).admit(call)

    assert call.commit_master is commits
    with pytest.raises(CircuitOpenError):
        Admission(health).admit(write(health, 1, clock))


def test_a_read_of_an_open_master_hurries_to_the_replica(clock):
    health = health_of(clock, adaptive=AdaptiveTimeout(min_s=0.005))
    with health.notices, health.lock:
        health.open_locked(health.by_name["A2"], "silence", clock())
        health.settle_locked()
    call = read(health, 1, clock)

    Admission(health).admit(call)

    assert call.tailored
    assert call.patience_s == 0.005


def test_a_read_that_left_early_makes_its_node_suspect_but_opens_nothing(clock):
    health = health_of(clock)
    call = read(health, 0, clock)
    clock.pass_s(0.05)

    health.calls.answered(call, call.started, clock())

    assert health.by_name["A1"].suspect
    assert set(states(health).values()) == {"closed"}


def test_life_ends_suspicion(clock):
    health = health_of(clock)
    call = read(health, 0, clock)
    clock.pass_s(0.05)
    health.calls.answered(call, call.started, clock())

    written = write(health, 0, clock)
    clock.pass_s(0.01)
    health.calls.answered(written, written.started, clock())

    assert not health.by_name["A1"].suspect
    assert health.calm


def test_errors_above_the_rate_open_the_node_that_answered_them(clock):
    health = health_of(clock, max_error_rate=5)
    overload = Failure(FailureKind.OVERLOAD, fault=Fault.NODE, address="127.0.0.1:3000")

    for _ in range(6):
        fail(health, write(health, 0, clock), clock, overload, took_s=0.001)

    assert states(health) == {"A1": "open", "A2": "closed", "A3": "closed"}


def test_never_more_than_the_open_share_opens_and_the_verdict_says_so(clock, caplog):
    health = health_of(clock, **fakes.AT_FIRST_ERROR, max_open_share=0.5)

    with caplog.at_level(logging.WARNING):
        for port in (3000, 3001, 3002):
            broken = Failure(FailureKind.CONNECTION, fault=Fault.NODE, address=f"127.0.0.1:{port}")
            fail(health, write(health, 0, clock), clock, broken, took_s=0.001)

    assert list(states(health).values()).count("open") == 1
    assert health.verdict == "cluster"
    assert "our own network is the likely cause" in caplog.text


def test_shadow_mode_counts_and_refuses_nothing(clock):
    health = health_of(clock, mode="shadow", **fakes.AT_FIRST_ERROR)
    broken = Failure(FailureKind.CONNECTION, fault=Fault.NODE, address="127.0.0.1:3000")
    fail(health, write(health, 0, clock), clock, broken)

    assert states(health)["A1"] == "open"
    Admission(health).admit(write(health, 0, clock))


def test_isolation_by_hand_holds_until_release(clock):
    health = health_of(clock)
    health.isolate("A1")
    with pytest.raises(CircuitOpenError, match=r"isolated .* until released by hand"):
        Admission(health).admit(write(health, 0, clock))

    health.release("A1")

    assert health.calm
    with pytest.raises(UnknownNodeError, match="Known: A1, A2, A3"):
        health.isolate("A9")


def test_a_node_that_answers_again_is_half_open_and_then_closed(clock):
    health = health_of(clock, half_open_calls=2)
    tended = TendedCluster(health)
    with health.notices, health.lock:
        health.open_locked(health.by_name["A1"], "silence", clock())

    for expected in ("half-open", "closed"):
        began = clock()
        clock.pass_s(0.01)
        tended.health_checks.answered("A1", began, 0.01)
        began = clock()
        clock.pass_s(0.01)
        tended.health_checks.answered("A1", began, 0.01)
        if expected == "closed":
            break

    assert states(health)["A1"] == "closed"


def test_an_inquiry_charges_the_node_that_does_not_answer_it(clock):
    health = health_of(clock, **fakes.AT_FIRST_ERROR, silence_s=100)
    tended = TendedCluster(health)
    call = write(health, 0, clock)
    fail(health, call, clock)  # neither A1 nor A2 showed life: who is to blame is open
    assert states(health) == {"A1": "closed", "A2": "closed", "A3": "closed"}

    began = clock()
    clock.pass_s(0.1)
    tended.health_checks.answered("A1", began, 0.1)
    tended.health_checks.missed("A2", began, hard=True)

    assert states(health) == {"A1": "closed", "A2": "open", "A3": "closed"}


def test_patience_follows_the_slowest_quiet_node(clock):
    paces: list[float] = []
    health = health_of(clock, adaptive=AdaptiveTimeout(factor=4, min_s=0.005, max_s=0.04))
    tended = TendedCluster(health, on_patience=paces.append)
    for name, usual in (("A1", 0.001), ("A2", 0.004)):
        for _ in range(50):
            health.by_name[name].latency.add(usual)

    tended.adapt()

    assert paces == [0.016]


def test_a_snapshot_is_plain_json(clock):
    import json

    assert set(json.loads(json.dumps(report(health_of(clock))))) == {"A1", "A2", "A3"}


def test_a_write_to_a_master_that_only_the_client_still_believes_in_is_refused(clock):
    health = health_of(clock)
    with health.notices, health.lock:
        health.open_locked(health.by_name["A1"], "silence", clock())
        health.settle_locked()

    health.adopt(PartitionMap({"test": (("A2", "A3"),) * 4096}))

    assert health.maps.owners(("test", "s", 0)) == ("A1", "A2", "A3")
    Admission(health).admit(
        write(health, 0, clock)
    )  # one finds out whether the client knows better
    with pytest.raises(CircuitOpenError, match="node A1, the record's master"):
        Admission(health).admit(write(health, 0, clock))
    Admission(health).admit(write(health, 1, clock))


def test_the_new_map_holds_once_the_client_has_dropped_the_node(clock):
    health = health_of(clock)
    with health.notices, health.lock:
        health.open_locked(health.by_name["A1"], "silence", clock())
        health.settle_locked()
    survivors_switch_one_by_one = (("A1", "A2"), ("A2", "A3")) * 2048
    health.adopt(PartitionMap({"test": survivors_switch_one_by_one}))
    health.adopt(PartitionMap({"test": (("A2", "A3"),) * 4096}))
    assert health.maps.owners(("test", "s", 0))[0] == "A1"

    health.source.names = ("A2", "A3")
    with health.notices, health.lock:
        health.update_nodes_locked({node.name: node for node in health.source.nodes()})

    assert health.maps.previous is None
    assert health.maps.owners(("test", "s", 0)) == ("A2", "A3")


@pytest.mark.parametrize(("strong", "known"), [(set(), False), ({"test"}, True)])
def test_a_quick_read_shows_that_the_client_knows_the_new_map_only_if_it_begins_at_the_master(
    clock, strong, known
):
    """One that may begin at any replica was quick by that: writes would still wait for the dead node."""
    health = health_of(clock)
    health.maps.strong = frozenset(strong)  # there a read begins at the master
    with health.notices, health.lock:
        health.open_locked(health.by_name["A1"], "silence", clock())
        health.settle_locked()
    health.adopt(PartitionMap({"test": (("A2", "A3"),) * 4096}))
    read = fakes.call(fakes.plan(failover=True), ("test", "s", 0))
    read.now = read.began = clock()

    Breaker(health).around(read, lambda _call: "record")

    assert (health.maps.previous is None) == known


def test_a_policy_file_isolates_nodes_and_releases_only_its_own(clock):
    health = health_of(clock)
    health.isolate("A2")
    health.reconfigure(replace(health.options, isolated=frozenset({"A1"})))
    isolated = {name for name, node in health.by_name.items() if node.breaker.isolated}
    health.reconfigure(replace(health.options, isolated=frozenset()))
    left = {name for name, node in health.by_name.items() if node.breaker.isolated}

    assert isolated == {"A1", "A2"}
    assert left == {"A2"}


def test_strongly_consistent_namespaces_are_told_apart(clock):
    health = health_of(clock)
    health.source.replicas = dict.fromkeys(health.by_name, "")
    asked = []
    answers = health.source.answers

    def telling(nodes, command, timeout_s):
        if not command.startswith("namespace/"):
            return answers(nodes, command, timeout_s)
        asked.append(command)
        return dict.fromkeys(nodes, "ns_cluster_size=3;strong-consistency=true;objects=0")

    health.source.answers = telling
    tended = TendedCluster(health)
    for generation in ("2", "3"):
        health.source.generation = generation
        tended.map_refresher.refresh()

    assert health.maps.strong == {"test"}
    assert asked == ["namespace/test"]  # once: it stays what it is


@pytest.mark.parametrize(
    ("word", "mode", "alone"),
    [
        ("commit_master", "enforce", True),
        ("commit_master", "shadow", False),
        ("fail", "enforce", False),
        ("wait", "enforce", False),
    ],
)
def test_a_write_that_a_silent_replica_kept_waiting_commits_on_its_master_the_second_time(
    word, mode, alone, clock
):
    """Before the replica opens: until then as many writes would fail as have it for their replica."""
    health = health_of(clock, on_replica_open=word, mode=mode, silence_s=10.0)
    call = write(health, 0, clock, socket_timeout_s=0.12)
    began = clock()
    clock.pass_s(0.1)
    health.calls.recent.append(
        (("test", "s", 0), clock() - 0.001, clock(), None)
    )  # A1 answers reads
    clock.pass_s(0.02)
    call.now, call.failure = clock(), fakes.TIMEOUT
    health.calls.failed(call, began)
    call.attempts = (Attempt(1, 0.12, failure=fakes.TIMEOUT, error="TimeoutError"),)
    moves = call.moves

    Admission(health).admit(call)

    assert (moves, call.commit_master) == (alone, alone)
    assert health.by_name["A2"].breaker.closed
    assert health.committed_alone == alone


def test_a_first_try_leaves_time_for_a_second_that_leaves_the_silent_replica_out(clock):
    health = health_of(clock, on_replica_open="commit_master", silence_s=10.0)
    with health.notices, health.lock:
        health.note_unanswered_locked(health.by_name["A2"], clock(), clock())
    again = {"idempotent": True, "max_tries": 2}
    replica, master = write(health, 0, clock, **again), write(health, 1, clock, **again)
    once = write(health, 0, clock)
    for call in (replica, master, once):
        call.deadline = clock() + 0.25
        Admission(health).admit(call)

    assert not replica.commit_master
    assert not replica.tailored
    assert once.patience_s == pytest.approx(0.25)  # no second try comes
    assert master.patience_s == pytest.approx(0.25)
