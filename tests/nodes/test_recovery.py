"""How a node comes back: on a clock that the test moves, and for a user who may not read."""

from __future__ import annotations

import time

import aerospike
import pytest

from aerospike_resilience import resilient
from aerospike_resilience.errors import CircuitOpenError
from aerospike_resilience.model.failure import Failure, FailureKind, Fault
from aerospike_resilience.model.operation import NotAskedError
from aerospike_resilience.model.plan import EVERY_OWNER
from aerospike_resilience.nodes import (
    Admission,
    ClusterHealth,
    NodeOptions,
    TendedCluster,
    Tolerance,
    report,
)
from aerospike_resilience.nodes.breaker import HALF_OPEN, OPEN
from aerospike_resilience.nodes.health_checks import JITTER
from aerospike_resilience.nodes.pace import RETURN_WINDOWS
from aerospike_resilience.nodes.partitions import PartitionMap
from aerospike_resilience.testing import LocalCluster
from tests import fakes
from tests.nodes.test_cluster import fail, health_of, states, write
from tests.waiting import until

POOL_EXHAUSTED = Failure(FailureKind.POOL_EXHAUSTED, fault=Fault.LOCAL)


@pytest.fixture
def clock():
    return fakes.FakeClock()


def opened(health: ClusterHealth, clock, name: str, reason: str) -> None:
    with health.notices, health.lock:
        health.open_locked(health.by_name[name], reason, clock())
        health.settle_locked()


def half_opened(clock, reason: str = "silence", **options) -> ClusterHealth:
    health = health_of(clock, **options)
    opened(health, clock, "A1", reason)
    with health.notices, health.lock:
        health.by_name["A1"].breaker.half_open(clock())
    return health


def admitted(health: ClusterHealth, clock):
    call = write(health, 0, clock)
    Admission(health).admit(call)
    return call


def test_an_answered_pulse_leaves_writes_that_are_out_as_probes_their_places(clock):
    health = half_opened(clock, half_open_calls=2)
    admitted(health, clock)
    admitted(health, clock)

    TendedCluster(health).health_checks.answered("A1", clock(), 0.0)

    assert states(health)["A1"] == HALF_OPEN
    with pytest.raises(CircuitOpenError):
        admitted(health, clock)


def test_a_probe_that_comes_back_after_its_lease_takes_no_other_probes_place(clock):
    health = half_opened(clock, half_open_calls=1)
    lost = admitted(health, clock)
    clock.pass_s(1.1)
    admitted(health, clock)

    fail(health, lost, clock, POOL_EXHAUSTED, took_s=0.0)

    with pytest.raises(CircuitOpenError):
        admitted(health, clock)


def test_a_probe_that_is_given_back_makes_room_for_another(clock):
    health = half_opened(clock, half_open_calls=1)
    fail(health, admitted(health, clock), clock, POOL_EXHAUSTED, took_s=0.0)

    admitted(health, clock)


def test_a_pulse_of_an_earlier_state_that_is_missed_opens_nothing(clock):
    health = health_of(clock)
    opened(health, clock, "A1", "silence")
    sent = clock()
    clock.pass_s(0.1)
    with health.notices, health.lock:
        health.by_name["A1"].breaker.half_open(clock())

    TendedCluster(health).health_checks.missed("A1", sent, hard=True)

    assert states(health)["A1"] == HALF_OPEN


@pytest.mark.parametrize("reason", ["overload", "slow_calls"])
def test_a_node_that_opened_although_it_answers_waits_for_its_time(reason, clock):
    health = health_of(clock, slow_call_rate=0.5)
    opened(health, clock, "A1", reason)

    TendedCluster(health).health_checks.answered("A1", clock(), 0.0)

    assert states(health)["A1"] == OPEN


def test_a_missed_pulse_does_not_turn_overload_into_silence(clock):
    """Else its next answer would half-open the node at once, and each turn keep it open for longer."""
    health = half_opened(clock, reason="overload")
    tended = TendedCluster(health)
    clock.pass_s(0.1)
    tended.health_checks.missed("A1", clock(), hard=True)
    clock.pass_s(0.1)

    tended.health_checks.answered("A1", clock(), 0.0)

    assert states(health)["A1"] == OPEN
    assert health.by_name["A1"].breaker.reason == "overload"


def test_a_slow_answer_to_a_pulse_does_not_close_a_slow_node(clock):
    health = half_opened(clock, reason="slow_calls", slow_call_rate=0.5, slow_call_s=0.2)
    began = clock()
    clock.pass_s(0.3)

    TendedCluster(health).health_checks.answered("A1", began, clock() - began)

    assert states(health)["A1"] == OPEN


