"""Prometheus: what the registry's names become there, through the Python exporter and through OTLP alike.

The rules are those of OpenTelemetry's compatibility page: dots become underscores, a unit of seconds is
a suffix, a unit in braces adds nothing, and a counter ends with ``_total``.
Source: https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
"""

from __future__ import annotations

import re
from typing import Final

from .registry import METRICS

_UNITS: Final = {"s": "seconds", "By": "bytes"}

_BRACES: Final = re.compile(r"\{[^}]*\}")


def label(attribute: str) -> str:
    """Return the label that an attribute becomes: ``aerospike.node.name`` is ``aerospike_node_name``."""
    return re.sub(r"[^A-Za-z0-9_]", "_", attribute)


def series(metric: str) -> str:
    """Return the name of a metric's series; of a histogram without ``_bucket``, ``_count`` or ``_sum``.

    Args:
        metric: its name in the registry.

    Raises:
        KeyError: the registry has no such metric.
    """
    kind, unit = METRICS[metric].instrument, METRICS[metric].unit
    parts = [label(metric)]
    if suffix := _UNITS.get(_BRACES.sub("", unit)):
        parts.append(suffix)
    if kind == "counter":
        parts.append("total")
    return "_".join(parts)
