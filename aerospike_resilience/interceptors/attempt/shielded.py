"""Shielded: waiting for a call that goes on when the task that waits for it is cancelled."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import asyncio

Callback: TypeAlias = "Callable[[asyncio.Future[Any]], object]"


class Shielded:
    """A future that one task may await, and that its cancellation leaves alone.

    As `asyncio.shield`, which puts a second future between the first and the task, and so another turn
    of the event loop between an answer and who waits for it. Here the task waits for the future itself,
    by way of an object that is `future-like
    <https://docs.python.org/3/library/asyncio-future.html#asyncio.isfuture>`_ and cancels only the wait.

    Args:
        future: what to wait for.
    """

    __slots__ = ("_asyncio_future_blocking", "_context", "_future", "_wakeup")

    def __init__(self, future: asyncio.Future[Any]) -> None:
        self._future = future
        self._asyncio_future_blocking = False

    def __await__(self) -> Generator[Any, None, Any]:
        future = self._future
        if not future.done():
            self._asyncio_future_blocking = True  # tells the task that it is to wait for what comes
            try:
                yield self
            except BaseException:
                future.add_done_callback(_retrieve)  # thrown at, before the task could wait for it
                raise
        return future.result()

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Return the future's event loop. Asked by the task."""
        return self._future.get_loop()

    def add_done_callback(
        self, wakeup: Callback, *, context: contextvars.Context | None = None
    ) -> None:
        """Have the task woken when the future is done. Called by the task."""
        self._wakeup, self._context = wakeup, context
        self._future.add_done_callback(wakeup, context=context)

    def cancel(self, msg: str | None = None) -> bool:
        """Wake the task as cancelled, and leave the future alone. Called by the task when it is cancelled.

        Returns:
            Whether it does so: not once the future is done, as its answer is already on its way, and not
            a second time, as a future is not cancelled twice.
        """
        future = self._future
        if future.done() or not future.remove_done_callback(self._wakeup):
            return False  # or the task has been woken by an earlier cancellation
        future.add_done_callback(_retrieve)
        left: asyncio.Future[Any] = future.get_loop().create_future()
        left.add_done_callback(self._wakeup, context=self._context)
        return left.cancel(msg)


def _retrieve(future: asyncio.Future[Any]) -> None:
    """Take a result that nobody waits for any more: asyncio logs exceptions that nobody took."""
    if not future.cancelled():
        future.exception()
