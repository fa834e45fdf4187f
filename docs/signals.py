"""The tables of docs/reference/metrics.md, read from the registry of names."""

from __future__ import annotations

from aerospike_resilience.telemetry import registry, span_attributes


def metrics() -> str:
    """Return every metric: what it shows, its kind, unit and attributes."""
    lines = ["| metric | what it shows | kind | unit | attributes |", "|---|---|---|---|---|"]
    for name, metric in registry.METRICS.items():
        attributes = ", ".join(f"`{attribute}`" for attribute in metric.attributes)
        zero = " Begins at 0." if metric.zero else ""
        lines.append(
            f"| `{name}` | {metric.description}{zero} | {metric.instrument} | `{metric.unit}` | "
            f"{attributes} |"
        )
    return "\n".join(lines) + "\n"


def spans() -> str:
    """Return every attribute of spans: when it is set, and what it is."""
    lines = ["| attribute | set at | what it is |", "|---|---|---|"]
    lines += [
        f"| `{name}` | {attribute.when} | {attribute.description} |"
        for name, attribute in span_attributes.SPAN_ATTRIBUTES.items()
    ]
    return "\n".join(lines) + "\n"


def events() -> str:
    """Return the attributes of the event of an attempt."""
    lines = ["| attribute | what it is |", "|---|---|"]
    lines += [f"| `{name}` | {what} |" for name, what in span_attributes.EVENT_ATTRIBUTES.items()]
    return "\n".join(lines) + "\n"


def words() -> str:
    """Return the values of attributes that have no others."""
    lines = ["| attribute | values |", "|---|---|"]
    lines += [
        f"| `{name}` | {', '.join(f'`{value}`' for value in values)} |"
        for name, values in registry.WORDS.items()
    ]
    return "\n".join(lines) + "\n"
