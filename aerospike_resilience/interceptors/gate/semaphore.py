"""The gate: limits how many operations hold a connection at once, and decides who gets the next permit.

One gate serves threads and any number of event loops together. Free permits are kept in a list. ``pop``
and ``append`` are atomic, so an operation that need not wait takes no lock. An operation that must wait
joins the queue. No wake-up is lost: a leaving operation first releases its permits and then looks for
waiters; a waiter first joins the queue and then looks for permits. So at least one of them sees the
other, and `_settle_locked` serves the front of the queue.

The limit is a number, not a number of semaphore slots. Shrinking it below what is in flight leaves a
debt, and the next released permits pay it. So shrinking never blocks (as in Netflix's
``AdjustableSemaphore``, and unlike resilience4j's bulkhead).

An interrupt (``KeyboardInterrupt``, an exception that another thread raises here) can come after any call
and at the start of any function. It cannot come between statements that make no call, such as ``del
permits[-1]``. So a permit is always in the list, in a waiter's `held`, or under a ``finally`` that
releases it. If an interrupt comes while the queue is served, `settle` can be called again from the start;
the tend thread does so each tend.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable
from typing import Final

from ...concurrency import forking
from ...concurrency.notices import safely
from ...concurrency.weakly import weakly
from ...model.operation import Criticality
from .loop_queue import LoopQueues, MakeTaskQueues
from .patience import Patience, waits_until
from .queue import REASONS, Order, Reason, Waiter, WaitQueue

_FOREVER_S: Final = threading.TIMEOUT_MAX

OnWait = Callable[[float, str], None]
"""Called with how long an operation waited, in seconds, and the result: ``granted`` or a `Reason`."""


class GateFullError(Exception):
    """No permit came in time. The interceptor raises it as a `BackpressureError`."""

    def __init__(self, reason: Reason, waited_s: float) -> None:
        super().__init__(reason, waited_s)
        self.reason: Reason = reason
        self.waited_s = waited_s


class Gate:
    """A bounded number of permits, and a queue of operations that wait for them.

    Args:
        limit: permits in all; 0 means no limit (the chain is then built without the gate).
        queue_timeout_s: how long an operation may wait, in seconds; 0 = as long as its deadline.
        order: which operation is served first among the equally critical.
        clock: seconds on the clock that the whole chain uses.
        task_queues: how tasks wait; a simulation has tasks of its own.

    Attributes:
        permits: the free permits. Only the interceptor takes and appends; all other code only reads.
        waiting: how many operations wait; written under the lock, read without.
        debt: permits to withdraw since the limit shrank; written under the lock.
        waited: how many operations have waited so far.
        wait_s_total: how long they waited in all, in seconds.
        rejected: how many operations were refused so far, by reason.
        closed: whether it refuses every operation that would have to wait.
        opened: whether it admits, without a permit, every operation that would have to wait.
        crowded_at: with so many free permits or fewer, too many operations are under way for another one
            to hurry; -1 for never.
        on_wait: called after every wait; None while no metric needs it.
    """

    __slots__ = (
        "__weakref__",
        "_clock",
        "_granted",
        "_granted_at",
        "_lock",
        "_queue",
        "_queue_began",
        "_tasks",
        "closed",
        "crowded_at",
        "debt",
        "limit",
        "on_wait",
        "opened",
        "permits",
        "queue_timeout_s",
        "rejected",
        "wait_s_total",
        "waited",
        "waiting",
    )

    def __init__(
        self,
        limit: int,
        queue_timeout_s: float = 0.0,
        *,
        order: Order = "fifo",
        clock: Callable[[], float] = time.monotonic,
        task_queues: MakeTaskQueues = LoopQueues,
    ) -> None:
        self._clock = clock
        # Reentrant, as a signal handler or a finalizer may make a call inside a call.
        self._lock = threading.RLock()
        self._queue = WaitQueue(order)
        self._tasks = task_queues(weakly(self._waits_on, otherwise=False), clock)
        self._queue_began = 0.0
        self._granted = 0
        self._granted_at = -math.inf
        self.limit = limit
        self.queue_timeout_s = queue_timeout_s
        self.permits: list[None] = [None] * limit
        self.waiting = 0
        self.debt = 0
        self.crowded_at = -1
        self.closed = False
        self.opened = False
        self.waited = 0
        self.wait_s_total = 0.0
        self.rejected: dict[Reason, int] = dict.fromkeys(REASONS, 0)
        self.on_wait: OnWait | None = None
        forking.register(self)

    @property
    def in_flight(self) -> int:
        """How many permits are taken."""
        return self.limit + self.debt - len(self.permits)

    def crowded(self) -> bool:
        """Return whether more operations are under way than may hurry; asked by one of them."""
        return len(self.permits) < self.crowded_at

    def settle(self) -> None:
        """Pay the debt and serve the queue. Called after a release if there is a debt or a waiter."""
        with self._lock:
            self._settle_locked()

    def refuses_at_once(self, criticality: Criticality) -> Reason | None:
        """Return why an operation may not even wait, and count it as refused; None if it may.

        Called for an operation that found no permit, or others before it.
        """
        if not self.closed and not (self.waiting and criticality == "sheddable"):
            return None
        with self._lock:
            reason: Reason
            if self.waiting and criticality == "sheddable":
                reason = "shed"
            elif self.closed and self.limit and not (self.opened or self.permits):
                reason = "closed"
            else:
                return None
            self.rejected[reason] += 1
            return reason

    def wait(self, waiter: Waiter, deadline: float, now: float, already_s: float = 0.0) -> float:
        """Wait in the queue for permits, as a thread.

        When it returns, the caller holds `Waiter.held` permits, and releases them by ``permits += ...``
        and `settle`. When it raises anything, the caller holds none.

        Args:
            waiter: the operation's place, not in a queue yet.
            deadline: when the operation must have ended, on the gate's clock.
            now: the clock's time.
            already_s: how much of the queue timeout the operation used before, in seconds.

        Returns:
            The clock's time when the permits were granted.

        Raises:
            GateFullError: they did not come within the queue timeout or before the deadline, the
                gate closed, or the operation was shed.
        """
        until, reason = waits_until(self.queue_timeout_s, deadline, now, already_s)
        signal = threading.Lock()
        signal.acquire()

        def wake() -> bool:
            with contextlib.suppress(RuntimeError):  # already woken
                signal.release()
            return True

        waiter.wake = wake
        try:
            if self._enter(waiter, now):
                return now
            patience = Patience(now, until, deadline, self._granted)
            while True:
                remaining = patience.ends - self._clock()
                signal.acquire(timeout=min(remaining, _FOREVER_S) if remaining > 0 else 0)
                if not self._waits_on(waiter, patience):
                    return self._result(waiter, now, reason)
        except BaseException:
            self._abandon(waiter)
            raise

    async def wait_async(
        self, waiter: Waiter, deadline: float, now: float, already_s: float = 0.0
    ) -> float:
        """Wait in the queue for permits, as a task. See `wait`."""
        until, reason = waits_until(self.queue_timeout_s, deadline, now, already_s)
        waiters = self._tasks.here()
        signal = waiters.signal(waiter)
        try:
            if self._enter(waiter, now):
                return now
            await waiters.wait(waiter, Patience(now, until, deadline, self._granted), signal)
            return self._result(waiter, now, reason)
        except BaseException:
            self._abandon(waiter)
            raise

    def resize(self, limit: int, queue_timeout_s: float, order: Order = "fifo") -> None:
        """Change the limit without waiting. Operations above it keep their permits until they end."""
        with self._lock:
            self._queue.order = order
            self.queue_timeout_s = queue_timeout_s
            self.debt += self.limit - limit
            self.limit = limit
            if self.debt < 0:
                self.permits += [None] * -self.debt
                self.debt = 0
            self._settle_locked()

    def withhold(self, count: int = 1) -> Callable[[], None]:
        """Keep the next released permits out of the free list, as the calls that took them go on.

        Args:
            count: how many.

        Returns:
            A function that releases them; to be called once. It releases them into the list they were
            taken from. So a forked child, which starts with all permits free, gets none too many.
        """
        permits = self.permits

        def restore() -> None:
            permits.extend([None] * count)
            self.settle()

        with self._lock:
            self.debt += count
        return restore

    def close(self) -> None:
        """Refuse all waiters, and all operations that would have to wait from now on."""
        with self._lock:
            self.closed = True
            for waiter in self._queue:
                self._turn_away_locked(waiter, "closed")

    def open(self) -> None:
        """Admit all waiters and all later operations, as the client is no longer protected.

        They hold no permit, so that the limit means the same when the gate serves again.
        """
        with self._lock:
            self.opened = True
            for waiter in self._queue:
                self._let_pass_locked(waiter)

    def reopen(self) -> None:
        """Serve again after `close` or `open`."""
        with self._lock:
            self.closed = self.opened = False

    def after_fork(self) -> None:
        """Start a forked child with all permits free: the threads that held them do not exist there.

        An operation during which the process was forked releases its permit into the list it took it
        from: the old list.
        """
        self._lock = threading.RLock()
        self._queue = WaitQueue(self._queue.order)
        self.waiting = 0
        self.debt = 0
        self.permits = [None] * self.limit
        self.waited, self.wait_s_total = 0, 0.0
        self.rejected = dict.fromkeys(REASONS, 0)

    def _waits_on(self, waiter: Waiter, patience: Patience) -> bool:
        """Return whether a waiter whose queue timeout has passed goes on waiting, as the queue moves.

        Args:
            waiter: the operation's place in the queue.
            patience: until when it waits; extended if it goes on waiting.
        """
        with self._lock:
            now = self._clock()
            if waiter.granted or waiter.refused or self.closed or now >= patience.latest:
                return False
            return patience.extend(
                *(now, self._granted, self._granted_at, self._queue_began),
                queue_timeout_s=self.queue_timeout_s,
            )

    def _enter(self, waiter: Waiter, now: float) -> bool:
        """Join the queue; return whether there were enough permits at once."""
        with self._lock:
            if not self.waiting:
                self._queue_began = now
            if self.waiting and waiter.criticality == "sheddable":
                self._refuse_locked("shed", 0.0)
            self._queue.join(waiter)
            self.waiting = len(self._queue)
            self._settle_locked()
            if waiter.granted:
                return True
            if self.opened:
                self._let_pass_locked(waiter)
                return True
            if self.closed:
                self._refuse_locked("closed", 0.0)
            if self.waiting > 1:
                # Sheddable operations are refused as soon as any other operation waits.
                for other in self._queue.sheddable():
                    self._turn_away_locked(other, "shed")
            return False

    def _result(self, waiter: Waiter, entered: float, reason: Reason) -> float:
        """Return the time of the grant, or raise. The lock decides about a grant at the last moment."""
        now = self._clock()
        waited_s = max(now - entered, 0.0)
        with self._lock:
            self._leave_locked(waiter)
            self.waited += 1
            self.wait_s_total += waited_s
            refused = None if waiter.granted else waiter.refused or reason
        if (on_wait := self.on_wait) is not None:
            safely(on_wait, waited_s, refused or "granted")
        if refused is not None:
            with self._lock:
                self._refuse_locked(refused, waited_s)
        return now

    def _abandon(self, waiter: Waiter) -> None:
        """Leave the queue ungranted or interrupted; pass on permits that were granted meanwhile."""
        with self._lock:
            self._leave_locked(waiter)
            self._give_back_locked(waiter)
            self._settle_locked()

    def _refuse_locked(self, reason: Reason, waited_s: float) -> None:
        self.rejected[reason] += 1
        raise GateFullError(reason, waited_s)

    def _let_pass_locked(self, waiter: Waiter) -> None:
        waiter.granted = True
        self._leave_locked(waiter)
        waiter.wake()

    def _turn_away_locked(self, waiter: Waiter, reason: Reason) -> None:
        waiter.refused = reason
        self._leave_locked(waiter)
        self._give_back_locked(waiter)
        waiter.wake()

    def _leave_locked(self, waiter: Waiter) -> None:
        self._queue.leave(waiter)
        self.waiting = len(self._queue)

    def _settle_locked(self) -> None:
        permits = self.permits
        while self.debt > 0 and permits:
            try:
                del permits[-1]
            except IndexError:
                break
            self.debt -= 1
        while (waiter := self._queue.front()) is not None and self._fill_locked(waiter):
            awake = waiter.wake()
            self._leave_locked(waiter)
            if not awake:
                self._give_back_locked(waiter)

    def _fill_locked(self, waiter: Waiter) -> bool:
        """Give a waiter all the permits it needs, or none; return whether it has them."""
        permits = self.permits
        needs = min(waiter.weight, self.limit)  # the limit may have shrunk while it waited
        if len(permits) + waiter.held < needs:
            return False
        while waiter.held < needs:
            try:
                del permits[-1]
            except IndexError:  # an arriving operation that saw no waiters took it
                self._give_back_locked(waiter)
                return False
            waiter.held += 1
        waiter.granted = True
        self._granted += 1
        self._granted_at = self._clock()
        return True

    def _give_back_locked(self, waiter: Waiter) -> None:
        permits, held = self.permits, waiter.held
        waiter.granted = False
        waiter.held = 0
        permits += [None] * held
