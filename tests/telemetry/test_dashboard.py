"""The dashboard: panels that Prometheus understands, of metrics that exist."""

from __future__ import annotations

import json
import re

import yaml
from click.testing import CliRunner

from aerospike_resilience.cli.main import cli
from aerospike_resilience.telemetry import registry
from aerospike_resilience.telemetry.dashboard import ROWS, dashboard
from aerospike_resilience.telemetry.prometheus import label, series
from tests.telemetry.promtool import needs_promtool, promtool

QUERIES = [
    (panel.title, query)
    for row in ROWS.values()
    for panel in row
    for query in panel.queries.values()
]


def concrete(query: str) -> str:
    """A query as Grafana sends it."""
    chosen = {"$job": ".*", "$client": ".*", "$__rate_interval": "1m"}
    return re.sub(r"\$\w+", lambda found: chosen[found[0]], query)


@needs_promtool
def test_prometheus_understands_every_panel(tmp_path):
    recorded = [
        {"record": f"panel:{number}", "expr": concrete(query)}
        for number, (_title, query) in enumerate(QUERIES)
    ]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}))

    assert f"{len(QUERIES)} rules found" in promtool("check", "rules", file)


def test_panels_and_the_registry_have_the_same_metrics():
    ending = {"histogram": "_(?:count|bucket)"}
    queries = " ".join(query for _title, query in QUERIES)
    shown = {
        name
        for name, metric in registry.METRICS.items()
        if re.search(rf"\b{series(name)}{ending.get(metric.instrument, '')}{{", queries)
    }
    left_out = {
        "db.client.connection.max",
        "aerospike.client.connections.recovered",
        "aerospike.client.connections.aborted",
        "aerospike.client.connections.exhausted",
        "aerospike.client.key_busy",
        "aerospike.resilience.attempt.duration",
        "aerospike.resilience.gate.node.in_flight",
        "aerospike.resilience.record.size",
    }
    assert registry.METRICS.keys() - shown == left_out
    known = {f"{series(name)}{part}" for name in shown for part in ("", "_count", "_bucket")}
    assert set(re.findall(r"\b(?:aerospike|db)_\w+(?={)", queries)) <= known


def test_the_command_prints_the_dashboard():
    ran = CliRunner().invoke(cli, ["telemetry", "dashboard"])

    assert ran.exit_code == 0
    assert json.loads(ran.output) == dashboard()


def test_panels_do_not_overlap_and_have_numbers_of_their_own():
    panels = dashboard()["panels"]
    assert len({one["id"] for one in panels}) == len(panels)
    taken = set()
    for one in panels:
        place = one["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert max(x for x, _y in cells) < 24
        taken |= cells


def test_every_panel_says_what_it_shows():
    for row in ROWS.values():
        for panel in row:
            assert panel.shows.endswith(".")
            assert len({*panel.queries}) == len(panel.queries)


def test_names_lists_every_metric():
    ran = CliRunner().invoke(cli, ["telemetry", "names"])

    for name in registry.METRICS:
        assert f"  {series(name)}  " in ran.output
        assert label(name) in series(name)