def test_a_pause_of_our_own_in_which_all_calls_time_out_opens_nobody(clock):
    health = health_of(clock, silence_s=0.25)
    tended = TendedCluster(health)

    fail(health, write(health, 0, clock), clock, took_s=0.5)
    suspects = {name for name, node in health.by_name.items() if node.suspect}
    for name in suspects:
        tended.health_checks.answered(name, clock(), 0.0)
    tended.advance(clock())

    assert suspects == {"A1", "A2"}
    assert set(states(health).values()) == {"closed"}
    assert health.calm


def slow_cluster(clock) -> ClusterHealth:
    """A2 is slow, as master and as replica; every node is master of a third."""
    health = health_of(
        clock, slow_call_rate=0.4, slow_call_s=0.2, minimum_calls=10, max_open_share=1.0
    )
    turns = (("A1", "A2"), ("A2", "A3"), ("A3", "A1"), ("A1", "A3"), ("A2", "A1"), ("A3", "A2"))
    health.maps.newest = PartitionMap({"test": tuple(turns[p % 6] for p in range(4096))})
    return health


def test_a_slow_replica_does_not_open_its_masters(clock):
    health = slow_cluster(clock)

    for number in range(600):
        key = ("test", "s", number)
        took_s = 0.3 if "A2" in health.maps.owners(key) else 0.001
        clock.pass_s(0.001)
        health.calls.recent.append((key, clock() - took_s, clock(), EVERY_OWNER))
        with health.notices, health.lock:
            health.calls.fold_locked()

    assert states(health) == {"A1": "closed", "A2": "open", "A3": "closed"}
    assert report(health)["A2"]["reason"] == "slow_calls"


def test_writes_that_are_slow_for_two_nodes_alike_open_neither(clock):
    health = health_of(clock, slow_call_rate=0.5, slow_call_s=0.2, minimum_calls=10)
    health.maps.newest = PartitionMap({"test": (("A1", "A2"),) * 4096})

    for _ in range(50):
        health.calls.recent.append((("test", "s", 0), clock(), clock() + 0.3, EVERY_OWNER))
    with health.notices, health.lock:
        health.calls.fold_locked()

    assert set(states(health).values()) == {"closed"}


def test_slow_reads_tell_two_nodes_apart(clock):
    health = health_of(clock, slow_call_rate=0.5, slow_call_s=0.2, minimum_calls=10)
    health.maps.newest = PartitionMap({"test": (("A1", "A2"),) * 4096})

    for answered_by in (EVERY_OWNER, None) * 10:
        health.calls.recent.append((("test", "s", 0), clock(), clock() + 0.3, answered_by))
    with health.notices, health.lock:
        health.calls.fold_locked()

    assert states(health) == {"A1": "open", "A2": "closed", "A3": "closed"}


def test_a_node_that_answers_more_than_is_remembered_keeps_its_share_of_failures(clock):
    """One call in a thousand fails, far more go by between two looks than are kept."""
    health = health_of(clock, failure_rate=0.0015, minimum_calls=10, max_error_rate=100_000)
    health.maps.newest = PartitionMap({"test": (("A1", "A2", "A3"),) * 4096})
    overload = Failure(FailureKind.OVERLOAD, fault=Fault.NODE, node="A1")

    for number in range(5000):
        clock.pass_s(0.0001)
        health.calls.recent.append((("test", "s", 0), clock() - 0.001, clock(), None))
        if number % 1000 == 999:
            fail(health, write(health, 0, clock), clock, overload, took_s=0.0001)

    assert report(health)["A1"]["errors"] == {"overload": 5}
    assert set(states(health).values()) == {"closed"}


def test_options_without_a_slow_call_rate_call_nothing_slow():
    assert not NodeOptions(slow_call_s=0.1).slow(5.0)


def test_a_node_comes_back_for_a_user_who_may_not_read():
    with LocalCluster(nodes=3, users={"writer": ("secret", ["write"])}) as cluster:
        cluster.wait_until_stable()
        config = {"hosts": cluster.hosts, "user": "writer", "password": "secret"}
        client = resilient(aerospike.client(config), profile="latency")

        def put_and_look() -> dict[str, str]:
            for key in range(30):
                try:
                    client.put(("test", "s", key), {"n": key})
                except aerospike.exception.AerospikeError:
                    time.sleep(0.001)
            return {name: node["state"] for name, node in client.resilience.nodes.items()}

        cluster.stall("A2")
        until(lambda: put_and_look()["A2"] == "open")
        cluster.resume("A2")

        until(lambda: set(put_and_look().values()) == {"closed"})
        client.close()


