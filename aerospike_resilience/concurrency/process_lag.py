"""Process lag: for how long the process was kept from running, as one of its threads shows that is late.

While a process is stopped, or has no processor, nobody in it hears an answer. That time shows nothing about
a node. The lag of event loops, which shows more and is measured all the time, is in `event_loop_lag`.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from typing import Final

USUAL_S: Final = 0.02
"""How late a thread is at most in a process that runs, in seconds: others of its threads run, too."""

REMEMBERED: Final = 64
"""How many times at which it was late are remembered."""


class ProcessLag:
    """When a thread should have been somewhere and when it was. Written by that thread, read by any.

    Args:
        clock: in seconds.
    """

    __slots__ = ("_clock", "_due", "_late")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due = math.inf
        self._late: deque[tuple[float, float]] = deque(maxlen=REMEMBERED)

    def here(self, next_in_s: float) -> None:
        """Note that the thread is here, and will be again in so many seconds at most."""
        now = self._clock()
        if now - self._due > USUAL_S:
            self._late.append((self._due, now))
        self._due = now + next_in_s  # only now: meanwhile time may count twice, and none is lost

    def ends(self) -> None:
        """Note that the thread ends."""
        self._due = math.inf

    def within(self, seconds: float) -> float:
        """Return for how many of the last `seconds` the process was kept from running."""
        now, due = self._clock(), self._due
        since = now - seconds
        late = tuple(self._late)
        if now - due > USUAL_S:
            late = (*late, (due, now))
        return sum(max(came - max(expected, since), 0.0) for expected, came in late)

    def forget(self) -> None:
        """Start anew, as in a forked child, where that thread does not run."""
        self._due = math.inf
        self._late.clear()
