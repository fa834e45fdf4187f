"""The tasks of one event loop that wait at a gate: one timer looks after all of them.

A timer for each would cost more than all the rest of waiting.
"""

from __future__ import annotations

import functools
import math
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

from ...concurrency.event_loop_lag import lag_of
from .patience import Patience
from .queue import Waiter

if TYPE_CHECKING:
    import asyncio

LOOK_S: Final = 0.005
"""The least time between two looks at those who wait, in seconds."""

WaitsOn = Callable[[Waiter, Patience], bool]
"""Whether a waiter whose time has passed goes on waiting."""


class LoopQueue:
    """The waiters of one event loop. Used in the loop's own thread.

    Args:
        loop: the event loop.
        waits_on: decides about a waiter whose time has passed.
        clock: seconds on the gate's clock.
    """

    __slots__ = ("_clock", "_lag", "_look_at", "_loop", "_places", "_timer", "_waits_on")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, waits_on: WaitsOn, clock: Callable[[], float]
    ) -> None:
        self._loop = weakref.ref(loop)
        self._waits_on = waits_on
        self._clock = clock
        self._lag = lag_of(loop)
        self._places: dict[Waiter, tuple[Patience, float, asyncio.Future[None]]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._look_at = math.inf

    def signal(self, waiter: Waiter) -> asyncio.Future[None]:
        """Return a future that is done when the waiter is woken, from any thread."""
        loop = self._loop()
        assert loop is not None  # it runs
        signal: asyncio.Future[None] = loop.create_future()
        waiter.wake = functools.partial(_wake_task, loop, signal, threading.get_ident())
        return signal

    async def wait(self, waiter: Waiter, patience: Patience, signal: asyncio.Future[None]) -> None:
        """Wait until the waiter is woken, or does not go on waiting."""
        lag = self._lag
        self._places[waiter] = (patience, lag.begin(), signal)
        try:
            self._look_by(patience.next_look)
            await signal
        finally:
            lag.end()
            del self._places[waiter]

    def _look_by(self, at: float) -> None:
        if at < self._look_at and (loop := self._loop()) is not None:
            if self._timer is not None:
                self._timer.cancel()
            self._look_at = at
            self._timer = loop.call_later(max(at - self._clock(), 0.0), self._look)

    def _look(self) -> None:
        """Wake every waiter that does not go on waiting."""
        self._timer, self._look_at = None, math.inf
        lag, now, look_at = self._lag, self._clock(), math.inf
        for waiter, (patience, began_s, signal) in self._places.items():
            patience.lag_s = lag.since(began_s)
            if patience.next_look <= now and not self._waits_on(waiter, patience):
                _set(signal)
            else:
                look_at = min(look_at, patience.next_look)
        self._look_by(max(look_at, now + LOOK_S))


class TaskQueue(Protocol):
    """How the tasks of one kind wait: those of an event loop, or those of a simulation."""

    def signal(self, waiter: Waiter) -> Any:
        """Return what is done when the waiter is woken."""
        ...

    async def wait(self, waiter: Waiter, patience: Patience, signal: Any) -> None:
        """Wait until the waiter is woken, or does not go on waiting."""
        ...


class TaskQueues(Protocol):
    """The tasks that wait at one gate."""

    def here(self) -> TaskQueue:
        """Return the queue of the task that runs now."""
        ...


MakeTaskQueues = Callable[[WaitsOn, Callable[[], float]], TaskQueues]
"""Makes a gate's `TaskQueues`: given what decides about a waiter, and the gate's clock."""


class LoopQueues:
    """The tasks that wait at one gate, by event loop.

    Args:
        waits_on: decides about a waiter whose time has passed.
        clock: seconds on the gate's clock.
    """

    __slots__ = ("_by_loop", "_clock", "_waits_on")

    def __init__(self, waits_on: WaitsOn, clock: Callable[[], float]) -> None:
        self._waits_on = waits_on
        self._clock = clock
        self._by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, LoopQueue] = (
            weakref.WeakKeyDictionary()
        )

    def here(self) -> LoopQueue:
        """Return the waiters of the event loop that runs in this thread."""
        import asyncio

        loop = asyncio.get_running_loop()
        found = self._by_loop.get(loop)
        if found is None:
            found = self._by_loop[loop] = LoopQueue(loop, self._waits_on, self._clock)
        return found


def _wake_task(loop: asyncio.AbstractEventLoop, signal: asyncio.Future[None], thread: int) -> bool:
    """Wake a task from any thread; `thread` is the thread of its event loop."""
    try:
        if threading.get_ident() == thread:  # the loop runs, so its self-pipe is not needed
            _set(signal)
        else:
            loop.call_soon_threadsafe(_set, signal)
    except RuntimeError:  # the loop was closed with the task still in line
        return False
    return True


def _set(signal: asyncio.Future[None]) -> None:
    if not signal.done():
        signal.set_result(None)
