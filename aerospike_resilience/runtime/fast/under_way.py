"""Awaited calls that are under way on the fused path, and what becomes of each when the client is done.

They have no coroutine and no task. The client tells the call of its end, in the event loop's thread. A
success is accounted for and handed on there and then. After a failure a task goes on in the general chain.

The caller may leave at any time, by cancellation. The request goes on, and the call keeps its permit until
the client is done with it, or until its event loop was closed.
"""

from __future__ import annotations

import asyncio
import contextvars
from typing import Any

from ...model.plan import Plan
from .first_attempts import FirstAttempt, Fit, Listener
from .forms import given
from .lane import Lane
from .loop_calls import LoopCalls


class Slot:
    """What an awaited call keeps until the client is done with it. The client completes it as a future.

    Attributes:
        lane: where it runs.
        plan: its plan.
        fit: how it was made; None for a plain call.
        values: its positional arguments, without a policy.
        began: when it began, on the chain's clock, in seconds.
        early_s: a success that took at least this long is slow, in seconds.
        lag_s: the lag of its event loop when it began.
        permits: the list that the permit was taken from.
        calls: the calls of its event loop.
        target: where telemetry takes its duration; None where it skips the call, or has it already.
        outer: the caller's future.
        context: the caller's context.
    """

    __slots__ = (
        *("lane", "plan", "fit", "values", "began", "early_s", "lag_s", "permits"),
        *("calls", "context", "outer", "target"),
    )

    lane: Lane
    plan: Plan
    fit: Fit | None
    values: tuple[Any, ...]
    began: float
    early_s: float
    lag_s: float
    permits: Any
    calls: LoopCalls
    target: Listener | None
    outer: asyncio.Future[Any]
    context: contextvars.Context

    def listen(self, target: Listener | None) -> None:
        """Have telemetry take the duration. Called when the call is made.

        Args:
            target: where it goes; None where telemetry skips the call.
        """
        self.target = target
        if target is not None:
            self.outer.add_done_callback(self._when_cancelled)

    def _when_cancelled(self, outer: asyncio.Future[Any]) -> None:
        if outer.cancelled():
            self.left(asyncio.CancelledError())

    def set_result(self, value: Any) -> None:
        """Account for a success, and hand it on. Called by the client."""
        calls, lane = self.calls, self.lane
        if self.target is not None and self.outer.cancelled():
            self.left(asyncio.CancelledError())
        try:
            began, ended = self.began, calls.clock()
            if ended - began < self.early_s:
                lane.recent.append((self.values[0], began, ended, self.plan.answered_by))
            else:
                self.slow(ended)
            if (target := self.target) is not None and target.add is not None:
                target.add(ended - began)
        finally:  # `release`, written out
            try:
                calls.remove(self)
            except KeyError:  # its permit was released when an interrupt ended it
                pass
            else:
                self.permits.append(None)
                gate = lane.gate
                if gate.waiting or gate.debt:
                    gate.settle()
            if not self.outer.done():
                self.outer.set_result(value)

    def set_exception(self, error: BaseException) -> None:
        """Account for a failure, and go on. Called by the client."""
        if self.outer.cancelled():
            self.left(asyncio.CancelledError())
        self.context.copy().run(self.failed, error)

    def cancel(self, msg: Any | None = None) -> bool:  # noqa: ARG002 - as of a future
        """End as cancelled. Called by the client."""
        self.left(asyncio.CancelledError())
        self.release()
        return self.outer.cancel()

    def done(self) -> bool:
        """Return whether the client is done with it. A caller who has left changes nothing."""
        return self not in self.calls.under_way

    def cancelled(self) -> bool:
        """Return False: the request goes on without its caller."""
        return False

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Return the caller's event loop."""
        return self.outer.get_loop()

    def release(self) -> None:
        """Release the permit, once."""
        try:
            self.calls.under_way.remove(self)
        except KeyError:  # its event loop was closed before
            return
        self.permits.append(None)
        gate = self.lane.gate
        if gate.waiting or gate.debt:
            gate.settle()

    def slow(self, ended: float) -> None:
        """Account for a success that came late. The event loop's own lag shows nothing about a node."""
        lag_s = self.calls.lag.since(self.lag_s)
        began = min(self.began + lag_s, ended)
        if ended - began < self.early_s:
            self.lane.recent.append((self.values[0], began, ended, self.plan.answered_by))
        else:
            self.lane.first.slow(
                self.fit, self.plan, given(self.values), self.values[0], began, ended
            )

    def left(self, error: BaseException) -> None:
        """Tell telemetry that the call ended for its caller, without an answer of the client."""
        target = self.target
        self.target = None
        if target is not None:
            self.lane.first.ended(target, self.fit, self.plan, self.values[0], self.began, error)

    def failed(self, error: BaseException) -> None:
        """Account for a failure, and let the general chain decide what becomes of the call."""
        lane, calls, target = self.lane, self.calls, self.target
        first = None
        try:
            if isinstance(error, Exception):
                self.target = None
                key, ended = self.values[0], calls.clock()
                if not lane.first.answered(
                    target, self.plan, key, self.began, ended, self.early_s, error
                ):
                    first = lane.first.failed(
                        self.fit, target, self.plan, given(self.values), key, self.began, error
                    )
            else:
                self.left(error)
        finally:
            self.release()
            if first is None:
                _finish_with(self.outer, error)
        if first is not None:
            go_on(calls, lane, first, self.outer)


class NativeCall(Slot):
    """A call whose client returned a future."""

    __slots__ = ()

    def native_done(self, native: asyncio.Future[Any]) -> None:
        """Account for the end of the client's future. Called by it, in the caller's context."""
        if native.cancelled():
            self.cancel()
        elif (
            error := native.exception()
        ) is None:  # raised here, it would hold this frame, and so itself
            self.set_result(native.result())
        else:
            if self.outer.cancelled():
                self.left(asyncio.CancelledError())
            self.failed(error)


def go_on(calls: LoopCalls, lane: Lane, first: FirstAttempt, outer: asyncio.Future[Any]) -> None:
    """Go on with a failed call in the general chain. Called after its permit was released.

    Args:
        calls: the calls of its event loop.
        lane: where it ran.
        first: its failed attempt.
        outer: the future that the caller has.
    """
    if outer.done():
        return  # he has left
    work = lane.first.resume_async(first)
    if is_final(first):
        try:
            work.send(None)  # it decides, and ends without waiting for anything
        except StopIteration as returned:
            outer.set_result(returned.value)
        except Exception as raised:  # noqa: BLE001 - the caller's
            outer.set_exception(raised)
        return
    task = calls.loop.create_task(work)
    calls.tasks.add(task)  # the event loop keeps none alive

    def resumed(task: asyncio.Task[Any]) -> None:
        calls.tasks.discard(task)
        if task.cancelled():
            outer.cancel()
        elif (error := task.exception()) is not None:
            _finish_with(outer, error)
        elif not outer.done():
            outer.set_result(task.result())

    task.add_done_callback(resumed)
    outer.add_done_callback(lambda left: task.cancel() if left.cancelled() else None)


def _finish_with(outer: asyncio.Future[Any], error: BaseException) -> None:
    """Hand an error to the caller, unless he has left."""
    if outer.done():
        return
    if isinstance(error, asyncio.CancelledError):
        outer.cancel()
    else:
        outer.set_exception(error)


def is_final(first: FirstAttempt) -> bool:
    """Return whether the general chain only hands a failure on: it neither sleeps nor asks a node."""
    failure = first.call.failure
    return failure is None or not (failure.retryable or failure.in_doubt)
