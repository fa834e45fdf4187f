"""Alerts and panels against a real Prometheus: every trouble is provoked, on real nodes and clients.

Each trouble has a client of its own, so one server tells which alerts fired for which.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import aerospike
import pytest

from aerospike_resilience import resilient
from aerospike_resilience.rehearsal.load import Load
from aerospike_resilience.telemetry.dashboard import ROWS
from aerospike_resilience.telemetry.rules import rules
from aerospike_resilience.testing import LocalCluster
from tests.telemetry.prometheus_server import Prometheus, needs_prometheus, prometheus, wait
from tests.telemetry.test_dashboard import concrete
from tests.waiting import until

pytestmark = [pytest.mark.soak, needs_prometheus]

RATE, THREADS = 200, 4
WINDOW = "50s"
SETTLE_S = 15.0
"""How long an alert is held back, and a few scrapes and evaluations."""


class Scene:
    """A wrapped client under load on a cluster of its own."""

    def __init__(self, cluster: LocalCluster, client: Any) -> None:
        self.cluster = cluster
        self.client = client

    def state(self, node: str = "A1") -> str:
        found: str = self.client.resilience.nodes.get(node, {}).get("state", "gone")
        return found


@contextlib.contextmanager
def scene(
    server: Prometheus, name: str, config: dict[str, Any] | None = None, **options: Any
) -> Iterator[Scene]:
    with LocalCluster(nodes=3, replication_factor=2) as cluster:
        cluster.wait_until_stable()
        bare = aerospike.client({"hosts": cluster.hosts, **(config or {})}).connect()
        profile = options.pop("profile", "latency")
        client = resilient(bare, profile, name=name, meter_provider=server.provider, **options)
        load = Load(client, THREADS, RATE)
        load.prepare(client.put)
        load.start()
        wait(2)
        try:
            yield Scene(cluster, client)
            wait(SETTLE_S)
        finally:
            load.stop()
            client.close()


def health(server: Prometheus) -> None:
    with scene(server, "health") as one:
        for number in range(600):
            with contextlib.suppress(aerospike.exception.RecordNotFound):
                one.client.get(("test", "missing", number))


def stall(server: Prometheus) -> None:
    with scene(server, "stall") as one:
        one.cluster.stall("A1")
        until(lambda: one.state() != "closed")
        wait(3)
        one.cluster.resume("A1")


def kill(server: Prometheus) -> None:
    with scene(server, "kill") as one:
        one.cluster.kill("A1")
        until(lambda: one.state() != "closed")
        wait(3)


def flap(server: Prometheus) -> None:
    with scene(server, "flap", overrides={"connection": {"tend_interval": "250ms"}}) as one:
        for _ in range(5):
            one.cluster.stall("A1")
            until(lambda: one.state() != "closed")
            one.cluster.resume("A1")
            until(lambda: one.state() == "closed")


def overload(server: Prometheus) -> None:
    gate = {"max_concurrent_operations": 1, "operation_queue_timeout": "30ms"}
    with scene(server, "overload", overrides={"backpressure": gate}) as one:
        one.cluster.inject(latency="20ms", op="read")


def isolated(server: Prometheus) -> None:
    with scene(server, "isolated") as one:
        one.client.resilience.isolate("A1")


def all_stop(server: Prometheus) -> None:
    with scene(server, "all_stop") as one:
        for node in ("A1", "A2", "A3"):
            one.cluster.stall(node)
        until(lambda: one.client.resilience.snapshot()["verdict"] == "cluster")
        wait(1)
        for node in ("A1", "A2", "A3"):
            one.cluster.resume(node)


def refused_by_the_server(server: Prometheus) -> None:
    with scene(server, "refused_by_the_server") as one:
        one.cluster.inject(code=81, share=0.2)  # role violation


TROUBLES: dict[Callable[[Prometheus], None], set[str]] = {
    health: set(),
    stall: {"AerospikeNodeOpened"},
    kill: {"AerospikeNodeOpened"},
    flap: {"AerospikeNodeFlapping"},
    overload: {"AerospikeGateRefusing"},
    isolated: {"AerospikeNodeIsolated"},
    all_stop: {"AerospikeClusterFailing"},
    refused_by_the_server: {"AerospikeServerErrors"},
}

NOT_EMPTY = {
    "stall": ("Operations", "State", "Changes of state", "Time not closed", "Refusals", "Retries"),
    "overload": ("Operations under way", "Time in line, p99", "Failures by cause"),
    "health": ("Duration, p50 and p99", "Connections", "Processes by profile"),
}
"""Panels that have something to show in a trouble, by the client's name."""


def fired(server: Prometheus) -> dict[str, set[str]]:
    """Which alerts fired since the server started, by client."""
    found: dict[str, set[str]] = {}
    for one in server.query('max_over_time(ALERTS{alertstate="firing"}[1h])'):
        labels = one["metric"]
        found.setdefault(labels["aerospike_resilience_client"], set()).add(labels["alertname"])
    return found


def test_each_trouble_fires_its_alert_and_no_other(tmp_path):
    with prometheus(tmp_path, rules(WINDOW)) as server:
        for provoke in TROUBLES:
            provoke(server)
        assert fired(server) == {
            provoke.__name__: alerts for provoke, alerts in TROUBLES.items() if alerts
        }


def test_no_panel_is_empty_when_its_trouble_happens(tmp_path):
    panels = {panel.title: panel for row in ROWS.values() for panel in row}
    with prometheus(tmp_path, rules(WINDOW)) as server:
        for provoke in (health, stall, overload):
            provoke(server)
            for title in NOT_EMPTY[provoke.__name__]:
                for query in panels[title].queries.values():
                    lately = f"max_over_time(({concrete(query).replace('[1m]', '[10s]')})[40s:1s])"
                    found = server.query(lately)
                    assert any(float(one["value"][1]) > 0 for one in found), (title, query)


@pytest.mark.parametrize("scrape_s", [1, 15, 60])
def test_a_stall_is_reported_twenty_of_twenty_times(tmp_path, scrape_s):
    """Twenty clients at once: each stalls for three seconds at its own moment between two scrapes."""
    window = f"{max(30, 5 * scrape_s)}s"
    with prometheus(tmp_path, rules(window), scrape=f"{scrape_s}s") as server:
        with LocalCluster(nodes=3, replication_factor=2) as cluster:
            cluster.wait_until_stable()
            clients = [
                resilient(
                    aerospike.client({"hosts": cluster.hosts}).connect(),
                    "latency",
                    name=f"client-{number}",
                    meter_provider=server.provider,
                )
                for number in range(20)
            ]
            loads = [Load(client, 1, 20) for client in clients]
            loads[0].prepare(clients[0].put)
            for load in loads:
                load.start()
            wait(2 * scrape_s + 1)  # each series was scraped as 0
            began = time.monotonic()
            cluster.stall("A1")
            until(
                lambda: all(
                    one.resilience.nodes.get("A1", {}).get("state") != "closed" for one in clients
                )
            )
            wait(max(0.0, 3 - (time.monotonic() - began)))
            cluster.resume("A1")
            until(lambda: len(fired(server)) == 20, 3 * scrape_s + 30, pause_s=1)
            for load in loads:
                load.stop()
            for client in clients:
                client.close()
        missed = {
            name: alerts
            for name, alerts in fired(server).items()
            if "AerospikeNodeOpened" not in alerts
        }
        assert not missed
