"""The server of one wrapped client: a socket, a thread that accepts, a thread for each reader.

Readers are few, and a thread each keeps them apart: one that reads nothing fills its own socket, is left
after `handler.PATIENCE_S`, and holds up neither another reader nor a call.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import selectors
import socket
import threading
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from ..concurrency import forking, threads
from ..errors import ResilienceError
from . import places
from .endpoint import Answerer, Busy, Endpoint
from .handler import Handler

MAX_READERS: Final = 16
"""How many readers one server has at once; as many more get an answer that says so, others none."""

CLOSE_S: Final = 1.0
"""How long `close` waits at most for the server's threads, in seconds."""


class LiveServer:
    """Serves what one wrapped client is doing. Made by ``client.resilience.serve()``.

    It ends with `close`, with the client's protection, with the client and with the process. In a forked
    child it is closed, and the parent's goes on.

    Attributes:
        path: the unix socket's path; None where it listens on TCP.
        port: the port on 127.0.0.1; None where it is a unix socket.
        token: what readers must show; None for a unix socket, which only its owner can open.
    """

    def __init__(
        self,
        watched: Callable[[], Any],
        path: str | os.PathLike[str],
        *,
        port: int | None = None,
        token: str | None = None,
        allow: Iterable[str] = (),
    ) -> None:
        if port is not None and token is None:
            token = secrets.token_urlsafe(24)
        endpoint = Endpoint(watched, allow, token)
        self.token = token
        self.path = None if port is not None else Path(path)
        self._listener = (
            places.open_unix(self.path)
            if self.path is not None
            else places.open_loopback(port or 0)
        )
        self.port: int | None = None if port is None else self._listener.getsockname()[1]
        self._inode = self.path.lstat().st_ino if self.path is not None else 0
        self._closed = False
        self._readers: dict[int, tuple[socket.socket, threading.Thread | None]] = {}
        self._wake, self._woken = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        forking.register(self)
        _OPEN.add(self)
        self._thread = threads.start(self._accept, endpoint, name="aerospike-resilience-live")
        if self._thread is None:
            self._end_descriptors()
            self.close()
            raise ResilienceError("no thread can be started for the live endpoint now; try again")

    def __repr__(self) -> str:
        return f"<live endpoint at {self.url}{', closed' if self._closed else ''}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Where it is: ``http://127.0.0.1:8300/`` or ``unix:/run/…/carts.sock``. Without the token."""
        return f"unix:{self.path}" if self.path is not None else f"http://127.0.0.1:{self.port}/"

    @property
    def page(self) -> str | None:
        """The page's address for a browser, with the token behind the ``#``; None for a unix socket."""
        return None if self.path is not None else f"{self.url}#{self.token}"

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._closed

    def close(self) -> None:
        """End it, remove the socket, and wait a moment for its threads. More than once is no error."""
        self.end()
        ours = [self._thread, *(thread for _, thread in list(self._readers.values()))]
        for thread in ours:
            if thread is not None and thread is not threading.current_thread():
                thread.join(CLOSE_S)

    def end(self) -> None:
        """Do as `close` does, without waiting for the threads. Takes no lock."""
        if self._closed:
            return
        self._closed = True
        _OPEN.discard(self)
        with contextlib.suppress(OSError):
            if self.path is not None and self.path.lstat().st_ino == self._inode:
                self.path.unlink()
        with contextlib.suppress(OSError):
            self._wake.send(b"x")
        for connection, _ in list(self._readers.values()):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def after_fork(self) -> None:
        """Close the child's copies: the parent goes on serving, and the socket's file is the parent's."""
        self._closed = True
        self._thread = None
        _OPEN.discard(self)
        self._end_descriptors()
        for connection, _ in list(self._readers.values()):
            # Not its `close`, which would wait for the handler's file on it.
            with contextlib.suppress(OSError):
                os.close(connection.detach())
        self._readers.clear()

    def _end_descriptors(self) -> None:
        for one in (self._selector, self._listener, self._wake, self._woken):
            with contextlib.suppress(OSError):
                one.close()

    def _accept(self, endpoint: Endpoint) -> None:
        try:
            while not self._closed:
                ready = [key.fileobj for key, _ in self._selector.select()]
                if self._listener in ready and not self._closed:
                    self._accept_one(endpoint)
        finally:
            self._end_descriptors()

    def _accept_one(self, endpoint: Endpoint) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:  # it has gone again, or the process is out of descriptors
            return
        readers = len(self._readers)
        if readers < 2 * MAX_READERS:
            answerer = endpoint if readers < MAX_READERS else Busy(MAX_READERS)
            number = connection.fileno()
            self._readers[number] = (connection, None)
            thread = threads.start(
                *(self._serve, number, connection, answerer), name="aerospike-resilience-reader"
            )
            if thread is not None:
                if number in self._readers:
                    self._readers[number] = (connection, thread)
                return
            self._readers.pop(number, None)
        connection.close()

    def _serve(self, number: int, connection: socket.socket, endpoint: Answerer) -> None:
        try:
            with contextlib.suppress(OSError), connection:
                Handler(connection, endpoint, lambda: not self._closed)
        finally:
            self._readers.pop(number, None)


_OPEN: Final[weakref.WeakSet[LiveServer]] = weakref.WeakSet()


@atexit.register
def _end_all() -> None:
    """Remove the sockets of a process that ends without closing them."""
    for server in list(_OPEN):
        server.end()
