"""Deadline: no operation outlives its ``total_timeout``, queueing and sleeping included."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from .. import ambient
from ..call import Call
from ..errors import DeadlineExceededError
from .base import Proceed, ProceedAsync


class Deadline:
    """Stamp the call with the time by which it must have ended.

    That is the profile's ``total_timeout`` from now, or the ambient deadline where that is sooner.
    What comes after only compares with `Call.deadline`.

    Args:
        error: what to raise; the client's own timeout class combined with `DeadlineExceededError`.
        clock: seconds on the clock that the whole chain uses.
    """

    __slots__ = ("_clock", "_error")

    def __init__(
        self,
        error: type[DeadlineExceededError] = DeadlineExceededError,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._error = error
        self._clock = clock

    def around(self, call: Call, proceed: Proceed) -> Any:
        """Stamp, then proceed."""
        call.now = call.started = started = self._clock()
        call.deadline = started + call.plan.total_timeout_s
        if ambient.current() is not None:
            self._shorten(call)
        return proceed(call)

    async def around_async(self, call: Call, proceed: ProceedAsync) -> Any:
        """Stamp, then proceed."""
        call.now = call.started = started = self._clock()
        call.deadline = started + call.plan.total_timeout_s
        if ambient.current() is not None:
            self._shorten(call)
        return await proceed(call)

    def _shorten(self, call: Call) -> None:
        call.deadline = min(call.deadline, ambient.deadline_at())
        if call.deadline <= call.started:
            operation = call.plan.operation.name
            raise self._error(
                f"{operation} was not sent: the ambient deadline passed "
                f"{(call.started - call.deadline) * 1000:.0f} ms ago",
                operation=operation,
                profile=call.plan.profile,
                deadline_s=0.0,
            )
