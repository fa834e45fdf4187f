"""Threads of ours: started only where they can be, and never with a blocking call under gevent.

A process may be short of threads for a moment, or on its way out. Nothing of ours depends on that one
thread: who could not start one asks again at the next tend, so here it is an answer and no error.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

from . import forking

T = TypeVar("T")


class _Starting(set[int]):
    """The threads that are starting one just now, by identity."""

    def after_fork(self) -> None:
        """Keep the thread that forked: a thread of the child may get the identity of one of the parent."""
        self &= {threading.get_ident()}


_starting: Final = _Starting()
forking.register(_starting)


def start(target: Callable[..., None], *args: Any, name: str) -> threading.Thread | None:
    """Start a daemon thread. To be called without a lock: whoever starts a thread waits for it.

    Args:
        target: what it runs.
        args: what `target` is given.
        name: what the thread is called.

    Returns:
        The thread; None if none can be started now.
    """
    here = threading.get_ident()
    if here in _starting:
        return None  # a signal struck inside; `threading` has locks of its own that are held there
    thread = threading.Thread(target=target, args=args, name=name, daemon=True)
    _starting.add(here)
    try:
        thread.start()
    except (RuntimeError, MemoryError):  # "can't start new thread", or the process ends
        return None
    finally:
        _starting.discard(here)
    return thread


def blocking(call: Callable[..., T], *args: Any) -> T:
    """Make a call that holds its thread until a node answers.

    Where gevent has patched threads they are greenlets, and a call of a client's that blocks would hold up
    all of them. There a thread of gevent's pool makes it, and the greenlets go on.
    """
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("threading"):
        return call(*args)
    import gevent  # type: ignore[import-untyped, import-not-found, unused-ignore]

    def made() -> tuple[Any, Exception | None]:
        try:
            return call(*args), None
        except Exception as error:  # noqa: BLE001 - raised below; the pool would print it as well
            return None, error

    answer, error = gevent.get_hub().threadpool.apply(made)
    if error is not None:
        raise error
    return answer  # type: ignore[no-any-return]
