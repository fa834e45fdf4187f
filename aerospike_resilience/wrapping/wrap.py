"""`resilient()`: a client in, a wrapped client out."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from ..clients import Adapter, adapter_for, adapter_named
from ..errors import AlreadyWrappedError, ClientClosedError, NotAClientError
from ..interceptors import Fallback, Gates, Recorder, RetryBudget, TenacityRules
from ..nodes import TEND_THREAD, ClusterHealth
from ..profiles import Policies, PolicyLibrary, connection
from ..runtime.chain import Arrange, Placed, check_placed
from ..runtime.compiled import Shared, gate_options, node_options
from ..runtime.engine import Engine
from .proxy import proxy
from .resilience import Resilience
from .scopes import by_scope

if TYPE_CHECKING:
    import pybreaker
    from tenacity.retry import RetryBaseT
    from tenacity.stop import StopBaseT
    from tenacity.wait import WaitBaseT

T = TypeVar("T")

_NUMBERS = itertools.count(1)


def resilient(
    client: T,
    profile: str = "default",
    *,
    overrides: Mapping[str, Any] | None = None,
    policies: Policies | None = None,
    interceptors: Sequence[Placed] = (),
    arrange: Arrange | None = None,
    wait: WaitBaseT | None = None,
    retry: RetryBaseT | None = None,
    stop: StopBaseT | None = None,
    fallback: T | None = None,
    fallback_writes: bool = False,
    listeners: Iterable[pybreaker.CircuitBreakerListener] = (),
    storage: Callable[[str], pybreaker.CircuitBreakerStorage] | None = None,
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
        interceptors: interceptors of the application's own, each with its place in the chain, whatever the
            profile switches on or off: ``[("before", "breaker", Mine())]``. The places are `CHAIN_ORDER`.
        arrange: given the chain's interceptors, outermost first, returns those that are to run.
        wait: one of tenacity's ``wait_*``: how long to sleep before an attempt is made again, in the
            place of the profile's ``retry.backoff``. Never longer than its ``max_sleep``.
        retry: one of tenacity's ``retry_*``: which failures are worth another attempt, of those that may
            be made again at all; with ``retry_if_result`` also which results, of operations on one record
            that may be applied twice. The last result is returned whatever it is.
        stop: one of tenacity's ``stop_*``: when to give up, if ``max_retries`` does not say so before.
        fallback: a second cluster's client of the same package, bare or wrapped: calls that are refused
            for an open node are made there. Never one that may have been sent already.
        fallback_writes: whether writes go there too; they are then on the second cluster alone.
        listeners: pybreaker's listeners, told of every node's transitions by ``state_change``, in order,
            from a thread of their own.
        storage: given a node's name, returns one of pybreaker's storages, through which the workers of a
            service tell each other of nodes they opened; in the place of the profile's
            ``breaker.storage``. Only ever used from a thread of its own.
        tracer_provider: OpenTelemetry's; None for the global one.
        meter_provider: OpenTelemetry's; None for the global one.
        adapter: the client's name, for a stand-in that is not of the client's class.
        clock: seconds on a monotonic clock.

    Raises:
        NotAClientError: this is no client that the library knows. Also a `TypeError`.
        AlreadyWrappedError: the client is wrapped already. Also a `TypeError`.
        ClientClosedError: the client is closed. Also a `RuntimeError`.
        TypeError: what `interceptors` or `arrange` gives is no interceptor or no place; `wait`,
            `retry` or `stop` cannot be called, or is to be awaited.
        UnknownProfileError: there is no such profile. Also a `LookupError`.
        PolicyFileError: the profile's file, or `overrides`, is broken. Also a `ValueError`.
    """
    _refuse_wrapped(client)
    chosen = adapter_for(client) if adapter is None else adapter_named(adapter)
    if chosen.is_closed(client):
        raise ClientClosedError("the client is closed; wrap it while it is connected")
    seam = chosen.seam(client)
    target: Any = client if seam is None else seam.target
    _refuse_wrapped(target)
    library = PolicyLibrary.of(policies)
    loaded = library.load(profile)
    if overrides is not None:
        loaded = loaded.with_overrides(overrides)
    connection.tell(loaded, chosen.own_connection(client))
    budget = loaded.retry.budget
    health = ClusterHealth(
        chosen.source(target),
        node_options(loaded),
        wake=TEND_THREAD.wake,
        listeners=listeners,
        clock=clock,
    )
    shared = Shared(
        target,
        chosen,
        health,
        Gates(gate_options(loaded), health, clock),
        RetryBudget(budget.ratio, budget.min_per_second) if budget else RetryBudget(0.0, 0.0),
        interceptors=check_placed(interceptors),
        arrange=arrange,
        fallback=_fallback(chosen, fallback, health, writes=fallback_writes, clock=clock),
        rules=TenacityRules(wait, retry, stop) if wait or retry or stop else None,
        storage=storage,
        tracer_provider=tracer_provider,
        meter_provider=meter_provider,
        recorder=Recorder(clock),
        clock=clock,
    )
    engine = Engine(shared, library, loaded, overrides)
    wrapped: Any = proxy(target, engine, chosen.lazy)
    if seam is None:
        return wrapped  # type: ignore[no-any-return]
    engine.follow(lambda profile: seam.follow(by_scope(profile)), seam.remove)
    name = f"resilience:{loaded.name}:{next(_NUMBERS)}"
    installed: T = seam.install(wrapped, wrapped.resilience, name, by_scope(engine.runtime.profile))
    return installed


def _fallback(
    adapter: Adapter,
    other: object,
    health: ClusterHealth,
    *,
    writes: bool,
    clock: Callable[[], float],
) -> Fallback | None:
    if other is None:
        return None
    found = adapter_for(other)
    if found.name != adapter.name:
        raise NotAClientError(
            f"fallback= takes a client of {adapter.name!r}, as the one it stands in for; this is one of "
            f"{found.name!r}"
        )
    seam = found.seam(other)
    target = other if seam is None else seam.target
    return Fallback(lambda name: getattr(target, name), health, writes=writes, clock=clock)


def _refuse_wrapped(client: object) -> None:
    if isinstance(getattr(client, "resilience", None), Resilience):
        raise AlreadyWrappedError(
            "the client is wrapped already; use client.resilience.using(...) for another profile in a "
            "block, or wrap the client that resilient() was given"
        )
