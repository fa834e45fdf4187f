"""What begins and ends between two scrapes shows in the next, as the real tools evaluate it."""

from __future__ import annotations

import subprocess

import aerospike
import pytest

from aerospike_resilience import CircuitOpenError, resilient
from tests.patience import NEVER_LATE
from tests.telemetry.prometheus import OWN_REGISTRY, Exporter, faults_of, needs_promtool

KEYS = [("test", "scraped", n) for n in range(40)]
OURS = "aerospike_resilience_"
HAPPENED = (
    OURS + "node_transitions_total",
    OURS + "node_open_time_seconds_total",
    OURS + "refusals_total",
    OURS + "retries_total",
)


@needs_promtool
def test_what_ended_before_the_next_scrape_is_an_increase_at_any_interval(healthy, tmp_path):
    exporter = Exporter()
    client = resilient(
        aerospike.client({"hosts": healthy.hosts}),
        "latency",
        overrides=NEVER_LATE,
        meter_provider=exporter.provider,
    )
    for key in KEYS:
        client.put(key, {"n": 1})
    quiet = exporter.series()
    client.resilience.isolate("A1")
    refused = 0
    for key in KEYS:
        try:
            client.put(key, {"n": 1})
        except CircuitOpenError:
            refused += 1
    client.resilience.release("A1")
    with healthy.inject(op="get", code="device_overload", count=2):
        client.get(KEYS[0])
    after = exporter.series()
    client.close()

    assert refused > 0
    increases = [f"max(increase({name}[5m])) > bool 0" for name in HAPPENED]
    for scrapes, seen in (([quiet, quiet, after, after], 1), ([quiet] * 4, 0)):
        assert faults_of(tmp_path, scrapes, dict.fromkeys(increases, seen), (1, 15, 60)) == ""


@needs_promtool
@pytest.mark.skipif(not OWN_REGISTRY, reason="needs opentelemetry-exporter-prometheus 0.63b0")
@pytest.mark.parametrize("closed", [False, True])
def test_promtool_finds_no_fault_in_what_is_scraped(closed, healthy):
    exporter = Exporter()
    client = resilient(
        aerospike.client({"hosts": healthy.hosts}),
        "latency",
        overrides=NEVER_LATE,
        meter_provider=exporter.provider,
    )
    client.put(KEYS[0], {"n": 1})
    if closed:
        client.close()
    ours = "\n".join(line for line in exporter.text().splitlines() if "target_info" not in line)

    ended = subprocess.run(
        ["promtool", "check", "metrics"],
        input=ours + "\n",
        check=False,
        capture_output=True,
        text=True,
    )
    if not closed:
        client.close()
    faults = [line for line in (ended.stderr + ended.stdout).splitlines() if line]
    # The database conventions name it so.
    assert [line for line in faults if not line.startswith("db_client_connection_count ")] == []
