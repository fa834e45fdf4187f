"""Rules: Prometheus' recording and alerting rules for wrapped clients, as data.

An alert goes by counters or by the greatest value in the window, so that a trouble shorter than the time
between two scrapes is seen too. Each trouble has one alert: the refusals that an open node brings are
not reported a second time as failed operations.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from . import registry
from .prometheus import label, series

DEFAULT_WINDOW: Final = "5m"

HELD: Final = 5
"""An alert that is held back waits for one part in so many of the window."""

_UNITS_MS: Final = {
    "ms": 1,
    "s": 1000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
    "y": 31_536_000_000,
}
_LENGTH: Final = re.compile(r"([1-9][0-9]*(ms|[smhdwy]))+")
_PART: Final = re.compile(r"([0-9]+)(ms|[smhdwy])")

FLAPS: Final = 3
"""A node that recovered so often within the window flaps."""

_CLIENT: Final = label(registry.CLIENT)
_NODE: Final = label(registry.NODE)
_STATE: Final = label(registry.NODE_STATE)
_REASON: Final = label(registry.REFUSAL_REASON)
_WHY_NOT: Final = label(registry.SUPPRESSION_REASON)
_FAILURE: Final = label(registry.FAILURE)
_OPERATION: Final = label(registry.DB_OPERATION)
_ERROR: Final = label(registry.ERROR_TYPE)

BY_CLIENT: Final = f"job, {_CLIENT}"
BY_NODE: Final = f"job, {_CLIENT}, {_NODE}"
BY_OPERATION: Final = f"job, {_CLIENT}, {_OPERATION}"

DURATION: Final = series(registry.DURATION)
STATE: Final = series("aerospike.resilience.node.state")
TRANSITIONS: Final = series("aerospike.resilience.node.transitions")
OPEN_TIME: Final = series("aerospike.resilience.node.open_time")
REFUSALS: Final = series("aerospike.resilience.refusals")
SUPPRESSED: Final = series("aerospike.resilience.suppressed_retries")
VERDICT: Final = series("aerospike.resilience.cluster.verdict")
STORAGE: Final = series("aerospike.resilience.storage.unreachable")
RELOAD_FAILED: Final = series("aerospike.resilience.reload.failed")

ANSWERED_WITH_ERRORS: Final = "unavailable|busy|server_timeout|security|caller|other"
"""Failures that no other alert explains, and that an application does not cause in its normal work."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alerting rule.

    Attributes:
        name: its name, which is also its anchor in the runbook.
        expression: PromQL; ``{window}`` stands for the window.
        severity: ``critical`` wakes somebody, ``warning`` is looked at the same day, ``info`` is for the
            picture.
        summary: one line, with Prometheus' ``{{ $labels.… }}``.
        meaning: what happens in production.
        action: what to do.
        held: whether it waits for a fifth of the window, as another alert may say more.
    """

    name: str
    expression: str
    severity: str
    summary: str
    meaning: str
    action: str
    held: bool = False


def _node(text: str) -> str:
    return f"Node {{{{ $labels.{_NODE} }}}} {text} (client {{{{ $labels.{_CLIENT} }}}})"


def _client(text: str) -> str:
    return f"Client {{{{ $labels.{_CLIENT} }}}} {text}"


_RECOVERIES: Final = (
    f'max by ({BY_NODE}) (increase({TRANSITIONS}{{{_STATE}="closed"}}[{{window}}]))'
)


def _failed(kinds: str) -> str:
    failed = f'{DURATION}_count{{{_FAILURE}=~"{kinds}"}}'
    return f"sum by ({BY_CLIENT}) (increase({failed}[{{window}}])) > 0"


ALERTS: Final = (
    Alert(
        "AerospikeNodeOpened",
        f'max by ({BY_NODE}) (increase({TRANSITIONS}{{{_STATE}="open"}}[{{window}}])) > 0'
        f" unless on ({BY_NODE}) {_RECOVERIES} >= {FLAPS}"
        f" unless on ({BY_CLIENT}) max by ({BY_CLIENT}) (max_over_time({VERDICT}[{{window}}])) > 0",
        "warning",
        _node("stopped serving"),
        "One node does not answer, or answers with errors. Reads go to replicas. Writes that need it are "
        "refused at once, until the cluster has evicted it or it is back.",
        "Look at the node: is it up, reachable, overloaded? If it harms the service, isolate it by hand "
        "(`client.resilience.isolate()` or `breaker: {isolate: […]}` in the policy file). With "
        "`on_replica_open: commit_master` fewer writes are refused.",
        held=True,
    ),
    Alert(
        "AerospikeNodeFlapping",
        f"{_RECOVERIES} >= {FLAPS}",
        "warning",
        _node("opens and recovers again and again"),
        "One node stops and goes on again and again, so calls are refused for moments.",
        "Isolate the node until its cause is found: a failing disk or network card, a neighbour that "
        "takes its processor, long pauses of memory management.",
    ),
    Alert(
        "AerospikeClusterFailing",
        f"max by ({BY_CLIENT}) (max_over_time({VERDICT}[{{window}}])) > 0",
        "critical",
        _client("finds most nodes failing"),
        "More nodes fail than `max_open_share` allows to open. The whole cluster or the network between "
        "this service and it is the likely cause.",
        "Look at the network and at the cluster as a whole. Compare with other services: if only this one "
        "reports it, its own host or network is the cause.",
    ),
    Alert(
        "AerospikeNodeIsolated",
        f'max by ({BY_NODE}) (max_over_time({STATE}{{{_STATE}="isolated"}}[{{window}}])) > 0',
        "info",
        _node("is isolated by an order"),
        "Somebody isolated the node, by hand or in a policy file. It stays isolated until released.",
        "Release it when the reason is gone: `client.resilience.release()`, or take it out of "
        "`breaker: {isolate: […]}`.",
    ),
    Alert(
        "AerospikeGateRefusing",
        f'sum by ({BY_CLIENT}) (increase({REFUSALS}{{{_REASON}=~"gate_.*"}}[{{window}}])) > 0',
        "warning",
        _client("refuses calls because too many are under way"),
        "More calls arrive than the cluster answers within `max_concurrent_operations` and "
        "`operation_queue_timeout`. The rest is refused instead of queueing forever.",
        "Compare the gate's use with its limit, and the latency with the day before. If the cluster is "
        "well, raise `max_concurrent_operations` (and the connection pool); if it is slow, find out why "
        "first; if callers send more than planned, slow them down by `retry_after_s`.",
    ),
    Alert(
        "AerospikeRetryBudgetSpent",
        f'sum by ({BY_CLIENT}) (increase({SUPPRESSED}{{{_WHY_NOT}="budget"}}[{{window}}])) > 0'
        f" unless on ({BY_CLIENT}) max by ({BY_CLIENT}) (max_over_time({VERDICT}[{{window}}])) > 0",
        "warning",
        _client("fails calls instead of retrying them, as the retry budget is spent"),
        "So many calls fail that retrying them would add more load than `retry: {budget: …}` allows.",
        "Find what fails by `aerospike.resilience.failure`. Raise the budget only if the cluster has the "
        "capacity for the additional requests.",
    ),
    Alert(
        "AerospikeServerErrors",
        f"sum by ({BY_CLIENT}) (increase("
        f'{DURATION}_count{{{_FAILURE}=~"{ANSWERED_WITH_ERRORS}"}}[{{window}}]))'
        f" / sum by ({BY_CLIENT}) (increase({DURATION}_count[{{window}}])) > 0.01",
        "warning",
        _client("gets errors for more than 1 % of its operations"),
        "The cluster answers, with errors: partitions without a node, busy records, refused logins or "
        "permissions, wrong arguments, timeouts that the server reports.",
        "Group `db.client.operation.duration` by `aerospike.resilience.failure` and `error.type`; "
        "the page Errors of the docs says what each means.",
    ),
    Alert(
        "AerospikePoolExhausted",
        _failed("pool_exhausted"),
        "warning",
        _client("runs out of connections"),
        "A call found no free connection to its node, and the C client does not wait for one.",
        "Raise `max_conns_per_node`, or lower `max_concurrent_operations` below it, so that calls queue at "
        "the gate instead.",
    ),
    Alert(
        "AerospikeNativeBreaker",
        _failed("native_breaker"),
        "warning",
        _client("is refused by the Aerospike client's own breaker"),
        "The client's own breaker (`max_error_rate`) refuses a node for all calls, reads included.",
        "Set it wide, as `connect()` does: `max_error_rate: 10000`, `error_rate_window: 100`.",
    ),
    Alert(
        "AerospikeReloadFailed",
        f"max by ({BY_CLIENT}) ({RELOAD_FAILED}) > 0",
        "warning",
        _client("cannot read its policy file and keeps the last good profile"),
        "The policy file was changed and is broken. Nothing changed in the process; a new process would "
        "not start with it.",
        "Run `aerospike-resilience policy check FILE`, repair the file or put the last version back.",
    ),
    Alert(
        "AerospikeBreakerStorageUnreachable",
        f"max by ({BY_CLIENT}) (max_over_time({STORAGE}[{{window}}])) > 0",
        "warning",
        _client("cannot reach the storage of its breakers"),
        "`breaker.storage` (Redis) cannot be used, so each process finds out about failing nodes alone.",
        "Look at Redis. Calls are not affected.",
    ),
)
"""Every alert."""

RECORDED: Final = {
    "job_client_operation:aerospike_operations:rate": (
        f"sum by ({BY_OPERATION}) (rate({DURATION}_count[{{window}}]))"
    ),
    "job_client:aerospike_operation_failures:ratio": (
        f'(sum by ({BY_CLIENT}) (rate({DURATION}_count{{{_ERROR}!=""}}[{{window}}]))'
        f" or sum by ({BY_CLIENT}) (rate({DURATION}_count[{{window}}])) * 0)"
        f" / sum by ({BY_CLIENT}) (rate({DURATION}_count[{{window}}]))"
    ),
    "job_client_operation:aerospike_operation_duration_seconds:p50": (
        f"histogram_quantile(0.5, sum by (le, {BY_OPERATION}) (rate({DURATION}_bucket[{{window}}])))"
    ),
    "job_client_operation:aerospike_operation_duration_seconds:p99": (
        f"histogram_quantile(0.99, sum by (le, {BY_OPERATION}) (rate({DURATION}_bucket[{{window}}])))"
    ),
    "job_client_node:aerospike_node_unavailable:ratio": (
        f"max by ({BY_NODE}) (rate({OPEN_TIME}[{{window}}]))"
    ),
}
"""Recording rules: PromQL by name."""


def duration_ms(text: str) -> int:
    """Return one of Prometheus' durations, such as ``1m30s``, in milliseconds.

    Raises:
        ValueError: it is none.
    """
    if not _LENGTH.fullmatch(text):
        raise ValueError(f"{text!r} is no duration of Prometheus', such as 5m or 90s")
    return sum(int(number) * _UNITS_MS[unit] for number, unit in _PART.findall(text))


def rules(window: str = DEFAULT_WINDOW, runbook: str = "") -> dict[str, Any]:
    """Return the rule groups, ready to be written as YAML for Prometheus' ``rule_files``.

    Args:
        window: how far alerts and rates look back, such as ``5m``. At least four times the time
            between two scrapes.
        runbook: the address of the runbook's page, for each alert's ``runbook_url``; none if empty.
    """
    recording = [
        {"record": name, "expr": expression.replace("{window}", window)}
        for name, expression in RECORDED.items()
    ]
    alerting = []
    for alert in ALERTS:
        annotations = {
            "summary": alert.summary,
            "description": f"{alert.meaning} {alert.action}",
        }
        if runbook:
            annotations["runbook_url"] = f"{runbook}#{alert.name.lower()}"
        rule: dict[str, Any] = {
            "alert": alert.name,
            "expr": alert.expression.replace("{window}", window),
        }
        if alert.held:
            rule["for"] = f"{duration_ms(window) // HELD}ms"
        rule |= {"labels": {"severity": alert.severity}, "annotations": annotations}
        alerting.append(rule)
    return {
        "groups": [
            {"name": "aerospike-resilience-recording", "rules": recording},
            {"name": "aerospike-resilience", "rules": alerting},
        ]
    }
