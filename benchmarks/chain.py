"""The whole chain over a client that does nothing, against the peers."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import pybreaker
import redress
import stamina
import tenacity
from aerospike.exception import RecordNotFound
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider

from aerospike_resilience import BackpressureError, CircuitOpenError, deadline, resilient
from aerospike_resilience.interceptors.gate.queue import Waiter
from aerospike_resilience.model.operation import NodeAddress
from aerospike_resilience.nodes import TEND_THREAD
from aerospike_resilience.nodes.partitions import PARTITIONS, PartitionMap

from .harness import Case
from .stub import KEY, Stub

TITLE = "cost of one blocking call, processor time"

CLOCK = time.thread_time_ns

PLAIN = "resilient, no SDK"
GENERAL = "resilient, the general chain"
MISS, BARE_MISS = "resilient, a missing record", "bare call, a missing record"

BUDGETS: Final = {
    PLAIN: 0.35,
    "resilient, key by name": 0.8,
    "resilient, meta by name": 0.8,
    "resilient, in deadline()": 0.8,
    "resilient, profile with sets:": 0.8,
    "resilient, a caller's policy": 1.2,
    "resilient, operate": 1.5,
    MISS: 4.0,
    "resilient, refused: gate full": 8.0,
    "resilient, refused: others wait": 8.0,
    "resilient, refused: node open": 8.0,
}
"""How much a form may cost above the bare call, in multiples of what pybreaker costs: about 1 µs."""


Make: TypeAlias = Callable[[Any], Callable[[], object]]
"""From a client to a call of it, which costs no frame more than the bare call's."""


def _wrapped(make: Make = lambda client: lambda: client.get(KEY), **more: Any) -> Any:
    return make(resilient(Stub(), "latency", adapter="aerospike", **more))


def _ends(error: type[Exception], call: Callable[[], object]) -> Callable[[], None]:
    """Return a function that makes a call and catches the error with which it ends."""

    def ends() -> None:
        try:
            call()
        except error:
            return

    return ends


def _forms() -> list[Case]:
    """Return the forms in which services call, and the ways on which a call leaves the fused path."""
    policy, operations = {"total_timeout": 100}, [{"op": 1, "bin": "n"}]
    sets = {"test.demo": {"reads": {"total_timeout": "80ms"}}}
    overrides = {"policy": {"all": {"max_retries": 0}}}
    using: Any = resilient(Stub(), "latency", adapter="aerospike")
    return [
        Case("resilient, key by name", _wrapped(lambda client: lambda: client.get(key=KEY))),
        Case(
            "resilient, meta by name", _wrapped(lambda client: lambda: client.put(KEY, {}, meta={}))
        ),
        Case("resilient, in deadline()", _wrapped(), within=lambda: deadline(1000)),
        Case(
            "resilient, in a shorter deadline()",
            _wrapped(overrides={"policy": {"all": {"total_timeout": "60s"}}}),
            within=lambda: deadline(50),
        ),
        Case("resilient, profile with sets:", _wrapped(overrides={"sets": sets})),
        Case(
            "resilient, a caller's policy", _wrapped(lambda client: lambda: client.get(KEY, policy))
        ),
        Case(
            "resilient, operate", _wrapped(lambda client: lambda: client.operate(KEY, operations))
        ),
        Case(
            "resilient, using(overrides=)",
            lambda: using.get(KEY),
            within=lambda: using.resilience.using(overrides=overrides),
        ),
        Case(BARE_MISS, _ends(RecordNotFound, functools.partial(Stub().exists, KEY))),
        Case(MISS, _ends(RecordNotFound, _wrapped(lambda client: lambda: client.exists(KEY)))),
        *_refused(),
        Case(GENERAL, _wrapped(interceptors=[("before", "telemetry", _PassOn())])),
    ]


