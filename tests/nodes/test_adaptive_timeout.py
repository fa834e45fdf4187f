"""How long a read waits for a node follows how long the node usually takes."""

from __future__ import annotations

import itertools
import random

import pytest

from aerospike_resilience import resilient
from aerospike_resilience.nodes import AdaptiveTimeout, ClusterHealth, NodeOptions, TendedCluster
from aerospike_resilience.nodes.latency import SAMPLES
from aerospike_resilience.nodes.partitions import PartitionMap
from tests import fakes

OPTIONS = AdaptiveTimeout(quantile=0.99, factor=4, min_s=0.005, max_s=0.04)


class Waiting:
    """A cluster whose one node answers as the test says, and what its reads wait from tend to tend."""

    def __init__(self) -> None:
        self.clock = fakes.FakeClock()
        source = fakes.FakeSource(("A1", "A2"))
        self.health = ClusterHealth(source, NodeOptions(adaptive=OPTIONS), clock=self.clock)
        self.health.maps.newest = PartitionMap({"test": (("A1", "A2"),) * 4096})
        with self.health.lock:
            self.health.update_nodes_locked({node.name: node for node in source.nodes()})
        self.paces: list[float] = []
        self.left_early = 0
        self._tended = TendedCluster(self.health, on_patience=self.paces.append)

    @property
    def patience_s(self) -> float:
        return self.health.patience_s or OPTIONS.max_s

    def tend_after(self, answers_s: list[float]) -> float:
        """Answer some reads, each unless it takes longer than reads wait, then tend."""
        for took_s in answers_s:
            began = self.clock()
            self.clock.pass_s(took_s)
            if took_s > self.patience_s:
                self.left_early += 1
            else:
                self.health.calls.recent.append((("test", "s", 0), began, self.clock(), None))
        with self.health.lock:
            self.health.calls.fold_locked()
        self._tended.adapt()
        return self.patience_s


@pytest.fixture
def waiting():
    return Waiting()


@pytest.mark.parametrize(
    ("usual_s", "waits_s"), [(0.002, 0.008), (0.0001, 0.005), (0.03, 0.04)], ids=str
)
def test_a_read_waits_a_multiple_of_the_usual_within_its_bounds(waiting, usual_s, waits_s):
    assert waiting.tend_after([usual_s] * 100) == pytest.approx(waits_s)


def test_one_outlier_in_hundreds_moves_nothing(waiting):
    waiting.tend_after([0.002] * 400)

    assert waiting.tend_after([0.002] * 99 + [0.0079]) == pytest.approx(0.008)


def test_a_latency_that_doubles_slowly_is_followed_without_oscillation(waiting):
    chance = random.Random(7)
    waiting.tend_after([0.002] * SAMPLES)
    waits = [
        waiting.tend_after([0.002 * (1 + step / 60) * chance.uniform(0.7, 1.0) for _ in range(100)])
        for step in range(60)
    ]
    falls = [before - after for before, after in itertools.pairwise(waits) if after < before]

    assert waiting.left_early == 0
    assert waits[-1] == pytest.approx(0.016, rel=0.1)
    assert sum(falls) < 0.1 * (waits[-1] - waits[0])


def test_a_latency_that_falls_again_is_followed_down(waiting):
    waiting.tend_after([0.006] * SAMPLES)

    assert waiting.tend_after([0.002] * SAMPLES) == pytest.approx(0.008)


def test_the_estimators_memory_is_bounded(waiting):
    for _ in range(20):
        waiting.tend_after([0.002] * 1000)

    assert len(waiting.health.by_name["A1"].latency._samples) == SAMPLES
    assert len(waiting.health.calls.recent) == 0


PATIENT = {"policy": {"all": {"total_timeout": "5s"}}}
"""Time enough for the last attempt on a busy machine; what a read waits for one node stays the same."""


def test_a_cluster_that_is_slow_everywhere_is_not_abandoned(healthy, connect):
    client = resilient(connect(healthy), profile="latency", overrides=PATIENT)
    keys = [("test", "slow-everywhere", number) for number in range(30)]
    for key in keys:
        client.put(key, {"n": 1})

    with healthy.inject(op="get", latency="60ms"):  # longer than reads wait for a node at most
        found = [client.get(key)[2]["n"] for key in keys]

    assert found == [1] * len(keys)
    assert {node["state"] for node in client.resilience.nodes.values()} == {"closed"}
    client.resilience.close()


def test_writes_wait_as_the_profile_says(healthy, connect):
    client = resilient(connect(healthy), profile="latency", overrides=PATIENT)

    with healthy.inject(op="write", latency="80ms"):  # twice what a read waits for a node at most
        client.put(("test", "slow-everywhere", 1), {"n": 1})

    assert client.resilience.nodes["A1"]["state"] == "closed"
    client.resilience.close()


def test_plans_made_after_the_last_tend_wait_no_longer_than_others(bare):
    client = resilient(
        bare,
        profile="latency",
        overrides={
            "sets": {"test.adaptive": {"reads": {"max_retries": 3}}},
            "adaptive_timeout": {"min": "5ms", "max": "5ms"},
        },
    )
    key = ("test", "adaptive", 1)
    client.put(key, {"n": 1})
    runtime = client.resilience._engine.runtime
    before = set(map(id, runtime.planner.plans))

    client.get(key)  # a plan of the set's own

    made = [plan for plan in runtime.planner.plans if id(plan) not in before]
    client.resilience.close()
    assert [(plan.operation.name, plan.patience_s) for plan in made] == [("get", 0.005)]
    assert made[0].policy["socket_timeout"] == 5


def test_a_runtime_that_missed_a_change_of_patience_learns_it_at_the_next_tend(waiting):
    waiting.tend_after([0.0001] * 100)
    waiting.tend_after([0.0001] * 100)

    assert waiting.paces == [0.005, 0.005]
