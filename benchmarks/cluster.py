"""The real client on the embedded cluster: bare, wrapped, and from `connect()`."""

from __future__ import annotations

import atexit
import time
from typing import Any

import aerospike

from aerospike_resilience import connect, resilient
from aerospike_resilience.testing import LocalCluster

from .harness import Case

WRAPPED: dict[str, float] = {}
WRAPS = 20

TITLE = "one get of the real client on the embedded cluster, one thread"


def cases() -> list[Case]:
    """Return the cases; the first is the bare client."""
    cluster = LocalCluster(nodes=3, replication_factor=2).start()
    atexit.register(cluster.stop)
    cluster.wait_until_stable()
    bare = aerospike.client({"hosts": cluster.hosts})
    wrapped = resilient(bare, "latency")
    connected = connect({"hosts": cluster.hosts}, "aerospike", "latency")
    key = ("test", "bench", 1)
    bare.put(key, {"n": 1})
    WRAPPED["ms"] = _wrap_ms(bare)
    return [
        Case("aerospike", lambda: bare.get(key)),
        Case("resilient(aerospike)", lambda: wrapped.get(key)),
        Case("connect()", lambda: connected.get(key)),
    ]


def _wrap_ms(client: Any) -> float:
    """Return what wrapping a client and closing it costs this process, in milliseconds."""
    began = time.process_time()
    for _ in range(WRAPS):
        resilient(client, "latency").resilience.close()
    return 1000 * (time.process_time() - began) / WRAPS


def verdict(ns: dict[str, float]) -> list[str]:
    """Return what wrapping costs where there is a network."""
    share = ns["resilient(aerospike)"] / ns["aerospike"] - 1
    against = ns["connect()"] / ns["resilient(aerospike)"]
    return [
        f"wrapping adds {share:.1%} to a get over loopback",
        f"resilient() and close() take {WRAPPED['ms']:.1f} ms of processor time",
        f"a get through connect() takes {against:.3f} of one through resilient()",
    ]
