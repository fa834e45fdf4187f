"""Readable: waiting for something to read from a file, whatever its number.

``select.select`` takes file numbers below 1024 only. A process that runs a cluster may have more files.
"""

from __future__ import annotations

import math
import select
from typing import Any


def readable(file: Any, timeout_s: float) -> bool:
    """Return whether there is something to read, or the end, within a time.

    Args:
        file: a file number, or an object that has one.
        timeout_s: for how long to wait, in seconds.
    """
    asked = select.poll()
    asked.register(file, select.POLLIN)
    return bool(asked.poll(math.ceil(timeout_s * 1000)))
