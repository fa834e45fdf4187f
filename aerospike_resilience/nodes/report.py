"""Every node's state as plain values, for `snapshot()` and dashboards."""

from __future__ import annotations

from typing import Any

from ..model.durations import s_to_shown_ms
from .breaker import OPEN
from .cluster import ClusterHealth
from .health import NodeHealth


def report(health: ClusterHealth) -> dict[str, dict[str, Any]]:
    """Return every node's state by name, ready for JSON."""
    now = health.clock()
    with health.notices, health.lock:
        return {node.address.name: _of(node, health, now) for node in health.nodes()}


def transitions(health: ClusterHealth) -> list[dict[str, str]]:
    """Return the last changes of nodes' states, oldest first, ready for JSON."""
    with health.notices, health.lock:
        recent = list(health.registry.recent)
    return [
        {
            "at": at.isoformat(timespec="milliseconds"),
            "node": node,
            "from": old,
            "to": new,
            "reason": why,
        }
        for at, node, old, new, why in recent
    ]


def _of(node: NodeHealth, health: ClusterHealth, now: float) -> dict[str, Any]:
    breaker = node.breaker
    return {
        "address": f"{node.address.host}:{node.address.port}",
        "state": breaker.state,
        "suspect": node.suspect,
        "errors_in_window": breaker.errors,
        "errors": {str(kind): count for kind, count in node.errors.items()},
        "left_early": node.left_early,
        "reason": breaker.why,
        "open_until_s": max(breaker.until - now, 0.0) if breaker.state == OPEN else None,
        "probes_out": breaker.probes_out,
        "p50_ms": s_to_shown_ms(node.latency.quantile(0.5)),
        "p99_ms": s_to_shown_ms(node.latency.quantile(0.99)),
        "partitions": health.maps.newest.shares(node.address.name),
    }
