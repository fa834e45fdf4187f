"""A node dies: reads of what it held go on, with every client, until its map is up to date and after."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter

import pytest

from aerospike_resilience.nodes import Admission, ClusterHealth, NodeOptions
from tests import fakes
from tests.conformance.surfaces import CClient, NativeBlocking, PyClient, SdkBlocking
from tests.patience import NEVER_LATE, PATIENT
from tests.waiting import until

RECORDS = 60
LASTS_S = 3.5
"""The survivors evict the node after about two seconds, and each client learns it in its own time."""


@pytest.fixture(params=[PATIENT], ids=["patient"])
def surfaces(request, cluster):
    opened = [made(cluster) for made in (CClient, PyClient, NativeBlocking, SdkBlocking)]
    for surface in opened:
        surface.open(overrides=request.param)
    yield opened
    for surface in opened:
        surface.close()


@pytest.mark.alone
def test_reads_of_a_killed_nodes_records_have_no_errors(cluster, surfaces):
    for number in range(RECORDS):
        surfaces[0].put(number, {"n": number})
    for surface in surfaces:
        until(lambda s=surface: any(n["partitions"] for n in s.resilience.nodes.values()))
    held = [n for n in range(RECORDS) if cluster.master("test", "conformance", n).name == "A1"]
    found, stop = Counter(), threading.Event()
    served = {(surface.name, "read") for surface in surfaces}

    def read(surface):
        chance = random.Random(surface.name)
        while not stop.is_set():
            number = chance.choice(held)
            try:
                assert surface.get(number) == {"n": number}
                found[surface.name, "read"] += 1
            except Exception as error:
                found[surface.name, repr(error)] += 1
            stop.wait(0.01)

    threads = [threading.Thread(target=read, args=(surface,)) for surface in surfaces * 2]
    cluster.kill("A1")
    for thread in threads:
        thread.start()
    time.sleep(LASTS_S)
    until(
        lambda: all(found[s.name, "read"] > LASTS_S * 10 for s in surfaces) or set(found) - served
    )
    stop.set()
    for thread in threads:
        thread.join()

    assert set(found) == served


@pytest.mark.parametrize("surfaces", [NEVER_LATE], ids=["never late"], indirect=True)
def test_an_isolated_masters_reads_begin_elsewhere_too(cluster, surfaces):
    held = [n for n in range(300) if cluster.master("test", "conformance", n).name == "A1"][:60]
    for number in held:
        surfaces[0].put(number, {"n": number})
    asked = {}
    for surface in surfaces:
        until(lambda s=surface: any(n["partitions"] for n in s.resilience.nodes.values()))
        surface.resilience.isolate("A1")
        before = cluster.requests("get", "A1")
        for number in held:
            surface.get(number)
        asked[surface.name] = cluster.requests("get", "A1") - before

    assert asked.pop("aerospike-py") == len(held)  # it has no replica policy for it
    assert max(asked.values()) < 0.85 * len(held), asked


@pytest.mark.parametrize(("strong", "leaves"), [((), True), (("test",), False)])
def test_a_strongly_consistent_read_stays_at_its_master(strong, leaves):
    health = ClusterHealth(fakes.FakeSource(), NodeOptions())
    health.maps.strong = frozenset(strong)
    call = fakes.call(fakes.plan(fakes.GET, failover=True), ("test", "s", 1))

    Admission(health).leave_master(call)

    assert call.leave_master is leaves
