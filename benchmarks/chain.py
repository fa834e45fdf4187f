"""The whole chain over a client that does nothing, against the peers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pybreaker
import redress
import stamina
import tenacity
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider

from aerospike_resilience import resilient

from .harness import Case
from .stub import KEY, Stub

TITLE = "cost of one successful call, sync"


def _wrapped(**more: Any) -> Callable[[], object]:
    client = resilient(Stub(), "latency", adapter="aerospike", **more)
    return lambda: client.get(KEY)


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
        Case("resilient, no SDK", _wrapped(), "retry, deadline, gate, breaker"),
        Case(
            "resilient, SDK metrics",
            _wrapped(meter_provider=MeterProvider([InMemoryMetricReader()])),
        ),
        Case("resilient, SDK spans", _wrapped(tracer_provider=TracerProvider())),
    ]


def verdict(ns: dict[str, float]) -> list[str]:
    """Return what the figures say about the budget of the design."""
    ours, bare = ns["resilient, no SDK"], ns["bare call"]
    peers = ns["pybreaker + BoundedSemaphore"]
    return [
        f"chain above the bare call: {ours - bare:,.0f} ns; budget 1,500 ns: {_holds(ours - bare <= 1500)}",
        f"below pybreaker + BoundedSemaphore ({peers:,.0f} ns): {_holds(ours < peers)}",
    ]


def _holds(true: bool) -> str:
    return "holds" if true else "EXCEEDED"
