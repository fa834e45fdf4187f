"""The parts alone: the gate, and what a closed breaker adds."""

from __future__ import annotations

import time
from collections.abc import Coroutine
from typing import Any

from aerospike_resilience.clients.aerospike.source import AerospikeSource
from aerospike_resilience.interceptors import Backpressure, Bounds, Breaker, Gate
from aerospike_resilience.interceptors.gate.limit_loop import AdaptiveLimitLoop, LimitFeedback
from aerospike_resilience.interceptors.gate.per_node import NodeGates, PerNode
from aerospike_resilience.interceptors.gate.target_nodes import TargetNodes
from aerospike_resilience.model.call import Call
from aerospike_resilience.model.operation import Kind, Operation, Shape
from aerospike_resilience.model.plan import Plan
from aerospike_resilience.nodes import ClusterHealth, NodeOptions
from aerospike_resilience.nodes.latency import Latency
from aerospike_resilience.nodes.partitions import PARTITIONS, PartitionMap

from .harness import Case
from .stub import KEY, Stub

TITLE = "parts alone, around nothing"

CLOCK = time.thread_time_ns

GATE = "gate interceptor, uncontended"
ESTIMATOR = "adaptive timeout: what a call leaves for the estimator"
BREAKER = "breaker interceptor, all closed (one clock read)"
OWNERS = "a record's nodes, from digest and map"
GATE_AWAITED = "gate interceptor, awaited, uncontended"


def cases() -> list[Case]:
    """Return the cases; the first is the call that the parts stand around."""
    operation = Operation(
        "get", Kind.READ, Shape.POINT, "read", ("key", "policy"), policy="policy", key="key"
    )
    plan = Plan(
        operation,
        "bench",
        send=lambda _args, _kwargs, _policy: None,
        classify=lambda _error, _operation: None,  # type: ignore[arg-type,return-value]
        fields={},
        policy={},
    )
    call = Call(plan, (KEY,), {}, KEY)
    gate, health = Gate(256), ClusterHealth(AerospikeSource(Stub()), NodeOptions())
    health.maps.newest = PartitionMap({"test": (("A1", "A2"),) * PARTITIONS})
    targets = TargetNodes(health)
    per_node = NodeGates()
    per_node.resize(128, 0.0, "fifo")
    answers, usual = health.calls.recent, Latency()

    def nothing(_call: Call) -> Any:
        return None

    async def nothing_awaited(_call: Call) -> Any:
        return None

    # As in a chain: an interceptor gets what stands behind it once, not at every call.
    backpressure, breaker = Backpressure(gate).link(nothing), Breaker(health).link(nothing)
    awaited = Backpressure(gate).link_async(nothing_awaited)
    by_node = PerNode(per_node, targets.masters).link(nothing)
    outcomes = LimitFeedback(
        AdaptiveLimitLoop(Bounds(256, 10, 256), lambda _limit: None), gate
    ).link(nothing)

    def acquire_and_release() -> None:
        permits = gate.permits
        del permits[-1]
        permits.append(None)

    return [
        Case("the call alone", lambda: nothing(call)),
        Case("gate: take and lay down a permit", acquire_and_release),
        Case(GATE, lambda: backpressure(call)),
        Case("the awaited call alone", lambda: _drive(nothing_awaited(call))),
        Case(GATE_AWAITED, lambda: _drive(awaited(call))),
        Case("max_per_node, uncontended, map known", lambda: by_node(call)),
        Case("limit: adaptive", lambda: outcomes(call)),
        Case(BREAKER, lambda: breaker(call)),
        Case(OWNERS, lambda: health.maps.owners(KEY)),
        Case(ESTIMATOR, lambda: answers.append((KEY, 1.0, 1.001, None))),
        Case("adaptive timeout: an answer sorted in, by the tend thread", lambda: usual.add(0.001)),
        Case("reading the clock", time.monotonic),
        Case("Call()", lambda: Call(plan, (KEY,), {}, KEY)),
    ]


def verdict(ns: dict[str, float]) -> list[str]:
    """Return what the gate costs a call that need not wait, against its budget."""
    sync = ns[GATE] - ns["the call alone"]
    awaited = ns[GATE_AWAITED] - ns["the awaited call alone"]
    closed = ns[BREAKER] - ns["the call alone"]
    return [
        f"gate, sync: {sync:,.0f} ns; budget 150 ns: {'holds' if sync <= 150 else 'EXCEEDED'}",
        f"gate, async: {awaited:,.0f} ns; budget 250 ns: {'holds' if awaited <= 250 else 'EXCEEDED'}",
        f"estimator: {ns[ESTIMATOR]:,.0f} ns; budget 100 ns: "
        f"{'holds' if ns[ESTIMATOR] <= 100 else 'EXCEEDED'}",
        f"closed breaker: {closed:,.0f} ns; budget 150 ns: {'holds' if closed <= 150 else 'EXCEEDED'}",
        f"looking a node up: {ns[OWNERS]:,.0f} ns; budget 1,000 ns: "
        f"{'holds' if ns[OWNERS] <= 1000 else 'EXCEEDED'}",
    ]


def _drive(awaitable: Coroutine[Any, Any, Any]) -> None:
    """Run what never waits to its end, without the cost of an event loop."""
    try:
        awaitable.send(None)
    except StopIteration:
        return
