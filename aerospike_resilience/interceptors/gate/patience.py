"""Patience: how long one operation waits in a gate's queue."""

from __future__ import annotations

from typing import Final

from .queue import Reason

LATE_S: Final = 0.005
"""A waiter that wakes this much later than it asked for, in seconds, was delayed by its own process: by a
busy event loop, or for lack of a processor. The calls that hold the permits were delayed as well."""

WAITED_AT_MOST: Final = 0.5
"""The share of its time that an operation may wait in a moving queue. It needs the rest for the call
itself."""

WAITED_AT_LAST: Final = 0.8
"""The share of its time after which an operation waits no longer, however late its event loop was: what is
let through later has no time left for its answer."""


class Patience:
    """How long one operation waits in the queue.

    Attributes:
        entered: when it joined.
        ends: when it gives up, unless the queue moves. Without the time in `lag_s`.
        deadline: when its operation must have ended.
        granted: how many waiters had been served when it was last looked at.
        lag_s: how long the event loop was late while it waited, in seconds. That time is not held against
            the queue.
        longest_s: for how long it waits at most in a queue that moves, in seconds. Without the time in
            `lag_s`.
        latest: when it gives up in any case.
    """

    __slots__ = ("deadline", "ends", "entered", "granted", "lag_s", "latest", "longest_s")

    def __init__(self, entered: float, ends: float, deadline: float, granted: int) -> None:
        self.entered = entered
        self.ends = ends
        self.deadline = deadline
        self.granted = granted
        self.lag_s = 0.0
        self.longest_s = WAITED_AT_MOST * (deadline - entered)
        self.latest = max(ends, entered + WAITED_AT_LAST * (deadline - entered))

    @property
    def next_look(self) -> float:
        """When to look again whether it goes on waiting, on the gate's clock."""
        return min(self.ends + self.lag_s, self.latest)

    def extend(
        self,
        now: float,
        granted: int,
        granted_at: float,
        queue_began: float,
        *,
        queue_timeout_s: float,
    ) -> bool:
        """Return whether the operation goes on waiting, and set until when.

        Past its queue timeout it does while the queue moves and is younger than half of the operation's
        time, so that a short burst is served. An older queue, and one that does not move, is an overload.
        (After Nichols and Jacobson's CoDel, "Controlling Queue Delay", ACM Queue 2012, which distinguishes
        a good queue from a standing one by how long it has not been empty.)

        Args:
            now: the time, before `latest`.
            granted: how many waiters have been served so far.
            granted_at: when the last one was.
            queue_began: when the queue was last empty.
            queue_timeout_s: the queue timeout, in seconds.
        """
        now -= self.lag_s
        late_s = now - self.ends
        if late_s > LATE_S:  # our own process was delayed, and the queue with it
            self.ends = min(now + late_s, self.latest)
        elif late_s >= 0:
            # Who used up its time before its earlier attempts looks back as far as all others.
            moved = granted > self.granted or now - granted_at < queue_timeout_s
            young = queue_began > now - self.longest_s
            if not (moved and young and now - self.entered < self.longest_s):
                return False
            self.ends = min(now + queue_timeout_s, self.latest)
        self.granted = granted
        return True


def waits_until(
    queue_timeout_s: float, deadline: float, now: float, already_s: float
) -> tuple[float, Reason]:
    """Return until when an operation waits in a queue that does not move, and why no longer.

    Args:
        queue_timeout_s: the queue timeout, in seconds; 0 for none.
        deadline: when the operation must have ended.
        now: the time.
        already_s: how much of the queue timeout the operation used before, in seconds.
    """
    if queue_timeout_s:
        left_s = queue_timeout_s - already_s
        if left_s < 0:
            # It was let wait longer, as the queue moved or our own process was late. That is not held
            # against it: this may be a new queue.
            left_s = queue_timeout_s
        until = now + left_s
        if until < deadline:
            return until, "timeout"
    return deadline, "deadline"
