"""Never run: mypy and pyright check that the public names are typed as users need them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aerospike
import aerospike_py
import pybreaker
import tenacity
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from aerospike_resilience import (
    BreakerHooks,
    Call,
    CircuitOpenError,
    Explanation,
    Failure,
    FallbackClient,
    Interceptor,
    Plan,
    Proceed,
    ProceedAsync,
    Profile,
    Reload,
    Resilience,
    RetryRules,
    TelemetryProviders,
    deadline,
    remaining,
    resilience,
    resilient,
)


def wrapping_keeps_the_type(config: dict[str, object]) -> aerospike.Client:
    client: aerospike.Client = resilient(aerospike.client(config), profile="latency")
    return client


def deadlines(client: aerospike.Client) -> float | None:
    with deadline(0.2):
        client.get(("test", "demo", 1))
    return remaining()


def values(client: aerospike.Client, other: aerospike.Client) -> aerospike.Client:
    return resilient(
        client,
        "latency",
        name="carts",
        retry=RetryRules(wait=tenacity.wait_fixed(0.1), stop=tenacity.stop_after_attempt(2)),
        fallback=FallbackClient(other, writes=True),
        breaker=BreakerHooks(listeners=[pybreaker.CircuitBreakerListener()]),
        telemetry=TelemetryProviders(),
    )


def parts(
    client: aerospike_py.Client,
    other: aerospike_py.Client,
    tracers: TracerProvider,
    meters: MeterProvider,
) -> aerospike_py.Client:
    return resilient(
        client,
        retry=tenacity.retry_if_exception_type(TimeoutError),
        wait=tenacity.wait_fixed(0.1),
        fallback=other,
        fallback_writes=True,
        storage=lambda _node: pybreaker.CircuitMemoryStorage("closed"),
        tracer_provider=tracers,
        meter_provider=meters,
    )


class Mine:
    def around(self, call: Call, proceed: Proceed) -> Any:
        plan: Plan = call.plan
        failure: Failure | None = call.failure
        return proceed(call) if plan.writes or failure is None else None

    async def around_async(self, call: Call, proceed: ProceedAsync) -> Any:
        return await proceed(call)


def own_chain(client: aerospike.Client) -> aerospike.Client:
    def first(chain: list[Interceptor]) -> Sequence[Interceptor]:
        return [Mine(), *chain]

    return resilient(client, arrange=first)


def what_is_behind_it(client: aerospike.Client) -> tuple[str, Profile, Explanation, Reload]:
    ours: Resilience = resilience(client)
    with ours.using("batch", criticality="sheddable"):
        snapshot: dict[str, Any] = ours.snapshot()
    ours.isolate("A1")
    rate: int = ours.profile.breaker.max_error_rate
    assert snapshot
    assert rate
    return ours.name, ours.profile, ours.explain("get"), ours.reload()


def refusals(client: aerospike.Client) -> tuple[str, str, float | None]:
    try:
        client.get(("test", "demo", 1))
    except CircuitOpenError as error:
        return error.client_name, error.node, error.retry_after_s
    return "", "", None
