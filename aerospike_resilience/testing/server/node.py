"""One node: handles a request itself, or sends it to the node that must."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from .. import counters
from ..counters import APPLIED, INDEX
from ..faults import Rule
from . import batch, commands, info, scan
from .config import Configuration
from .connection import Connection
from .errors import (
    ERR_FORBIDDEN,
    ERR_NAMESPACE,
    ERR_OUT_OF_SPACE,
    ERR_PARAMETER,
    ERR_SECURITY_NOT_SUPPORTED,
    ERR_TIMEOUT,
    ERR_UNAVAILABLE,
    ERR_UNSUPPORTED_FEATURE,
)
from .fabric import Inbound, Link
from .jobs import Jobs
from .membership import Membership
from .metadata import Metadata
from .partitions import MASTER, View
from .peers import Message, Peer, Timing
from .records import Clock, Store, partition_of
from .replication import Replication
from .security import Security
from .settings import NodeSettings
from .standstill import TICK_S, Standstill
from .strikes import Strikes
from .strong import Strong
from .udf import Functions
from .wire import (
    FIELD_DIGEST,
    INFO1_BATCH,
    INFO1_READ,
    INFO2_DELETE,
    INFO2_WRITE,
    INFO3_COMMIT_MASTER,
    Request,
    answer,
    encode_request,
    parse_request,
)

PROXY: Final = 12
PROXIED: Final = 13
METADATA: Final = 17
MAX_HOPS: Final = 3
_IDLE_TICK_S: Final = 0.5
"""How often a node ticks that has no client: a machine may have dozens of them."""

Reply = Callable[[bytes], None]

_MALFORMED: Final = INDEX["malformed"]


class Node:
    """One node of the cluster.

    Args:
        settings: The settings of its start.
        loop: The event loop.
        shared: The counters all processes share.
    """

    def __init__(
        self,
        settings: NodeSettings,
        loop: asyncio.AbstractEventLoop,
        shared: counters.SharedCounters,
    ) -> None:
        self.settings: NodeSettings = settings
        self.loop = loop
        self.words = shared.block(settings.index)
        self.words[counters.OPEN] = 0
        self.clock = Clock(settings.clock_offset_ms)
        self.stores: dict[bytes, Store] = {
            name.encode(): Store(self.clock) for name in settings.namespaces
        }
        rules = commands.Rules(settings.default_ttl_s, settings.max_record_size, settings.expiry)
        enterprise = bool(settings.strong)
        self.rules: dict[bytes, commands.Rules] = {
            name: rules._replace(
                tombstones=enterprise, durable=name.decode("latin-1") in settings.strong
            )
            for name in self.stores
        }
        self.config: Configuration = Configuration(self)
        self.metadata_store = Metadata(self)
        self.strong: Strong = Strong(self)
        self.functions = Functions(settings.lua_path, self.metadata_store)
        self.security = Security(self, settings.users) if settings.users is not None else None
        self.connections: set[Connection] = set()
        self.started_s = loop.time()
        self.standstill = Standstill(loop)
        self._tick_s = TICK_S
        self.jobs = Jobs(loop.time)
        self.bitmaps: tuple[View | None, dict[frozenset[int], str]] | None = None
        self.membership: Membership = Membership(
            settings.name,
            settings.index,
            settings.incarnation,
            loop,
            Timing(settings.heartbeat_s, settings.heartbeat_s * settings.heartbeat_timeout),
            settings.replication_factor,
            settings.racks_of,
        )
        self.membership.port = settings.port
        self.membership.alias = settings.alias
        self.replication = Replication(loop, self.membership, self)
        self.replication.strong = self.strong.names
        self.roles = self.replication.roles
        self.strikes = Strikes(self, shared)
        self._waiting: list[tuple[float, int, Request, Reply, int]] = []
        self._proxied: dict[int, tuple[float, Reply]] = {}
        self._next_proxy = (settings.incarnation << 24) + 1
        self._handlers: dict[int, Callable[[Message], None]] = {
            **self.membership.handlers,
            **self.replication.handlers,
            PROXY: self._on_proxy,
            PROXIED: self._on_proxied,
            METADATA: self._on_metadata,
        }

    def start(self) -> None:
        """Connect to the other nodes and begin."""
        for name, (port, client_port, alias) in self.settings.roster.items():
            if name != self.settings.name:
                link = Link(self.loop, port, self.settings.token)
                self.membership.peers[name] = Peer(link, port=client_port, alias=alias)
                link.start()
        self.membership.start(self.replication, self.settings.bootstrap)
        for rule in self.settings.faults:
            self.strikes.add(Rule.unpack(rule))
        self._tick()

    @property
    def max_connections(self) -> int:
        """How many client connections may be open."""
        limit = self.config.max_connections
        squeezed = self.strikes.max_connections
        return limit if squeezed is None else min(limit, squeezed)

    @property
    def words_opened(self) -> int:
        """How many client connections this node ever accepted."""
        return int(self.words[counters.OPENED])

    def inbound(self, on_control: Callable[[Message], Message]) -> Inbound:
        """Return the protocol for a connection to the fabric port."""
        return Inbound(self.settings.token, self._on_message, on_control)

    # Requests of clients

    def joined(self, connection: Connection) -> None:
        """Add a client's connection."""
        self.connections.add(connection)
        self._tick_often()

    @property
    def _has_work(self) -> bool:
        return bool(self.connections or self._waiting or self._proxied)

    def _tick_often(self) -> None:
        if self._tick_s != TICK_S:
            self._ticking.cancel()
            self._tick()

    def run(self, number: int, request: Request, connection: Connection) -> None:
        """Carry out a request of a client."""
        fields = request.fields
        if request.info1 & INFO1_BATCH:
            batch.run(self, number, request, connection)
        elif FIELD_DIGEST in fields:
            self.single(number, request, connection.reply)
        elif number != _MALFORMED:
            scan.run(self, number, request, connection)
        elif fields.get(0, b"") not in self.stores:
            connection.reply(answer(ERR_NAMESPACE))
        elif not request.info1 & INFO1_READ and not request.info2 & INFO2_WRITE:
            connection.reply(answer(ERR_PARAMETER))
        else:
            connection.reply(answer(ERR_UNSUPPORTED_FEATURE))

    def single(
        self, number: int, request: Request, reply: Reply, hops: int = 0, until: float = 0.0
    ) -> None:
        """Run a request for one record, here or at the node that owns the record."""
        fields = request.fields
        namespace = fields.get(0, b"")
        store = self.stores.get(namespace)
        if store is None:
            reply(answer(ERR_NAMESPACE))
            return
        digest = fields[FIELD_DIGEST]
        if len(digest) != 20:
            reply(answer(ERR_PARAMETER))
            return
        membership = self.membership
        if membership.view is None:
            reply(answer(ERR_UNAVAILABLE))
            return
        if not until:
            now = self.loop.time()
            writes = bool(request.info2 & INFO2_WRITE)
            until = self.standstill.gives_up_at(now, request, writes=writes)
            if until <= now:
                reply(answer(ERR_TIMEOUT))
                return
        if not membership.serving:
            self._wait(number, request, reply, hops, until)
            return
        pid = digest[0] | (digest[1] & 0x0F) << 8
        role = self.roles[pid]
        if namespace in self.strong.names:
            key = (namespace, digest)
            if self.strong.single(number, request, reply, key, pid, hops, until):
                return
        elif request.info2 & INFO2_WRITE:
            if role == MASTER:
                self.write(number, request, reply, store, (namespace, digest), pid, until)
                return
        elif not request.info1 & INFO1_READ:
            reply(answer(ERR_PARAMETER))
            return
        elif role:
            record = store.get(pid, digest)
            fresh = (
                commands.touched(request, record, self.clock) if request.ttl and record else None
            )
            if fresh is None or role == MASTER:
                self.words[APPLIED + number] += 1
                out = commands.read(request, record, self.clock)
                frame = answer(out.code, out.generation, out.void_time, out.ops, out.op_count)
                key = (namespace, digest)
                if fresh is None or out.code or self.replication.busy(key):
                    reply(frame)
                    return
                store.put(pid, digest, fresh)
                self.replication.replicate(pid, key, fresh, frame, reply, until, wait=False)
                return
        if hops >= MAX_HOPS:
            reply(answer(ERR_UNAVAILABLE))
            return
        self._proxy(membership.view.acting[pid], number, request, reply, hops, until)

    def write(
        self,
        number: int,
        request: Request,
        reply: Reply,
        store: Store,
        key: tuple[bytes, bytes],
        pid: int,
        until: float,
    ) -> None:
        """Carry out a write of a record whose partition this node orders."""
        replication = self.replication
        if replication.busy(key):
            retry = partial(self.single, number, request, reply, 0, until)
            replication.enqueue(key, until, reply, retry, self.config.pending_limit)
            return
        if not request.info2 & INFO2_DELETE:
            if store.stop_writes:
                reply(answer(ERR_OUT_OF_SPACE))
                return
            if store.set_limits and store.set_is_full(request.set_name):
                reply(answer(ERR_FORBIDDEN))
                return
        self.words[APPLIED + number] += 1
        record = store.get(pid, key[1])
        out = commands.write(request, record, self.clock, self.rules[key[0]], self.functions)
        frame = answer(out.code, out.generation, out.void_time, out.ops, out.op_count)
        if not out.changed:
            reply(frame)
            return
        store.put(pid, key[1], out.record)
        # A strongly consistent namespace commits on all replicas, whatever the client asks for.
        wait = not request.info3 & INFO3_COMMIT_MASTER or key[0] in self.strong.names
        replication.replicate(pid, key, out.record, frame, reply, until, wait=wait)

    def count_applied(self, number: int) -> None:
        """Count a request that is carried out here."""
        self.words[APPLIED + number] += 1

    def is_closed(self, key: tuple[bytes, bytes]) -> bool:
        """Return whether a record's partition can be neither read nor written."""
        namespace, digest = key
        if namespace not in self.strong.names:
            return False
        return partition_of(digest) in self.strong.closed(namespace.decode("latin-1"))

    # Requests that wait while the node may not act on its view

    def _wait(self, number: int, request: Request, reply: Reply, hops: int, until: float) -> None:
        self._waiting.append((until, number, request, reply, hops))
        self._tick_often()

    def resume(self) -> None:
        """Serve the waiting requests."""
        waiting, self._waiting = self._waiting, []
        now = self.loop.time()
        for until, number, request, reply, hops in waiting:
            if until <= now:
                reply(answer(ERR_TIMEOUT))
            else:
                self.single(number, request, reply, hops, until)

    def _tick(self) -> None:
        now = self.loop.time()
        self.standstill.tick(now, self._tick_s)
        self._tick_s = TICK_S if self._has_work else _IDLE_TICK_S
        self._ticking = self.loop.call_later(self._tick_s, self._tick)
        if self.config.idle_s:
            for connection in list(self.connections):
                connection.close_if_idle(now, self.config.idle_s)
        for number, (until, reply) in list(self._proxied.items()):
            if until <= now:
                del self._proxied[number]
                reply(answer(ERR_TIMEOUT))
        if not self._waiting:
            return
        peer = self.membership.newer_peer() if self.membership.suspect else None
        kept = []
        for entry in self._waiting:
            until, number, request, reply, hops = entry
            if until <= now:
                reply(answer(ERR_TIMEOUT))
            elif peer is not None and hops < MAX_HOPS:
                name = next(n for n, each in self.membership.peers.items() if each is peer)
                self._proxy(name, number, request, reply, hops, until)
            else:
                kept.append(entry)
        self._waiting = kept

    # Requests for others

    def _proxy(
        self, name: str, number: int, request: Request, reply: Reply, hops: int, until: float
    ) -> None:
        ticket = self._next_proxy
        self._next_proxy += 1
        self._proxied[ticket] = (until, reply)
        raw = request.raw or encode_request(request)
        me = self.settings.name
        self.membership.peers[name].link.send((PROXY, me, ticket, number, hops + 1, until, raw))

    def _on_proxy(self, message: Message) -> None:
        _, name, ticket, number, hops, until, raw = message
        peer = self.membership.peers[name]

        def send_back(frame: bytes) -> None:
            peer.link.send((PROXIED, self.settings.name, ticket, frame))

        if until <= self.loop.time():
            return
        self.single(number, parse_request(raw), send_back, hops, until)

    def _on_proxied(self, message: Message) -> None:
        _, _, ticket, frame = message
        entry = self._proxied.pop(ticket, None)
        if entry is not None:
            entry[1](frame)

    def _on_message(self, message: Message) -> None:
        self._handlers[message[0]](message)

    # Metadata, which all nodes share

    def metadata(self) -> Any:
        """Return the shared metadata."""
        return self.metadata_store.pack()

    def merge_metadata(self, metadata: Any) -> None:
        """Merge the metadata of another node."""
        self.metadata_store.merge(metadata)

    def share_metadata(self) -> None:
        """Send the changed metadata to the other nodes."""
        self.membership.broadcast((METADATA, self.settings.name, self.metadata_store.pack()))

    def _on_metadata(self, message: Message) -> None:
        self.metadata_store.merge(message[2])

    # Info and admin frames

    def info(self, body: bytes) -> bytes:
        """Answer an info request."""
        return info.respond(self, body)

    def admin(self, body: bytes, connection: Connection) -> bytes:
        """Answer an admin request."""
        if self.security is None:
            return bytes((0, ERR_SECURITY_NOT_SUPPORTED, *bytes(14)))
        return self.security.respond(body, connection)

    def refuse(self, *, refused: bool) -> None:
        """Stop or start accepting clients; the process that has the sockets replaces this method."""
