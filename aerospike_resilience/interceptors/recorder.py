"""Recorder: keeps the outcome of each thread's or task's last call, successes included."""

from __future__ import annotations

import contextvars
import threading
import time
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..model.call import Call
from ..model.outcome import Outcome
from .base import Link, LinkedAsync, Proceed, ProceedAsync

if TYPE_CHECKING:
    import asyncio

caller: contextvars.ContextVar[asyncio.Task[Any] | None] = contextvars.ContextVar(
    "aerospike_resilience.caller", default=None
)
"""The task that made the call, where the call runs in another task."""


class Recorder(Link):
    """Keep the outcome of each thread's or task's last call. In the chain only where the profile wants it.

    Args:
        clock: seconds on the clock that the whole chain uses.
    """

    __slots__ = ("_by_task", "_by_thread", "_clock")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._by_thread = threading.local()
        self._by_task: weakref.WeakKeyDictionary[asyncio.Task[Any], Outcome] = (
            weakref.WeakKeyDictionary()
        )

    def link(self, proceed: Proceed) -> Proceed:
        """Proceed, then keep the outcome."""
        clock = self._clock

        def recorder(call: Call) -> Any:
            began = clock()
            try:
                result = proceed(call)
            except BaseException as error:
                self._keep(Outcome.of(call, error, max(clock() - began, 0.0)))
                raise
            self._keep(Outcome.of(call, None, max(clock() - began, 0.0)))
            return result

        return recorder

    def link_async(self, proceed: ProceedAsync) -> LinkedAsync:
        """Proceed, then keep the outcome."""
        clock = self._clock

        async def recorder(call: Call) -> Any:
            began = clock()
            try:
                result = await proceed(call)
            except BaseException as error:
                self._keep_async(Outcome.of(call, error, max(clock() - began, 0.0)))
                raise
            self._keep_async(Outcome.of(call, None, max(clock() - began, 0.0)))
            return result

        return recorder

    def last(self) -> Outcome | None:
        """Return the outcome of the last call of this thread or task; None if it made none."""
        task = _running_task()
        if task is not None and (outcome := self._by_task.get(task)) is not None:
            return outcome
        return getattr(self._by_thread, "outcome", None)

    def _keep(self, outcome: Outcome) -> None:
        self._by_thread.outcome = outcome

    def _keep_async(self, outcome: Outcome) -> None:
        task = caller.get() or _running_task()
        if task is not None:
            self._by_task[task] = outcome


def _running_task() -> asyncio.Task[Any] | None:
    import asyncio

    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
