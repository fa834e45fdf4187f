"""One wrapped client a module, and ways to ask its endpoint."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import aerospike
import pytest

from aerospike_resilience import LiveServer, resilient
from tests.patience import NEVER_LATE


class Answered(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@pytest.fixture(scope="module")
def served(healthy) -> Iterator[Any]:
    """A wrapped client for a whole module; nobody harms its nodes."""
    bare = aerospike.client({"hosts": healthy.hosts})
    wrapped = resilient(bare, "latency", overrides=NEVER_LATE, name="carts")
    for n in range(100):
        wrapped.put(("test", "secret-set", n), {"n": n})
    yield wrapped
    wrapped.close()


@pytest.fixture
def serve(served, tmp_path) -> Iterator[Callable[..., LiveServer]]:
    """Serve the module's client until the test ends."""
    servers = []

    def serve_(**options: Any) -> LiveServer:
        if "port" not in options:
            options.setdefault("path", tmp_path / "live.sock")
        servers.append(served.resilience.serve(**options))
        return servers[-1]

    yield serve_
    for server in servers:
        server.close()


def connected(server: LiveServer) -> socket.socket:
    """A connection to an endpoint."""
    if server.path is None:
        return socket.create_connection(("127.0.0.1", server.port), timeout=30)
    found = socket.socket(socket.AF_UNIX)
    found.settimeout(30)
    try:
        found.connect(str(server.path))
    except BaseException:
        found.close()  # else the garbage collector warns of it in some other test
        raise
    return found


def ask(server: LiveServer, method: str, path: str, body: Any = None, **headers: str) -> Answered:
    """Ask an endpoint and return its whole answer."""
    connection = http.client.HTTPConnection("localhost")
    connection.sock = connected(server)
    if body is not None:
        headers.setdefault("Content-Type", "application/json")
    content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    with contextlib.closing(connection):
        connection.request(method, path, content, headers)
        answer = connection.getresponse()
        return Answered(answer.status, dict(answer.headers), answer.read())


class Streamed:
    """A reader of a stream."""

    def __init__(self, server: LiveServer, accept: str = "", interval: float = 0.05) -> None:
        self._socket = connected(server)
        token = f"Authorization: Bearer {server.token}\r\n" if server.token else ""
        self._socket.sendall(
            f"GET /stream?interval={interval} HTTP/1.0\r\nAccept: {accept}\r\n{token}\r\n".encode()
        )
        self._file = self._socket.makefile("rb")
        self.head = b"".join(iter(self._file.readline, b"\r\n")).decode()

    def line(self) -> bytes:
        return self._file.readline()

    def next(self) -> Any:
        """The next part of the state; None at the end."""
        line = self.line()
        return json.loads(line) if line else None

    def close(self) -> None:
        self._file.close()
        self._socket.close()
