"""The page of pictures of panels and alerts: what each shows, and what to do."""

from __future__ import annotations

from typing import Final

from screens import slug  # beside this file, which is no package
from troubles import TROUBLES

from aerospike_resilience.telemetry.dashboard import ROWS, Panel
from aerospike_resilience.telemetry.rules import ALERTS

ADVICE: Final = {
    "Operations": "If calls drop, look at the gate and at refusals. If only one operation drops, look "
    "at the callers.",
    "Failures by cause": "Take the cause to the page [Errors](errors.md). Many `security` or "
    "`caller` failures are a mistake in a deployment.",
    "Duration, p50 and p99": "If p99 rises and p50 does not, look for one slow node in the row *Nodes*. "
    "If both rise, look at the cluster's load and at *Time in line*.",
    "State": "If one node is open, look at that node. If several are, look at the network.",
    "Changes of state": "If one node changes again and again, isolate it until its cause is found.",
    "Time not closed": "Compare nodes. If a node's share does not fall back to 0, look at that node.",
    "Refusals": "`circuit_open` falls to 0 when the cluster has evicted the node, or it is back. For "
    "`gate_…` see *Operations under way*.",
    "Retries": "A few retries are normal. If they grow with the load, find what fails first.",
    "Suppressed retries": "`budget`: find what fails. `deadline`: the caller's time is too short for "
    "another attempt. `in_doubt`: the write may have been applied, so this is right.",
    "Retry budget and adaptive timeout": "A balance near 0 means that failures are not retried. An "
    "adaptive timeout at its maximum means that all nodes are slow.",
    "Operations under way": "If the limit is reached and the cluster is well, raise "
    "`max_concurrent_operations` and the connection pool. If it is slow, find out why first.",
    "Time in line, p99": "Calls that wait for long are refused soon. Send fewer, or raise the limit.",
    "Fallback and commit_master": "Both mean that a node is open. Repair that node.",
    "Connections": "If all connections of a node are used, raise `max_conns_per_node`, or lower "
    "`max_concurrent_operations`.",
    "Opened and closed": "If many are opened all the time, raise `min_conns_per_node`, and compare "
    "`idle_timeout` with the server's `proto-fd-idle-ms`.",
    "The client's own errors and timeouts": "If only one node has them, look at that node. If no "
    "operations fail, there is nothing to do: retries served the calls.",
    "Processes by profile": "After a change, wait until every process has the new fingerprint. For one "
    "that keeps the old one see *Reloads*.",
    "Reloads": "If a file is broken, run `aerospike-resilience policy check` on it.",
    "What another profile would have done": "If it would have refused many calls that were served, tune "
    "that profile before you use it.",
    "Verdict, storage, overrides": "A verdict of 1: look at the network. Storage 1: look at Redis. "
    "Overrides above 0: see [AR021](lint/AR021.md).",
}
"""What to do, by the panel's title."""

_TROUBLE: Final = {title: one for one, titles in TROUBLES.items() for title in titles}


def panels() -> str:
    """Return a section for each row of the dashboard, with each panel."""
    parts = []
    for row, row_panels in ROWS.items():
        parts.append(f"### {row}\n")
        parts += [
            f"**{panel.title}.** {panel.shows} {_states(panel)}{_taken(panel.title)}\n\n"
            f"*What to do.* {ADVICE[panel.title]}\n\n"
            f"![Panel {panel.title}](screens/{slug(panel.title)}.webp)\n"
            for panel in row_panels
        ]
    return "\n".join(parts)


def alert_pictures() -> str:
    """Return a section for each alert."""
    return "\n".join(
        f"### {alert.name}\n\n"
        f"{alert.meaning} {_taken(alert.name)}\n\n"
        f"*What to do.* {alert.action} [Runbook](runbook.md#{alert.name.lower()}).\n\n"
        f"![Alert {alert.name} firing](screens/{slug(alert.name)}.webp)\n"
        for alert in ALERTS
    )


def _states(panel: Panel) -> str:
    """Return what the numbers of a panel's states mean; empty for other panels."""
    named = ", ".join(f"{number} {state}" for number, state in panel.mappings.items())
    return f"Numbers are states: {named}. " if named else ""


def _taken(title: str) -> str:
    """Return in which trouble a picture was taken."""
    said = (_TROUBLE[title].__doc__ or WHAT[_TROUBLE[title].__name__]).rstrip(".")
    return f"In the picture: {said[0].lower()}{said[1:]}."


WHAT: Final = {
    "stall": "One node of three stalls for some seconds.",
    "flap": "One node stalls and goes on, five times.",
    "all_stop": "All three nodes stall.",
    "isolated": "A node is isolated by hand.",
    "overload": "Each read takes 20 ms, and the gate lets one call through at a time.",
    "refused_by_the_server": "The server refuses a fifth of all calls for their role.",
}
"""The troubles of the tests, which have no docstring."""
