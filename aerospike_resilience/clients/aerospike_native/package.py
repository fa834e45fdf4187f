"""Imports ``aerospike_native`` without letting it make uvloop the event loop of the whole process."""

from __future__ import annotations

import functools
import importlib
import os
import queue
import sys
import threading
from typing import Any, Final

_OPT_OUT: Final = "AEROSPIKE_NO_UVLOOP"

_NAME: Final = "aerospike_native"


@functools.cache
def native() -> Any:
    """Return the package.

    An application that wraps one of its clients has imported it before, and has chosen whether to
    use uvloop. If nothing has imported it yet (on the command line, in `connect()`), this
    function keeps it from installing uvloop.

    The thread that imports the package must not end: the package's memory allocator stands on what belongs
    to that thread, and the process crashes in another thread later. So the main thread imports it, or one
    that never ends.
    """
    if _NAME in sys.modules or threading.current_thread() is threading.main_thread():
        return _imported()
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def stay() -> None:
        try:
            answers.put(_imported())
        except BaseException as error:  # noqa: BLE001 - raised below
            answers.put(error)
        nothing: queue.SimpleQueue[Any] = queue.SimpleQueue()
        nothing.get()  # forever

    threading.Thread(target=stay, name="aerospike-resilience-import", daemon=True).start()
    found = answers.get()
    if isinstance(found, BaseException):
        raise found
    return found


def _imported() -> Any:
    if _OPT_OUT in os.environ:
        return importlib.import_module(_NAME)
    os.environ[_OPT_OUT] = "1"
    try:
        return importlib.import_module(_NAME)
    finally:
        del os.environ[_OPT_OUT]
