"""Shielded: await a client's future without cancelling it when the awaiting task is cancelled."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import asyncio

Callback: TypeAlias = "Callable[[asyncio.Future[Any]], object]"


class Shielded:
    """A future that one task may await; cancelling the task does not cancel the future.

    `asyncio.shield` does the same with a second future, which costs another turn of the event loop before
    the task sees the answer. Here the task waits for the future itself, through an object that is
    `future-like <https://docs.python.org/3/library/asyncio-future.html#asyncio.isfuture>`_ and cancels
    only the wait.

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
            self._asyncio_future_blocking = True  # asyncio's protocol: the task is to wait for this
            try:
                yield self
            except BaseException:
                future.add_done_callback(_retrieve)  # the task got an error before it waited
                raise
        return future.result()

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Return the future's event loop. Called by the task."""
        return self._future.get_loop()

    def add_done_callback(
        self, wakeup: Callback, *, context: contextvars.Context | None = None
    ) -> None:
        """Wake the task when the future is done. Called by the task."""
        self._wakeup, self._context = wakeup, context
        self._future.add_done_callback(wakeup, context=context)

    def cancel(self, msg: str | None = None) -> bool:
        """Wake the task as cancelled; the future goes on. Called by the task when it is cancelled.

        Returns:
            Whether the task is woken as cancelled. False once the future is done, as its answer is
            already on its way, and false for a second cancellation.
        """
        future = self._future
        if future.done() or not future.remove_done_callback(self._wakeup):
            return False  # or an earlier cancellation has woken the task
        future.add_done_callback(_retrieve)
        left: asyncio.Future[Any] = future.get_loop().create_future()
        left.add_done_callback(self._wakeup, context=self._context)
        return left.cancel(msg)


def _retrieve(future: asyncio.Future[Any]) -> None:
    """Retrieve the exception of an abandoned future: asyncio logs exceptions that are never retrieved."""
    if not future.cancelled():
        future.exception()
