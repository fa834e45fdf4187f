"""How nodes talk to each other: one connection in each direction, whole messages in order.

A message is a tuple of plain values whose first element names its kind. A connection
first sends the cluster's token; without it all later messages are ignored.
"""

from __future__ import annotations

import asyncio
import marshal
from collections.abc import Callable
from typing import Any, Final

RECONNECT_S: Final = 0.05
MAX_QUEUED: Final = 64 * 1024 * 1024
HELLO_SIZE: Final = 33
PEER: Final = b"N"
CONTROL: Final = b"C"

Handler = Callable[[tuple[Any, ...]], None]


class Link(asyncio.Protocol):
    """The connection to one peer; it reconnects by itself when it breaks.

    Args:
        loop: The event loop.
        port: Where the peer listens for its peers.
        token: The secret that all nodes of this cluster share.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, port: int, token: bytes) -> None:
        self._loop = loop
        self._port = port
        self._token = token
        self._transport: asyncio.Transport | None = None
        self._waiting: list[bytes] = []
        self._closed = False

    def start(self) -> None:
        """Connect as soon as the peer listens."""
        self._task = self._loop.create_task(self._connect())

    async def _connect(self) -> None:
        while not self._closed:
            try:
                await self._loop.create_connection(lambda: self, "127.0.0.1", self._port)
            except OSError:
                await asyncio.sleep(RECONNECT_S)
            else:
                return

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the token, then the waiting messages."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=MAX_QUEUED)
        transport.writelines([self._token, PEER, *self._waiting])
        self._waiting.clear()

    def connection_lost(self, _: Exception | None) -> None:
        """Reconnect; messages in flight are lost."""
        self._transport = None
        if not self._closed:
            self._loop.call_later(RECONNECT_S, self.start)

    def send(self, message: tuple[Any, ...]) -> None:
        """Send a message, or keep it until the peer can be reached."""
        self.send_encoded(encode(message))

    def send_encoded(self, data: bytes, *, keep: bool = True) -> None:
        """Send a message that `encode` made; `keep` it if the peer cannot be reached now."""
        if self._transport is not None:
            self._transport.write(data)
        elif keep and len(self._waiting) < 10_000:
            self._waiting.append(data)

    def renew(self) -> None:
        """Drop the connection with its waiting messages, and open another."""
        self._waiting.clear()
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Close the connection and do not reconnect."""
        self._closed = True
        if self._transport is not None:
            self._transport.abort()


class Inbound(asyncio.Protocol):
    """A connection from a peer or from the controller.

    Args:
        token: The secret that the other side must send.
        on_message: Called with each message of a peer.
        on_control: Called with each command of the controller; returns the answer.
    """

    def __init__(
        self,
        token: bytes,
        on_message: Handler,
        on_control: Callable[[tuple[Any, ...]], tuple[Any, ...]],
    ) -> None:
        self._token = token
        self._on_message = on_message
        self._on_control = on_control
        self._buffer = bytearray()
        self._role = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the token."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Pass on each complete message."""
        buffer = self._buffer
        buffer += data
        start = 0
        if not self._role:
            if len(buffer) < HELLO_SIZE:
                return
            if buffer[:32] != self._token:
                self._transport.abort()
                return
            self._role = bytes(buffer[32:33])
            start = HELLO_SIZE
        while len(buffer) - start >= 4:
            end = start + 4 + int.from_bytes(buffer[start : start + 4])
            if len(buffer) < end:
                break
            message = marshal.loads(bytes(buffer[start + 4 : end]))
            start = end
            if self._role == PEER:
                self._on_message(message)
            else:
                self._transport.write(encode(self._on_control(message)))
        if start:
            del buffer[:start]


def encode(message: tuple[Any, ...]) -> bytes:
    """Return a message as bytes for the wire."""
    data = marshal.dumps(message)
    return len(data).to_bytes(4) + data
