"""A client's connection: frames in, answers out, one after the other."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ..counters import ANSWERED, GROUPS, INDEX, OPEN, OPENED, OPERATIONS, SEEN
from ..faults import Rule
from .classify import classify
from .errors import (
    ERR_ENTERPRISE_ONLY,
    ERR_NOT_AUTHENTICATED,
    ERR_PARAMETER,
    ERR_ROLE_VIOLATION,
    ERR_UNKNOWN,
    OpError,
)
from .wire import (
    FIELD_SET,
    FRAME_HEADER,
    INFO1_BATCH,
    MAX_BODY,
    TYPE_ADMIN,
    TYPE_COMPRESSED,
    TYPE_INFO,
    TYPE_MESSAGE,
    VERSION,
    answer,
    batch_end,
    frame,
    parse_request,
)

if TYPE_CHECKING:
    from .node import Node

_READ_AHEAD: Final = 1 << 20
_MALFORMED: Final = INDEX["malformed"]
_INFO: Final = INDEX["info"]
_TEND: Final = INDEX["tend"]
_LOGIN: Final = INDEX["login"]
_ADMIN: Final = INDEX["admin"]
_WRITES: Final = frozenset(GROUPS["write"])
_TEND_COMMANDS: Final = (b"peers-", b"partition-generation\n", b"replicas\n", b"node\n")


class Connection(asyncio.Protocol):
    """One client's connection.

    Args:
        node: The node it reached.
    """

    __slots__ = (
        *("_buffer", "_busy", "_fault", "_idle_since_s", "_node", "_number", "_words"),
        *("closing", "transport", "user"),
    )

    def __init__(self, node: Node) -> None:
        self._node = node
        self._words = node.words
        self._buffer = b""
        self._busy = False
        self.closing = False
        self._idle_since_s = 0.0
        self._number = 0
        self._fault: Rule | None = None
        self.user: str | None = None
        self.transport: asyncio.Transport

    @property
    def certificate_name(self) -> str | None:
        """The common name in the client's certificate, which its TLS connection has verified."""
        certificate = self.transport.get_extra_info("peercert") or {}
        names = [dict(part).get("commonName") for part in certificate.get("subject", ())]
        return next((name for name in names if name), None)

    @property
    def client_address(self) -> str:
        """The client's address and port."""
        peer = self.transport.get_extra_info("peername") or ("", 0)
        return f"{peer[0]}:{peer[1]}"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count it, unless the node takes no more."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._words[OPENED] += 1
        self._words[OPEN] += 1
        node = self._node
        node.joined(self)
        if len(node.connections) > node.max_connections:
            self.closing = True
            transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        """Forget the connection; its requests are still carried out."""
        self.closing = True
        self._words[OPEN] -= 1
        self._node.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        """Answer each complete request, in order."""
        if self.closing:
            return
        self._idle_since_s = 0.0
        self._buffer = self._buffer + data if self._buffer else data
        if not self._busy:
            self._drain()
        elif len(self._buffer) > _READ_AHEAD:
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        """Close when the client has closed its side."""
        self.closing = True
        return False

    def _drain(self) -> None:
        buffer = self._buffer
        while not self._busy and not self.closing:
            available = len(buffer)
            if available < FRAME_HEADER:
                break
            size = int.from_bytes(buffer[2:8])
            kind = buffer[1]
            if buffer[0] != VERSION or not 1 <= kind <= 5 or size > MAX_BODY:
                self._words[SEEN + _MALFORMED] += 1
                self.closing = True
                self.transport.close()
                return
            end = FRAME_HEADER + size
            if available < end:
                break
            body = buffer[FRAME_HEADER:end]
            self._buffer = buffer = buffer[end:] if available > end else b""
            self._busy = True
            try:
                self._serve(kind, body)
            except Exception:  # noqa: BLE001
                # One failed request must not affect the others, so log the error and go on.
                traceback.print_exc()
                self.reply(answer(ERR_UNKNOWN))
            buffer = self._buffer

    def _serve(self, kind: int, body: bytes) -> None:
        if kind == TYPE_MESSAGE:
            self._serve_message(body)
        elif kind == TYPE_INFO:
            self._serve_info(body)
        elif kind == TYPE_ADMIN:
            self._serve_admin(body)
        else:
            code = ERR_ENTERPRISE_ONLY if kind == TYPE_COMPRESSED else ERR_PARAMETER
            self._begin(_MALFORMED)
            self.reply(answer(code))

    def _begin(self, number: int) -> None:
        self._number = number
        self._words[SEEN + number] += 1

    def _serve_message(self, body: bytes) -> None:
        node = self._node
        try:
            request = parse_request(body)
            number = classify(request)
        except OpError as error:
            self._begin(_MALFORMED)
            self.reply(answer(error.code))
            return
        self._number = number
        self._words[SEEN + number] += 1
        if node.security is not None and not self._allowed(number):
            return
        if node.strikes.faults.rules:
            fields = request.fields
            rules = node.strikes.on(number, request.namespace, fields.get(FIELD_SET, b""))
            if rules:
                # A batch is refused as a whole by its last message; a row would take it for its own.
                coded = batch_end if request.info1 & INFO1_BATCH else answer
                self._struck(rules, lambda: node.run(number, request, self), coded)
                return
        node.run(number, request, self)

    def _allowed(self, number: int) -> bool:
        security = self._node.security
        if security is None:
            return True
        if self.user is None:
            self.reply(answer(ERR_NOT_AUTHENTICATED))
            return False
        if not security.allows(self.user, write=OPERATIONS[number] in _WRITES):
            self.reply(answer(ERR_ROLE_VIOLATION))
            return False
        return True

    def _serve_info(self, body: bytes) -> None:
        node = self._node
        tend = body.startswith(_TEND_COMMANDS)
        self._begin(_TEND if tend else _INFO)
        if node.security is not None and self.user is None:
            lines = body.split(b"\n")[:-1]
            refused = b"".join(b"%b\tERROR:80:not authenticated\n" % line for line in lines)
            self.reply(frame(refused, TYPE_INFO))
            return
        rules = node.strikes.on(self._number, b"", b"") if node.strikes.faults.rules else []

        def serve() -> None:
            self.reply(frame(node.info(body), TYPE_INFO))

        if rules:
            self._struck(rules, serve, None)
        else:
            serve()

    def _serve_admin(self, body: bytes) -> None:
        node = self._node
        login = len(body) > 2 and body[2] in (0, 20)
        self._begin(_LOGIN if login else _ADMIN)
        rules = node.strikes.on(self._number, b"", b"") if node.strikes.faults.rules else []

        def serve() -> None:
            self.reply(frame(node.admin(body, self), TYPE_ADMIN))

        if rules:
            self._struck(rules, serve, None)
        else:
            serve()

    def _struck(
        self,
        rules: list[Rule],
        serve: Callable[[], None],
        coded: Callable[[int], bytes] | None,
    ) -> None:
        """Run a request under faults: wait, then refuse it, damage its answer or serve it."""
        node = self._node
        code = next((rule.code for rule in rules if rule.code is not None), None)
        self._fault = next((rule for rule in rules if rule.answer is not None), None)

        def go() -> None:
            fault = self._fault
            if code is not None and coded is not None:
                self.reply(coded(code))
            elif fault is not None and not fault.applied:
                self.reply(answer(0))
            else:
                serve()

        node.strikes.delay(rules, go)

    def stream(self, data: bytes) -> None:
        """Send a part of an incomplete answer."""
        if not self.closing and self._fault is None:
            self.transport.write(data)

    def reply(self, data: bytes) -> None:
        """Send the answer, or its last part, and go on to the next request."""
        self._words[ANSWERED + self._number] += 1
        if self.closing:
            return
        if self._fault is not None:
            self._tamper(self._fault, data)
            return
        self.transport.write(data)
        self._busy = False
        if self._buffer:
            self.transport.resume_reading()
            self._node.loop.call_soon(self._continue)

    def _continue(self) -> None:
        if not self._busy and not self.closing:
            self._drain()

    def _tamper(self, fault: Rule, data: bytes) -> None:
        self._fault = None
        self._words[ANSWERED + self._number] -= 1
        half = data[: max(len(data) // 2, 1)]
        if fault.answer == "garbage":
            self.transport.write(os.urandom(max(len(data), 32)))
        elif fault.answer == "half":
            self.transport.write(half)
        elif fault.answer == "close":
            self.closing = True
            self.transport.close()
        elif fault.answer == "reset":
            self.transport.write(half)
            self.reset()

    def close_if_idle(self, now: float, idle_s: float) -> None:
        """Close the connection if it was idle for too long."""
        if self._busy or not self._idle_since_s:
            self._idle_since_s = now
        elif now - self._idle_since_s > idle_s:
            self.closing = True
            self.transport.close()

    def reset(self) -> None:
        """Reset the connection."""
        self.closing = True
        raw = self.transport.get_extra_info("socket")
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()
