"""The loop that feeds outcomes to the adaptive limit. In the chain only where the limit is adaptive."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from ...concurrency import forking
from ...model.call import Call
from ...model.failure import FailureKind
from ...model.operation import Shape
from ..base import Link, LinkedAsync, Proceed, ProceedAsync
from .adaptive_limit import SHORTEST_ROUND, AdaptiveLimit, Bounds, LimitSample
from .semaphore import Gate

_REMEMBERED: Final = 8192
"""The most samples that are kept until the next round, so that memory is bounded."""

_CUT_SHORT: Final = 0.5
"""A timeout after less than this share of the profile's timeout came from a deadline, a queue or an
adaptive timeout. It says little about the load."""

_LOSSES: Final = frozenset(
    {
        *(FailureKind.TIMEOUT, FailureKind.SERVER_TIMEOUT),
        *(FailureKind.OVERLOAD, FailureKind.POOL_EXHAUSTED),
    }
)
_ANSWERS: Final = frozenset({FailureKind.RECORD, FailureKind.CONFLICT, FailureKind.BUSY})


class AdaptiveLimitLoop:
    """Collects the samples of all threads and tasks, and makes the limit learn a round at a time.

    Args:
        bounds: the range of the limit.
        on_limit: called with the limit whenever it has changed.
        clock: seconds on the clock that the whole chain uses.

    Attributes:
        adaptive: the limit that learns. Written under the lock.
    """

    def __init__(
        self,
        bounds: Bounds,
        on_limit: Callable[[int], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.adaptive = AdaptiveLimit(bounds)
        self._on_limit = on_limit
        self._clock = clock
        self._noted: deque[LimitSample] = deque(maxlen=_REMEMBERED)
        self._losses = 0
        self._lock = threading.RLock()  # reentrant: a signal handler may reload inside a call
        forking.register(self)

    def note(self, sample: LimitSample) -> None:
        """Add a sample. When it completes a round, or is one loss too many, the limit learns."""
        adaptive = self.adaptive
        self._noted.append(sample)
        if sample.lost and sample.began >= adaptive.lowered:
            self._losses += 1  # two threads may count one: the next loss makes up for it
        if len(self._noted) >= adaptive.round or self._losses > adaptive.tolerated:
            self.learn()

    def learn(self) -> None:
        """Learn from the collected samples, unless another thread already does, or they are too few."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            if len(self._noted) < SHORTEST_ROUND and self._losses <= self.adaptive.tolerated:
                return
            self._losses = 0
            noted = self._taken()
            before = self.adaptive.limit
            if (after := self.adaptive.learn(noted, self._clock())) != before:
                self._on_limit(after)
        finally:
            self._lock.release()

    def _taken(self) -> list[LimitSample]:
        """Remove and return the collected samples; a signal handler may take some of them meanwhile."""
        taken: list[LimitSample] = []
        with contextlib.suppress(IndexError):
            for _ in range(len(self._noted)):
                taken.append(self._noted.popleft())  # noqa: PERF401 - what was taken so far stays
        return taken

    def rebound(self, bounds: Bounds) -> int:
        """Replace the bounds and return the limit."""
        with self._lock:
            self.adaptive.rebound(bounds)
            return self.adaptive.limit

    def after_fork(self) -> None:
        """Replace the lock, which a thread of the parent may have held."""
        self._lock = threading.RLock()


class LimitFeedback(Link):
    """Pass the outcome of every attempt to the loop.

    It is inside the gate and outside the breaker. It passes on answers, missing answers and exhausted
    pools. It leaves out this library's refusals, spent deadlines, cancellations and refused connections:
    these do not depend on the load.

    Args:
        loop: gets the samples.
        gate: knows how many operations are in flight.
    """

    __slots__ = ("_gate", "_loop")

    def __init__(self, loop: AdaptiveLimitLoop, gate: Gate) -> None:
        self._loop = loop
        self._gate = gate

    def link(self, proceed: Proceed) -> Proceed:
        """Proceed, and pass on the outcome."""

        def noting(call: Call) -> Any:
            try:
                result = proceed(call)
            except Exception as error:
                self._failed(call, error)
                raise
            self._returned(call)
            return result

        return noting

    def link_async(self, proceed: ProceedAsync) -> LinkedAsync:
        """Proceed, and pass on the outcome."""

        async def noting(call: Call) -> Any:
            try:
                result = await proceed(call)
            except Exception as error:
                self._failed(call, error)
                raise
            self._returned(call)
            return result

        return noting

    def _returned(self, call: Call) -> None:
        if call.failure is not None:  # a batch some of whose rows failed
            self._note(call, call.failure.kind)
        else:
            self._answered(call)

    def _failed(self, call: Call, error: Exception) -> None:
        if call.failure is not None and call.owns(error):
            self._note(call, call.failure.kind)

    def _note(self, call: Call, kind: FailureKind) -> None:
        if kind in _ANSWERS:
            self._answered(call)
        elif kind in _LOSSES and not _cut_short(call, kind, call.now - call.began):
            self._loop.note(LimitSample(call.began, None, self._gate.in_flight, lost=True))

    def _answered(self, call: Call) -> None:
        # The time of a scan or a batch depends on its size more than on the load.
        took_s = call.now - call.began if call.plan.operation.shape is Shape.POINT else None
        self._loop.note(LimitSample(call.began, took_s, self._gate.in_flight))


def _cut_short(call: Call, kind: FailureKind, took_s: float) -> bool:
    patience_s = min(call.plan.socket_timeout_s, call.plan.total_timeout_s)
    return (
        kind is FailureKind.TIMEOUT
        and not math.isinf(patience_s)
        and took_s < _CUT_SHORT * patience_s
    )
