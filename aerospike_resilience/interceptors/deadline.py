"""Deadline: no operation outlives its ``total_timeout``, queueing and sleeping included."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from ..errors import DeadlineExceededError
from ..model.call import Call
from ..model.operation import Kind
from .base import Link, LinkedAsync, Proceed, ProceedAsync


class Deadline(Link):
    """Stamp the call with the time by which it must have ended, once.

    That is the profile's ``total_timeout`` from now, or the ambient deadline, which the call brings
    along, where that is sooner. What comes after only compares with `Call.deadline`.

    Args:
        error: what to raise; the client's own timeout class combined with `DeadlineExceededError`.
        clock: seconds on the clock that the whole chain uses.
    """

    __slots__ = ("_clock", "_error")

    def __init__(
        self,
        error: Callable[..., DeadlineExceededError] = DeadlineExceededError,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._error = error
        self._clock = clock

    def link(self, proceed: Proceed) -> Proceed:
        """Stamp, then proceed."""
        clock, shortened = self._clock, self._shortened

        def deadline(call: Call) -> Any:
            if not call.started:
                call.now = call.started = started = clock()
                ends = started + call.plan.total_timeout_s
                if ends < call.deadline:
                    call.deadline = ends
                else:
                    shortened(call)
            return proceed(call)

        return deadline

    def link_async(self, proceed: ProceedAsync) -> LinkedAsync:
        """Stamp, then proceed."""
        clock, shortened = self._clock, self._shortened

        async def deadline(call: Call) -> Any:
            if not call.started:
                call.now = call.started = started = clock()
                ends = started + call.plan.total_timeout_s
                if ends < call.deadline:
                    call.deadline = ends
                else:
                    shortened(call)
                    operation = call.plan.operation
                    if operation.kind is Kind.INFO and not operation.policy:
                        return await self._in_time(call, proceed)
            return await proceed(call)

        return deadline

    async def _in_time(self, call: Call, proceed: ProceedAsync) -> Any:
        """Proceed, and leave at the ambient deadline a call that the client gives no timeout to."""
        if math.isinf(call.deadline):
            return await proceed(call)
        import asyncio  # by now in use, and no synchronous client needs it

        left_s = call.deadline - call.started
        try:
            async with asyncio.timeout(left_s) as limit:
                return await proceed(call)
        except TimeoutError:
            if not limit.expired():
                raise
            operation = call.plan.operation.name
            raise self._error(
                f"{operation} had no answer within the {left_s * 1000:.0f} ms that were left",
                operation=operation,
                profile=call.plan.profile,
                deadline_s=left_s,
            ) from None

    def _shortened(self, call: Call) -> None:
        """Go by the ambient deadline, if there is one; without either there is none."""
        if math.isinf(call.deadline):
            return
        call.tailored = True
        if call.deadline <= call.started:
            operation = call.plan.operation.name
            raise call.refuse(
                self._error(
                    f"{operation} was not sent: the ambient deadline passed "
                    f"{(call.started - call.deadline) * 1000:.0f} ms ago",
                    operation=operation,
                    profile=call.plan.profile,
                    deadline_s=0.0,
                )
            )
