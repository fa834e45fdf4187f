"""After a fork: whatever holds a lock or a thread starts anew in the child.

No thread of the parent comes along, and a lock that one of them held stays held forever. So every object
that has either registers when it is made. One hook calls them all, in the order in which they were made.
"""

from __future__ import annotations

import itertools
import os
import weakref
from typing import Final, Protocol


class Forkable(Protocol):
    """Something that has a lock, a thread, or what a thread of the parent was about to do."""

    def after_fork(self) -> None:
        """Start anew in a forked child. Called before any other code of the child; takes no lock."""
        ...


_registered: Final[dict[int, weakref.ref[Forkable]]] = {}
_numbers: Final = itertools.count()


def register(one: Forkable) -> None:
    """Have an object start anew in every forked child, for as long as it lives."""
    number = next(_numbers)
    # Each step on the dictionary is one of C: a fork finds it whole, whatever threads are about.
    _registered[number] = weakref.ref(one, lambda _gone: _registered.pop(number, None))


def registered() -> list[Forkable]:
    """Return what is registered and still there, in the order in which it was made."""
    return [one for ref in list(_registered.values()) if (one := ref()) is not None]


def _in_child() -> None:
    failed: list[Exception] = []
    for one in registered():
        try:
            one.after_fork()
        except Exception as error:  # noqa: BLE001 - the others must start anew all the same
            failed.append(error)
    if failed:
        raise failed[0]  # told by Python on standard error; a fork does not fail for it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
