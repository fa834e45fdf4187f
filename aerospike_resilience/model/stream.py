"""Streams: results whose records still arrive after the call has returned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Stream:
    """A client's stream of records, which are still being fetched when it is handed out.

    It behaves like the client's own stream, awaited or not. `when_done` registers a callback for its end.

    Args:
        stream: the client's stream.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._callbacks: list[Callable[[BaseException | None], None]] = []
        self._ended = False

    @property  # type: ignore[misc]  # what isinstance() asks; read-only on purpose
    def __class__(self) -> type:
        return type(self._stream)

    def when_done(self, callback: Callable[[BaseException | None], None]) -> None:
        """Call `callback` once at the end, with the error if there was one."""
        self._callbacks.append(callback)

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> Any:
        try:
            return next(self._stream)
        except StopIteration:
            self._end(None)
            raise
        except BaseException as error:
            self._end(error)
            raise

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> Any:
        try:
            return await anext(self._stream)
        except StopAsyncIteration:
            self._end(None)
            raise
        except BaseException as error:
            self._end(error)
            raise

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
        self._end(None)

    def _end(self, error: BaseException | None) -> None:
        if not self._ended:
            self._ended = True
            callbacks, self._callbacks = self._callbacks, []  # they hold call and error
            for callback in callbacks:
                callback(error)
