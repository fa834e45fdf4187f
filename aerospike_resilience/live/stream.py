"""The stream of one reader: the whole state first, then the parts that changed."""

from __future__ import annotations

import math
import time
from typing import Final, Literal, TypeAlias

from .state import Sampler, State, changed, encoded

INTERVAL_S: Final = 0.1
"""How often a reader gets what changed unless it asks for another interval, in seconds."""

SHORTEST_S: Final = 0.05
LONGEST_S: Final = 60.0

ALIVE_S: Final = 5.0
"""After so many seconds in which nothing changed, the stream says that it is still there."""

Format: TypeAlias = Literal["ndjson", "sse"]

CONTENT_TYPES: Final[dict[Format, str]] = {
    "ndjson": "application/x-ndjson",
    "sse": "text/event-stream",
}


class Stream:
    """What one reader has yet to get.

    Args:
        sampler: takes the state.
        interval_s: how often to look, in seconds.
        format_: ``ndjson`` (a JSON object a line) or ``sse`` (server-sent events).
    """

    def __init__(
        self, sampler: Sampler, interval_s: float = INTERVAL_S, format_: Format = "ndjson"
    ) -> None:
        self.interval_s = interval_s
        self.format = format_
        self._sampler = sampler
        self._sent: State | None = None
        self._said = time.monotonic()

    def next(self) -> bytes | None:
        """Return what to send now: empty if nothing changed, None at the end of the stream."""
        state = self._sampler.sample()
        if state is None:
            return None
        before, self._sent = self._sent, state
        if before is None:
            return self._event("state", state)
        parts = changed(before, state)
        if parts:
            return self._event("change", {"at": state["at"], **parts})
        if time.monotonic() - self._said >= ALIVE_S:
            return self._event("change", {"at": state["at"]})
        return b""

    def _event(self, kind: str, state: State) -> bytes:
        self._said = time.monotonic()
        if self.format == "sse":
            return b"event: " + kind.encode() + b"\ndata: " + encoded(state) + b"\n\n"
        return encoded(state) + b"\n"


def interval_of(text: str | None) -> float:
    """Return the interval that a reader asks for, in seconds, kept between the two bounds.

    Raises:
        ValueError: it is no number of seconds.
    """
    if text is None:
        return INTERVAL_S
    return min(max(seconds_of(text, "interval"), SHORTEST_S), LONGEST_S)


def seconds_of(text: str, name: str) -> float:
    """Return a number of seconds that a reader gives.

    Args:
        text: what it gives.
        name: what for.

    Raises:
        ValueError: it is no number of seconds.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise ValueError(f"{name} is a number of seconds, such as 0.1")
    return seconds
