"""Recorder: keeps the outcome of each thread's or task's last call, successes included."""

from __future__ import annotations

import contextvars
import threading
import time
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..model.call import Call
from ..model.outcome import (
    Outcome,
    Owners,
    note_failed_rows,
    note_read_rows,
    note_rows_in_error,
    returned_rows,
)
from ..model.stream import Reading, Stream, WhenEnded
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
        owners: from a record's key to the names of the nodes that hold it.
    """

    __slots__ = ("_by_task", "_by_thread", "_clock", "_owners")

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, owners: Owners = lambda _key: ()
    ) -> None:
        self._clock = clock
        self._owners = owners
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
                note_rows_in_error(call, error)
                self._keep(self._outcome(call, error, clock() - began))
                raise
            if isinstance(result, Stream) and call.plan.operation.streams:
                result.when_ended(self._when_read(call, began, self._keep), clock)
            else:
                self._keep(self._returned(call, result, clock() - began))
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
                note_rows_in_error(call, error)
                self._keep_async(self._outcome(call, error, clock() - began))
                raise
            if isinstance(result, Stream) and call.plan.operation.streams:
                result.when_ended(self._when_read(call, began, self._keep_async), clock)
            else:
                self._keep_async(self._returned(call, result, clock() - began))
            return result

        return recorder

    def _outcome(
        self, call: Call, error: BaseException | None, duration_s: float, rows: int | None = None
    ) -> Outcome:
        duration_s = max(duration_s, 0.0)
        call.outcome = outcome = Outcome.of(call, error, duration_s, owners=self._owners, rows=rows)
        return outcome

    def _returned(self, call: Call, result: Any, duration_s: float) -> Outcome:
        note_failed_rows(call, result)
        return self._outcome(call, None, duration_s, returned_rows(call, result))

    def _when_read(self, call: Call, began: float, keep: Callable[[Outcome], None]) -> WhenEnded:
        """Return what keeps a stream's outcome when it has ended."""

        def ended(reading: Reading, error: BaseException | None, at: float) -> None:
            note_read_rows(call, reading)
            keep(self._outcome(call, error, at - began, reading.rows))

        return ended

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
