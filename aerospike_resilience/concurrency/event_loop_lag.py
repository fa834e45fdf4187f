"""Event loop lag: how much later than it could an event loop gets round to its callbacks.

An answer of the cluster is heard when the loop runs the callback. While the loop works through a burst of
tasks, or the process has no processor, answers lie there unheard. That time shows nothing about a node or a
queue. So while somebody waits, a timer ticks in the loop, and how late it ticks is the lag.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    import asyncio

TICK_S: Final = 0.002
"""How often the timer ticks, in seconds: less than half of the shortest time after which a read is slow."""

USUAL_S: Final = 0.0015
"""How late a timer is in a loop that has nothing else to do, at most, in seconds: clocks of selectors count
in milliseconds."""


LATE_S: Final = 0.005
"""A loop whose tick is later than this, in seconds, is late."""

REMEMBERED_S: Final = 0.1
"""For how long a loop counts as late after a late tick, in seconds: a burst takes several turns of it."""


class Lag(Protocol):
    """How late the callbacks are of what runs awaited calls: an event loop, or a simulation.

    Attributes:
        late_after: from which time on it is late, on its clock, in seconds.
    """

    late_after: float

    def begin(self) -> float:
        """Note that somebody begins to wait; return what `since` takes."""
        ...

    def end(self) -> None:
        """Note that somebody waits no longer."""
        ...

    def since(self, total_s: float) -> float:
        """Return the lag since `begin` returned `total_s`, in seconds."""
        ...


class EventLoopLag:
    """The lag of one event loop. Used in the loop's own thread.

    Attributes:
        late_after: from which time on the loop is late, unless it ticks before, on the loop's clock.
        total_s: how late the loop's ticks were so far, in seconds.
        waiting: how many callers wait for something in this loop; it ticks while there are any.
        ticking: whether a tick is due.
    """

    __slots__ = (
        *("__weakref__", "_due", "_late_until", "_loop", "_sets"),
        *("late_after", "ticking", "total_s", "waiting"),
    )

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.ref(loop)
        self._due = 0.0
        self._late_until = -math.inf
        self.late_after = math.inf
        self._sets: list[Callable[[], object]] = []
        self.total_s = 0.0
        self.waiting = 0
        self.ticking = False

    def begin(self) -> float:
        """Note that somebody begins to wait; return `total_s`, to be given to `since`."""
        self.waiting += 1
        if not self.ticking:
            self.start()
        return self.total_s

    def end(self) -> None:
        """Note that somebody waits no longer."""
        self.waiting -= 1

    def watch(self, some: Callable[[], object]) -> None:
        """Tick on as long as `some` returns something true."""
        self._sets.append(some)

    def ignore(self, some: Callable[[], object]) -> None:
        """End a `watch`."""
        self._sets.remove(some)

    def start(self) -> None:
        """Begin to tick."""
        loop = self._loop()
        if loop is not None:
            self.ticking = True
            self._arm(loop, loop.time())

    def since(self, total_s: float) -> float:
        """Return the lag since `total_s` was read, in seconds. A tick that is overdue counts."""
        loop = self._loop()
        overdue_s = 0.0
        if self.ticking and loop is not None:
            overdue_s = loop.time() - self._due
        return self.total_s - total_s + (overdue_s if overdue_s > USUAL_S else 0.0)

    def _tick(self) -> None:
        loop = self._loop()
        if loop is None:
            return
        now = loop.time()
        late_s = now - self._due
        if late_s > USUAL_S:
            self.total_s += late_s
            if late_s > LATE_S:
                self._late_until = now + REMEMBERED_S
        self.ticking = self.waiting > 0 or any(some() for some in self._sets)
        if self.ticking:
            self._arm(loop, now)
        else:
            self.late_after = math.inf

    def _arm(self, loop: asyncio.AbstractEventLoop, now: float) -> None:
        self._due = now + TICK_S
        self.late_after = -math.inf if now < self._late_until else self._due + LATE_S
        loop.call_at(self._due, self._tick)


_by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, EventLoopLag] = (
    weakref.WeakKeyDictionary()
)


def lag_of(loop: asyncio.AbstractEventLoop) -> EventLoopLag:
    """Return the lag of an event loop. Called in the loop's thread."""
    found = _by_loop.get(loop)
    if found is None:
        found = _by_loop.setdefault(loop, EventLoopLag(loop))
    return found


def lag_of_running_loop() -> EventLoopLag:
    """Return the lag of the event loop that runs in this thread."""
    global _running_loop
    if _running_loop is None:
        from asyncio import get_running_loop

        _running_loop = get_running_loop
    return lag_of(_running_loop())


_running_loop: Callable[[], asyncio.AbstractEventLoop] | None = None
