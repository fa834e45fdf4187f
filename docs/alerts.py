"""The runbook's sections, from the alerts themselves."""

from __future__ import annotations

from aerospike_resilience.telemetry.rules import ALERTS, DEFAULT_WINDOW


def alerts() -> str:
    """Return one section an alert: its meaning, what to do, and its expression."""
    parts = []
    for alert in ALERTS:
        expression = alert.expression.replace("{window}", DEFAULT_WINDOW)
        parts.append(
            f"### {alert.name}\n\n"
            f"*Severity {alert.severity}.* {alert.meaning}\n\n"
            f"**What to do.** {alert.action}\n\n"
            f"```promql\n{expression}\n```\n"
        )
    return "\n".join(parts)
