"""A client from `connect(profile="latency")` under load, while one node of three stalls or flaps."""

from __future__ import annotations

import functools
import time
from contextlib import contextmanager

import pytest

from aerospike_resilience import connect
from aerospike_resilience.rehearsal.load import Load
from tests.connection.conftest import defined

pytestmark = pytest.mark.alone

PATIENT = {"total_timeout": 60_000, "socket_timeout": 10_000}
"""For the records that are there from the beginning."""

NOT_LATE = {"total_timeout": "20s"}
"""A busy machine stops this process, too, for longer than the profile gives a call."""

RATE = 600
THREADS = 6
WARM_S = 0.8
"""For the partition map, and for what reads usually take."""


@contextmanager
def loaded(cluster, **options):
    with connect(defined(cluster), "aerospike", "latency", **options) as client:
        load = Load(client, THREADS, RATE)
        load.prepare(functools.partial(client.put, policy=PATIENT))
        load.start()
        time.sleep(WARM_S)
        yield load
        load.stop()


LATE_S = 2.0
"""A call that goes on takes less. One that waits until the node is back takes up to three seconds."""


def shares(load, since_s):
    """Return the share of reads and of writes that failed since then, or took until the node was back."""
    found = [sample for sample in load.samples() if sample.sent >= since_s]
    failed = {}
    for write in (False, True):
        kind = [sample for sample in found if sample.write == write]
        assert len(kind) > RATE
        late = [sample for sample in kind if sample.error or sample.took_s > LATE_S]
        failed[write] = len(late) / len(kind)
    return failed[False], failed[True]


QUICK_S = 1.7
"""After this many heartbeats' time an undisturbed cluster has evicted a silent node."""


def evicted_after_s(cluster, load, began):
    """Wait until three seconds have passed; return when the others went on without the node."""
    found = 3.0
    while load.elapsed() < began + 3:
        owners = {node.name for n in range(8) for node in cluster.owners("test", "demo", n)}
        if "A3" not in owners:
            found = min(found, load.elapsed() - began)
        time.sleep(0.05)
    return found


@pytest.mark.parametrize(
    ("commit", "needed", "most"), [("fail", 2 / 3, 0.45), ("commit_master", 1 / 3, 0.25)]
)
def test_while_a_node_stalls_reads_go_on_and_few_writes_are_refused(cluster, commit, needed, most):
    """Refused is what needs the node, until the cluster has evicted it and the client knows that."""
    overrides = {"policy": {"reads": NOT_LATE}, "breaker": {"on_replica_open": commit}}
    with loaded(cluster, overrides=overrides) as load:
        began = load.elapsed()
        cluster.stall("A3")
        evicted_s = evicted_after_s(cluster, load, began)
        cluster.resume("A3")
    reads, writes = shares(load, began)

    assert reads <= 0.02
    assert writes <= needed * 1.15
    if evicted_s <= QUICK_S:
        assert writes <= most


def test_a_flapping_node_costs_hardly_a_call(cluster):
    with loaded(cluster, overrides={"policy": {"all": NOT_LATE}}) as load:
        began = load.elapsed()
        while load.elapsed() < began + 3:
            cluster.stall("A1")
            time.sleep(0.06)
            cluster.resume("A1")
            time.sleep(0.03)
    reads, writes = shares(load, began)
    assert max(reads, writes) <= 0.004  # none, where nothing else runs
