"""Resting: nothing is asked of a client while it closes or connects.

The questions of the tend thread and the application's own ``close()`` come from different threads. Some
clients fail then, and some take the interpreter down with them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

MAX_REST_S: Final = 5.0
"""How long `rest` waits at most, in seconds; every question has a timeout below it."""


class Resting:
    """Counts questions under way, so that `rest` can wait for them."""

    def __init__(self) -> None:
        self._quiet = threading.Condition()
        self._asking = 0
        self._resting = False

    def rest(self) -> None:
        """Ask nothing more, and wait for what is being asked."""
        with self._quiet:
            self._resting = True
            self._quiet.wait_for(lambda: not self._asking, timeout=MAX_REST_S)

    def resume(self) -> None:
        """Ask again after `rest`."""
        with self._quiet:
            self._resting = False

    @contextmanager
    def asked(self) -> Iterator[bool]:
        """Hold `rest` up while the client is asked something; false while it must not be."""
        with self._quiet:
            may_ask = not self._resting
            self._asking += may_ask
        try:
            yield may_ask
        finally:
            with self._quiet:
                self._asking -= may_ask
                self._quiet.notify_all()

    def after_fork(self) -> None:
        """Start anew: the parent's threads that asked do not come along."""
        self._quiet = threading.Condition()
        self._asking = 0
