"""Changes: several parts that change together, all or nothing, without a lock while they are made ready.

To make a change ready means to run foreign code: the application's, an SDK's, log handlers. It may take its
time, fail, or come back to us from another thread. So it runs without a lock, and what it came to takes
effect in one step under the lock; if something else took effect in the meantime, it is made ready again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from .notices import Notices

R = TypeVar("R")


class Changes:
    """One object's changes, one at a time.

    Args:
        notices: says what a change has to say, after it has taken effect.
    """

    def __init__(self, notices: Notices | None = None) -> None:
        self.notices = notices or Notices()
        self._guarded = self.notices.guarded()
        self._made = 0

    def make(self, ready: Callable[[], Callable[[], R]]) -> R:
        """Make a change.

        Args:
            ready: makes it ready and changes nothing yet; it may be called several times. What it returns
                has it take effect: it runs no foreign code and does not fail.
        """
        while True:
            made = self._made
            effect = ready()
            with self.notices, self._guarded.lock:
                if made == self._made:
                    self._made += 1
                    return effect()
