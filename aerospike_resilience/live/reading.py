"""Reading an endpoint: the states of one client, over its unix socket or its port on this machine."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from ..errors import ResilienceError
from .state import State

TIMEOUT_S: Final = 10.0
"""How long the endpoint may say nothing, in seconds: twice as long as it does while nothing changes."""


class Reading:
    """Follows one endpoint. Each method raises `ResilienceError` if it cannot be read.

    Args:
        at: a unix socket's path, or a URL such as ``http://127.0.0.1:8300/``.
        token: what a URL needs; also what is behind the ``#`` of the URL.
    """

    def __init__(self, at: str | Path, token: str | None = None) -> None:
        parts = urlsplit(str(at))
        self.at = str(at).partition("#")[0]
        self._url = parts if parts.scheme in ("http", "https") else None
        token = token or (parts.fragment if self._url is not None else None)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def snapshot(self) -> State:
        """Return the state now."""
        with self._answer("snapshot") as answer:
            found: State = json.loads(answer.read())
            return found

    def states(self, interval_s: float) -> Iterator[State]:
        """Yield the whole state whenever something has changed, until the endpoint ends."""
        state: State = {}
        with self._answer(f"stream?interval={interval_s}") as answer:
            while line := self._line(answer):
                state = {**state, **json.loads(line)}
                yield state

    def _line(self, answer: http.client.HTTPResponse) -> bytes:
        try:
            return answer.readline()
        except (OSError, http.client.HTTPException) as error:
            raise self._lost(error) from None

    def _answer(self, what: str) -> http.client.HTTPResponse:
        connection = self._connection()
        base = (self._url.path if self._url is not None else "").rstrip("/")
        try:
            connection.request("GET", f"{base}/{what}", headers=self._headers)
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise self._lost(error) from None
        if answer.status != http.client.OK:
            with answer:
                raise ResilienceError(f"{self.at} answers {answer.status}: {_said(answer)}")
        return answer

    def _connection(self) -> http.client.HTTPConnection:
        if self._url is None:
            return _UnixConnection(self.at)
        kind = (
            http.client.HTTPSConnection
            if self._url.scheme == "https"
            else http.client.HTTPConnection
        )
        return kind(self._url.hostname or "", self._url.port, timeout=TIMEOUT_S)

    def _lost(self, error: Exception) -> ResilienceError:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return ResilienceError(f"{self.at} cannot be read: {why}")


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            opened.settimeout(self.timeout)
            opened.connect(self._path)
        except BaseException:
            opened.close()
            raise
        self.sock = opened


def _said(answer: http.client.HTTPResponse) -> Any:
    try:
        return json.loads(answer.read())["error"]
    except (ValueError, KeyError, TypeError):
        return answer.reason
