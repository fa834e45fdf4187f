"""Tallies: counts by name that threads raise without a lock."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Hashable
from typing import Generic, TypeVar

from . import forking

K = TypeVar("K", bound=Hashable)


class _Tally:
    """One count.

    ``next`` of an `itertools.count` is one step of C, so that neither a thread nor an interrupt comes in
    between. It takes a sixth of the time of an addition under a lock. A look at the count raises it too, so
    looks are counted, and taken off.
    """

    __slots__ = ("count", "looks")

    def __init__(self) -> None:
        self.count = itertools.count()
        self.looks = 0

    def look_locked(self) -> int:
        looks = self.looks
        self.looks = looks + 1
        return next(self.count) - looks


class Tallies(Generic[K]):
    """Counts by name, from 0."""

    __slots__ = ("__weakref__", "_lock", "_tallies")

    def __init__(self) -> None:
        self._lock = threading.RLock()  # reentrant: a signal handler may make a call inside a call
        self._tallies: dict[K, _Tally] = {}
        forking.register(self)

    def add(self, name: K) -> None:
        """Count one."""
        tally = self._tallies.get(name)
        if tally is None:
            tally = self._tallies.setdefault(name, _Tally())
        next(tally.count)

    def get(self, name: K) -> int:
        """Return a count."""
        tally = self._tallies.get(name)
        if tally is None:
            return 0
        with self._lock:
            return tally.look_locked()

    def counted(self) -> dict[K, int]:
        """Return every count that is not 0."""
        with self._lock:
            found = {name: tally.look_locked() for name, tally in list(self._tallies.items())}
        return {name: count for name, count in found.items() if count}

    def after_fork(self) -> None:
        """Replace the lock: a thread of the parent may have held it."""
        self._lock = threading.RLock()
