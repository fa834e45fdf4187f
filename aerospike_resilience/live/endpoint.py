"""The endpoint: what is answered to a request, whoever carries it: our server, ASGI or WSGI."""

from __future__ import annotations

import functools
import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import parse_qs

from ..errors import IsolationError, UnknownNodeError
from ..model.wording import redacted, shown, suggestion
from .state import Sampler, Watched, encoded
from .stream import (
    CONTENT_TYPES,
    LONGEST_S,
    SHORTEST_S,
    Format,
    Stream,
    interval_of,
    seconds_of,
)

ORDERS: Final = ("isolate", "release", "reload")
"""What readers can be allowed to do."""

MAX_BODY: Final = 4096
"""The longest body of an order, in bytes."""

JSON: Final = "application/json"

SAFE: Final = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # The page is one file: it loads nothing, and asks only where it came from.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
}
"""Headers of every answer."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request.

    Attributes:
        method: ``GET``, ``HEAD`` or ``POST``.
        path: below the place where the endpoint is mounted, from the first slash on.
        query: what follows the question mark.
        headers: by name in lower case.
        body: the whole body.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer.

    Attributes:
        status: the HTTP status.
        content_type: of the body.
        body: the whole body; empty for a stream.
        stream: what to send on and on; None if there is only the body.
        headers: further headers.
    """

    status: int
    content_type: str
    body: bytes = b""
    stream: Stream | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def all_headers(self) -> list[tuple[str, str]]:
        """Every header, the length of a body that is known included."""
        found = {"Content-Type": self.content_type, **SAFE, **self.headers}
        if self.stream is None:
            found["Content-Length"] = str(len(self.body))
        return list(found.items())


class Answerer(Protocol):
    """Answers requests."""

    def answer(self, request: Request) -> Answer:
        """Answer a request."""
        ...


class Busy:
    """Answers that there are too many readers.

    Args:
        most: how many there may be.
    """

    def __init__(self, most: int) -> None:
        self._most = most

    def answer(self, _request: Request) -> Answer:
        """Turn the reader away."""
        return _problem(503, f"{self._most} readers are here already", {"Retry-After": "5"})


