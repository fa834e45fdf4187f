"""Process lag: for how long the process was kept from running, as late wake-ups of one of its threads show.

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
"""How late a thread wakes at most in a process that runs, in seconds: others of its threads run, too."""

REMEMBERED: Final = 64
"""How many late wake-ups are remembered."""


class ProcessLag:
    """When a thread should have woken and when it did. Written by that thread, read by any.

    Args:
        clock: in seconds.
    """

    __slots__ = ("_clock", "_due", "_late")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due = math.inf
        self._late: deque[tuple[float, float]] = deque(maxlen=REMEMBERED)

    def sleeps(self, for_s: float) -> None:
        """Note that the thread goes to sleep, for so many seconds at most."""
        self._due = self._clock() + for_s

    def wakes(self) -> None:
        """Note that the thread woke."""
        now = self._clock()
        if now - self._due > USUAL_S:
            self._late.append((self._due, now))
        self._due = math.inf  # only now: in between, some time may count twice, and none is lost

    def within(self, seconds: float) -> float:
        """Return for how many of the last `seconds` the process was kept from running."""
        now, due = self._clock(), self._due
        since = now - seconds
        late = tuple(self._late)
        if now - due > USUAL_S:
            late = (*late, (due, now))
        return sum(max(woke - max(slept, since), 0.0) for slept, woke in late)

    def forget(self) -> None:
        """Start anew, as in a forked child, where that thread does not run."""
        self._due = math.inf
        self._late.clear()
