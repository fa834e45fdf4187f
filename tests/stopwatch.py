"""Measuring how long something takes on a machine that does other things as well."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Final, Self

TRIES: Final = 40


def quickest_s(action: Callable[[], Any], limit_s: float) -> float:
    """Return how long an action takes, in seconds: the least of several times.

    A busy machine only ever adds to it, so what the action itself takes shows in the quickest time. What
    is within the limit at once is done once; what is always beyond it is done 40 times.
    """
    least_s = float("inf")
    for _ in range(TRIES):
        began = time.monotonic()
        action()
        least_s = min(least_s, time.monotonic() - began)
        if least_s <= limit_s:
            break
    return least_s


class HeldUp:
    """How long this process was kept from running: a thread asks for a millisecond again and again.

    What a call takes beyond its deadline while the machine runs something else is not the call's.
    """

    _TICK_S: Final = 0.001
    _USUAL_S: Final = 0.005

    def __init__(self) -> None:
        self._gaps: list[tuple[float, float]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def worst_s(self) -> float:
        """The longest that it was held up at once, in seconds."""
        return max((ended - began for began, ended in self._gaps), default=0.0)

    def between(self, began: float, ended: float) -> float:
        """Return for how many seconds of an interval it was held up; times by `time.monotonic`."""
        return sum(max(min(ended, until) - max(began, since), 0.0) for since, until in self._gaps)

    def _run(self) -> None:
        while not self._stop.is_set():
            asked = time.monotonic() + self._TICK_S
            time.sleep(self._TICK_S)
            now = time.monotonic()
            if now - asked > self._USUAL_S:
                self._gaps.append((asked, now))
