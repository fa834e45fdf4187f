"""Deadline: no operation outlives its ``total_timeout``, queueing and sleeping included."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from ..call import Call
from ..errors import DeadlineExceededError
from .base import Proceed, ProceedAsync


class Deadline:
    """Stamp the call with the time by which it must have ended.

    That is the profile's ``total_timeout`` from now, or the ambient deadline, which the call brings
    along, where that is sooner. What comes after only compares with `Call.deadline`.

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
        ends = started + call.plan.total_timeout_s
        if ends < call.deadline:
            call.deadline = ends
        else:
            self._shortened(call)
        return proceed(call)

    async def around_async(self, call: Call, proceed: ProceedAsync) -> Any:
        """Stamp, then proceed."""
        call.now = call.started = started = self._clock()
        ends = started + call.plan.total_timeout_s
        if ends < call.deadline:
            call.deadline = ends
        else:
            self._shortened(call)
        return await proceed(call)

    def _shortened(self, call: Call) -> None:
        """Go by the ambient deadline, if there is one; without either there is none."""
        if math.isinf(call.deadline):
            return
        call.tailored = True
        if call.deadline <= call.started:
            operation = call.plan.operation.name
            raise self._error(
                f"{operation} was not sent: the ambient deadline passed "
                f"{(call.started - call.deadline) * 1000:.0f} ms ago",
                operation=operation,
                profile=call.plan.profile,
                deadline_s=0.0,
            )
