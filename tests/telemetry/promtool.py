"""Prometheus' own tool, which checks and evaluates rules."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

PROMTOOL = shutil.which("promtool")

needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is not installed (Debian package: prometheus)"
)


def promtool(*arguments: str | Path) -> str:
    """Return what the tool prints; an error of its own fails the test."""
    ran = subprocess.run(
        [str(PROMTOOL), *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def firing(folder: Path, rules: dict[str, Any], scenarios: dict[str, Any]) -> None:
    """Assert which alerts fire in each scenario, and that no other does.

    Args:
        folder: for the files.
        rules: as `aerospike_resilience.telemetry.rules.rules` returns them.
        scenarios: by name, a pair of the series (values by name, in the tool's notation, one each
            15 seconds) and the names of the alerts that fire after six minutes.
    """
    (folder / "rules.yml").write_text(yaml.safe_dump(rules))
    tests = [
        {
            "name": name,
            "interval": "15s",
            "input_series": [{"series": one, "values": values} for one, values in series.items()],
            "promql_expr_test": [
                {
                    "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                    "eval_time": "6m",
                    "exp_samples": [
                        {"labels": f'{{alertname="{alert}"}}', "value": 1}
                        for alert in sorted(alerts)
                    ],
                }
            ],
        }
        for name, (series, alerts) in scenarios.items()
    ]
    (folder / "test.yml").write_text(
        yaml.safe_dump({"rule_files": ["rules.yml"], "evaluation_interval": "15s", "tests": tests})
    )
    promtool("test", "rules", folder / "test.yml")