def test_an_info_command_that_waited_for_another_node_does_not_make_this_one_slow(clock):
    health = health_of(clock, slow_call_rate=0.5, slow_call_s=0.1, half_open_calls=1)
    health.maps.newest = fakes.three_nodes()
    ask = health.source.info

    def waits_for_the_slowest(node, command, timeout_s):
        clock.pass_s(timeout_s)
        return ask(node, command, timeout_s)

    health.source.info = waits_for_the_slowest
    with health.notices, health.lock:
        health.by_name["A1"].breaker.half_open(clock())
        health.settle_locked()

    TendedCluster(health).health_checks.send()

    until(lambda: health.by_name["A1"].breaker.closed)


def test_a_node_that_our_own_side_keeps_pulses_from_is_spared_for_a_while(clock):
    health = health_of(clock)
    asked = []

    def no_connection(node, _command, _timeout_s):
        asked.append(node)
        raise NotAskedError("no free connection")

    health.source.info = no_connection
    health_checks = TendedCluster(health).health_checks
    with health.notices, health.lock:
        health.note_unanswered_locked(health.by_name["A1"], clock(), clock())
    health_checks.send()
    until(lambda: asked and not health.by_name["A1"].pulse_out)
    health_checks.send()
    assert asked == ["A1"]

    clock.pass_s(1.0)
    health_checks.send()
    until(lambda: asked == ["A1", "A1"])
    assert health.by_name["A1"].breaker.closed


def refuse(health_checks, clock):
    """Have the node refuse one pulse; return for how long it is sent none."""
    health_checks.refused("A1", clock())
    return health_checks._health.by_name["A1"].spared_until - clock()


def test_a_node_that_refuses_is_asked_less_and_less_often_but_twice_a_tend(clock):
    health = health_of(clock, tend_interval_s=1.0)
    health_checks = TendedCluster(health).health_checks
    spared_s = [refuse(health_checks, clock) for _ in range(10)]

    for number, usual_s in enumerate((0.05, 0.1, 0.2, 0.4, *[0.5] * 6)):
        assert abs(spared_s[number] - usual_s) <= usual_s * JITTER / 2
    assert len(set(spared_s[4:])) == 6  # processes do not keep step

    health_checks.answered("A1", clock(), 0.0)
    assert refuse(health_checks, clock) < 0.1


def test_a_node_that_opened_although_it_answers_is_hardly_asked_before_its_time(clock):
    health = health_of(clock, slow_call_rate=0.5, tend_interval_s=1.0)
    opened(health, clock, "A1", "slow_calls")

    TendedCluster(health).health_checks.answered("A1", clock(), 0.0)

    assert health.by_name["A1"].spared_until - clock() >= 0.5 * (1 - JITTER / 2)


def test_a_node_that_answers_slowly_rests_between_pulses(clock):
    """The pulses of a whole fleet wait for each other in its queue, so each process asks less often."""
    health = half_opened(clock, half_open_calls=3)
    health_checks = TendedCluster(health).health_checks
    node = health.by_name["A1"]
    for took_s, usual_s in ((0.02, 10 * 0.02), (0.0, 0.0)):
        health_checks.answered("A1", clock(), took_s)
        assert abs(node.spared_until - clock() - usual_s) <= usual_s * JITTER / 2


def test_a_node_that_is_back_is_asked_again_at_once(clock):
    """Its first answer took as long as the node was away."""
    health = health_of(clock)
    opened(health, clock, "A1", "silence")

    TendedCluster(health).health_checks.answered("A1", clock(), 0.2)

    assert states(health)["A1"] == HALF_OPEN
    assert health.by_name["A1"].spared_until <= clock()


@pytest.mark.parametrize(("errors", "waits"), [(100, True), (0, False)])
def test_reads_wait_for_all_nodes_for_a_while_once_one_has_come_back(clock, errors, waits):
    """Unless the client's own breaker bears any haste."""
    health = half_opened(clock, half_open_calls=1)
    health.pace._tolerance = Tolerance(errors)
    tended = TendedCluster(health)

    tended.health_checks.answered("A1", clock(), 0.0)

    assert states(health)["A1"] == "closed"
    assert {node.unhurried for node in health.nodes()} == {waits}
    assert health.calm is not waits
    clock.pass_s(RETURN_WINDOWS * Tolerance().window_s)
    tended.advance(clock())
    assert health.calm
