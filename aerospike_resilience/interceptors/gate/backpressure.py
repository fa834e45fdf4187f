"""Backpressure: a bounded number of operations hold a connection; the others wait briefly in a queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...errors import BackpressureError
from ...model.call import Call
from ...model.plan import Plan
from ..base import Link, LinkedAsync, Proceed, ProceedAsync
from .queue import Reason, Waiter
from .semaphore import Gate, GateFullError


class Backpressure(Link):
    """Hold one of the gate's permits while an attempt runs.

    It is inside retry, so that an operation that sleeps between attempts holds no permit.

    Args:
        gate: the permits.
        error: what to raise; the client's own class for it combined with `BackpressureError`.
        permits: what the gate's permits are, for the message of the error.
    """

    __slots__ = ("_error", "_permits", "gate")

    def __init__(
        self,
        gate: Gate,
        error: Callable[[str, dict[str, Any]], BackpressureError] = BackpressureError.with_facts,
        permits: str = "permits (max_concurrent_operations of profile {profile!r})",
    ) -> None:
        self.gate = gate
        self._error = error
        self._permits = permits

    def link(self, proceed: Proceed) -> Proceed:
        """Take a permit, proceed, release it."""
        gate, queued = self.gate, self._queued

        def gated(call: Call) -> Any:
            if not gate.waiting:
                permits, taken = gate.permits, True
                try:  # an interrupt comes after a call, never before: in here, the permit is ours
                    try:
                        permits.pop()
                    except IndexError:
                        taken = False
                    else:
                        return proceed(call)
                finally:
                    if taken:
                        permits.append(None)
                        if gate.waiting or gate.debt:
                            gate.settle()
            return queued(call, proceed, 1)

        return gated

    def link_async(self, proceed: ProceedAsync) -> LinkedAsync:
        """Take a permit, proceed, release it."""
        gate, queued = self.gate, self._queued_async

        async def gated(call: Call) -> Any:
            if not gate.waiting:
                permits, taken = gate.permits, True
                try:  # an interrupt comes after a call, never before: in here, the permit is ours
                    try:
                        permits.pop()
                    except IndexError:
                        taken = False
                    else:
                        return await proceed(call)
                finally:
                    if taken:
                        permits.append(None)
                        if gate.waiting or gate.debt:
                            gate.settle()
            return await queued(call, proceed, 1)

        return gated

    def _queued(self, call: Call, proceed: Proceed, weight: int) -> Any:
        """Wait in the queue for permits, proceed, release them."""
        gate = self.gate
        if (refused := gate.refuses_at_once(call.criticality)) is not None:
            raise self._refused(call, refused, 0.0)
        permits, waiter = gate.permits, Waiter(weight, call.criticality)
        try:
            try:
                granted = gate.wait(waiter, call.deadline, call.now, call.waited_s)
            except GateFullError as full:
                raise self._refused(call, full.reason, full.waited_s) from None
            self._granted(call, waiter, granted)
            return proceed(call)
        finally:
            permits += [None] * waiter.held
            if gate.waiting or gate.debt:
                gate.settle()

    async def _queued_async(self, call: Call, proceed: ProceedAsync, weight: int) -> Any:
        """Wait in the queue for permits, proceed, release them."""
        gate = self.gate
        if (refused := gate.refuses_at_once(call.criticality)) is not None:
            raise self._refused(call, refused, 0.0)
        permits, waiter = gate.permits, Waiter(weight, call.criticality)
        try:
            try:
                granted = await gate.wait_async(waiter, call.deadline, call.now, call.waited_s)
            except GateFullError as full:
                raise self._refused(call, full.reason, full.waited_s) from None
            self._granted(call, waiter, granted)
            return await proceed(call)
        finally:
            permits += [None] * waiter.held
            if gate.waiting or gate.debt:
                gate.settle()

    def _granted(self, call: Call, waiter: Waiter, now: float) -> None:  # noqa: ARG002 - some hold several
        if now > call.now:
            call.tailored = True  # the attempt has less time than its operation
            call.waited_s += now - call.now
            call.now = now

    def _refused(self, call: Call, reason: Reason, waited_s: float) -> BackpressureError:
        call.waited_s += waited_s
        error = self.refusal(call.plan, reason, call.waited_s)
        call.refuse(error)
        return error

    def refusal(self, plan: Plan, reason: Reason, waited_s: float) -> BackpressureError:
        """Return the error for a call that gets no permit.

        Args:
            plan: the call's plan.
            reason: why the gate refuses it.
            waited_s: how long all its attempts together waited, in seconds.
        """
        operation, profile, limit = plan.operation.name, plan.profile, self.gate.limit
        if reason == "closed":
            why = "the client is being closed"
        else:
            why = f"all {limit} {self._permits.format(profile=profile)} "
            if reason == "shed":
                why += "are taken, others wait for them, and it is sheddable"
            else:
                setting = "operation_queue_timeout" if reason == "timeout" else "deadline"
                why += f"stayed taken for {waited_s * 1000:.0f} ms ({setting})"
        return self._error(
            f"{operation} was not sent: {why}",
            {
                "operation": operation,
                "profile": profile,
                "limit": limit,
                "waited_s": waited_s,
                "reason": reason,
            },
        )


class WeightedBackpressure(Backpressure):
    """`Backpressure` under which a batch holds as many permits as it touches nodes.

    The batch waits for all of them at one place of the queue, so that two batches never wait for each
    other.

    Args:
        gate: the permits.
        weight: from a call to how many permits it takes.
        error: as for `Backpressure`.
    """

    __slots__ = ("_weight",)

    def __init__(
        self,
        gate: Gate,
        weight: Callable[[Call], int],
        error: Callable[[str, dict[str, Any]], BackpressureError] = BackpressureError.with_facts,
    ) -> None:
        super().__init__(gate, error)
        self._weight = weight

    def link(self, proceed: Proceed) -> Proceed:
        """Take the permits, proceed, release them."""
        weigh, single, queued = self._weight, super().link(proceed), self._queued

        def gated(call: Call) -> Any:
            weight = weigh(call)
            return single(call) if weight == 1 else queued(call, proceed, weight)

        return gated

    def link_async(self, proceed: ProceedAsync) -> LinkedAsync:
        """Take the permits, proceed, release them."""
        weigh, single, queued = self._weight, super().link_async(proceed), self._queued_async

        async def gated(call: Call) -> Any:
            weight = weigh(call)
            return await single(call) if weight == 1 else await queued(call, proceed, weight)

        return gated

    def _granted(self, call: Call, waiter: Waiter, now: float) -> None:
        super()._granted(call, waiter, now)
        call.held = waiter.held
