"""A stall is seen by the real Prometheus, scraping each second, in 20 of 20 runs."""

from __future__ import annotations

import contextlib

import aerospike
import pytest

from aerospike_resilience import ResilienceError, resilient
from aerospike_resilience.testing import LocalCluster
from tests.telemetry.prometheus import Exporter, Prometheus, needs_prometheus
from tests.waiting import until

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600), needs_prometheus]

RUNS = 20
OURS = "aerospike_resilience_"
SEEN = {
    OURS + "node_transitions_total": OURS + 'node_state="open"',
    OURS + "node_open_time_seconds_total": 'aerospike_node_name="A1"',
    OURS + "refusals_total": OURS + 'refusal_reason="circuit_open"',
}


def series(metric: str, client: str) -> str:
    return f'{metric}{{{SEEN[metric]},{OURS}client="{client}"}}'


def test_a_stall_is_an_increase_in_every_run(tmp_path):
    exporter = Exporter()
    prometheus = Prometheus(tmp_path, exporter)
    try:
        with LocalCluster(nodes=3, replication_factor=2, heartbeat_timeout=400) as cluster:
            cluster.wait_until_stable()
            for run in range(RUNS):
                stalled(cluster, exporter, prometheus, f"run-{run}")
    finally:
        prometheus.stop()


def stalled(cluster, exporter, prometheus, name):
    client = resilient(
        aerospike.client({"hosts": cluster.hosts}),
        "latency",
        name=name,
        meter_provider=exporter.provider,
    )
    keys = [("test", "scraped", n) for n in range(60)]
    for key in keys:
        client.put(key, {"n": 1})
    scraped = series(OURS + "refusals_total", name)
    until(lambda: prometheus.values(f"count_over_time({scraped}[1m]) >= 2"))
    refused = []
    cluster.stall("A1")

    def refuses() -> bool:
        for key in keys:
            try:
                client.put(key, {"n": 1})
            except ResilienceError as error:
                refused.append(error)
            except aerospike.exception.AerospikeError:
                pass
        return bool(refused)

    until(refuses)
    cluster.resume("A1")
    until(lambda: client.resilience.nodes["A1"]["state"] == "closed")
    for metric in SEEN:
        increase = f"increase({series(metric, name)}[1m]) > 0"
        until(lambda increase=increase: prometheus.values(increase))
    with contextlib.suppress(aerospike.exception.AerospikeError):
        client.close()
