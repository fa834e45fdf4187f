"""Fallback: a second cluster's client for what an open node of the first cannot serve."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..call import Call
from ..errors import CircuitOpenError
from .base import Proceed, ProceedAsync


class Fallback:
    """Make a refused call on another client, with the arguments that the application gave.

    Only calls that were refused for an open node go there: what may have been sent to the first cluster
    is never sent to the second. The other client goes by its own policies.

    Args:
        method: from the name of a client's method to the method of the other client.
        writes: whether writes may go there too. They are then on the second cluster alone.

    Attributes:
        calls: how many calls went there so far.
    """

    __slots__ = ("_method", "_writes", "calls")

    def __init__(self, method: Callable[[str], Callable[..., Any]], *, writes: bool) -> None:
        self._method = method
        self._writes = writes
        self.calls = 0

    def around(self, call: Call, proceed: Proceed) -> Any:
        """Proceed; a call refused for an open node goes to the other client."""
        args, kwargs = call.args, call.kwargs
        try:
            return proceed(call)
        except CircuitOpenError:
            other = self._other(call)
            if other is None:
                raise
        return other(*args, **kwargs)

    async def around_async(self, call: Call, proceed: ProceedAsync) -> Any:
        """Proceed; a call refused for an open node goes to the other client."""
        args, kwargs = call.args, call.kwargs
        try:
            return await proceed(call)
        except CircuitOpenError:
            other = self._other(call)
            if other is None:
                raise
        return await other(*args, **kwargs)

    def _other(self, call: Call) -> Callable[..., Any] | None:
        """Return the other client's method; None where the call must not go there."""
        if call.plan.writes and not self._writes:
            return None
        if any(
            attempt.failure is not None and attempt.failure.in_doubt for attempt in call.attempts
        ):
            return None
        self.calls += 1
        call.fell_back = True
        return self._method(call.plan.operation.attribute)
