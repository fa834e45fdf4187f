"""The awaited calls of one client on the fused path, by the event loop in which they are under way.

Clients whose methods block have none, so nothing here imports asyncio.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from ...concurrency import forking
from ...concurrency.event_loop_lag import EventLoopLag, lag_of

if TYPE_CHECKING:
    import asyncio


class Held(Protocol):
    """A call that holds a permit."""

    def release(self) -> None:
        """Release the permit, once."""
        ...


class LoopCalls:
    """The calls of one client that are under way in one event loop. Written in the loop's thread.

    Attributes:
        loop: the event loop.
        clock: the chain's clock.
        lag: the event loop's lag.
        under_way: the calls that hold permits.
        add: add a call to them.
        remove: remove a call from them.
        tasks: the tasks that go on with failed calls.
    """

    __slots__ = ("__weakref__", "add", "clock", "lag", "loop", "remove", "tasks", "under_way")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Callable[[], float],
        busy: Callable[[], object],
    ) -> None:
        self.loop = loop
        self.clock = clock
        self.lag: EventLoopLag = lag_of(loop)
        self.under_way: set[Held] = set()
        self.add, self.remove = self.under_way.add, self.under_way.remove
        self.tasks: set[asyncio.Task[Any]] = set()
        self.lag.watch(busy)

    def ticking(self) -> EventLoopLag:
        """Return the event loop's lag, which is measured from now on."""
        if not self.lag.ticking:
            self.lag.start()
        return self.lag


class AwaitedCalls:
    """The calls of one client that are under way, by event loop. It outlives reloads.

    Args:
        clock: the chain's clock.
        busy: whether any call of the client is under way.

    Attributes:
        latest: those of the event loop that made the latest call.
        lag: the lag of that event loop.
    """

    __slots__ = ("__weakref__", "_busy", "_by_loop", "_clock", "lag", "latest")

    def __init__(self, clock: Callable[[], float], busy: Callable[[], object]) -> None:
        self._clock = clock
        self._busy = busy
        self._by_loop: dict[int, LoopCalls] = {}
        self.latest: LoopCalls | _NoCalls = _NoCalls()
        self.lag: EventLoopLag | _NoCalls = self.latest
        forking.register(self)

    def of(self, loop: asyncio.AbstractEventLoop) -> LoopCalls:
        """Return the calls of an event loop. Called in the loop's thread."""
        found = self._by_loop.get(id(loop))
        if found is None or found.loop is not loop:
            found = self._by_loop[id(loop)] = LoopCalls(loop, self._clock, self._busy)
        self.latest, self.lag = found, found.lag
        return found

    def lag_since(self, lag: EventLoopLag, total_s: float) -> float:
        """Return the lag of the running event loop since `total_s` was read, in seconds.

        Args:
            lag: what `total_s` was read from. Where several event loops make calls at once it may be
                another loop's, which says nothing.
            total_s: the lag's total.
        """
        import asyncio

        return lag.since(total_s) if lag is self.of(asyncio.get_running_loop()).lag else 0.0

    def tend(self) -> None:
        """Release the permits of calls whose event loop was closed, as their callbacks never run."""
        for at, calls in list(self._by_loop.items()):
            if calls.loop.is_closed():
                if self._by_loop.get(at) is calls:
                    del self._by_loop[at]
                if self.latest is calls:
                    self.latest = self.lag = _NoCalls()
                calls.lag.ignore(self._busy)
                for call in list(calls.under_way):
                    call.release()

    def after_fork(self) -> None:
        """Start empty in a forked child: those calls go on in the parent."""
        self._by_loop = {}
        self.latest = self.lag = _NoCalls()


class _NoCalls:
    """Stands where no event loop has made a call yet."""

    loop = None
    ticking = False
    late_after = math.inf
    under_way: set[Held] = set()  # noqa: RUF012 - always empty
