"""The links of a chain that fused calls stand for, and what stands in where a profile leaves one out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from ...interceptors import (
    Backpressure,
    Breaker,
    Deadline,
    Interceptor,
    NativeAttempt,
    PermitKeeper,
    Retry,
)
from ...interceptors.base import Link
from ...interceptors.gate.backpressure import WeightedBackpressure

if TYPE_CHECKING:
    from ...interceptors.telemetry.fused import FusedTelemetry


class Namespaces(Protocol):
    """What is known of a cluster's namespaces."""

    strong: frozenset[str]
    single: frozenset[str]


class Permits(Protocol):
    """What a fused call reads of a gate."""

    permits: Any
    waiting: int
    debt: int
    crowded_at: int

    def settle(self) -> None:
        """Serve the queue after a release."""
        ...


class Balance(Protocol):
    """What a fused call reads and counts of a retry budget."""

    operations: int
    spent: bool


class Calm(Protocol):
    """What a fused call reads of the nodes' health."""

    calm: bool
    eventual: bool


class Links(NamedTuple):
    """The links of a chain that a fused call can stand for."""

    telemetry: FusedTelemetry | None
    retry: Retry
    gate: Backpressure | None
    breaker: Breaker | None
    attempt: NativeAttempt
    inside_retry: list[Link]


def shipped(chain: Sequence[Interceptor]) -> Links | None:
    """Return the links of a chain; None if it does more for a success than a fused call does."""
    telemetry = _telemetry(chain)
    if telemetry is not None:
        chain = chain[1:]
    if len(chain) < 3 or type(chain[0]) is not Deadline:
        return None
    retry, *inside, attempt = chain[1:]
    if type(retry) is not Retry or retry.judges_results or type(attempt) is not NativeAttempt:
        return None
    gate: Backpressure | None = None
    breaker: Breaker | None = None
    links: list[Link] = []
    for link in inside:
        # A fused call is about one record, so it weighs one permit, and its result is no stream.
        if type(link) in (Backpressure, WeightedBackpressure) and gate is None and breaker is None:
            gate = cast("Backpressure", link)
        elif type(link) is Breaker and breaker is None:
            breaker = link
        elif type(link) is not PermitKeeper or gate is None:
            return None
        links.append(cast("Link", link))
    return Links(telemetry, retry, gate, breaker, attempt, links)


def _telemetry(chain: Sequence[Interceptor]) -> FusedTelemetry | None:
    """Return what tells of fused calls, if telemetry is the outermost link."""
    from ...interceptors.telemetry import Telemetry  # imports OpenTelemetry's API

    first = chain[0] if chain else None
    return first.fused if type(first) is Telemetry else None


class NoPermits:
    """Permits without end."""

    def pop(self) -> None:
        """Take one."""

    def append(self, _permit: None) -> None:
        """Release one."""

    def __len__(self) -> int:
        """Return 0: nobody counts them."""
        return 0


class NoGate:
    """Stands where a profile has no gate."""

    def __init__(self) -> None:
        self.permits = NoPermits()
        self.waiting = self.debt = 0
        self.crowded_at = -1

    def settle(self) -> None:
        """Do nothing: nobody waits."""


class NoBudget:
    """Stands where a profile has no retry budget."""

    def __init__(self) -> None:
        self.operations = 0
        self.spent = False


class NoHealth:
    """Stands where a profile keeps no account of nodes."""

    calm = True
    eventual = False


class NoNamespaces:
    """Stands where calls take no lane."""

    strong: frozenset[str] = frozenset()
    single: frozenset[str] = frozenset()
