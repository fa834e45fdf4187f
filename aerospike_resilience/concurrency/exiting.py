"""Exiting: an awaited client's own threads finish before Python shuts down.

The awaited clients complete a call from threads of their Rust runtime, and these threads need the
interpreter once more to let go of the call's objects. A thread that asks for the interpreter after its
shutdown has begun is ended in the midst of Rust code, and that ends the whole process with SIGABRT, with
its work done and its output written (https://github.com/PyO3/pyo3/pull/4874; CPython ends no thread there
from 3.14 on, https://github.com/python/cpython/issues/87135).
"""

from __future__ import annotations

import atexit
import time
from typing import ClassVar, Final

GRACE_S: Final = 0.05
"""How long the end waits, in seconds. The threads need a millisecond, on busy machines more."""


class _AtExit:
    """What the end of this process does; no event, whose lock a signal handler could meet."""

    waits: ClassVar[bool] = False


def wait_at_exit_for_client_threads() -> None:
    """Have the end of this process wait `GRACE_S`, with the interpreter free for other threads."""
    _AtExit.waits = True


def _wait() -> None:
    if _AtExit.waits:
        time.sleep(GRACE_S)


atexit.register(_wait)
