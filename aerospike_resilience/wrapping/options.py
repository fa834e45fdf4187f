"""Options of `resilient()` besides the profile, grouped into small value objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypedDict, TypeVar

from .mistakes import checked_listeners, refuse_unknown

if TYPE_CHECKING:
    import pybreaker
    from opentelemetry._logs import LoggerProvider
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider
    from tenacity.retry import RetryBaseT
    from tenacity.stop import StopBaseT
    from tenacity.wait import WaitBaseT

    from ..model.call import Call
    from ..model.outcome import Outcome

C = TypeVar("C")
V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRules:
    """The application's own retry rules, given as tenacity objects.

    They only add to the profile's rules and to the rules that make a retry safe.

    Attributes:
        wait: one of tenacity's ``wait_*``: how long to sleep before another attempt, instead of the
            profile's ``retry.backoff``. Never longer than its ``max_sleep``.
        retry: one of tenacity's ``retry_*``: which failures are worth another attempt, of those that may
            be made again at all; with ``retry_if_result`` also which results, of operations on one record
            that may be applied twice. The last result is returned whatever it is.
        stop: one of tenacity's ``stop_*``: when to give up, unless ``max_retries`` is reached earlier.
    """

    wait: WaitBaseT | None = None
    retry: RetryBaseT | None = None
    stop: StopBaseT | None = None


@dataclass(frozen=True, slots=True)
class FallbackClient(Generic[C]):
    """A second cluster's client, on which calls are made that are refused for an open node.

    Attributes:
        client: a client of the same package, bare or wrapped. No call is made there that may have been
            sent already.
        writes: whether writes go there too; they are then on the second cluster alone.
    """

    client: C
    writes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerHooks:
    """The application's own objects at the nodes' breakers, of pybreaker's classes.

    Attributes:
        listeners: their ``state_change`` is called for every change of a node's state, in order, from a
            thread of their own.
        storage: from a node's name to the storage in which the workers of a service share the nodes they
            opened. It replaces the profile's ``breaker.storage``. Used only from a thread of its own.
    """

    listeners: Sequence[pybreaker.CircuitBreakerListener] = ()
    storage: Callable[[str], pybreaker.CircuitBreakerStorage] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetryProviders:
    """OpenTelemetry's providers, where they are not the global ones, and hooks for spans.

    Attributes:
        tracer_provider: where spans go; None for the global one.
        meter_provider: where metrics go; None for the global one.
        logger_provider: where log records of attempts go; None for the global one.
        request_hook: called with every span that records and its `Call`, when the operation begins. It may
            add attributes to the span.
        response_hook: called with every span that records, its `Call` and its `Outcome`, when the operation
            has ended. What a hook raises is logged and has no effect.
    """

    tracer_provider: TracerProvider | None = None
    meter_provider: MeterProvider | None = None
    logger_provider: LoggerProvider | None = None
    request_hook: Callable[[Span, Call], None] | None = None
    response_hook: Callable[[Span, Call, Outcome], None] | None = None


class SeparateOptions(TypedDict, total=False):
    """The parts of the values above as separate keyword arguments, for short lines.

    ``wait`` and ``stop`` are parts of `RetryRules`, ``fallback_writes`` is ``writes`` of
    `FallbackClient`, ``listeners`` and ``storage`` are parts of `BreakerHooks`, the providers of
    `TelemetryProviders`.
    """

    wait: WaitBaseT | None
    stop: StopBaseT | None
    fallback_writes: bool
    listeners: Iterable[pybreaker.CircuitBreakerListener]
    storage: Callable[[str], pybreaker.CircuitBreakerStorage] | None
    tracer_provider: TracerProvider | None
    meter_provider: MeterProvider | None


class Options(NamedTuple):
    """All options, whichever way they were given."""

    rules: RetryRules
    fallback: FallbackClient[Any] | None
    breaker: BreakerHooks
    telemetry: TelemetryProviders


def options(
    retry: Any, fallback: Any, breaker: Any, telemetry: Any, separate: SeparateOptions
) -> Options:
    """Return the given options, grouped into one value each.

    Raises:
        TypeError: something is of the wrong class, is given twice, or is no argument at all.
    """
    left: dict[str, Any] = dict(separate)
    if retry is not None and not isinstance(retry, RetryRules):
        if isinstance(retry, dict):
            raise _not_settings("retry", RetryRules)
        left["retry"], retry = retry, None
    if fallback is not None and not isinstance(fallback, FallbackClient):
        fallback = FallbackClient(fallback, writes=bool(left.pop("fallback_writes", False)))
    elif "fallback_writes" in left:
        if fallback is not None:
            raise _given_twice("fallback_writes", "fallback", FallbackClient)
        del left["fallback_writes"]  # without a fallback it has no effect
    if "listeners" in left:
        left["listeners"] = checked_listeners(left["listeners"])
    found = Options(
        _value("retry", RetryRules, retry, left),
        fallback,
        _value("breaker", BreakerHooks, breaker, left),
        _value("telemetry", TelemetryProviders, telemetry, left),
    )
    if left:
        from .wrap import KEYWORDS

        refuse_unknown("resilient", left, (*KEYWORDS, *SeparateOptions.__annotations__))
    return found


def _value(argument: str, cls: type[V], given: Any, separate: dict[str, Any]) -> V:
    """Return a value as given, or built from its parts, which are removed from `separate`."""
    names = [field.name for field in fields(cls)]  # type: ignore[arg-type]
    parts = {name: separate.pop(name) for name in names if name in separate}
    if given is None:
        return cls(**parts)
    if not isinstance(given, cls):
        raise _not_settings(argument, cls)
    for part in parts:
        raise _given_twice(part, argument, cls)
    return given


def _not_settings(argument: str, cls: type[Any]) -> TypeError:
    return TypeError(
        f"{argument}= takes a {cls.__name__}; settings in the shape of a policy file go into "
        f'overrides={{"{argument}": {{…}}}}'
    )


def _given_twice(part: str, argument: str, cls: type[Any]) -> TypeError:
    return TypeError(f"{part}= is part of {argument}={cls.__name__}(…); give one of the two")
