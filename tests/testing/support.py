"""What the tests of the embedded cluster have in common."""

import time
from collections.abc import Callable
from typing import Any

import aerospike

from aerospike_resilience.testing import LocalCluster
from tests.waiting import PATIENCE_S

FAST = {"read": {"socket_timeout": 100, "total_timeout": 20_000, "max_retries": 50}}
"""A read leaves a node that does not answer soon."""

SERVED = {"socket_timeout": 10_000, "total_timeout": 30_000}
UNHURRIED = dict.fromkeys(("read", "write", "operate", "remove", "apply", "batch", "info"), SERVED)
"""For a cluster that stays well, however late its machine is."""


def connect(cluster: LocalCluster, **policies: Any) -> aerospike.Client:
    config = {"hosts": cluster.hosts, "policies": {**FAST, **policies}}
    return aerospike.client(config).connect()


def eventually(condition: Callable[[], Any], within: float = PATIENCE_S) -> Any:
    """Poll until a condition holds; never sleep for a time that merely should be enough."""
    until = time.monotonic() + within
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < until, f"not within {within} s"
        time.sleep(0.01)
