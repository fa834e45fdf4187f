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
    """Set `Call.deadline`, the time by which the call must have ended, once.

    It is now plus the profile's ``total_timeout``, or the ambient deadline where that is sooner. The
    later links only compare the clock with `Call.deadline`.

    Args:
        error: what to raise; the client's own timeout class combined with `DeadlineExceededError`.
        clock: seconds on the clock that the whole chain uses.
    """

    __slots__ = ("_clock", "_error")

    def __init__(
        self,
        error: Callable[
            [str, dict[str, Any]], DeadlineExceededError
        ] = DeadlineExceededError.with_facts,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._error = error
        self._clock = clock

    def link(self, proceed: Proceed) -> Proceed:
        """Set the deadline, then proceed."""
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
        """Set the deadline, then proceed."""
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
        """Proceed; stop waiting at the ambient deadline for a call that takes no timeout."""
        if math.isinf(call.deadline):
            return await proceed(call)
        import asyncio  # already imported here; synchronous clients never need it

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
                {"operation": operation, "profile": call.plan.profile, "deadline_s": left_s},
            ) from None

    def _shortened(self, call: Call) -> None:
        """Set the ambient deadline as the call's; without one the call has no deadline."""
        if math.isinf(call.deadline):
            return
        call.tailored = True
        if call.deadline <= call.started:
            operation = call.plan.operation.name
            raise call.refuse(
                self._error(
                    f"{operation} was not sent: the ambient deadline passed "
                    f"{(call.started - call.deadline) * 1000:.0f} ms ago",
                    {"operation": operation, "profile": call.plan.profile, "deadline_s": 0.0},
                )
            )
