"""Dashboard: Grafana's JSON for wrapped clients, built from a list of panels.

The panels name metrics of the registry only, and work with what the Python exporter and OTLP make of
them in Prometheus.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from . import registry
from .prometheus import label, series

_CLIENT: Final = label(registry.CLIENT)
_NODE: Final = label(registry.NODE)
_STATE: Final = label(registry.NODE_STATE)
_OPERATION: Final = label(registry.DB_OPERATION)

_DURATION: Final = series(registry.DURATION)
_CHOSEN: Final = f'job=~"$job",{_CLIENT}=~"$client"'

SCHEMA: Final = 39
"""The version of Grafana's dashboard schema (Grafana 10 and newer)."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.

    Attributes:
        title: its title.
        queries: PromQL by legend. ``$__rate_interval`` stands for the window, as in Grafana.
        shows: what one sees, and what is well.
        unit: Grafana's name of the unit.
        kind: Grafana's name of the panel.
        mappings: text by value, for states.
    """

    title: str
    queries: dict[str, str]
    shows: str
    unit: str = "short"
    kind: str = "timeseries"
    mappings: dict[str, str] = field(default_factory=dict)


def _sum(metric: str, by: str, *, more: str = "", rate: bool = True) -> str:
    chosen = f"{metric}{{{_CHOSEN}{more}}}"
    return f"sum by ({by}) ({f'rate({chosen}[$__rate_interval])' if rate else chosen})"


def _greatest(metric: str, by: str, more: str = "") -> str:
    return f"max by ({by}) ({series(metric)}{{{_CHOSEN}{more}}})"


def _quantile(quantile: float, metric: str, by: str) -> str:
    return f"histogram_quantile({quantile}, {_sum(f'{metric}_bucket', f'le, {by}')})"


def _counted(metric: str, by: str) -> str:
    return _sum(series(metric), by)


def _legend(*attributes: str) -> str:
    return " ".join(f"{{{{{label(attribute)}}}}}" for attribute in attributes)


_R: Final = "aerospike.resilience."

ROWS: Final[dict[str, tuple[Panel, ...]]] = {
    "Service": (
        Panel(
            "Operations",
            {_legend(registry.DB_OPERATION): _sum(f"{_DURATION}_count", _OPERATION)},
            "Operations a second, by operation. A retried operation counts once.",
            "ops",
        ),
        Panel(
            "Failures by cause",
            {
                _legend(registry.FAILURE): _sum(
                    f"{_DURATION}_count",
                    label(registry.FAILURE),
                    more=f',{label(registry.ERROR_TYPE)}!=""',
                )
            },
            "Failed operations a second, by cause. A record that is not found is no failure.",
            "ops",
        ),
        Panel(
            "Duration, p50 and p99",
            {
                f"p50 {_legend(registry.DB_OPERATION)}": _quantile(0.5, _DURATION, _OPERATION),
                f"p99 {_legend(registry.DB_OPERATION)}": _quantile(0.99, _DURATION, _OPERATION),
            },
            "How long operations take, with queueing and retries.",
            "s",
        ),
    ),
    "Nodes": (
        Panel(
            "State",
            {
                _legend(registry.NODE): f"max by ({_NODE}) ("
                + " or ".join(
                    f"{number} * {series(f'{_R}node.state')}{{{_CHOSEN},{_STATE}={state!r}}}".replace(
                        "'", '"'
                    )
                    for number, state in enumerate(registry.NODE_STATES)
                )
                + ")"
            },
            "Each node's worst state over all processes.",
            kind="state-timeline",
            mappings={str(number): state for number, state in enumerate(registry.NODE_STATES)},
        ),
        Panel(
            "Changes of state",
            {
                _legend(registry.NODE, registry.NODE_STATE): _counted(
                    f"{_R}node.transitions", f"{_NODE}, {_STATE}"
                )
            },
            "Changes a second. Zero is well; a node that flaps shows here.",
        ),
        Panel(
            "Time not closed",
            {
                _legend(registry.NODE): f"max by ({_NODE}) (rate("
                f"{series(f'{_R}node.open_time')}{{{_CHOSEN}}}[$__rate_interval]))"
            },
            "The share of time in which a node was not closed.",
            "percentunit",
        ),
        Panel(
            "Refusals",
            {
                _legend(registry.REFUSAL_REASON, registry.NODE): _counted(
                    f"{_R}refusals", f"{label(registry.REFUSAL_REASON)}, {_NODE}"
                )
            },
            "Operations that this library refused a second, by reason.",
            "ops",
        ),
    ),
    "Retries": (
        Panel(
            "Retries",
            {_legend(registry.RETRY_KIND): _counted(f"{_R}retries", label(registry.RETRY_KIND))},
            "Attempts beyond the first, and the client's own tries, a second.",
            "ops",
        ),
        Panel(
            "Suppressed retries",
            {
                _legend(registry.SUPPRESSION_REASON): _counted(
                    f"{_R}suppressed_retries", label(registry.SUPPRESSION_REASON)
                )
            },
            "Failures that were not retried, by reason.",
            "ops",
        ),
        Panel(
            "Retry budget and adaptive timeout",
            {
                "budget": f"min({series(f'{_R}budget.balance')}{{{_CHOSEN}}})",
                "adaptive timeout": f"max({series(f'{_R}adaptive_timeout')}{{{_CHOSEN}}})",
            },
            "Retries that the budget allows in the process that has least; the socket timeout of reads.",
        ),
    ),
    "Gate": (
        Panel(
            "Operations under way",
            {
                "under way": _greatest(f"{_R}gate.in_flight", _CLIENT),
                "limit": _greatest(f"{_R}gate.limit", _CLIENT),
                "waiting": _greatest(f"{_R}gate.waiting", _CLIENT),
            },
            "Permits held, permits in all and calls in line, in the process that has most.",
        ),
        Panel(
            "Time in line, p99",
            {
                _legend(registry.GATE_OUTCOME): _quantile(
                    0.99, series(registry.WAIT_TIME), label(registry.GATE_OUTCOME)
                )
            },
            "How long calls waited for a permit, of those that had to.",
            "s",
        ),
        Panel(
            "Fallback and commit_master",
            {
                "fallback": _counted(f"{_R}fallback.calls", _CLIENT),
                "commit_master": _counted(f"{_R}commit_master", _CLIENT),
            },
            "Calls made on the fallback client, and writes committed on their master alone.",
            "ops",
        ),
    ),
    "Connections": (
        Panel(
            "Connections",
            {
                _legend(registry.POOL_NAME, registry.POOL_STATE): _sum(
                    series("db.client.connection.count"),
                    f"{label(registry.POOL_NAME)}, {label(registry.POOL_STATE)}",
                    rate=False,
                )
            },
            "Open connections by node, where the client tells them.",
        ),
        Panel(
            "Opened and closed",
            {
                f"opened {_legend(registry.NODE)}": _counted(
                    "aerospike.client.connections.opened", _NODE
                ),
                f"closed {_legend(registry.NODE)}": _counted(
                    "aerospike.client.connections.closed", _NODE
                ),
            },
            "Connections opened and closed a second. Well is near zero: each one costs a handshake.",
        ),
        Panel(
            "The client's own errors and timeouts",
            {
                f"errors {_legend(registry.NODE)}": _counted("aerospike.client.errors", _NODE),
                f"timeouts {_legend(registry.NODE)}": _counted("aerospike.client.timeouts", _NODE),
            },
            "Tries on the wire that failed, as the client counts them. Hurried reads are among them.",
            "ops",
        ),
    ),
    "Profile": (
        Panel(
            "Processes by profile",
            {
                _legend(registry.PROFILE, registry.FINGERPRINT): "count by ("
                f"{label(registry.PROFILE)}, {label(registry.FINGERPRINT)}) "
                f"({series(f'{_R}profile.info')}{{{_CHOSEN}}})"
            },
            "How many processes run which version of which profile.",
        ),
        Panel(
            "Reloads",
            {
                _legend(registry.RELOAD_OUTCOME): _counted(
                    f"{_R}reloads", label(registry.RELOAD_OUTCOME)
                ),
                "broken file": _greatest(f"{_R}reload.failed", _CLIENT),
            },
            "Reloads a second, and 1 while a file is broken.",
        ),
        Panel(
            "What another profile would have done",
            {
                _legend(registry.ACTION, registry.BECAME): _counted(
                    f"{_R}would_have", f"{label(registry.ACTION)}, {label(registry.BECAME)}"
                )
            },
            "Under `observe`: calls a second to which the profile in `telemetry.would_have` would have "
            "done something, and what became of them.",
            "ops",
        ),
        Panel(
            "Verdict, storage, overrides",
            {
                "cluster verdict": _greatest(f"{_R}cluster.verdict", _CLIENT),
                "storage unreachable": _greatest(f"{_R}storage.unreachable", _CLIENT),
                "native overrides": _greatest(f"{_R}native_config.overrides", _CLIENT),
            },
            "1 while the cluster as a whole is the likely cause; 1 while breakers are not shared; fields "
            "that the client's own dynamic configuration overrides.",
        ),
    ),
}
"""The dashboard's rows."""

