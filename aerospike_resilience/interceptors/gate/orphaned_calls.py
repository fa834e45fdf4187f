"""Orphaned calls: keep the permits of calls that go on after their caller has left.

Some clients do not stop a call when its task is cancelled: the request goes on and holds its connection.
Others return a stream before its records have arrived. In both cases the permits are released when the
call really ends. Otherwise the gate would admit more operations than there are connections.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...concurrency import forking
from ...model.call import Call
from ...model.stream import Stream
from ..base import Link, LinkedAsync, Proceed, ProceedAsync
from .semaphore import Gate

if TYPE_CHECKING:
    import asyncio


class OrphanedCalls:
    """Calls that outlived their callers, of all gates of one client, and their permits."""

    def __init__(self) -> None:
        self._under_way: dict[object, tuple[asyncio.Future[Any], Callable[[], None]]] = {}
        forking.register(self)

    def after_fork(self) -> None:
        """Start empty in a forked child: those calls go on in the parent."""
        self._under_way.clear()

    def keep(self, gate: Gate, count: int, pending: asyncio.Future[Any]) -> None:
        """Keep the next `count` permits that the gate gets back until `pending` is done."""
        token = object()
        self._under_way[token] = (pending, gate.withhold(count))
        pending.add_done_callback(functools.partial(self._ended, token))

    def tend(self) -> None:
        """Release permits of calls whose event loop was closed, as their callbacks never run."""
        for token, (pending, _restore) in list(self._under_way.items()):
            if pending.get_loop().is_closed():
                self._ended(token)

    def _ended(self, token: object, _pending: object = None) -> None:
        if (found := self._under_way.pop(token, None)) is not None:
            _pending, restore = found
            restore()


class PermitKeeper(Link):
    """Keep the permits that a `Backpressure` is about to release until the call has really ended.

    It is directly inside that `Backpressure`, and only in the chains of clients that need it.

    Args:
        gate: the gate whose permits it keeps.
        outlived: the client's orphaned calls.
        count: from a call to how many permits of the gate it holds.
    """

    __slots__ = ("_count", "_gate", "_orphans")

    def __init__(
        self, gate: Gate, orphans: OrphanedCalls, count: Callable[[Call], int] = lambda _call: 1
    ) -> None:
        self._gate = gate
        self._orphans = orphans
        self._count = count

    def link(self, proceed: Proceed) -> Proceed:
        """Proceed; a stream keeps its permits until it ends."""

        def keeping(call: Call) -> Any:
            result = proceed(call)
            if isinstance(result, Stream):
                self._keep_for(call, result)
            return result

        return keeping

    def link_async(self, proceed: ProceedAsync) -> LinkedAsync:
        """Proceed; a call that outlives its cancellation and a stream keep their permits."""

        async def keeping(call: Call) -> Any:
            try:
                result = await proceed(call)
            except BaseException as error:
                from asyncio import CancelledError

                pending = call.pending
                if isinstance(error, CancelledError) and pending is not None and not pending.done():
                    self._orphans.keep(self._gate, self._count(call), pending)
                raise
            if isinstance(result, Stream):
                self._keep_for(call, result)
            return result

        return keeping

    def _keep_for(self, call: Call, stream: Stream) -> None:
        restore = self._gate.withhold(self._count(call))
        stream.when_done(lambda _error: restore())
