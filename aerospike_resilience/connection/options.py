"""The keyword arguments of `connect()`: those of `resilient()`, and its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypedDict

from ..profiles import Policies
from ..profiles.starting import BrokenProfile
from ..runtime.chain import Arrange, Placed
from ..wrapping.mistakes import refuse_unknown
from ..wrapping.options import (
    BreakerHooks,
    FallbackClient,
    RetryRules,
    SeparateOptions,
    TelemetryProviders,
)
from ..wrapping.wrap import KEYWORDS

if TYPE_CHECKING:
    import pybreaker
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider
    from tenacity.retry import RetryBaseT
    from tenacity.stop import StopBaseT
    from tenacity.wait import WaitBaseT

OWN: Final = ("password_file", "allow_unsupported", "wait")
"""The arguments that `resilient()` does not have."""

NOT_OURS: Final = ("adapter",)
"""Arguments of `resilient()` that mean nothing here."""


class ConnectOptions(TypedDict, total=False):
    """Keyword arguments of `connect()`. All but the first three are those of `resilient()`.

    Attributes:
        password_file: a file that holds the password, such as a mounted Kubernetes secret. It is read at
            every connect.
        allow_unsupported: whether a setting that is beyond the client is left out with a warning.
        wait: how long connecting is tried again while the cluster cannot be reached: ``"30s"``, or
            milliseconds; with a line of progress in the log for each attempt. One of tenacity's ``wait_*``
            is `resilient()`'s own argument of that name.
    """

    password_file: str
    allow_unsupported: bool
    wait: str | float | WaitBaseT | None
    name: str | None
    overrides: Mapping[str, Any] | None
    policies: Policies | None
    broken_profile: BrokenProfile
    interceptors: Sequence[Placed]
    retry: RetryRules | RetryBaseT | None
    fallback: FallbackClient[Any] | Any
    breaker: BreakerHooks | None
    telemetry: TelemetryProviders | None
    arrange: Arrange | None
    clock: Callable[[], float]
    stop: StopBaseT | None
    fallback_writes: bool
    listeners: Iterable[pybreaker.CircuitBreakerListener]
    storage: Callable[[str], pybreaker.CircuitBreakerStorage] | None
    tracer_provider: TracerProvider | None
    meter_provider: MeterProvider | None


def for_resilient(function: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that are for `resilient()`.

    Args:
        function: what was called.
        options: all options.

    Raises:
        TypeError: there is no argument of that name.
    """
    known = (*(one for one in KEYWORDS if one not in NOT_OURS), *SeparateOptions.__annotations__)
    unknown = {
        name: value for name, value in options.items() if name not in known and name not in OWN
    }
    if unknown:
        refuse_unknown(function, unknown, (*OWN, *known))
    return {
        name: value
        for name, value in options.items()
        if name not in OWN or (name == "wait" and callable(value))
    }
