"""One connection of a reader: one request, and its answer or its stream."""

from __future__ import annotations

import socket
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any, Final
from urllib.parse import urlsplit

from .endpoint import MAX_BODY, Answer, Answerer, Request
from .stream import Stream

PATIENCE_S: Final = 5.0
"""How long a reader may take to send its request, or to read what it was sent, in seconds."""


class Handler(BaseHTTPRequestHandler):
    """Answers over one connection. Its thread ends with the connection.

    Args:
        connection: the reader's.
        endpoint: what is answered.
        serving: returns whether the server is still open.
    """

    timeout = PATIENCE_S
    # HTTP/1.0: a connection is for one request, so a stream ends with it and needs no chunks.

    def __init__(
        self, connection: socket.socket, endpoint: Answerer, serving: Callable[[], bool]
    ) -> None:
        self._endpoint = endpoint
        self._serving = serving
        super().__init__(connection, ("reader", 0), None)  # type: ignore[arg-type]  # it needs no server

    def version_string(self) -> str:
        """Return what answers call the server."""
        return "aerospike-resilience"

    def do_GET(self) -> None:
        """Answer GET."""
        self._answer(b"")

    do_HEAD = do_GET  # noqa: N815 - the name that the base class looks for

    def do_POST(self) -> None:
        """Answer POST."""
        try:
            length = int(self.headers.get("Content-Length", "0"))
        except ValueError:
            length = -1
        if length < 0:
            self.send_error(400, "Content-Length is no number")
            return
        # One byte more than is allowed tells the endpoint that it is too much.
        self._answer(self.rfile.read(min(length, MAX_BODY + 1)))

    def _answer(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self._endpoint.answer(
            Request(self.command, parts.path, parts.query, headers, body)
        )
        self._send(answer)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.all_headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(answer.body)
        if answer.stream is not None:
            self._send_stream(answer.stream)

    def _send_stream(self, stream: Stream) -> None:
        while self._serving() and (part := stream.next()) is not None:
            if part:
                self.connection.settimeout(PATIENCE_S)
                self.wfile.write(part)
            # Until the next part is due, listen: a reader that has gone, and a server that is being
            # closed, end the wait.
            self.connection.settimeout(stream.interval_s)
            try:
                if not self.connection.recv(1024):
                    return
            except TimeoutError:
                continue

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's signature
        """Log nothing: readers come and go."""
