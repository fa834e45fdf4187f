"""Waiting for something without sleeping for luck.

A deadline is only there so that what never happens fails: it is as long as the busiest machine may need.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 60.0


def until(condition: Callable[[], T], deadline_s: float = PATIENCE_S, pause_s: float = 0.01) -> T:
    """Poll until `condition` is true; fail with its last value after the deadline."""
    ends = time.monotonic() + deadline_s
    while True:
        if value := condition():
            return value
        assert time.monotonic() < ends, f"not true within {deadline_s} s; last value {value!r}"
        time.sleep(pause_s)
