"""Notices: what is to be said once no lock of ours is held: log lines, threads to start, wake-ups.

Whoever handles a log record may be slow, may use the very client that logged, or may be waited for by a
thread that does. So nothing of that is called while a lock is held: it is noted, and said after the
release, by the thread that noted it.
"""

from __future__ import annotations

import functools
import logging
import threading
import traceback
from collections import deque
from collections.abc import Callable
from typing import Any

from . import forking


class _Noted(threading.local):
    """What each thread has noted."""

    def __init__(self) -> None:
        self.calls: deque[Callable[[], object]] = deque()


class Notices:
    """Says what was noted under a lock once the thread holds none of its locks any more.

    It is entered before a lock, and so left after it: ``with notices, lock:``. Entering takes no lock and
    counts nothing, so that an interrupt leaves nothing behind.

    Attributes:
        lock: the reentrant lock that it came with. A fork replaces it.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._others: list[_Guarded] = []
        self._noted = _Noted()
        forking.register(self)

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_error: object) -> None:
        if self._noted.calls and not self._held():
            self._say()

    def note(self, call: Callable[..., object], *args: Any, **kwargs: Any) -> None:
        """Have something called soon: at once, if no lock is held."""
        self._noted.calls.append(functools.partial(call, *args, **kwargs))
        if not self._held():
            self._say()

    def guarded(self) -> _Guarded:
        """Return another lock under which nothing is said either."""
        other = _Guarded()
        self._others.append(other)
        return other

    def after_fork(self) -> None:
        """Replace the lock: a thread of the parent may have held it."""
        self.lock = threading.RLock()
        self._noted = _Noted()

    def _held(self) -> bool:
        return _owned(self.lock) or any(_owned(other.lock) for other in self._others)

    def _say(self) -> None:
        calls = self._noted.calls
        while calls:
            try:
                call = calls.popleft()
            except IndexError:  # a signal handler, or a nested call, said the last
                return
            safely(call)


def safely(call: Callable[..., object], *args: Any) -> None:
    """Call something of the application's that only listens. As in `logging`, its error fails nothing."""
    try:
        call(*args)
    except Exception:  # noqa: BLE001
        if logging.raiseExceptions:
            traceback.print_exc()


class _Guarded:
    """A further lock of a `Notices`.

    Attributes:
        lock: the lock. A fork replaces it.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        forking.register(self)

    def after_fork(self) -> None:
        """Replace the lock: a thread of the parent may have held it."""
        self.lock = threading.RLock()


def _owned(lock: Any) -> bool:
    owned: bool = lock._is_owned()  # noqa: SLF001 - `threading.Condition` asks it in the same way
    return owned
