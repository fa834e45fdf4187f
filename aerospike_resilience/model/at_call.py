"""At the call: keeps an error that an async client raises when it is called, not when awaited.

The code that calls the client notes such an error, and the code that began the operation takes it, in the
same thread and with nothing awaited in between.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class _AtCall(threading.local):
    error: BaseException | None = None


_at_call = _AtCall()


def noted(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a client's method that notes what it raises when it is called."""

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except BaseException as error:
            _at_call.error = error
            raise

    return call


def taken() -> BaseException | None:
    """Return the error noted in this thread since the last call of this function."""
    error, _at_call.error = _at_call.error, None
    return error