class Endpoint:
    """Answers requests about one wrapped client.

    Args:
        watched: returns the client's `Resilience`; None once the client is gone.
        allow: the orders that are obeyed: ``isolate``, ``release``, ``reload``.
        token: what a request must show as ``Authorization: Bearer …``; None for nothing. The page needs
            none, as it holds no state.

    Raises:
        TypeError: `allow` is text.
        ValueError: `allow` names something else, or the token is empty.
    """

    def __init__(
        self,
        watched: Callable[[], Watched | None],
        allow: Iterable[str] = (),
        token: str | None = None,
    ) -> None:
        if isinstance(allow, str):
            raise TypeError(f'allow= takes several names, such as ["{allow}"]')
        allowed = frozenset(allow)
        for name in sorted(allowed.difference(ORDERS)):
            raise ValueError(f"allow= has no {shown(name)}{suggestion(name, ORDERS)}")
        if token == "":
            raise ValueError("token= must not be empty; leave it out for none")
        self.allowed = allowed
        self._token = token
        self.sampler = Sampler(watched, allowed)
        self._watched = watched

    def answer(self, request: Request) -> Answer:
        """Answer a request."""
        path = "/" + request.path.strip("/")
        reading = request.method in ("GET", "HEAD")
        if path == "/" and reading:
            return Answer(200, "text/html; charset=utf-8", page())
        if not self._may(request):
            return _problem(401, "a token is needed: Authorization: Bearer …", _BEARER)
        if path.strip("/") in ORDERS:
            return self._order(path.strip("/"), request)
        get = {"/snapshot": self._snapshot, "/stream": self._stream, "/traffic": self._traffic}
        if path not in get:
            known = ", ".join(("/", *get, *(f"/{order}" for order in sorted(self.allowed))))
            return _problem(404, f"there is nothing at this path; there is {known}")
        if not reading:
            return _problem(405, f"{path} is read with GET", {"Allow": "GET, HEAD"})
        try:
            return get[path](request)
        except Exception as error:  # noqa: BLE001 - told to the reader; the server goes on
            return _problem(500, f"{type(error).__name__}: {redacted(str(error))}")

    def _may(self, request: Request) -> bool:
        if self._token is None:
            return True
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        same = hmac.compare_digest(given.strip().encode(), self._token.encode())
        return kind.lower() == "bearer" and same

    def _snapshot(self, _request: Request) -> Answer:
        state = self.sampler.sample()
        return _GONE if state is None else Answer(200, JSON, encoded(state) + b"\n")

    def _stream(self, request: Request) -> Answer:
        query = parse_qs(request.query)
        try:
            interval_s = interval_of(query.get("interval", [None])[0])
        except ValueError as error:
            return _problem(400, str(error))
        accepts = request.headers.get("accept", "")
        format_: Format = "sse" if CONTENT_TYPES["sse"] in accepts else "ndjson"
        headers = {"X-Accel-Buffering": "no"}  # a proxy must not collect a stream
        stream = Stream(self.sampler, interval_s, format_)
        return Answer(200, CONTENT_TYPES[format_], b"", stream, headers)

    def _traffic(self, request: Request) -> Answer:
        """Observe the client's calls for some seconds; the answer comes after them."""
        try:
            seconds = seconds_of(parse_qs(request.query).get("seconds", ["5"])[0], "seconds")
        except ValueError as error:
            return _problem(400, str(error))
        watched = self._watched()
        if watched is None:
            return _GONE
        traffic = getattr(watched, "traffic", None)
        if traffic is None:
            return _problem(404, "this version does not record traffic")
        found = traffic(min(max(seconds, SHORTEST_S), LONGEST_S))
        return Answer(200, JSON, encoded(found.as_dict()) + b"\n")

    def _order(self, order: str, request: Request) -> Answer:
        if request.method != "POST":
            return _problem(405, f"/{order} takes POST", {"Allow": "POST"})
        if order not in self.allowed:
            return _problem(403, f"{order} is not allowed here; serve with allow=[{order!r}]")
        # A page of another origin cannot send this type without asking first, and is then refused.
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
            return _problem(415, f"an order is sent as Content-Type: {JSON}")
        if len(request.body) > MAX_BODY:
            return _problem(413, f"an order has at most {MAX_BODY} bytes")
        try:
            given = json.loads(request.body or b"{}")
        except ValueError:
            given = None
        if not isinstance(given, dict):
            return _problem(400, 'an order is a JSON object, such as {"node": "A1"}')
        watched = self._watched()
        if watched is None:
            return _GONE
        try:
            return Answer(200, JSON, encoded(_obey(watched, order, given)) + b"\n")
        except UnknownNodeError as error:
            return _problem(404, str(error))
        except IsolationError as error:
            return _problem(409, str(error))
        except (TypeError, ValueError) as error:
            return _problem(400, str(error))


def _obey(watched: Watched, order: str, given: Mapping[str, Any]) -> dict[str, Any]:
    if order == "reload":
        reload = watched.reload()
        error = reload.error
        return {
            "changed": [key for key, *_values in reload.changed],
            "error": None if error is None else redacted(str(error)),
        }
    node, reason = given.get("node"), given.get("reason")
    if order == "isolate":
        watched.isolate(node, reason=reason)
        return {"isolated": node, "reason": reason}
    watched.release(node)
    return {"released": node}


@functools.cache
def page() -> bytes:
    """Return the page: one file with its style and script."""
    return Path(__file__).with_name("page.html").read_bytes()


def _problem(status: int, text: str, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, JSON, encoded({"error": text}) + b"\n", None, headers or {})


_BEARER: Final = {"WWW-Authenticate": "Bearer"}
_GONE: Final = _problem(410, "the client is closed")
