"""Measures how long a node's process was stopped, for the requests that piled up meanwhile.

After SIGCONT a node reads the requests that were sent while it was stopped: on its open connections, and
on those that the kernel accepted for it. Their clients may have given up long ago. Such a write must not
be applied after a later write that was acknowledged, so it must not be treated as a new one.
"""

from __future__ import annotations

import asyncio
from typing import Final

from .wire import Request

TICK_S: Final = 0.05
"""How often a node ticks while it has work."""
_LATE_S: Final = 0.15
"""By how much a tick may be late; that is an ordinary wait for the processor."""
_ROUNDS: Final = 12
"""Rounds of the event loop until all is read that was there. A new connection takes five (accepted,
given its protocol, made, watched, read); a large record is read in several pieces."""
DEFAULT_TIMEOUT_S: Final = 1.0


class Standstill:
    """The last standstill.

    Args:
        loop: The event loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._ticked_s = loop.time()
        self._length_s = 0.0
        self._rounds = 0

    def tick(self, now: float, expected_s: float = TICK_S) -> None:
        """Detect a standstill; call this in short intervals.

        Args:
            now: The loop's time, in seconds.
            expected_s: After how long this tick was to come.
        """
        length_s = now - self._ticked_s
        self._ticked_s = now
        if length_s > expected_s + _LATE_S:
            self._length_s = max(length_s, self._length_s)
            if not self._rounds:
                self._loop.call_soon(self._round)
            self._rounds = _ROUNDS

    def _round(self) -> None:
        self._rounds -= 1
        if self._rounds:
            self._loop.call_soon(self._round)
        else:
            self._length_s = 0.0

    def gives_up_at(self, now: float, request: Request, *, writes: bool) -> float:
        """Return until when the client of a request that was just read waits for the answer.

        Args:
            now: The loop's time, in seconds.
            request: The request. One without a timeout waits as long as it takes.
            writes: Whether it may have been sent when the standstill began.

        Returns:
            A time of the loop, in seconds; not later than `now` if it is too late.
        """
        if not request.timeout_ms:
            return now + DEFAULT_TIMEOUT_S
        length_s = 0.0
        if writes:
            waited_s = now - self._ticked_s  # the tick that detects the standstill may still come
            length_s = max(self._length_s, waited_s if waited_s > TICK_S + _LATE_S else 0.0)
        return now - length_s + request.timeout_ms / 1000
