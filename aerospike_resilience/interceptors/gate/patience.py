"""Patience: how long one operation waits in a gate's queue."""

from __future__ import annotations

from typing import Final

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
