"""Lasting: the permits of calls that go on after their caller has left.

Some clients do not stop a call when its task is cancelled: the request goes on, and so does its hold on
a connection. Others return a stream before its records have come. In both cases the permit must come
home when the call really ends, or the gate would let more through than there are connections.
"""

from __future__ import annotations

import asyncio
from typing import Any

from ..call import Call
from ..stream import Stream
from .base import Proceed, ProceedAsync
from .gate import Gate


class Lasting:
    """Keep a permit that `Backpressure` is about to lay down until the call has really ended.

    It stands directly inside `Backpressure`, and only in the chains of clients that need it.

    Args:
        gate: the gate whose permit it keeps.
    """

    __slots__ = ("_gate",)

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def around(self, call: Call, proceed: Proceed) -> Any:
        """Proceed; a stream keeps its permit until it ends."""
        result = proceed(call)
        if isinstance(result, Stream):
            self._keep_for(result)
        return result

    async def around_async(self, call: Call, proceed: ProceedAsync) -> Any:
        """Proceed; a call that outlives its cancellation and a stream keep their permits."""
        try:
            result = await proceed(call)
        except asyncio.CancelledError:
            pending = call.pending
            if pending is not None and not pending.done():
                self._gate.withhold()
                pending.add_done_callback(self._restore)
            raise
        if isinstance(result, Stream):
            self._keep_for(result)
        return result

    def _keep_for(self, stream: Stream) -> None:
        self._gate.withhold()
        stream.when_done(self._restore)

    def _restore(self, _ended: object = None) -> None:
        self._gate.restore()
