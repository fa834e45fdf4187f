"""Waiting for something without sleeping for luck."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(condition: Callable[[], T], deadline_s: float = 10.0, pause_s: float = 0.01) -> T:
    """Poll until `condition` is true; fail with its last value after the deadline."""
    ends = time.monotonic() + deadline_s
    while True:
        if value := condition():
            return value
        assert time.monotonic() < ends, f"not true within {deadline_s} s; last value {value!r}"
        time.sleep(pause_s)
