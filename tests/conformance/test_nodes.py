"""The contract for every client: blame is right, and an open node costs nothing to the others."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from aerospike_resilience import (
    CircuitOpenError,
)
from tests.patience import NEVER_LATE
from tests.waiting import until

from .surfaces import SURFACES, learned

# ----- 6 and 7. blame, and open nodes


def test_a_stalled_node_opens_alone_and_costs_the_others_nothing(harmed):
    for n in range(60):
        harmed.put(n, {"n": n})
    learned(harmed)
    harmed.cluster.stall("A1")
    refused = []

    def is_open() -> bool:
        return bool(harmed.resilience.nodes["A1"]["state"] == "open")

    def put_until(ended) -> bool:
        for n in range(60):
            try:
                harmed.put(n, {"n": n})
            except CircuitOpenError as error:
                refused.append(error)
            except harmed.error:
                pass
            if ended():
                return True
        return False

    until(lambda: put_until(is_open))
    reads = [harmed.get(n)["n"] for n in range(60)]
    until(lambda: put_until(lambda: is_open() and refused))

    assert reads == list(range(60))
    assert isinstance(refused[0], harmed.error)
    assert refused[0].node == "A1"
    others = {name: node["state"] for name, node in harmed.resilience.nodes.items()}
    assert {others["A2"], others["A3"]} == {"closed"}
    harmed.cluster.resume("A1")
    until(lambda: harmed.resilience.nodes["A1"]["state"] == "closed")


# ----- batches and open nodes


def test_a_batch_sends_the_rows_of_other_nodes_and_refuses_those_of_an_open_one(healthy, surface):
    ns = list(range(40))
    surface.batch_put(ns)
    learned(surface)
    surface.resilience.isolate("A1")
    held = {n for n in ns if "A1" in {o.name for o in healthy.owners("test", "conformance", n)}}
    before = healthy.requests("write", "A1")  # a pulse may ask it to read

    try:
        codes = surface.batch_put(ns)
    except CircuitOpenError as error:
        codes = [int(row.result_code) for row in error.records]

    assert {n for n, code in zip(ns, codes, strict=True) if code != 0} == held
    assert healthy.requests("write", "A1") == before


def test_a_batch_fails_whole_where_the_profile_says_so(healthy, opened):
    surface = opened(overrides={**NEVER_LATE, "breaker": {"batch_on_open": "fail"}})
    surface.batch_put([1])
    learned(surface)
    surface.resilience.isolate("A1")
    before = healthy.requests("write")

    if surface.name.startswith("aerospike-sdk"):  # which tells of every error in the rows
        assert 0 not in surface.batch_put(list(range(40)))
    else:
        with pytest.raises(CircuitOpenError, match="rows of batch_write were not sent"):
            surface.batch_put(list(range(40)))
    assert healthy.requests("write") == before


# ----- 7. where the profile or the application says so, a write is committed on its master alone


@pytest.mark.parametrize("asked", ["on_replica_open", "commit_level"])
def test_a_write_whose_replica_is_open_is_committed_on_its_master(
    asked, opened_over, unhurried_cluster
):
    by_profile = asked == "on_replica_open"
    cluster = unhurried_cluster
    limits = {"total_timeout": "20s", "socket_timeout": "20s"}  # sooner than the node is evicted
    surface = opened_over(
        cluster,
        overrides={
            **NEVER_LATE,
            "policy": {"all": limits, "writes": {} if by_profile else {"commit_level": "master"}},
            "breaker": {"on_replica_open": "commit_master" if by_profile else "fail"},
        },
    )
    surface.put(0, {"n": 0})
    learned(surface)
    owned = {n: [o.name for o in cluster.owners("test", "conformance", n)] for n in range(60)}
    with_replica = next(n for n, names in owned.items() if names[1] == "A1")
    with_master = next(n for n, names in owned.items() if names[0] == "A1")
    cluster.stall("A1")
    surface.resilience.isolate("A1")

    surface.put(with_replica, {"n": 7})  # it would wait for the node that stands still

    assert surface.get(with_replica) == {"n": 7}
    with pytest.raises(CircuitOpenError):
        surface.put(with_master, {"n": 7})
    cluster.resume("A1")


# ----- 13. never worse than the bare client


@contextlib.contextmanager
def flapping(cluster, node):
    """Stop a node for 60 ms and let it go on for 30 ms, again and again."""
    ended = threading.Event()

    def flap() -> None:
        while not ended.is_set():
            cluster.stall(node)
            ended.wait(0.06)
            cluster.resume(node)
            ended.wait(0.03)

    thread = threading.Thread(target=flap)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def failures(ask, seconds: float) -> tuple[int, int]:
    """Ask for a while; return how many calls were made and how many failed, but for an open node."""
    made = failed = 0
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        made += 1
        time.sleep(0.001)  # as a service that has other things to do as well
        try:
            ask(made % 60)
        except CircuitOpenError:
            made -= 1
        except Exception:  # the bare client of a surface may have errors of its own
            failed += 1
    return made, failed


@pytest.mark.parametrize("fault", ["flapping", "reset", "overload"])
@pytest.mark.parametrize(
    "opened_over",
    [surface for surface in SURFACES if surface.awaited or surface.name == "instrumented"],
    ids=lambda surface: surface.name,
    indirect=True,
)
def test_no_fault_is_worse_than_for_the_bare_client(cluster, opened_over, fault):
    """For the surfaces that ``tests/test_faults_retries.py`` leaves out."""
    # As much time as the bare client's reads have, so that a busy machine is late for both.
    reads = {"all": {"total_timeout": "1s"}, "writes": NEVER_LATE["policy"]["all"]}
    surface = opened_over(cluster, overrides={"policy": reads})
    for n in range(60):
        surface.put(n, {"n": n})
    harm = {
        "flapping": lambda: flapping(cluster, "A1"),
        "reset": lambda: cluster.inject(op="get", answer="reset", share=0.1),
        "overload": lambda: cluster.inject(op="get", code=18, share=0.2),
    }[fault]

    with harm(), ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(failures, ask, 1.2) for ask in (surface.get, surface.raw_get)]
        (made, failed), (bare_made, bare_failed) = (one.result() for one in asked)

    share, bare_share = failed / max(made, 1), bare_failed / max(bare_made, 1)
    luck = 4 * math.sqrt(share * (1 - share) / max(made, 1) + bare_share / max(bare_made, 1)) + 0.01
    assert share <= bare_share + luck
