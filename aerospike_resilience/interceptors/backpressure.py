"""Backpressure: a bounded number of operations hold a connection; the rest wait in line, briefly."""

from __future__ import annotations

from typing import Any

from ..call import Call, Failure, FailureKind, Fault
from ..errors import BackpressureError
from .base import Proceed, ProceedAsync
from .gate import Gate, GateFullError


class Backpressure:
    """Hold one of the gate's permits while an attempt runs.

    It stands inside retry, so that an operation that sleeps between attempts holds no permit.

    Args:
        gate: the permits.
        error: what to raise; the client's own class for it combined with `BackpressureError`.
    """

    __slots__ = ("_error", "gate")

    def __init__(self, gate: Gate, error: type[BackpressureError] = BackpressureError) -> None:
        self.gate = gate
        self._error = error

    def around(self, call: Call, proceed: Proceed) -> Any:
        """Take a permit, proceed, lay it down."""
        gate = self.gate
        if gate.waiters:
            self._wait(call)
        else:
            try:
                gate.permits.pop()
            except IndexError:
                self._wait(call)
        try:
            return proceed(call)
        finally:
            gate.permits.append(None)
            if gate.waiters or gate.debt:
                gate.settle()

    async def around_async(self, call: Call, proceed: ProceedAsync) -> Any:
        """Take a permit, proceed, lay it down."""
        gate = self.gate
        if gate.waiters:
            await self._wait_async(call)
        else:
            try:
                gate.permits.pop()
            except IndexError:
                await self._wait_async(call)
        try:
            return await proceed(call)
        finally:
            gate.permits.append(None)
            if gate.waiters or gate.debt:
                gate.settle()

    def _wait(self, call: Call) -> None:
        call.tailored = True  # the attempt has less time than its operation
        try:
            call.now = self.gate.wait(call.deadline, call.now)
        except GateFullError as full:
            raise self._refuse(call, full) from None

    async def _wait_async(self, call: Call) -> None:
        call.tailored = True
        try:
            call.now = await self.gate.wait_async(call.deadline, call.now)
        except GateFullError as full:
            raise self._refuse(call, full) from None

    def _refuse(self, call: Call, full: GateFullError) -> BackpressureError:
        call.failure = Failure(FailureKind.REFUSED, fault=Fault.LOCAL)
        operation, profile = call.plan.operation.name, call.plan.profile
        if full.reason == "closed":
            why = "the client is being closed"
        else:
            limit = "operation_queue_timeout" if full.reason == "timeout" else "deadline"
            why = (
                f"all {self.gate.limit} permits (max_concurrent_operations of profile "
                f"{profile!r}) stayed taken for {full.waited_s * 1000:.0f} ms ({limit})"
            )
        return self._error(
            f"{operation} was not sent: {why}",
            operation=operation,
            profile=profile,
            limit=self.gate.limit,
            waited_s=full.waited_s,
            reason=full.reason,
        )
