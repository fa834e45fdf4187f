"""The tend thread: one daemon a process, for all wrapped clients."""

from __future__ import annotations

import atexit
import sys
import threading
import time
import weakref
from typing import Final

from ..concurrency import exiting, forking, threads  # noqa: F401 - see below
from ..concurrency.process_lag import ProcessLag
from ..concurrency.wakeup import Wakeup
from .tending import WATCHFUL_S, TendedCluster

EXIT_S: Final = 1.0
"""For how long the end of the process waits at most for questions under way, in seconds."""


class TendThread:
    """The thread, and the clusters it tends. Clusters are held weakly: it ends with the last one.

    Attributes:
        lag: how late it is, as the whole process is kept from running then.
    """

    def __init__(self) -> None:
        # Reentrant, and held for a few lines of ours: a signal handler may close a client at any of them.
        self._lock = threading.RLock()
        self._wakeup = Wakeup()
        self._tended: weakref.WeakSet[TendedCluster] = weakref.WeakSet()
        self._thread: threading.Thread | None = None
        self._starting = False
        self._ended = False
        self.lag = ProcessLag()
        forking.register(self)

    def add(self, tended: TendedCluster) -> None:
        """Tend a cluster from now on.

        Its first tend is done before this returns, but for an event loop's thread, which is never held
        up: there the tend thread does it within milliseconds.
        """
        if self._ended:
            return
        tended.begin()
        if not _in_event_loop():
            tended.first()
        with self._lock:
            self._tended.add(tended)
        if not self._start():
            tended.health.sleep()  # no thread can be started now: the next call asks again
        self._wakeup.set()

    def discard(self, tended: TendedCluster) -> None:
        """Tend a cluster no more."""
        with self._lock:
            self._tended.discard(tended)
        self._wakeup.set()

    def wake(self) -> None:
        """Have the thread look now instead of at its next tend."""
        self._wakeup.set()
        if self.alive or not self._tended or self._start():
            return
        for one in list(self._tended):  # no thread can be started now: the next call asks again
            one.health.sleep()

    @staticmethod
    def may_wait() -> bool:
        """Return whether this thread may be held up: it runs no event loop."""
        return not _in_event_loop()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    def after_fork(self) -> None:
        """Start anew in a forked child.

        The thread itself starts with the child's first call. The child shares its parent's sockets,
        and one that never uses the client must not have us use them.
        """
        self._lock = threading.RLock()
        self._wakeup = Wakeup()
        self._thread, self._starting = None, False
        self.lag.forget()

    def end(self) -> None:
        """End with the process: nothing is asked any more, and calls go straight to their clients.

        Otherwise the interpreter would be torn down under a thread that is inside a native client.
        """
        self._ended = True
        with self._lock:
            tended = list(self._tended)
            self._tended.clear()
        self._wakeup.set()
        for one in tended:
            one.end()
        ends = time.monotonic() + EXIT_S
        for one in tended:
            one.health.source.wait(max(ends - time.monotonic(), 0.0))
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(max(ends - time.monotonic(), 0.0))

    def _start(self) -> bool:
        """Start the thread unless it runs; return whether it does. Takes no lock while it starts."""
        with self._lock:
            if self.alive:
                return True
            if self._starting or self._ended:
                return self._starting
            self._starting = True
        try:
            thread = threads.start(self._run, name="aerospike-resilience-tend")
            if thread is not None:
                self._thread = thread
        finally:
            self._starting = False
        return thread is not None

    def _run(self) -> None:
        while True:
            with self._lock:
                tended = list(self._tended)
                if not tended:
                    self.lag.ends()
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
            pause_s = max(min(pauses), WATCHFUL_S / 5)
            self.lag.here(pause_s)
            self._wakeup.wait(pause_s)
            # What a tend takes counts too: it is short, or the process was kept from running.
            self.lag.here(0.0)


def _in_event_loop() -> bool:
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:  # then no event loop runs
        return False
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


TEND_THREAD: Final = TendThread()
"""The process's tend thread."""

# What was registered last comes first at the process's end. `exiting` was imported before, so its wait for
# the threads of clients comes after the last question to a node.
atexit.register(TEND_THREAD.end)
