"""How long a node usually takes to answer."""

from __future__ import annotations

import math
from collections import deque
from typing import Final

SAMPLES: Final = 512
"""How many recent answers count: bounded memory, and enough for a p99 that is not one outlier."""

ENOUGH: Final = 20
"""Below this many answers a quantile says nothing."""


class Latency:
    """Recent answer times of one node. Fed and read by the tend thread, off the call path."""

    __slots__ = ("_samples", "_sorted")

    def __init__(self) -> None:
        self._samples: deque[float] = deque(maxlen=SAMPLES)
        self._sorted: list[float] | None = None

    def add(self, seconds: float) -> None:
        """Note one answer."""
        self._samples.append(seconds)
        self._sorted = None

    def quantile(self, q: float) -> float | None:
        """Return a quantile of recent answers in seconds; None while there are too few."""
        if len(self._samples) < ENOUGH:
            return None
        ordered = self._sorted
        if ordered is None:
            ordered = self._sorted = sorted(self._samples)
        return ordered[min(math.ceil(q * len(ordered)), len(ordered)) - 1]
