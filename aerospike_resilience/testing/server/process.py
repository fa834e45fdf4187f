"""A node as a process: sockets, event loop, and the controller's commands."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import ssl
from typing import Any, Final

from ..counters import SharedCounters
from ..faults import Rule
from . import snapshots
from .connection import Connection
from .node import Node
from .peers import Message
from .settings import NodeSettings

_BACKLOG: Final = 1024
_ORPHAN_CHECK_S: Final = 0.5


def run(packed: dict[str, Any], counters: int, nodes: int, tell: int) -> None:
    """Run a node until a command ends it.

    Args:
        packed: The settings.
        counters: The file descriptor of the shared counters.
        nodes: How many nodes they have room for.
        tell: The descriptor to write `ready` to.
    """
    settings = NodeSettings.unpack(packed)
    loop = asyncio.new_event_loop()
    node = _NodeProcess(settings, loop, SharedCounters(counters, nodes))
    loop.run_until_complete(node.open())
    # The objects of now live until the end, so collecting them repeatedly only costs time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    os.write(tell, b"ready")
    os.close(tell)
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, loop.stop)
    loop.run_forever()


class _NodeProcess:
    def __init__(
        self, settings: NodeSettings, loop: asyncio.AbstractEventLoop, shared: SharedCounters
    ) -> None:
        self._settings = settings
        self._loop = loop
        self._parent = os.getppid()
        self._server: asyncio.Server | None = None
        self._tls = _tls_context(settings)
        self._node = Node(settings, loop, shared)
        self._node.refuse = self._refuse  # type: ignore[method-assign]

    async def open(self) -> None:
        node = self._node
        await self._loop.create_server(
            lambda: node.inbound(self._control),
            sock=_listening(self._settings.fabric_port),
            backlog=_BACKLOG,
        )
        await self._listen()
        node.start()
        self._check_parent()

    async def _listen(self) -> None:
        self._server = await self._loop.create_server(
            lambda: Connection(self._node),
            sock=_listening(self._settings.port),
            backlog=_BACKLOG,
            ssl=self._tls,
        )

    def _refuse(self, *, refused: bool) -> None:
        if refused and self._server is not None:
            self._server.close()
            self._server = None
            for connection in list(self._node.connections):
                connection.reset()
        elif not refused and self._server is None:
            self._opening = self._loop.create_task(self._listen())

    def _check_parent(self) -> None:
        if os.getppid() != self._parent:
            self._loop.stop()
        self._loop.call_later(_ORPHAN_CHECK_S, self._check_parent)

    def _control(self, message: Message) -> Message:
        command, *arguments = message
        node = self._node
        if command == "state":
            return (self._state(),)
        if command == "faults":
            node.strikes.replace([Rule.unpack(rule) for rule in arguments[0]])
        elif command == "clock":
            node.clock.offset_ms = arguments[0]
            node.metadata_store.set_due()
            for store in node.stores.values():
                store.sweep()
        elif command == "stop_writes":
            node.stores[arguments[0].encode()].stop_writes = arguments[1]
        elif command == "expire_sessions" and node.security is not None:
            node.security.expired_before_us = node.clock.now_us()
        elif command == "dump":
            return (snapshots.dump(node, *arguments),)
        elif command == "metadata":
            return (snapshots.metadata(node),)
        elif command == "clear":
            snapshots.clear(node, *arguments)
        elif command == "load":
            snapshots.load(node, *arguments)
        elif command == "seed":
            node.strikes.faults.source.seed(arguments[0])
        return (True,)

    def _state(self) -> dict[str, Any]:
        membership = self._node.membership
        view = membership.view
        return {
            "epoch": view.epoch if view else 0,
            "members": view.members if view else {},
            "stable": membership.stable,
            "settled": view is not None and view.settled,
            "suspect": membership.suspect,
        }


def _listening(port: int) -> socket.socket:
    # Without the protocol asyncio does not detect TCP, and leaves Nagle's delays on.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.settimeout(0)
    sock.bind(("127.0.0.1", port))
    return sock


def _tls_context(settings: NodeSettings) -> ssl.SSLContext | None:
    tls = settings.tls
    if tls is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls.certificate, tls.key)
    if tls.authority:
        context.load_verify_locations(tls.authority)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
