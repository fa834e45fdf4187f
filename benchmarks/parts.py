"""The parts alone: the gate, and what a closed breaker adds."""

from __future__ import annotations

import time
from typing import Any

from aerospike_resilience.call import Call, Plan
from aerospike_resilience.clients.aerospike.source import AerospikeSource
from aerospike_resilience.interceptors import Backpressure, Breaker, Gate
from aerospike_resilience.nodes import ClusterHealth, NodeOptions
from aerospike_resilience.operation import Kind, Operation, Shape

from .harness import Case
from .stub import KEY, Stub

TITLE = "parts alone, around nothing"


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
    backpressure, breaker = Backpressure(gate).around, Breaker(health).around

    def nothing(_call: Call) -> Any:
        return None

    def acquire_and_release() -> None:
        gate.permits.pop()
        gate.permits.append(None)

    return [
        Case("the call alone", lambda: nothing(call)),
        Case("gate: take and lay down a permit", acquire_and_release),
        Case("gate interceptor, uncontended", lambda: backpressure(call, nothing)),
        Case("breaker interceptor, all closed (one clock read)", lambda: breaker(call, nothing)),
        Case("reading the clock", time.monotonic),
        Case("Call()", lambda: Call(plan, (KEY,), {}, KEY)),
    ]


def verdict(_ns: dict[str, float]) -> list[str]:
    """Return nothing: these explain the chain's figure."""
    return []
