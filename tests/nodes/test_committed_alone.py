"""A write that asks for its master's word only (``commit_level: master``) needs no replica."""

from __future__ import annotations

import aerospike
import pytest

from aerospike_resilience import resilient
from aerospike_resilience.errors import CircuitOpenError
from aerospike_resilience.interceptors import Breaker
from aerospike_resilience.nodes import Admission
from tests import fakes
from tests.nodes.test_cluster import fail, health_of, states, write
from tests.waiting import until

ON_A1, ON_A2 = 0, 1
"""Keys of records whose masters are A1 and A2, and whose replicas are A2 and A3."""


@pytest.fixture
def clock():
    return fakes.FakeClock()


def opened(clock, name, **options):
    health = health_of(clock, **options)
    with health.notices, health.lock:
        health.open_locked(health.by_name[name], "silence", clock())
        health.settle_locked()
    return health


def refused(health, call) -> bool:
    at_once = Admission(health).refused_at_once(call.plan, call.key) is not None
    try:
        Admission(health).admit(call)
    except CircuitOpenError:
        return True
    assert not at_once
    return False


@pytest.mark.parametrize("on_replica_open", ["fail", "commit_master", "wait"])
def test_its_open_replica_does_not_refuse_it(on_replica_open, clock):
    health = opened(clock, "A2", on_replica_open=on_replica_open)
    call = write(health, ON_A1, clock, commits_alone=True)

    assert not refused(health, call)
    assert health.committed_alone == 0  # as the application asked, so nothing was given up
    assert refused(health, write(health, ON_A2, clock, commits_alone=True))


def test_it_does_not_probe_a_half_open_replica(clock):
    health = opened(clock, "A2")
    node = health.by_name["A2"]
    with health.notices, health.lock:
        node.breaker.half_open(clock())
        health.settle_locked()
    call = write(health, ON_A1, clock, commits_alone=True)

    assert not refused(health, call)
    assert call.leases == ()


@pytest.mark.parametrize("on_replica_open", ["fail", "commit_master"])
def test_a_strongly_consistent_namespace_commits_on_the_replica_all_the_same(
    on_replica_open, clock
):
    health = opened(clock, "A2", on_replica_open=on_replica_open)
    health.maps.strong = frozenset({"test"})

    assert refused(health, write(health, ON_A1, clock, commits_alone=True))
    assert refused(health, write(health, ON_A1, clock))


@pytest.mark.parametrize(("alone", "charged"), [(True, "A1"), (False, None)])
def test_its_failure_speaks_against_its_master(alone, charged, clock):
    """Without its commit level master and replica are suspects alike."""
    health = health_of(clock, silence_s=10.0, minimum_calls=1, max_error_rate=1)
    for _ in range(3):
        fail(health, write(health, ON_A1, clock, commits_alone=alone), clock)

    opened = {name for name, state in states(health).items() if state != "closed"}
    assert opened == ({charged} if charged else set())


@pytest.mark.parametrize("took_s", [0.001, 1.0])
@pytest.mark.parametrize("asked", ["policy", "open replica"])
def test_its_success_shows_no_life_of_its_replica(asked, took_s, clock):
    health = health_of(clock)
    for name in ("A1", "A2"):
        with health.notices, health.lock:
            health.note_unanswered_locked(health.by_name[name], clock(), clock())
    call = write(health, ON_A1, clock, commits_alone=asked == "policy")
    call.commit_master = asked == "open replica"
    call.early_s = 0.1

    def send(call) -> None:
        call.began = call.now
        clock.pass_s(took_s)
        call.now = clock()

    Breaker(health).link(send)(call)
    with health.notices, health.lock:
        health.calls.fold_locked()

    assert not health.by_name["A1"].silent
    assert health.by_name["A2"].silent


@pytest.mark.parametrize(("strong", "refused"), [(False, {}), (True, {0: ("A2", "replica")})])
def test_a_row_that_asks_for_it_needs_no_replica_except_under_strong_consistency(
    strong, refused, clock
):
    health = opened(clock, "A2")
    health.maps.strong = frozenset({"test"} if strong else ())
    call = write(health, ON_A1, clock, commits_alone=True)

    assert Admission(health).refused_rows(call, [("test", "s", ON_A1)]) == refused


SILENT_FILE = "version: 1\nbreaker: {max_error_rate: 20}\n"
"""A profile that sets no field of any policy."""


@pytest.mark.parametrize(
    ("own", "policy", "alone"),
    [
        ({}, {"commit_level": aerospike.POLICY_COMMIT_LEVEL_MASTER}, True),
        ({}, {}, False),
        ({"commit_level": aerospike.POLICY_COMMIT_LEVEL_MASTER}, {}, True),
        (
            {"commit_level": aerospike.POLICY_COMMIT_LEVEL_MASTER},
            {"commit_level": aerospike.POLICY_COMMIT_LEVEL_ALL},
            False,
        ),
    ],
)
def test_the_calls_own_policy_decides_under_a_profile_that_sets_none(
    own, policy, alone, healthy, connect, tmp_path
):
    (tmp_path / "silent.yaml").write_text(SILENT_FILE)
    client = resilient(connect(healthy, policies={"write": own}), "silent", policies=tmp_path)
    key = ("test", "alone", 1)
    until(lambda: client.resilience._engine.shared.health.maps.newest.namespaces)
    client.resilience.isolate(healthy.owners(*key)[1].name)

    refused = False
    try:
        client.put(key, {"n": 1}, policy=policy)
    except CircuitOpenError:
        refused = True

    assert refused is not alone
    client.resilience.close()
