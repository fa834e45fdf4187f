"""The tend thread: one daemon a process, for all wrapped clients."""

from __future__ import annotations

import os
import sys
import threading
import weakref
from typing import Final

from .tending import WATCHFUL_S, TendedCluster


class TendThread:
    """The thread, and the clusters it tends. Clusters are held weakly: it ends with the last one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._tended: weakref.WeakSet[TendedCluster] = weakref.WeakSet()
        self._ever: weakref.WeakSet[TendedCluster] = weakref.WeakSet()
        self._thread: threading.Thread | None = None

    def add(self, tended: TendedCluster) -> None:
        """Tend a cluster from now on.

        Its first tend is done before this returns, but for an event loop's thread, which is never held
        up: there the tend thread does it within milliseconds.
        """
        tended.begin()
        if not _in_event_loop():
            tended.first()
        with self._lock:
            self._tended.add(tended)
            self._ever.add(tended)
            self._start_locked()
        self._wake.set()

    def discard(self, tended: TendedCluster) -> None:
        """Tend a cluster no more."""
        with self._lock:
            self._tended.discard(tended)
        self._wake.set()

    def wake(self) -> None:
        """Have the thread look now instead of at its next tend."""
        self._wake.set()
        if self._thread is None:
            with self._lock:
                if self._tended:
                    self._start_locked()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    def after_fork(self) -> None:
        """Start anew in a forked child: threads and held locks do not come along.

        The thread itself starts with the child's first call. The child shares its parent's sockets,
        and one that never uses the client must not have us use them.
        """
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread = None
        for one in list(self._ever):  # one that is tended no more may still be used, unprotected
            one.begin()
            one.on_fork()

    def _start_locked(self) -> None:
        if not self.alive:
            self._thread = threading.Thread(
                target=self._run, name="aerospike-resilience-tend", daemon=True
            )
            self._thread.start()

    def _run(self) -> None:
        while True:
            with self._lock:
                tended = list(self._tended)
                if not tended:
                    self._thread = None
                    return
            pauses = []
            while tended:
                one = tended.pop()
                try:
                    pauses.append(one.tend())
                except Exception:  # one cluster must not end the tending of the others
                    one.log.exception("tending failed; it goes on at the next tend")
                    pauses.append(one.health.options.tend_interval_s)
                del one  # a cluster whose client is gone must not be kept alive by the wait
            # A pause of zero is possible (a tend just became due); yield to the application anyway.
            self._wake.wait(max(min(pauses), WATCHFUL_S / 5))
            self._wake.clear()


def _in_event_loop() -> bool:
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:  # then no event loop runs
        return False
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _shared() -> TendThread:
    tender = TendThread()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=tender.after_fork)
    return tender


TEND_THREAD: Final = _shared()
"""The process's tend thread."""
