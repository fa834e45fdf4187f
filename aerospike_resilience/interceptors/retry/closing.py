"""Closing: ends every sleep of a wrapped client's threads and tasks when the client is closed."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ...concurrency import forking
from ...concurrency.wakeup import Wakeup

if TYPE_CHECKING:
    import asyncio


class Closing:
    """A flag that ends sleeps. Threads and tasks of any number of event loops may sleep at once.

    It takes no lock: a signal handler may close the client in the very thread that is about to sleep. A
    sleeper first registers itself and then reads the flag; `set` first sets the flag and then wakes all
    sleepers. So at least one of the two sees the other.
    """

    __slots__ = ("__weakref__", "_closed", "_sleepers", "_tasks")

    def __init__(self) -> None:
        self._closed = False
        self._sleepers: set[Wakeup] = set()
        self._tasks: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        forking.register(self)

    def is_set(self) -> bool:
        """Return whether the client is closed."""
        return self._closed

    def set(self) -> None:
        """End every sleep; later sleeps end at once."""
        self._closed = True
        for sleeper in list(self._sleepers):
            sleeper.set()
        for loop, awake in list(self._tasks):
            with contextlib.suppress(RuntimeError):  # the loop is closed, so nothing sleeps in it
                loop.call_soon_threadsafe(awake.set)

    def clear(self) -> None:
        """Allow sleeps again, after the client was connected again."""
        self._closed = False

    def sleep(self, seconds: float) -> bool:
        """Sleep, as a thread; return whether the client was closed meanwhile."""
        awake = Wakeup()
        self._sleepers.add(awake)
        try:
            if not self._closed:
                awake.wait(seconds)
        finally:
            self._sleepers.discard(awake)
        return self._closed

    def after_fork(self) -> None:
        """Reset in a forked child: the parent's sleepers do not exist there."""
        self._sleepers, self._tasks = set(), set()

    async def sleep_async(self, seconds: float) -> bool:
        """Sleep, as a task; return whether the client was closed meanwhile."""
        import asyncio

        place = (asyncio.get_running_loop(), asyncio.Event())
        self._tasks.add(place)
        try:
            if not self._closed:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await place[1].wait()
        finally:
            self._tasks.discard(place)
        return self._closed
