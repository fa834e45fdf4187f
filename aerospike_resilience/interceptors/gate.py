"""The gate: how many operations may hold a connection at once, and who waits for the next permit.

One gate serves threads and any number of event loops together. Free permits lie in a deque, whose
``pop`` and ``append`` are atomic, so that an operation that need not wait takes no lock. Whoever
must wait joins a queue in order of arrival. No wake-up is lost: a leaver first lays down its permit
and then looks for waiters, a waiter first joins the queue and then looks for a permit, so at least
one of them sees the other; `_settle_locked` then hands permits out from the front.

The limit is a number and not a number of semaphore slots: shrinking below what is in flight leaves a
debt that the next leavers pay with their permits, so it never blocks (as in Netflix's
``AdjustableSemaphore``, and unlike resilience4j's bulkhead).
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Literal, TypeAlias

Reason: TypeAlias = Literal["timeout", "deadline", "closed"]

_FOREVER_S: Final = threading.TIMEOUT_MAX


class GateFullError(Exception):
    """No permit came in time; the interceptor turns it into a `BackpressureError`."""

    def __init__(self, reason: Reason, waited_s: float) -> None:
        super().__init__(reason)
        self.reason: Reason = reason
        self.waited_s = waited_s


class _Waiter:
    """One place in the queue. `granted` and `turned_away` are written under the gate's lock."""

    __slots__ = ("_wake", "granted", "turned_away")

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self.granted = False
        self.turned_away = False

    def wake_locked(self) -> None:
        self._wake()


class Gate:
    """A bounded number of permits with a first-come queue.

    Attributes:
        limit: permits in all; 0 turns the gate off (the chain is then built without it).
        queue_timeout_s: how long an operation may wait, in seconds; 0 = as long as its deadline.
        permits: the free ones. The interceptor pops and appends; everybody else only looks.
        waiters: who waits, in order of arrival; written under the lock.
        debt: permits to withdraw since the limit shrank; written under the lock.
    """

    __slots__ = (
        "_clock",
        "_lock",
        "closed",
        "debt",
        "limit",
        "permits",
        "queue_timeout_s",
        "rejected",
        "wait_s_total",
        "waited",
        "waiters",
    )

    def __init__(
        self,
        limit: int,
        queue_timeout_s: float = 0.0,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self.limit = limit
        self.queue_timeout_s = queue_timeout_s
        self.permits: deque[None] = deque([None] * limit)
        self.waiters: deque[_Waiter] = deque()
        self.debt = 0
        self.closed = False
        self.waited = 0
        self.wait_s_total = 0.0
        self.rejected: dict[Reason, int] = {"timeout": 0, "deadline": 0, "closed": 0}

    @property
    def in_flight(self) -> int:
        """Permits that are out."""
        return self.limit + self.debt - len(self.permits)

    def settle(self) -> None:
        """Pay the debt and hand free permits to waiters. Called by leavers who saw either."""
        with self._lock:
            self._settle_locked()

    def wait(self, deadline: float, now: float) -> float:
        """Wait in line for a permit, as a thread.

        Args:
            deadline: when the operation must have ended, on the gate's clock.
            now: the clock's time.

        Returns:
            The clock's time when the permit was granted.

        Raises:
            GateFullError: none came within the queue timeout or before the deadline, or the gate closed.
        """
        until, reason = self._patience(deadline, now)
        signal = threading.Lock()
        signal.acquire()
        waiter = _Waiter(signal.release)
        self._enter(waiter, now)
        try:
            remaining = until - now
            signal.acquire(timeout=min(remaining, _FOREVER_S) if remaining > 0 else 0)
        except BaseException:
            self._abandon(waiter)
            raise
        return self._leave_queue(waiter, now, reason)

    async def wait_async(self, deadline: float, now: float) -> float:
        """Wait in line for a permit, as a task. See `wait`."""
        until, reason = self._patience(deadline, now)
        loop = asyncio.get_running_loop()
        signal = asyncio.Event()
        waiter = _Waiter(lambda: _wake_task(loop, signal))
        self._enter(waiter, now)
        patience_s = None if math.isinf(until) else max(until - now, 0.0)
        try:
            # Whether a permit came at the last moment is decided in _leave_queue, under the lock.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience_s):
                    await signal.wait()
        except BaseException:
            self._abandon(waiter)
            raise
        return self._leave_queue(waiter, now, reason)

    def resize(self, limit: int, queue_timeout_s: float) -> None:
        """Change the limit without waiting; what is in flight above it drains by itself."""
        with self._lock:
            self.debt += self.limit - limit
            self.limit = limit
            self.queue_timeout_s = queue_timeout_s
            while self.debt < 0:
                self.permits.append(None)
                self.debt += 1
            self._settle_locked()

    def withhold(self) -> None:
        """Keep the next permit that is laid down: what it was taken for goes on."""
        with self._lock:
            self.debt += 1

    def restore(self) -> None:
        """Bring back a permit that was withheld."""
        self.permits.append(None)
        self.settle()

    def close(self) -> None:
        """Turn away whoever waits, and everybody who would have to wait from now on."""
        with self._lock:
            self.closed = True
            while self.waiters:
                waiter = self.waiters.popleft()
                waiter.turned_away = True
                waiter.wake_locked()

    def reopen(self) -> None:
        """Serve again after `close`."""
        with self._lock:
            self.closed = False

    def after_fork(self) -> None:
        """Start with every permit at home: the parent's threads that held them do not come along."""
        self._lock = threading.Lock()
        self.waiters.clear()
        self.debt = 0
        self.permits = deque([None] * self.limit)

    def _patience(self, deadline: float, now: float) -> tuple[float, Reason]:
        if self.queue_timeout_s and now + self.queue_timeout_s < deadline:
            return now + self.queue_timeout_s, "timeout"
        return deadline, "deadline"

    def _enter(self, waiter: _Waiter, now: float) -> None:
        with self._lock:
            if self.closed:
                self.rejected["closed"] += 1
                raise GateFullError("closed", max(self._clock() - now, 0.0))
            self.waiters.append(waiter)
            self._settle_locked()

    def _leave_queue(self, waiter: _Waiter, entered: float, reason: Reason) -> float:
        now = self._clock()
        waited_s = max(now - entered, 0.0)
        with self._lock:
            self.waited += 1
            self.wait_s_total += waited_s
            if waiter.granted:
                return now
            if waiter.turned_away:
                reason = "closed"
            else:
                self.waiters.remove(waiter)
            self.rejected[reason] += 1
        raise GateFullError(reason, waited_s)

    def _abandon(self, waiter: _Waiter) -> None:
        """Leave the queue for an interrupt or a cancellation; a permit granted meanwhile goes on."""
        with self._lock:
            if waiter.granted:
                self.permits.append(None)
            elif not waiter.turned_away:
                self.waiters.remove(waiter)
            self._settle_locked()

    def _settle_locked(self) -> None:
        while self.debt > 0 and self._take_locked():
            self.debt -= 1
        while self.waiters and self._take_locked():
            waiter = self.waiters.popleft()
            waiter.granted = True
            waiter.wake_locked()

    def _take_locked(self) -> bool:
        # An arrival that saw no waiters may pop the last permit between a look and a pop.
        try:
            self.permits.pop()
        except IndexError:
            return False
        return True


def _wake_task(loop: asyncio.AbstractEventLoop, signal: asyncio.Event) -> None:
    # A loop that closed with a task still queued leaves a permit granted to nobody who can take it;
    # its task was cancelled before, and the cancellation gave the place up.
    if not loop.is_closed():
        loop.call_soon_threadsafe(signal.set)
