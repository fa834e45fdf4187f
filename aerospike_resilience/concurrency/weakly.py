"""Weakly: callbacks that keep nothing alive.

A wrapped client frees its sockets with its last reference, as a bare one does, and not when the garbage
collector gets to it. So no part of it may hold, by a callback, the whole that holds the part.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def weakly(method: Callable[P, R], otherwise: Any = None) -> Callable[P, R]:
    """Return a callback that calls an object's method without keeping the object alive.

    Args:
        method: a bound method.
        otherwise: what the callback returns once the object is gone.
    """
    found = weakref.WeakMethod(method)

    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        alive = found()
        return alive(*args, **kwargs) if alive is not None else otherwise

    return call
