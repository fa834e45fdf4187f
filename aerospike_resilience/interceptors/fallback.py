"""Fallback: a second cluster's client serves what the first cannot serve while nodes are open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..ambient import inside_operation
from ..errors import CircuitOpenError
from ..model.annotations import read, set_attribute
from ..model.attempt import Attempt
from ..model.call import Call
from ..model.operation import Shape
from ..nodes import ClusterHealth
from .base import Link, LinkedAsync, Proceed, ProceedAsync


class Fallback(Link):
    """Make a call on another client, with the arguments that the application gave.

    It gets the calls that were refused for an open node. While more nodes fail than may be open, it gets
    all calls on records, as the first cluster would only let them time out. A call that may have been
    sent to the first cluster is never sent to the second. The other client uses its own policies and
    those that were passed to the call. If it is wrapped as well, it gets the remaining time of the call's
    deadline.

    Args:
        method: from the name of a client's method to the method of the other client.
        health: the first cluster's health.
        writes: whether writes may go there too. Such writes are then on the second cluster alone.
        clock: the chain's clock, in seconds.

    Attributes:
        calls: how many calls went there so far.
    """

    __slots__ = ("_clock", "_health", "_method", "_writes", "calls")

    def __init__(
        self,
        method: Callable[[str], Callable[..., Any]],
        health: ClusterHealth,
        *,
        writes: bool,
        clock: Callable[[], float],
    ) -> None:
        self._method = method
        self._health = health
        self._writes = writes
        self._clock = clock
        self.calls = 0

    def link(self, proceed: Proceed) -> Proceed:
        """Proceed, or call the other client."""

        def fallback(call: Call) -> Any:
            args, kwargs = call.given or (call.args, call.kwargs)
            other = self._other(call) if self._health.failing else None
            if other is None:
                try:
                    return proceed(call)
                except CircuitOpenError as error:
                    other = self._other(call) if call.owns(error) else None
                    if other is None:
                        raise
            try:
                with inside_operation(self._left_s(call)):
                    return other(*args, **kwargs)
            except Exception as error:
                _take_over(call, error)
                raise

        return fallback

    def link_async(self, proceed: ProceedAsync) -> LinkedAsync:
        """Proceed, or call the other client."""

        async def fallback(call: Call) -> Any:
            args, kwargs = call.given or (call.args, call.kwargs)
            other = self._other(call) if self._health.failing else None
            if other is None:
                try:
                    return await proceed(call)
                except CircuitOpenError as error:
                    other = self._other(call) if call.owns(error) else None
                    if other is None:
                        raise
            try:
                with inside_operation(self._left_s(call)):
                    return await other(*args, **kwargs)
            except Exception as error:
                _take_over(call, error)
                raise

        return fallback

    def _other(self, call: Call) -> Callable[..., Any] | None:
        """Return the other client's method; None where it must not be called."""
        plan = call.plan
        if plan.operation.shape not in (Shape.POINT, Shape.BATCH):
            return None
        if plan.writes and not self._writes:
            return None
        if any(
            attempt.failure is not None and attempt.failure.in_doubt for attempt in call.attempts
        ):
            return None
        self.calls += 1
        call.fell_back = True
        return self._method(plan.operation.attribute)

    def _left_s(self, call: Call) -> float:
        """Return how much time the call has left, in seconds; ``inf`` without a deadline."""
        return max(call.deadline - self._clock(), 0.0)


def _take_over(call: Call, error: Exception) -> None:
    """Add the attempts that the other client made, if it is wrapped, to those of the operation."""
    theirs = read(error, "attempts", ())
    if not isinstance(theirs, tuple) or not all(isinstance(one, Attempt) for one in theirs):
        return
    made = len(call.attempts)
    call.attempts += tuple(replace(one, number=made + one.number) for one in theirs)
    call.retries += max(len(theirs) - 1, 0)
    if made:
        set_attribute(error, "attempts", call.attempts)
