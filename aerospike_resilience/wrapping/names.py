"""Client names: give each wrapped client of the process a name of its own."""

from __future__ import annotations

import itertools
import re
import threading
import weakref
from typing import Final

from ..concurrency import forking
from ..model.identity import ClientIdentity

_NAME: Final = re.compile(r"[\w.:/@+-]+")


class ClientNames:
    """Gives each wrapped client its name. A closed client's name is free for the next."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # reentrant: a signal handler may wrap a client
        self._holders: weakref.WeakValueDictionary[str, ClientIdentity] = (
            weakref.WeakValueDictionary()
        )
        forking.register(self)

    def take(self, wanted: str | None, adapter: str, profile: str) -> ClientIdentity:
        """Return the identity of a client that is about to be wrapped.

        Args:
            wanted: the name that the application gave. While another client has it, ``-2``, ``-3`` … is
                appended, as one line of code may wrap many clients.
            adapter: the adapter's name. Without `wanted` it is the name, with the lowest number that is
                free: a process that makes many clients, one after another, does not make a series of
                metrics for each.
            profile: the profile's name.

        Raises:
            TypeError: `wanted` is no text.
            ValueError: `wanted` holds characters that a log line or a metric cannot hold.
        """
        if wanted is not None and not isinstance(wanted, str):
            raise TypeError(f'name is text, such as "carts", not {wanted!r}')
        if wanted is not None and not _NAME.fullmatch(wanted):
            raise ValueError(
                f"name={wanted!r} cannot stand in log lines and metrics; a client's name is made of "
                "letters, digits and . _ - : / @ +"
            )
        with self._lock:
            if wanted is None:
                names = (f"{adapter}-{number}" for number in itertools.count(1))
            else:
                names = (wanted if n == 1 else f"{wanted}-{n}" for n in itertools.count(1))
            name = next(name for name in names if self._is_free_locked(name))
            identity = self._holders[name] = ClientIdentity(name, profile)
            return identity

    def after_fork(self) -> None:
        """Replace the lock, which a thread of the parent may have held."""
        self._lock = threading.RLock()

    def _is_free_locked(self, name: str) -> bool:
        holder = self._holders.get(name)
        return holder is None or holder.closed


CLIENT_NAMES: Final = ClientNames()
"""The names of the process's wrapped clients."""
