"""Readings: what a wrapped client's metrics show, as values of one moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from ..model import refusals
from ..model.statistics import NodeStatistics
from ..telemetry import registry
from ..telemetry.board import Reading

if TYPE_CHECKING:
    from .engine import Engine

BREAKER_STATES: Final = ("closed", "half-open", "open", "isolated")
"""The states that a node's breaker can change to."""

MAX_DETAILED: Final = 5
"""How many nodes are shown with every counter that the client has of each, unless the profile says
otherwise. With them, a client has about 150 series at most, however large the cluster."""

_CLIENT_COUNTERS: Final = {
    "aerospike.client.connections.recovered": "recovered",
    "aerospike.client.connections.aborted": "aborted",
    "aerospike.client.errors": "errors",
    "aerospike.client.timeouts": "timeouts",
    "aerospike.client.key_busy": "key_busy",
}
"""What a client tells of a node besides its connections."""


def read(engine: Engine) -> Mapping[str, Reading]:
    """Return the current values of every metric that is not a histogram."""
    ours = "aerospike.resilience."
    shared, profile = engine.shared, engine.own_profile
    health, gate = shared.health, shared.gates.main
    statistics = engine.statistics.read()
    native = shared.retries.native if statistics.retries is None else statistics.retries
    suppressed = shared.retries.suppressed
    found: dict[str, Reading] = {
        ours + "retries": [
            (shared.retries.retries, {registry.RETRY_KIND: "ours"}),
            (native, {registry.RETRY_KIND: "native"}),
        ],
        ours + "suppressed_retries": [
            (suppressed.get(reason, 0), {registry.SUPPRESSION_REASON: reason})
            for reason in registry.SUPPRESSION_REASONS
        ],
        ours + "gate.in_flight": _one(gate.in_flight),
        ours + "gate.limit": _one(gate.limit),
        ours + "gate.waiting": _one(gate.waiting),
        ours + "gate.node.in_flight": [
            (one.in_flight, {registry.NODE: name})
            for name, one in list(shared.gates.nodes.by_name.items())
        ],
        ours + "commit_master": _one(health.committed_alone),
        ours + "would_have": [
            (
                count,
                {
                    registry.ACTION: foreseen.action,
                    registry.REASON: foreseen.reason,
                    registry.BECAME: became,
                    **({registry.NODE: foreseen.node} if foreseen.node else {}),
                },
            )
            for foreseen, became, count in shared.would_have.items()
        ],
        ours + "cluster.verdict": _one(bool(health.verdict)),
        ours + "profile.info": [(1, engine.profile_state.attributes())],
        ours + "reload.failed": _one(engine.reloads.error is not None),
        ours + "reloads": [
            (engine.reloads.counted[outcome], {registry.RELOAD_OUTCOME: outcome})
            for outcome in registry.RELOAD_OUTCOMES
        ],
        ours + "native_config.overrides": _one(len(engine.native.found)),
    }
    if profile.retry.budget is not None:
        found[ours + "budget.balance"] = _one(shared.budget.balance(shared.clock()))
    if profile.adaptive_timeout is not None and health.patience_s is not None:
        found[ours + "adaptive_timeout"] = _one(health.patience_s)
    if shared.fallback is not None:
        found[ours + "fallback.calls"] = _one(shared.fallback.calls)
    if engine.sharing is not None:
        found[ours + "storage.unreachable"] = _one(bool(engine.sharing.problem))
    return {**found, **_nodes(engine), **_connections(engine, statistics.nodes)}


def _one(value: float) -> Reading:
    return [(float(value) if isinstance(value, float) else int(value), {})]


def _nodes(engine: Engine) -> dict[str, Reading]:
    """Return what is shown of each node: those of the cluster, and those that left it lately."""
    ours, health = "aerospike.resilience.", engine.shared.health
    refused = engine.shared.refused.counted()
    states: Reading = []
    transitions: Reading = []
    open_time: Reading = []
    refusals_: Reading = [
        (refused.pop((reason, ""), 0), {registry.REFUSAL_REASON: reason})
        for reason in refusals.REASONS
        if reason != refusals.CIRCUIT_OPEN
    ]
    with health.notices, health.lock:
        history = health.registry.history
        now = _shown(engine)
        for name, state in now.items():
            node = {registry.NODE: name}
            states += [
                (int(one == state), {**node, registry.NODE_STATE: one})
                for one in registry.NODE_STATES
            ]
            transitions += [
                (history.transitions.get((name, one), 0), {**node, registry.NODE_STATE: one})
                for one in BREAKER_STATES
            ]
            open_time.append((history.not_closed_s(name), node))
            refused.setdefault((refusals.CIRCUIT_OPEN, name), 0)
    refusals_ += [
        (count, {registry.REFUSAL_REASON: reason, **({registry.NODE: node} if node else {})})
        for (reason, node), count in sorted(refused.items())
        if not node or node in now
    ]
    return {
        ours + "node.state": states,
        ours + "node.transitions": transitions,
        ours + "node.open_time": open_time,
        ours + "refusals": refusals_,
    }


def _shown(engine: Engine) -> dict[str, str]:
    """Return the state of each node of the cluster, and of those that left it lately."""
    health = engine.shared.health
    with health.notices, health.lock:
        gone = dict.fromkeys(health.registry.history.gone(), registry.GONE)
        return gone | {node.address.name: node.breaker.state for node in health.nodes()}


def _connections(engine: Engine, nodes: tuple[NodeStatistics, ...]) -> dict[str, Reading]:
    """Return what the client tells of its connections and tries."""
    found: dict[str, Reading] = {}

    def add(metric: str, value: float | None, said: dict[str, str]) -> None:
        if value is not None:
            found.setdefault(metric, []).append((value, said))

    wanted = engine.own_profile.telemetry.client_counters
    shown = _shown(engine)
    detailed = len(shown) <= MAX_DETAILED if wanted is None else wanted
    if detailed:
        exhausted = engine.shared.retries.exhausted
        for name in shown:
            metric = "aerospike.client.connections.exhausted"
            add(metric, exhausted.get(name, 0), {registry.NODE: name})
    most = engine.shared.max_conns_per_node if detailed else None
    for node in nodes:
        pool, named = {registry.POOL_NAME: node.name}, {registry.NODE: node.name}
        count = "db.client.connection.count"
        add(count, node.idle, {**pool, registry.POOL_STATE: "idle"})
        add(count, node.used, {**pool, registry.POOL_STATE: "used"})
        add("db.client.connection.max", most, pool)
        add("aerospike.client.connections.opened", node.opened, named)
        add("aerospike.client.connections.closed", node.closed, named)
        if detailed:
            for metric, name in _CLIENT_COUNTERS.items():
                add(metric, getattr(node, name), named)
    return found
