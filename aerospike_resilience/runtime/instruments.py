"""Instruments: name, unit, description and source of every observable instrument of a wrapped client."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from ..telemetry.gauges import Instrument, Readings

if TYPE_CHECKING:
    from .engine import Engine

_STATES: Final = {"closed": 0, "half-open": 1, "open": 2, "isolated": 3}


def _one(value: Callable[[Engine], float]) -> Callable[[Engine], Readings]:
    """Return the function that reads an instrument with one value."""
    return lambda engine: [(value(engine), {})]


def _states(engine: Engine) -> Readings:
    return [
        (_STATES[node.breaker.state], {"aerospike.node.name": node.address.name})
        for node in engine.shared.health.nodes()
    ]


def _transitions(engine: Engine) -> Readings:
    counted = list(engine.shared.health.registry.transitions.items())
    return [
        (count, {"aerospike.node.name": name, "state": state}) for (name, state), count in counted
    ]


def _rejections(engine: Engine) -> Readings:
    rejected = engine.shared.gates.rejected().items()
    return [(count, {"reason": reason}) for reason, count in rejected]


def _in_flight_by_node(engine: Engine) -> Readings:
    gates = list(engine.shared.gates.nodes.by_name.items())
    return [(gate.in_flight, {"aerospike.node.name": name}) for name, gate in gates]


def _suppressed(engine: Engine) -> Readings:
    suppressed = engine.shared.retries.suppressed.items()
    return [(count, {"reason": reason}) for reason, count in suppressed]


def _would_have(engine: Engine) -> Readings:
    return [
        (
            count,
            {
                "aerospike.resilience.action": foreseen.action,
                "aerospike.resilience.reason": foreseen.reason,
                "aerospike.resilience.became": became,
                **({"aerospike.node.name": foreseen.node} if foreseen.node else {}),
            },
        )
        for foreseen, became, count in engine.shared.would_have.items()
    ]


def _fallback_calls(engine: Engine) -> float:
    fallback = engine.shared.fallback
    return fallback.calls if fallback is not None else 0


INSTRUMENTS: Final[Mapping[str, Instrument]] = {
    "breaker.state": Instrument(
        "gauge", "1", "A node's breaker: 0 closed, 1 half-open, 2 open, 3 isolated.", _states
    ),
    "breaker.transitions": Instrument(
        "counter",
        "{transition}",
        "Changes of state of nodes' breakers, by node and new state.",
        _transitions,
    ),
    "cluster.verdict": Instrument(
        "gauge",
        "1",
        "1 while so many nodes fail that the cluster or our own network is the likely cause.",
        _one(lambda engine: int(bool(engine.shared.health.verdict))),
    ),
    "commit_master": Instrument(
        "counter",
        "{operation}",
        "Writes sent with commit level master, as a replica of theirs was open.",
        _one(lambda engine: engine.shared.health.committed_alone),
    ),
    "fallback.calls": Instrument(
        "counter", "{operation}", "Operations made on the fallback client.", _one(_fallback_calls)
    ),
    "gate.in_flight": Instrument(
        "gauge",
        "{operation}",
        "Operations that hold a permit.",
        _one(lambda engine: engine.shared.gates.main.in_flight),
    ),
    "gate.limit": Instrument(
        "gauge",
        "{operation}",
        "Permits in all.",
        _one(lambda engine: engine.shared.gates.main.limit),
    ),
    "gate.waiting": Instrument(
        "gauge",
        "{operation}",
        "Operations in line for a permit.",
        _one(lambda engine: engine.shared.gates.main.waiting),
    ),
    "gate.node.in_flight": Instrument(
        "gauge",
        "{operation}",
        "Operations that hold a permit of a node, where the profile limits by node.",
        _in_flight_by_node,
    ),
    "gate.rejections": Instrument(
        "counter", "{operation}", "Operations refused by the gate, by reason.", _rejections
    ),
    "retries": Instrument(
        "counter",
        "{attempt}",
        "Attempts beyond an operation's first.",
        _one(lambda engine: engine.shared.retries.retries),
    ),
    "retries.suppressed": Instrument(
        "counter", "{operation}", "Failures not tried again, by reason.", _suppressed
    ),
    "would_have": Instrument(
        "counter",
        "{operation}",
        "Operations to which the profile compared with would have done something, by action, node, reason "
        "and what became of them.",
        _would_have,
    ),
    "storage.unreachable": Instrument(
        "gauge",
        "1",
        "1 while breaker.storage cannot be used and nodes' states are not shared.",
        _one(lambda engine: int(engine.sharing is not None and bool(engine.sharing.problem))),
    ),
    "reload.failed": Instrument(
        "gauge",
        "1",
        "1 while a profile's file is broken and the last good one holds.",
        _one(lambda engine: int(engine.reload_error is not None)),
    ),
    "native_config.overrides": Instrument(
        "gauge",
        "{field}",
        "Policy fields in which the client's own dynamic configuration overrides the profile.",
        _one(lambda engine: len(engine.native.found)),
    ),
}
"""Every instrument, by its name under ``aerospike.resilience.``."""
