"""`resilient()`: a client in, a wrapped client out."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from .clients import adapter_for, adapter_named
from .engine import Engine
from .errors import AlreadyWrappedError, ClientClosedError
from .handle import Resilience
from .interceptors import Gates, RetryBudget
from .nodes import TENDER, ClusterHealth
from .profiles import PolicyLibrary
from .proxy import proxy
from .runtime import Arrange, Shared, gate_options, node_options

if TYPE_CHECKING:
    import pybreaker

T = TypeVar("T")

Policies = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


def resilient(
    client: T,
    profile: str = "default",
    *,
    overrides: Mapping[str, Any] | None = None,
    policies: Policies | None = None,
    arrange: Arrange | None = None,
    listeners: Iterable[pybreaker.CircuitBreakerListener] = (),
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    adapter: str | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> T:
    """Wrap a client so that it keeps serving while nodes stall, overload and die.

    The wrapped client has the same methods, results and exceptions, and one more attribute,
    ``resilience`` (see `Resilience`). The client given stays usable, unprotected.

    Args:
        client: a connected client.
        profile: the name of a policy file, without ``.yaml``.
        overrides: settings over the profile's, in the shape of a policy file.
        policies: where to look for policy files before the usual places: a directory or several.
        arrange: given the chain's interceptors, outermost first, returns those that are to run.
        listeners: pybreaker's listeners, told of every node's transitions.
        tracer_provider: OpenTelemetry's; None for the global one.
        meter_provider: OpenTelemetry's; None for the global one.
        adapter: the client's name, for a stand-in that is not of the client's class.
        clock: seconds on a monotonic clock.

    Raises:
        NotAClientError: this is no client that the library knows. Also a `TypeError`.
        AlreadyWrappedError: the client is wrapped already. Also a `TypeError`.
        ClientClosedError: the client is closed. Also a `RuntimeError`.
        UnknownProfileError: there is no such profile. Also a `LookupError`.
        PolicyFileError: the profile's file, or `overrides`, is broken. Also a `ValueError`.
    """
    if isinstance(getattr(client, "resilience", None), Resilience):
        raise AlreadyWrappedError(
            "the client is wrapped already; use client.resilience.using(...) for another profile in a "
            "block, or wrap the client that resilient() was given"
        )
    chosen = adapter_for(client) if adapter is None else adapter_named(adapter)
    if chosen.is_closed(client):
        raise ClientClosedError("the client is closed; wrap it while it is connected")
    library = PolicyLibrary(_directories(policies))
    loaded = library.load(profile)
    if overrides is not None:
        loaded = loaded.with_overrides(overrides)
    budget = loaded.retry.budget
    health = ClusterHealth(
        chosen.source(client),
        node_options(loaded),
        wake=TENDER.wake,
        listeners=listeners,
        clock=clock,
    )
    shared = Shared(
        client,
        chosen,
        health,
        Gates(gate_options(loaded), health, clock),
        RetryBudget(budget.ratio, budget.min_per_second) if budget else RetryBudget(0.0, 0.0),
        arrange=arrange,
        tracer_provider=tracer_provider,
        meter_provider=meter_provider,
        clock=clock,
    )
    engine = Engine(shared, library, loaded, overrides)

    def close(*args: Any, **kwargs: Any) -> Any:
        engine.close()
        return client.close(*args, **kwargs)  # type: ignore[attr-defined]

    wrapped: T = proxy(client, engine, chosen.lazy, close)
    return wrapped


def _directories(policies: Policies | None) -> list[Path] | None:
    if policies is None:
        return None
    if isinstance(policies, str | os.PathLike):
        return [Path(policies)]
    return [Path(directory) for directory in policies]
