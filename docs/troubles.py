"""Troubles for the screenshots (`screens`), provoked on real nodes with a real client under load."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.telemetry.prometheus_server import Prometheus, wait
from tests.telemetry.test_alerts_live import (
    all_stop,
    flap,
    isolated,
    overload,
    refused_by_the_server,
    scene,
    stall,
)
from tests.waiting import until

NO_BREAKER: Final[dict[str, Any]] = {"breaker": {"mode": "off"}}


def budget_spent(server: Prometheus) -> None:
    """Half of all calls fail with "overloaded", and the budget pays for one retry a second."""
    budget = {"budget": {"ratio": 0.01, "min_per_second": 1}}
    with scene(server, "budget_spent", overrides={**NO_BREAKER, "retry": budget}) as one:
        one.cluster.inject(code=18, share=0.5)


def pool_exhausted(server: Prometheus) -> None:
    """The client may open one connection to each node, and four threads call."""
    overrides = {**NO_BREAKER, "backpressure": {"max_concurrent_operations": 0}}
    with scene(server, "pool_exhausted", {"max_conns_per_node": 1}, overrides=overrides) as one:
        one.cluster.inject(latency="30ms")


def native_breaker(server: Prometheus) -> None:
    """The client's own breaker tolerates one error, and a tenth of the connections is reset."""
    config = {"max_error_rate": 1, "error_rate_window": 1}
    with scene(server, "native_breaker", config, overrides=NO_BREAKER) as one:
        one.cluster.inject(answer="reset", share=0.1)


def reload_failed(server: Prometheus) -> None:
    """A policy file is changed well, and then broken."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "shop.yaml"
        file.write_text("version: 1\nextends: latency\n")
        with scene(server, "reload_failed", profile="shop", policies=folder) as one:
            wait(5)
            file.write_text("version: 1\nextends: latency\nretry: {max_sleep: 20ms}\n")
            one.client.resilience.reload()
            wait(5)
            file.write_text("version: 1\nextends: latency\nretry: {max_slep: 20ms}\n")
            one.client.resilience.reload()


def storage_unreachable(server: Prometheus) -> None:
    """Nothing listens where the profile says that Redis is."""
    storage = {"breaker": {"storage": "redis://127.0.0.1:1/0"}}
    with scene(server, "storage_unreachable", overrides=storage) as one:
        until(lambda: one.client.resilience.snapshot())


def compared(server: Prometheus) -> None:
    """A node stalls under `observe`, which is compared with `latency`."""
    would_have = {"telemetry": {"would_have": "latency"}}
    with scene(server, "compared", profile="observe", overrides=would_have) as one:
        one.cluster.stall("A1")
        wait(3)
        one.cluster.resume("A1")


def alone(server: Prometheus) -> None:
    """A node is isolated, and writes are committed on their master alone."""
    overrides = {"breaker": {"on_replica_open": "commit_master"}}
    with scene(server, "alone", overrides=overrides) as one:
        one.client.resilience.isolate("A1")


TROUBLES: Final[dict[Callable[[Prometheus], None], tuple[str, ...]]] = {
    stall: (
        *("Operations", "Duration, p50 and p99", "State", "Refusals", "Retries"),
        *("Time not closed", "Opened and closed", "The client's own errors and timeouts"),
        "AerospikeNodeOpened",
    ),
    flap: ("Changes of state", "AerospikeNodeFlapping"),
    all_stop: ("Verdict, storage, overrides", "AerospikeClusterFailing"),
    isolated: ("AerospikeNodeIsolated",),
    overload: ("Operations under way", "Time in line, p99", "AerospikeGateRefusing"),
    budget_spent: (
        *("Suppressed retries", "Retry budget and adaptive timeout"),
        "AerospikeRetryBudgetSpent",
    ),
    refused_by_the_server: ("Failures by cause", "AerospikeServerErrors"),
    pool_exhausted: ("Connections", "AerospikePoolExhausted"),
    native_breaker: ("AerospikeNativeBreaker",),
    reload_failed: ("Processes by profile", "Reloads", "AerospikeReloadFailed"),
    storage_unreachable: ("AerospikeBreakerStorageUnreachable",),
    compared: ("What another profile would have done",),
    alone: ("Fallback and commit_master",),
}
"""What is photographed in each trouble: panels by their title, alerts by their name."""