WIDTH: Final = 24
"""Grafana's columns."""

HEIGHT: Final = 8


def dashboard() -> dict[str, Any]:
    """Return the dashboard, ready to be written as JSON and imported into Grafana."""
    panels: list[dict[str, Any]] = []
    y = 0
    for title, row in ROWS.items():
        panels.append(
            {
                "type": "row",
                "title": title,
                "collapsed": False,
                "panels": [],
                "id": len(panels) + 1,
                "gridPos": {"h": 1, "w": WIDTH, "x": 0, "y": y},
            }
        )
        y += 1
        width = WIDTH // len(row)
        for number, panel in enumerate(row):
            place = {"h": HEIGHT, "w": width, "x": number * width, "y": y}
            panels.append(_panel(panel, len(panels) + 1, place))
        y += HEIGHT
    return {
        "title": "Aerospike clients (aerospike-resilience)",
        "uid": "aerospike-resilience",
        "schemaVersion": SCHEMA,
        "tags": ["aerospike"],
        "editable": True,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {
            "list": [
                {
                    "name": "datasource",
                    "label": "Prometheus",
                    "type": "datasource",
                    "query": "prometheus",
                },
                _variable("job", f"label_values({_DURATION}_count, job)"),
                _variable("client", f'label_values({_DURATION}_count{{job=~"$job"}}, {_CLIENT})'),
            ]
        },
        "annotations": {"list": []},
        "panels": panels,
    }


def _variable(name: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "type": "query",
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    defaults: dict[str, Any] = {"unit": panel.unit, "min": 0}
    if panel.mappings:
        options = {value: {"text": text} for value, text in panel.mappings.items()}
        defaults["mappings"] = [{"type": "value", "options": options}]
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.shows,
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "gridPos": place,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}},
        "targets": [
            {
                "refId": chr(ord("A") + at),
                "expr": expression,
                "legendFormat": legend,
                "range": True,
                "datasource": {"type": "prometheus", "uid": "${datasource}"},
            }
            for at, (legend, expression) in enumerate(panel.queries.items())
        ],
    }
