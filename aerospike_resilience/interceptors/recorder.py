"""Recorder: the story of each thread's or task's last call, successes included, for who asks."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..model.attempt import Attempt
from ..model.call import Call
from .base import Proceed, ProceedAsync

caller: contextvars.ContextVar[asyncio.Task[Any] | None] = contextvars.ContextVar(
    "aerospike_resilience.caller", default=None
)
"""The task that made a call which runs in a task of its own."""


@dataclass(frozen=True, slots=True)
class CallStory:
    """What became of one call.

    Attributes:
        operation: the method that was called.
        profile: the profile in force.
        duration_s: from its start to its end, queueing and sleeping included, in seconds.
        attempts: the failed attempts, in order; empty if the first went well.
        nodes: names of the nodes that hold the record, master first; empty while nobody needed to know.
        commit_master: whether a write was committed on its master alone.
        error: the class of what was raised; empty on success.
    """

    operation: str
    profile: str
    duration_s: float
    attempts: tuple[Attempt, ...]
    nodes: tuple[str, ...]
    commit_master: bool
    error: str


class Recorder:
    """Keep the story of each thread's or task's last call. In the chain only where the profile wants it.

    Args:
        clock: seconds on the clock that the whole chain uses.
    """

    __slots__ = ("_by_task", "_by_thread", "_clock")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._by_thread = threading.local()
        self._by_task: weakref.WeakKeyDictionary[asyncio.Task[Any], CallStory] = (
            weakref.WeakKeyDictionary()
        )

    def around(self, call: Call, proceed: Proceed) -> Any:
        """Proceed, then keep the story."""
        began = self._clock()
        try:
            result = proceed(call)
        except BaseException as error:
            self._by_thread.story = self._story(call, began, type(error).__name__)
            raise
        self._by_thread.story = self._story(call, began, "")
        return result

    async def around_async(self, call: Call, proceed: ProceedAsync) -> Any:
        """Proceed, then keep the story."""
        began = self._clock()
        try:
            result = await proceed(call)
        except BaseException as error:
            self._keep_for_task(self._story(call, began, type(error).__name__))
            raise
        self._keep_for_task(self._story(call, began, ""))
        return result

    def last(self) -> CallStory | None:
        """Return the story of the last call of this thread or task; None if it made none."""
        task = _running_task()
        if task is not None and (story := self._by_task.get(task)) is not None:
            return story
        return getattr(self._by_thread, "story", None)

    def _story(self, call: Call, began: float, error: str) -> CallStory:
        return CallStory(
            call.plan.operation.name,
            call.plan.profile,
            max(self._clock() - began, 0.0),
            call.attempts,
            call.nodes,
            call.commit_master,
            error,
        )

    def _keep_for_task(self, story: CallStory) -> None:
        task = caller.get() or _running_task()
        if task is not None:
            self._by_task[task] = story


def _running_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
