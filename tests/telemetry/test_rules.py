"""The alerts: each fires in its trouble, and in no other."""

from __future__ import annotations

import re

import yaml
from click.testing import CliRunner

from aerospike_resilience.cli.main import cli
from aerospike_resilience.telemetry import registry
from aerospike_resilience.telemetry.prometheus import label, series
from aerospike_resilience.telemetry.rules import ALERTS, RECORDED, rules
from tests.telemetry.promtool import firing, needs_promtool, promtool

R = "aerospike.resilience."
CLIENT = 'job="shop",instance="a:1",aerospike_resilience_client="carts"'


def one(metric: str, part: str = "", **attributes: str) -> str:
    """A series' name with its labels."""
    labels = "".join(f',{name}="{value}"' for name, value in attributes.items())
    return f"{series(metric)}{part}{{{CLIENT}{labels}}}"


def transitions(state: str, node: str = "A1") -> str:
    return one(
        f"{R}node.transitions", aerospike_node_name=node, aerospike_resilience_node_state=state
    )


def failed(cause: str) -> str:
    return one(registry.DURATION, "_count", error_type="Some", aerospike_resilience_failure=cause)


WELL = {
    one(registry.DURATION, "_count", db_operation_name="get"): "0+150x24",
    transitions("open"): "0x24",
    transitions("closed"): "0x24",
    one(f"{R}cluster.verdict"): "0x24",
    one(f"{R}storage.unreachable"): "0x24",
    one(f"{R}reload.failed"): "0x24",
    one(f"{R}refusals", aerospike_resilience_refusal_reason="gate_timeout"): "0x24",
    one(f"{R}suppressed_retries", aerospike_resilience_suppression_reason="budget"): "0x24",
}
"""A client whose calls go well: 10 a second."""

ONCE = "0x12 1x12"
"""A counter that goes up by one after three minutes."""


def well_but(**changed: str) -> dict[str, str]:
    return {**WELL, **changed}


SCENARIOS = {
    "health": (WELL, ()),
    "misses": (
        well_but(
            **{
                one(
                    registry.DURATION,
                    "_count",
                    db_operation_name="get",
                    db_response_status_code="2",
                ): "0+60x24"
            }
        ),
        (),
    ),
    "a node stops and is back": (
        well_but(
            **{
                transitions("open"): ONCE,
                transitions("half-open"): ONCE,
                transitions("closed"): "0x13 1x11",
                one(
                    f"{R}refusals",
                    aerospike_resilience_refusal_reason="circuit_open",
                    aerospike_node_name="A1",
                ): "0x12 41x12",
                failed("circuit_open"): "0x12 41x12",
                failed("timeout"): "0x12 3x12",
            }
        ),
        ("AerospikeNodeOpened",),
    ),
    "a node flaps": (
        well_but(
            **{transitions("open"): "0x8 1 2 3 4 5x12", transitions("closed"): "0x8 1 2 3 4 5x12"}
        ),
        ("AerospikeNodeFlapping",),
    ),
    "all nodes stop": (
        well_but(
            **{
                transitions("open"): ONCE,
                one(f"{R}cluster.verdict"): "0x12 1x3 0x9",
                one(
                    f"{R}suppressed_retries", aerospike_resilience_suppression_reason="budget"
                ): "0x12 900x12",
            }
        ),
        ("AerospikeClusterFailing",),
    ),
    "a node is isolated": (
        well_but(
            **{
                transitions("isolated"): ONCE,
                one(
                    f"{R}node.state",
                    aerospike_node_name="A1",
                    aerospike_resilience_node_state="isolated",
                ): "0x12 1x12",
            }
        ),
        ("AerospikeNodeIsolated",),
    ),
    "the gate refuses": (
        well_but(
            **{
                one(
                    f"{R}refusals", aerospike_resilience_refusal_reason="gate_timeout"
                ): "0x12 7x12",
                failed("gate"): "0x12 7x12",
            }
        ),
        ("AerospikeGateRefusing",),
    ),
    "retries cost too much": (
        well_but(
            **{
                one(
                    f"{R}suppressed_retries", aerospike_resilience_suppression_reason="budget"
                ): "0x12 5x12"
            }
        ),
        ("AerospikeRetryBudgetSpent",),
    ),
    "the server refuses": (
        well_but(**{failed("security"): "0x12 0+100x12"}),
        ("AerospikeServerErrors",),
    ),
    "an application's own conflicts": (well_but(**{failed("conflict"): "0+30x24"}), ()),
    "the pool is too small": (
        well_but(**{failed("pool_exhausted"): "0x12 2x12"}),
        ("AerospikePoolExhausted",),
    ),
    "the client's own breaker": (
        well_but(**{failed("native_breaker"): "0x12 2x12"}),
        ("AerospikeNativeBreaker",),
    ),
    "a broken file": (
        well_but(**{one(f"{R}reload.failed"): "0x12 1x12"}),
        ("AerospikeReloadFailed",),
    ),
    "no storage": (
        well_but(**{one(f"{R}storage.unreachable"): "0x12 1x4 0x8"}),
        ("AerospikeBreakerStorageUnreachable",),
    ),
}


@needs_promtool
def test_each_alert_fires_in_its_trouble_and_in_no_other(tmp_path):
    firing(tmp_path, rules(), SCENARIOS)


def test_each_alert_has_a_trouble():
    assert {name for _series, fires in SCENARIOS.values() for name in fires} == {
        alert.name for alert in ALERTS
    }


@needs_promtool
def test_prometheus_takes_what_the_command_prints(tmp_path):
    ran = CliRunner().invoke(
        cli, ["telemetry", "rules", "--window", "2m", "--runbook", "https://example.com/runbook"]
    )
    assert ran.exit_code == 0
    (tmp_path / "rules.yml").write_text(ran.output)

    assert "SUCCESS" in promtool("check", "rules", tmp_path / "rules.yml")
    first = yaml.safe_load(ran.output)["groups"][1]["rules"][0]
    assert "[2m]" in first["expr"]
    assert first["annotations"]["runbook_url"] == "https://example.com/runbook#aerospikenodeopened"


def test_a_wrong_window_is_refused_with_a_right_one():
    ran = CliRunner().invoke(cli, ["telemetry", "rules", "--window", "five minutes"])

    assert ran.exit_code == 2
    assert "such as 5m or 90s" in ran.output


def test_rules_use_names_of_the_registry_only():
    known = {
        f"{series(name)}{part}" for name in registry.METRICS for part in ("", "_count", "_bucket")
    }
    labels = {label(name) for metric in registry.METRICS.values() for name in metric.attributes}
    labels |= {label(registry.CLIENT)}
    for text in (*RECORDED.values(), *(alert.expression for alert in ALERTS)):
        names = set(re.findall(r"\b(?:aerospike|db|error)_\w+", text))
        assert names <= known | labels, names - known - labels
