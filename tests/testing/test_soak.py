"""Random faults under load, one after the other: nothing acknowledged is lost, nothing stale read."""

import contextlib
import random
import time

import pytest

from aerospike_resilience.testing import LocalCluster

from .support import connect
from .test_node_faults import KEYS, Load


def short_stall(cluster, node, chance):
    cluster.stall(node)
    time.sleep(chance.uniform(0, 0.7))
    cluster.resume(node)


def long_stall(cluster, node, chance):
    cluster.stall(node)
    if chance.random() < 0.5:
        cluster.wait_until_stable()
    else:
        time.sleep(chance.uniform(0.5, 1.5))
    cluster.resume(node)


def kill(cluster, node, chance):
    cluster.kill(node)
    cluster.wait_until_stable()
    cluster.restart(node)


def bounce(cluster, node, chance):
    cluster.restart(node)


def leave(cluster, node, chance):
    with cluster.inject(node=node, leave=True):
        time.sleep(chance.uniform(0.2, 2))


@pytest.mark.soak
@pytest.mark.parametrize("strong", [False, True], ids=["available", "strong"])
@pytest.mark.parametrize("seed", range(50))
def test_no_sequence_of_faults_loses_an_acknowledged_write(seed, strong):
    chance = random.Random(seed)
    nodes = chance.choice([2, 3, 3, 4, 5])
    keys = [("bank", *key[1:]) for key in KEYS] if strong else KEYS
    settings = {"namespaces": ("test", "bank"), "strong": ("bank",)} if strong else {}
    with (
        LocalCluster(nodes=nodes, heartbeat_interval="60ms", **settings) as cluster,
        contextlib.closing(connect(cluster, write={"total_timeout": 300})) as client,
    ):
        with Load(client, keys=keys) as load:
            load.goes_on()
            for _ in range(6):
                fault = chance.choice([short_stall, long_stall, kill, bounce, leave])
                fault(cluster, chance.choice(cluster.nodes), chance)
                cluster.wait_until_stable(15)
            load.goes_on()
        assert load.stale == []
        assert load.lost() == []
