"""A gate that holds nobody up: it works out which calls a real one would have refused."""

from __future__ import annotations

import threading
from collections import deque

from ...concurrency import forking


class Ticket:
    """One call's place: it holds a permit, waits for one, or would have been refused."""

    __slots__ = ("gone", "held", "until")

    def __init__(self, until: float) -> None:
        self.until = until
        self.held = False
        self.gone = False


class VirtualGate:
    """Permits and a queue, first come first served, under the times that calls really take.

    It is an estimate. A call that waits here runs in reality, and may end before its turn: then it would
    have been served later, and counts as neither.

    Args:
        limit: operations at once, 1 or more.
        queue_timeout_s: how long an operation may wait, in seconds; 0 = as long as its deadline.
    """

    def __init__(self, limit: int, queue_timeout_s: float) -> None:
        self._limit = limit
        self._queue_timeout_s = queue_timeout_s
        self._lock = threading.RLock()  # reentrant: a signal handler may make a call inside a call
        self._held = 0
        self._queue: deque[Ticket] = deque()
        forking.register(self)

    def enter(self, now: float, deadline: float) -> Ticket:
        """Note a call that begins.

        Args:
            now: the chain's clock, in seconds.
            deadline: when the call must have ended, on that clock.
        """
        until = now + self._queue_timeout_s if self._queue_timeout_s else deadline
        ticket = Ticket(min(until, deadline))
        with self._lock:
            if self._held < self._limit:
                self._held += 1
                ticket.held = True
            else:
                self._queue.append(ticket)
        return ticket

    def leave(self, ticket: Ticket, now: float) -> bool:
        """Note that a call has ended; return whether the gate would have refused it."""
        with self._lock:
            if not ticket.held:
                ticket.gone = True
                return now >= ticket.until
            self._held -= 1
            while self._queue:
                first = self._queue.popleft()
                if not first.gone and now < first.until:
                    first.held = True
                    self._held += 1
                    break
        return False

    def after_fork(self) -> None:
        """Start anew in a forked child: the calls under way are the parent's."""
        self._lock = threading.RLock()
        self._held = 0
        self._queue.clear()
