"""`resilient()`: turns a client into a wrapped client."""

from __future__ import annotations

import inspect
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar, Unpack

from ..clients import Adapter, adapter_for, adapter_named
from ..clients.shared.derived import client_class
from ..errors import AlreadyWrappedError, ClientClosedError, NotAClientError, join_pybreaker
from ..interceptors import Fallback, Gates, Recorder, RetryBudget, TenacityRules
from ..model.identity import ClientIdentity
from ..nodes import TEND_THREAD, ClusterHealth, Tolerance
from ..profiles import Policies, PolicyLibrary, connection
from ..profiles.library import check_name
from ..profiles.overrides import copied
from ..profiles.starting import BrokenProfile, start
from ..runtime.chain import Arrange, Placed, check_placed
from ..runtime.engine import Engine
from ..runtime.options import gate_options, node_options
from ..runtime.shared import Shared
from .being_connected import CREATING, SEED
from .mistakes import checked_listeners
from .names import CLIENT_NAMES
from .options import (
    BreakerHooks,
    FallbackClient,
    RetryRules,
    SeparateOptions,
    TelemetryProviders,
    options,
)
from .proxy import proxy
from .resilience import Resilience
from .scopes import by_scope

if TYPE_CHECKING:
    from tenacity.retry import RetryBaseT

T = TypeVar("T")

_NUMBERS = itertools.count(1)


def resilient(
    client: T,
    profile: str = "default",
    *,
    name: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    policies: Policies | None = None,
    broken_profile: BrokenProfile = "raise",
    interceptors: Sequence[Placed] = (),
    retry: RetryRules | RetryBaseT | None = None,
    fallback: T | FallbackClient[T] | None = None,
    breaker: BreakerHooks | None = None,
    telemetry: TelemetryProviders | None = None,
    arrange: Arrange | None = None,
    adapter: str | None = None,
    clock: Callable[[], float] = time.monotonic,
    **separate: Unpack[SeparateOptions],
) -> T:
    """Wrap a client so that it keeps serving while nodes stall, overload and die.

    The wrapped client has the same methods, results and exceptions, and one more attribute,
    ``resilience`` (see `Resilience`; type checkers see it by ``resilience(client)``). The client given
    stays usable, unprotected.

    Args:
        client: a connected client.
        profile: the name of a policy file, without ``.yaml``.
        name: the client's name in every log line, metric, snapshot and error about it: ``carts``. None
            for the kind of client and a number in the order of wrapping: ``aerospike-1``. While another
            client has the name, it gets a number too: ``carts-2``.
        overrides: settings over the profile's, in the shape of a policy file.
        policies: where to look for policy files before the usual places: a directory or several.
        broken_profile: what to do if the profile's file is broken or missing. ``raise``: raise an error.
            ``parent``: start on the nearest parent that is good, or on ``observe`` if there is none; the
            log, the snapshot and the metrics show it, and the file takes effect once it is repaired.
        interceptors: interceptors of the application's own, each with its place in the chain, whatever the
            profile switches on or off: ``[("before", "breaker", Mine())]``. The places are `CHAIN_ORDER`.
        retry: the application's own retry rules: `RetryRules`, or one of tenacity's ``retry_*``.
        fallback: a second cluster's client, bare or wrapped, on which reads are made that are refused
            for an open node; a `FallbackClient` says whether writes are too.
        breaker: listeners and storage for the nodes' breakers.
        telemetry: OpenTelemetry's providers; None for the global ones.
        arrange: given the chain's interceptors, outermost first, returns those that are to run.
        adapter: the client's name, for a stand-in that is not of the client's class.
        clock: seconds on a monotonic clock.
        separate: parts of `retry`, `fallback`, `breaker` and `telemetry` as separate arguments, for short
            lines: ``wait=``, ``stop=``, ``fallback_writes=``, ``listeners=``, ``storage=``,
            ``tracer_provider=``, ``meter_provider=``.

    Raises:
        NotAClientError: this is no client that the library knows. Also a `TypeError`.
        AlreadyWrappedError: the client is wrapped already. Also a `TypeError`.
        ClientClosedError: the client is closed. Also a `RuntimeError`.
        ResilienceError: a package is not installed: ``tenacity`` (for `wait`, `retry`, `stop`) or
            ``pybreaker`` (for `listeners`).
        TypeError: an argument is of the wrong class, or given twice, or there is none of that name;
            what `interceptors` or `arrange` gives is no interceptor or no place; `wait`, `retry` or `stop`
            cannot be called, is a class, or is to be awaited; `policies` names no directories.
        ValueError: `name` cannot stand in a log line, or `broken_profile` is none of the two.
        UnknownProfileError: there is no such profile. Also a `LookupError`.
        PolicyFileError: the profile's file, or `overrides`, is broken. Also a `ValueError`.
    """
    join_pybreaker()
    check_name(profile)
    given = options(retry, fallback, breaker, telemetry, separate)
    overrides, listeners = copied(overrides), checked_listeners(given.breaker.listeners)
    _refuse_wrapped(client)
    chosen = adapter_for(client) if adapter is None else adapter_named(adapter)
    _refuse_nonsense(client, chosen)
    if not CREATING.get() and chosen.is_closed(client):
        raise ClientClosedError("the client is closed; wrap it while it is connected")
    seam = chosen.seam(client)
    target: Any = client if seam is None else seam.target
    _refuse_wrapped(target)
    library = PolicyLibrary.of(policies)
    begun = start(library, profile, broken_profile)
    loaded = begun.profile
    if overrides is not None:
        loaded = loaded.with_overrides(overrides)
    rules = given.rules
    tenacity_rules = (
        None if rules == RetryRules() else TenacityRules(rules.wait, rules.retry, rules.stop)
    )
    identity = CLIENT_NAMES.take(name, chosen.name, profile)
    library.tell(identity)
    connection.tell(loaded, chosen.own_connection(client), identity)
    budget = loaded.retry.budget
    health = ClusterHealth(
        chosen.source(target),
        node_options(loaded),
        wake=TEND_THREAD.wake,
        held_up_s=TEND_THREAD.lag.within,
        listeners=listeners,
        clock=clock,
        identity=identity,
        tolerance=Tolerance.of(chosen.own_connection(client)),
    )
    shared = Shared(
        target,
        chosen,
        health,
        Gates(gate_options(loaded), health, clock),
        RetryBudget(budget.ratio, budget.min_per_second) if budget else RetryBudget(0.0, 0.0),
        load=library.load,
        interceptors=check_placed(interceptors),
        arrange=arrange,
        fallback=_fallback(chosen, given.fallback, health, clock),
        rules=tenacity_rules,
        storage=given.breaker.storage,
        tracer_provider=given.telemetry.tracer_provider,
        meter_provider=given.telemetry.meter_provider,
        logger_provider=given.telemetry.logger_provider,
        request_hook=given.telemetry.request_hook,
        response_hook=given.telemetry.response_hook,
        seed=SEED.get(),
        recorder=Recorder(clock, health.maps.owners),
        clock=clock,
        max_conns_per_node=_whole(chosen.own_connection(client).get("max_conns_per_node")),
    )
    engine = Engine(shared, library, begun, loaded, overrides)
    wrapped: Any = proxy(target, engine, chosen.lazy)
    if seam is None:
        return wrapped  # type: ignore[no-any-return]
    engine.follow(lambda profile: seam.follow(by_scope(profile)), seam.remove)
    behavior = f"resilience:{profile}:{next(_NUMBERS)}"
    installed: T = seam.install(
        wrapped, wrapped.resilience, behavior, by_scope(engine.runtime.profile)
    )
    return installed


