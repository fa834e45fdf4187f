"""Never run: mypy and pyright check that the public names are typed as users need them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import aerospike
import aerospike_py
import pybreaker
import tenacity
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from aerospike_resilience import (
    AuthMode,
    BreakerHooks,
    Call,
    CircuitOpenError,
    ClientConfig,
    ClusterDefinition,
    ConnectError,
    Connecting,
    ConnectionExplanation,
    Explanation,
    Failure,
    FallbackClient,
    Host,
    Interceptor,
    Plan,
    Proceed,
    ProceedAsync,
    Profile,
    Reload,
    Resilience,
    RetryRules,
    SystemSettings,
    TelemetryProviders,
    TlsBuilder,
    connect,
    connect_per_process,
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


def a_definition() -> ClusterDefinition:
    hosts: list[Host] = Host.parse_hosts("db1:3000,db2:3000", 3000)
    settings = SystemSettings(tend_interval=timedelta(seconds=1), max_connections_per_node=100)
    builder: TlsBuilder = ClusterDefinition(hosts=hosts).with_tls_config_of()
    definition = builder.tls_name("db").ca_file("ca.pem").done().preferring_racks(1, 2)
    mode: AuthMode = definition.auth_mode
    assert mode
    return definition.with_native_credentials("ann", "x").with_system_settings(settings)


def connected_clients(config: ClientConfig) -> tuple[str, Resilience]:
    with connect(config, profile="latency", name="carts", wait="30s") as client:
        plain: aerospike.Client = client
        explained: ConnectionExplanation = client.resilience.explain_connection()
        plain.get(("test", "demo", 1))
    with connect(config, "aerospike_py", password_file="/run/x") as other:
        record: aerospike_py.Client = other
        assert record
    with a_definition().connect("aerospike_native") as native:
        native.close_blocking(drain="2s")
    client.close(drain=2000)
    return str(explained), client.resilience


async def awaited_clients(config: ClientConfig) -> None:
    connecting: Connecting[Any] = connect(config, client="aerospike_sdk")
    async with connect(config, client="aerospike_py.async") as client:
        found: aerospike_py.AsyncClient = client
        await found.put(("test", "demo", 1), {"n": 1})
    native = await a_definition().connect("aerospike_native.async")
    await native.close(drain="2s")
    cluster = await connecting
    await cluster.close()
    clients = connect_per_process(config, client="aerospike_py.async")
    await (await clients).put(("test", "demo", 1), {"n": 1})


def a_client_a_process(url: str) -> aerospike.Client:
    client: aerospike.Client = connect_per_process(url, profile="durable")
    try:
        client.get(("test", "demo", 1))
    except ConnectError as error:
        said: dict[str, str] = error.said
        assert said
    return client
