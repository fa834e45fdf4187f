"""The endpoint as a WSGI application, to be mounted in the application's own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from .endpoint import MAX_BODY, Endpoint, Request
from .stream import Stream


class LiveWSGI:
    """A WSGI application. Made by ``client.resilience.wsgi()``.

    A stream keeps a thread of the server's as long as its reader stays.
    """

    def __init__(
        self,
        watched: Callable[[], Any],
        *,
        allow: Iterable[str] = (),
        token: str | None = None,
    ) -> None:
        self._endpoint = Endpoint(watched, allow, token)

    def __call__(
        self, environ: Mapping[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer a request."""
        headers = {
            name[5:].replace("_", "-").lower(): value
            for name, value in environ.items()
            if name.startswith("HTTP_")
        }
        headers["content-type"] = environ.get("CONTENT_TYPE", "")
        method = environ.get("REQUEST_METHOD", "GET")
        body = b""
        if method == "POST":
            length = environ.get("CONTENT_LENGTH") or "0"
            wanted = int(length) if length.isdigit() else 0
            body = environ["wsgi.input"].read(min(wanted, MAX_BODY + 1))
        path, query = environ.get("PATH_INFO", "/"), environ.get("QUERY_STRING", "")
        answer = self._endpoint.answer(Request(method, path, query, headers, body))
        start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", answer.all_headers)
        if method == "HEAD":
            return []
        return [answer.body] if answer.stream is None else _parts(answer.stream)


def _parts(stream: Stream) -> Iterator[bytes]:
    while (part := stream.next()) is not None:
        if part:
            yield part
        time.sleep(stream.interval_s)
