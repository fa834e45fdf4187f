"""Begun: calls that begin when they are made and not when they are awaited, as in some clients.

The chain runs at once up to its first wait, when the request has been sent. An error that the client
raises when it is called is raised by the call. Everything else comes when it is awaited.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Final

from ..interceptors.recorder import caller
from ..model import at_call
from ..runtime.engine import Engine

_EAGER: Final = getattr(asyncio, "eager_task_factory", None)
"""From Python 3.12 on a task may run up to its first wait at once."""


def begun(
    coroutine: Callable[..., Coroutine[Any, Any, Any]], engine: Engine
) -> Callable[..., asyncio.Future[Any]]:
    """Return a function that starts a coroutine function when it is called, and returns a future."""

    def begin(*args: Any, **kwargs: Any) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        if engine.runtime.profile.telemetry.last_call:
            caller.set(asyncio.current_task())
        at_call.taken()
        work = coroutine(*args, **kwargs)
        if _EAGER is not None:
            task: asyncio.Future[Any] = _EAGER(loop, work)
            error = at_call.taken()
            if error is not None and task.done() and not task.cancelled():
                raised = task.exception()  # retrieved, so that asyncio does not log it
                if raised is error:
                    raise error
            return task
        first = _FirstStep(work)
        task = first.taken(loop)
        error = at_call.taken()
        if error is not None and first.raised is error:
            first.raised = None
            raise error
        return task

    return begin


class _FirstStep(Coroutine[Any, Any, Any]):
    """A coroutine whose first step runs before its task does, as a step of that task.

    The task continues with what the first step waits for, or ends as it ended.

    Args:
        coroutine: the coroutine, not begun.

    Attributes:
        raised: what the first step raised; None where it waits or returned.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._coroutine = coroutine
        self._taken = False
        self._ended = False
        self._value: Any = None
        self.raised: BaseException | None = None

    def taken(self, loop: asyncio.AbstractEventLoop) -> asyncio.Task[Any]:
        """Run the first step, and return the task that runs the others."""
        context = contextvars.copy_context()
        task = loop.create_task(self, context=context)
        around = asyncio.current_task(loop)
        if around is not None:
            asyncio.tasks._leave_task(loop, around)  # noqa: SLF001 - the step is not this task's
        asyncio.tasks._enter_task(loop, task)  # noqa: SLF001
        try:
            self._value = context.run(self._coroutine.send, None)
        except StopIteration as returned:
            self._value, self._ended = returned.value, True
        except BaseException as error:  # noqa: BLE001 - the task raises it
            self.raised, self._ended = error, True
        finally:
            asyncio.tasks._leave_task(loop, task)  # noqa: SLF001
            if around is not None:
                asyncio.tasks._enter_task(loop, around)  # noqa: SLF001
        return task

    def send(self, value: Any) -> Any:
        """Run the next step; the first time, return the first step's result. Called by the task."""
        if self._taken:
            return self._coroutine.send(value)
        self._taken = True
        came_to, self._value = self._value, None
        if self._ended:
            if self.raised is not None:
                raise self.raised
            raise StopIteration(came_to)
        if came_to is not None:
            # Another task that waits for the same future may have removed the mark since.
            came_to._asyncio_future_blocking = True  # noqa: SLF001 - the protocol of futures
        return came_to

    def throw(self, *error: Any) -> Any:
        """Raise an error where the coroutine waits. Called by the task when it is cancelled."""
        ended = self._ended and not self._taken
        self._taken, self._value = True, None
        if ended:
            raise error[0]
        return self._coroutine.throw(*error)

    def close(self) -> None:
        """Close the coroutine."""
        self._coroutine.close()

    def __await__(self) -> Generator[Any, None, Any]:
        return self._coroutine.__await__()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._coroutine, name)  # what a debugger reads of a task's coroutine
