"""Streams: results whose records still arrive after the call has returned."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from ..concurrency import forking
from .failure import Failure

RowFailure: TypeAlias = Callable[[Any], Failure | None]
"""From what a stream yields to what the failure of that row means; None for a row that went well."""


class Reading:
    """What was read of a stream so far.

    Args:
        clock: the chain's clock, in seconds.
        row_failure: what the failure of a row means; None where rows do not fail one by one.

    Attributes:
        rows: how many rows were read.
        failures: what the failures of the failed ones among them mean.
        last_at: when the last of them was read; when the stream was handed out, while there is none.
    """

    __slots__ = ("_clock", "_row_failure", "failures", "last_at", "rows")

    def __init__(self, clock: Callable[[], float], row_failure: RowFailure | None) -> None:
        self._clock = clock
        self._row_failure = row_failure
        self.rows = 0
        self.failures: list[Failure] = []
        self.last_at = clock()

    def now(self) -> float:
        """Return the time."""
        return self._clock()

    def read(self, row: Any) -> None:
        """Take note of a row."""
        self.rows += 1
        self.last_at = self._clock()
        if self._row_failure is not None and (failure := self._row_failure(row)) is not None:
            self.failures.append(failure)


WhenEnded: TypeAlias = Callable[[Reading, BaseException | None, float], None]
"""Is told the end of a stream: what was read, its error, and when it ended on the chain's clock."""

dropped: Final[deque[Callable[[], None]]] = deque()
"""The ends of streams that the application dropped. A finalizer may run anywhere, inside a lock of an
exporter too, so it only puts the end here."""


class _Dropped:
    """Forgets, in a forked child, what only the parent is to tell."""

    def after_fork(self) -> None:
        """Forget it."""
        dropped.clear()


_of_this_process: Final = _Dropped()
forking.register(_of_this_process)


def tell_dropped() -> None:
    """Tell the ends of streams that were dropped. Called by calls and by the tend thread."""
    while dropped:
        try:
            tell = dropped.popleft()
        except IndexError:  # another thread took it
            return
        tell()


class Stream:
    """A client's stream of records, which are still being fetched when it is handed out.

    It behaves like the client's own stream, awaited or not.

    Args:
        stream: the client's stream.
        row_failure: what the failure of a row means, where rows fail one by one.
    """

    def __init__(self, stream: Any, row_failure: RowFailure | None = None) -> None:
        self._stream = stream
        self._row_failure = row_failure
        self._callbacks: list[Callable[[BaseException | None], None]] = []
        self._reading: Reading | None = None
        self._when_ended: list[WhenEnded] = []
        self._ended = False

    @property  # type: ignore[misc]  # what isinstance() asks; read-only on purpose
    def __class__(self) -> type:
        return type(self._stream)

    def when_done(self, callback: Callable[[BaseException | None], None]) -> None:
        """Call `callback` once at the end, with the error if there was one; also when it is dropped."""
        self._callbacks.append(callback)

    def when_ended(self, callback: WhenEnded, clock: Callable[[], float]) -> None:
        """Call `callback` once after those of `when_done`, with what was read.

        The end is the last record, an error, or `close()`. A stream that is dropped has ended with the last
        record that was read, which `tell_dropped` reports later.
        """
        if self._reading is None:
            self._reading = Reading(clock, self._row_failure)
        self._when_ended.append(callback)

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> Any:
        try:
            row = next(self._stream)
        except StopIteration:
            self._end(None)
            raise
        except BaseException as error:
            self._end(error)
            raise
        if self._reading is not None:
            self._reading.read(row)
        return row

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> Any:
        try:
            row = await anext(self._stream)
        except StopAsyncIteration:
            self._end(None)
            raise
        except BaseException as error:
            self._end(error)
            raise
        if self._reading is not None:
            self._reading.read(row)
        return row

    def close(self) -> Any:
        """Close the stream as the client does."""
        try:
            return self._stream.close()
        finally:
            self._end(None)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __repr__(self) -> str:
        return f"<resilient {self._stream!r}>"

    def __del__(self) -> None:
        if self._ended:
            return
        reading, told = self._reading, self._when_ended
        self._done(None)
        if reading is not None:
            ended_at = reading.last_at
            for callback in told:
                dropped.append(functools.partial(callback, reading, None, ended_at))

    def _end(self, error: BaseException | None) -> None:
        if self._ended:
            return
        reading, told = self._reading, self._when_ended
        self._done(error)
        if reading is not None:
            ended_at = reading.now()
            for callback in told:
                callback(reading, error, ended_at)

    def _done(self, error: BaseException | None) -> None:
        self._ended = True
        callbacks, self._callbacks, self._when_ended = (
            self._callbacks,
            [],
            [],
        )  # they hold call and error
        for callback in callbacks:
            callback(error)
