"""Closing: what ends every sleep of a wrapped client, of threads and of tasks, when it is closed."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio


class Closing:
    """A flag to sleep by. Threads and any number of event loops may sleep by it at once."""

    __slots__ = ("_event", "_lock", "_sleepers")

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._sleepers: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    def is_set(self) -> bool:
        """Return whether the client is closed."""
        return self._event.is_set()

    def set(self) -> None:
        """End every sleep, and let none begin."""
        self._event.set()
        with self._lock:
            sleepers = list(self._sleepers)
        for loop, awake in sleepers:
            with contextlib.suppress(RuntimeError):  # the loop is closed, and its sleeper gone
                loop.call_soon_threadsafe(awake.set)

    def clear(self) -> None:
        """Let sleeps begin again: the client was connected again."""
        self._event.clear()

    def sleep(self, seconds: float) -> bool:
        """Sleep, as a thread; return whether the client was closed meanwhile."""
        return self._event.wait(seconds)

    def after_fork(self) -> None:
        """Start anew in a forked child: sleepers do not come along, and locks they held stay behind."""
        closed = self._event.is_set()
        self._event, self._lock, self._sleepers = threading.Event(), threading.Lock(), set()
        if closed:
            self._event.set()

    async def sleep_async(self, seconds: float) -> bool:
        """Sleep, as a task; return whether the client was closed meanwhile."""
        import asyncio

        place = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            self._sleepers.add(place)
        try:
            if not self._event.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await place[1].wait()
        finally:
            with self._lock:
                self._sleepers.discard(place)
        return self._event.is_set()
