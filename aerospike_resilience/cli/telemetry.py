"""`aerospike-resilience telemetry`: dashboard, rules and names, for the systems that use them."""

from __future__ import annotations

import json
from typing import Any

import click
import yaml

from ..telemetry import registry
from ..telemetry.dashboard import dashboard as made_dashboard
from ..telemetry.prometheus import series
from ..telemetry.rules import DEFAULT_WINDOW, duration_ms
from ..telemetry.rules import rules as made_rules


@click.group()
def telemetry() -> None:
    """Dashboard, alerts and names of metrics, as data."""


@telemetry.command()
def dashboard() -> None:
    """Print a Grafana dashboard as JSON.

    Import the file in Grafana under Dashboards, New, Import. It asks for a Prometheus data source.
    """
    click.echo(json.dumps(made_dashboard(), indent=2))


def _checked_window(_context: Any, _option: Any, value: str) -> str:
    try:
        duration_ms(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return value


@telemetry.command()
@click.option(
    "--window",
    default=DEFAULT_WINDOW,
    show_default=True,
    callback=_checked_window,
    help="How far alerts and rates look back; at least four scrapes.",
)
@click.option("--runbook", default="", help="The runbook's address, for each alert's runbook_url.")
def rules(window: str, runbook: str) -> None:
    """Print recording and alerting rules for Prometheus as YAML.

    Name the file under rule_files in prometheus.yml. Check it with promtool check rules FILE.
    """
    click.echo(yaml.safe_dump(made_rules(window, runbook), sort_keys=False, width=100), nl=False)


@telemetry.command()
def names() -> None:
    """Print every metric: its name, its name in Prometheus, its unit and kind."""
    width = max(map(len, registry.METRICS))
    for name, metric in registry.METRICS.items():
        click.echo(f"{name:{width}}  {series(name)}  {metric.unit}  {metric.instrument}")