KEYWORDS: Final = tuple(
    name
    for name, parameter in inspect.signature(resilient).parameters.items()
    if parameter.kind is parameter.KEYWORD_ONLY
)
"""The keyword-only arguments of `resilient`."""


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def _fallback(
    adapter: Adapter,
    given: FallbackClient[Any] | None,
    health: ClusterHealth,
    clock: Callable[[], float],
) -> Fallback | None:
    if given is None:
        return None
    other = given.client
    found = adapter_for(other)
    if found.name != adapter.name:
        raise NotAClientError(
            f"fallback= takes a client of {adapter.name!r}, as the one it stands in for; this is one of "
            f"{found.name!r}"
        )
    seam = found.seam(other)
    target = other if seam is None else seam.target
    return Fallback(lambda name: getattr(target, name), health, writes=given.writes, clock=clock)


def _refuse_nonsense(client: Any, adapter: Adapter) -> None:
    """Refuse a stand-in that does not behave as the client does in what wrapping reads of it."""
    if client_class(type(client), adapter.recognises) is not None:
        return
    try:
        adapter.is_closed(client)
        seam = adapter.seam(client)
        target = client if seam is None else seam.target
        for own in (*adapter.own_policies(target).values(), adapter.own_connection(client)):
            dict(own)
        list(adapter.source(target).nodes())
    except (NotAClientError, ClientClosedError):
        raise
    except Exception as error:
        raise NotAClientError(
            f"this {type(client).__qualname__} does not answer as a client of {adapter.name!r} does "
            f"({type(error).__name__}: {error}), so it cannot be wrapped; give a stand-in that hands on "
            "what it does not answer itself, or a client of an embedded cluster "
            "(aerospike_resilience.testing.LocalCluster)"
        ) from error


def _refuse_wrapped(client: object) -> None:
    found = getattr(client, "resilience", None)
    if isinstance(found, Resilience):
        raise ClientIdentity(found.name).error(
            AlreadyWrappedError,
            "the client is wrapped already; use client.resilience.using(...) for another profile in a "
            "block, or wrap the client that resilient() was given",
        )
