"""The endpoint as an ASGI application, to be mounted in the application's own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, TypeAlias

from .endpoint import MAX_BODY, Endpoint, Request
from .stream import Stream

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]


class LiveASGI:
    """An ASGI application. Made by ``client.resilience.asgi()``.

    A sample is taken on the event loop: it takes a fraction of a millisecond and waits for nothing.
    Orders run in a thread, as a reload reads files, and so does what observes calls for some seconds.
    """

    def __init__(
        self,
        watched: Callable[[], Any],
        *,
        allow: Iterable[str] = (),
        token: str | None = None,
    ) -> None:
        self._endpoint = Endpoint(watched, allow, token)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        if scope["type"] != "http":
            await receive()
            await send({"type": "websocket.close", "code": 1003})
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        headers = {
            name.decode("latin-1").lower(): v.decode("latin-1") for name, v in scope["headers"]
        }
        body = await _body(receive) if scope["method"] == "POST" else b""
        request = Request(
            scope["method"], path, scope.get("query_string", b"").decode("latin-1"), headers, body
        )
        if scope["method"] == "POST" or path.endswith("/traffic"):
            answer = await asyncio.to_thread(self._endpoint.answer, request)
        else:
            answer = self._endpoint.answer(request)
        named = [(name.lower().encode(), v.encode("latin-1")) for name, v in answer.all_headers]
        await send({"type": "http.response.start", "status": answer.status, "headers": named})
        if answer.stream is not None and scope["method"] != "HEAD":
            await _send_stream(answer.stream, receive, send)
            return
        body = b"" if scope["method"] == "HEAD" else answer.body
        await send({"type": "http.response.body", "body": body})


async def _send_stream(stream: Stream, receive: Receive, send: Send) -> None:
    gone = asyncio.ensure_future(_gone(receive))
    try:
        while not gone.done() and (part := stream.next()) is not None:
            if part:
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await asyncio.wait([gone], timeout=stream.interval_s)
        await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()


async def _gone(receive: Receive) -> None:
    """Return when the reader has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _body(receive: Receive) -> bytes:
    """Return the body; of one that is too long as much as tells so."""
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body") or len(body) > MAX_BODY:
            return body


async def _live(receive: Receive, send: Send) -> None:
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return