def _refused() -> list[Case]:
    """Return calls that are not sent: no permit and no queue, others wait, the record's node is open."""
    full, shed, shut = _wrapped(_itself), _wrapped(_itself), _wrapped(_itself)
    for client in (full, shed):
        client.resilience._engine.shared.gates.main.permits.clear()
    full.resilience._engine.shared.gates.close()
    queued = shed.resilience._engine.shared.gates.main
    queued._queue.join(Waiter())
    queued.waiting = 1
    health = shut.resilience._engine.shared.health
    health.adopt(PartitionMap({"test": (("A", "B"),) * PARTITIONS}))
    with health.notices, health.lock:
        health.update_nodes_locked({name: NodeAddress(name, "127.0.0.1", 3000) for name in "AB"})
    TEND_THREAD.discard(shut.resilience._engine._tended)  # the client knows of no nodes
    shut.resilience.isolate("A")
    return [
        Case("resilient, refused: gate full", _ends(BackpressureError, lambda: full.get(KEY))),
        Case(
            "resilient, refused: others wait",
            _ends(BackpressureError, lambda: shed.get(KEY)),
            within=lambda: shed.resilience.using(criticality="sheddable"),
        ),
        Case("resilient, refused: node open", _ends(CircuitOpenError, lambda: shut.put(KEY, {}))),
    ]


def _itself(client: Any) -> Any:
    return client


class _PassOn:
    """An application's own interceptor that does nothing."""

    def around(self, call: Any, proceed: Callable[[Any], Any]) -> Any:
        return proceed(call)

    async def around_async(self, call: Any, proceed: Callable[[Any], Any]) -> Any:
        return await proceed(call)


def cases() -> list[Case]:
    """Return the cases; the first is the bare call."""
    get = Stub().get
    breaker = pybreaker.CircuitBreaker()
    permits = threading.BoundedSemaphore(256)
    tenacious = tenacity.retry(stop=tenacity.stop_after_attempt(3), reraise=True)

    def passed_through(*args: Any, **kwargs: Any) -> Any:
        return get(*args, **kwargs)

    def gated() -> Any:
        with permits:
            return get(KEY)

    def gated_and_broken(key: Any) -> Any:
        with permits:
            return breaker.call(get, key)

    stacked = tenacious(gated_and_broken)
    tenacity_alone = tenacious(get)
    stamina_alone = stamina.retry(on=OSError, attempts=3)(get)
    redressed = redress.Policy(
        retry=redress.Retry(
            classifier=redress.default_classifier,
            strategy=redress.strategies.decorrelated_jitter(max_s=0.05),
            max_attempts=3,
        )
    )
    return [
        Case("bare call", lambda: get(KEY)),
        Case("pass-through wrapper", lambda: passed_through(KEY)),
        Case("BoundedSemaphore", gated),
        Case("pybreaker", lambda: breaker.call(get, KEY)),
        Case("pybreaker + BoundedSemaphore", lambda: gated_and_broken(KEY)),
        Case("redress (retry)", lambda: redressed.call(lambda: get(KEY))),
        Case("stamina", lambda: stamina_alone(KEY)),
        Case("tenacity", lambda: tenacity_alone(KEY)),
        Case("tenacity + pybreaker + BoundedSemaphore", lambda: stacked(KEY)),
        Case(PLAIN, _wrapped(), "retry, deadline, gate, breaker"),
        *_forms(),
        Case(
            "resilient, SDK metrics",
            _wrapped(meter_provider=MeterProvider([InMemoryMetricReader()])),
        ),
        Case("resilient, SDK spans", _wrapped(tracer_provider=TracerProvider())),
    ]


def verdict(ns: dict[str, float]) -> list[str]:
    """Return what the figures say about the budgets, each in multiples of pybreaker in the same run."""
    bare, peer = ns["bare call"], ns["pybreaker"] - ns["bare call"]
    said = []
    for name, budget in BUDGETS.items():
        above = ns[name] - (ns[BARE_MISS] if name == MISS else bare)
        said.append(
            f"{name}: {above:,.0f} ns above the bare call, {above / peer:.2f} x pybreaker; "
            f"budget {budget:.2f}: {_holds(above / peer <= budget)}"
        )
    return said


def _holds(true: bool) -> str:
    return "holds" if true else "EXCEEDED"
