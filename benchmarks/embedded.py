"""How much the embedded cluster holds: the real client against one node on one core."""

from __future__ import annotations

import atexit
import os
import time

import aerospike

from aerospike_resilience.testing import LocalCluster

from . import embedded_size
from .harness import Case

STARTED: dict[str, float] = {}

TITLE = "one node of the embedded cluster, the real client, one thread"


def cases() -> list[Case]:
    """Return the cases; the first is a get."""
    for which in ("first", "second"):
        began = time.perf_counter()
        with LocalCluster(nodes=3):
            STARTED[which] = time.perf_counter() - began
    cluster = LocalCluster(nodes=1, replication_factor=1).start()
    atexit.register(cluster.stop)
    cluster.wait_until_stable()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(cluster.nodes[0].pid, {0})
    client = aerospike.client({"hosts": cluster.hosts})
    keys = [("test", "bench", number) for number in range(100)]
    for key in keys:
        client.put(key, {"n": 1, "s": "x" * 50})
    return [
        Case("get", lambda: client.get(keys[0])),
        Case("put", lambda: client.put(keys[0], {"n": 1})),
        Case("batch_read of 100", lambda: client.batch_read(keys)),
    ]


def verdict(ns: dict[str, float]) -> list[str]:
    """Return what that is a second, for one client that waits for each answer."""
    holds = "holds" if ns["get"] <= 100_000 else "EXCEEDED"
    started = "holds" if max(STARTED.values()) <= 0.2 else "EXCEEDED"
    return [
        f"three nodes start in {STARTED['first']:.2f} s, and the next cluster of the process in "
        f"{STARTED['second']:.2f} s; budget 0.2 s: {started}",
        f"{1e9 / ns['get']:,.0f} gets/s from one thread; budget 10,000: {holds}",
        f"{100e9 / ns['batch_read of 100']:,.0f} rows/s of batches of a hundred",
        embedded_size.measure(10_000),
    ]
