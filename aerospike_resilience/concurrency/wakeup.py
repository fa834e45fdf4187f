"""Wakeup: a flag to wait for that a signal handler or a finalizer may set as well.

`threading.Event` takes a lock that is not reentrant around lines of Python. A signal handler that sets the
event its own thread is about to wait for, or is setting, waits for itself. Here each step is one of C.
"""

from __future__ import annotations

import threading


class Wakeup:
    """A flag that one thread waits for, and that falls when it has been seen. Anybody may raise it."""

    __slots__ = ("_lowered",)

    def __init__(self) -> None:
        self._lowered = threading.Lock()
        self._lowered.acquire()

    def set(self) -> None:
        """Raise it."""
        try:
            self._lowered.release()
        except RuntimeError:  # it is raised already
            return

    def wait(self, timeout_s: float) -> bool:
        """Wait for it, lower it, and return whether it was raised within so many seconds."""
        return self._lowered.acquire(timeout=min(max(timeout_s, 0.0), threading.TIMEOUT_MAX))
