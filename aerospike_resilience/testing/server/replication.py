"""Replication: sends writes to every owner before answering, and lets late nodes catch up.

All messages from one node to another keep their order. The acting master of a partition
therefore only has to send: first the records a peer lacks, and every write from the moment
the view began. A node stores records in the order in which they arrive.
"""

from __future__ import annotations

import asyncio
from array import array
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol

from .errors import ERR_KEY_BUSY, ERR_TIMEOUT
from .fabric import encode
from .membership import Membership
from .partitions import MASTER, REPLICA, View
from .peers import Message
from .records import PARTITIONS, Record, Store
from .wire import answer

REPLICATE: Final = 10
ACK: Final = 11
RECORDS: Final = 14
MIGRATED: Final = 15
MERGED: Final = 16

SWEEP_S: Final = 0.005
_CHUNK: Final = 200
_AT_ONCE: Final = 256
"""Partitions that are sent before requests are served again, whether they have records or not."""

Reply = Callable[[bytes], None]


class Pending:
    """A write that is applied here and waits for the other owners."""

    __slots__ = ("deadline_s", "frame", "key", "missing", "queue", "reply")

    def __init__(
        self, key: tuple[bytes, bytes], missing: set[str], frame: bytes, reply: Reply, until: float
    ) -> None:
        self.key = key
        self.missing = missing
        self.frame = frame
        self.reply = reply
        self.deadline_s = until
        self.queue: deque[tuple[float, Reply, Callable[[], None]]] = deque()


class Outer(Protocol):
    """The methods of the node that replication needs."""

    stores: dict[bytes, Store]

    def resume(self) -> None:
        """Serve again what waited."""

    def metadata(self) -> Any:
        """Return what all nodes must know."""

    def merge_metadata(self, metadata: Any) -> None:
        """Take in what came with a commit."""

    def is_closed(self, key: tuple[bytes, bytes]) -> bool:
        """Return whether a record's partition can be neither read nor written."""


class Replication:
    """The copies on this node, and those that it sends to other nodes.

    Args:
        loop: The event loop.
        membership: The members of the cluster.
        outer: The node.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, membership: Membership, outer: Outer
    ) -> None:
        self.versions = array("Q", bytes(8 * PARTITIONS))
        self.roles = [0] * PARTITIONS
        self.migration_delay_s = 0.0
        self.strong: frozenset[bytes] = frozenset()
        self.targets: list[tuple[str, ...]] = [()] * PARTITIONS
        self._loop = loop
        self._membership = membership
        self._outer = outer
        self._name = membership.name
        self._epoch = 0
        # No number twice in the life of a cluster: a late ack must not count for another write.
        self._next = (membership.incarnation << 24) + 1
        self._pending: dict[int, Pending] = {}
        self._busy: dict[tuple[bytes, bytes], Pending] = {}
        self._unconfirmed: set[tuple[bytes, bytes]] = set()
        self._early: list[Message] = []
        self._sweeping = False
        self._missing: set[int] = set()
        self._unmerged: dict[int, set[str]] = {}
        self.handlers: dict[int, Callable[[Message], None]] = {
            REPLICATE: self._on_replicate,
            ACK: self._on_ack,
            RECORDS: self._on_records,
            MIGRATED: self._on_migrated,
            MERGED: self._on_merged,
        }

    @property
    def remaining(self) -> int:
        """How many partitions still wait for records here."""
        return len(self._missing) + len(self._unmerged)

    def unmerged(self, pid: int) -> bool:
        """Return whether records of a partition are still to come from older copies."""
        return pid in self._unmerged

    def revive(self) -> None:
        """Accept what was lost: the copies here count as complete again."""
        for pid, version in enumerate(self.versions):
            self.versions[pid] = version & ~2

    # Writes

    def is_unconfirmed(self, key: tuple[bytes, bytes]) -> bool:
        """Return whether the last write to a key, in a strong namespace, may be here alone."""
        return key in self._unconfirmed

    def busy(self, key: tuple[bytes, bytes]) -> bool:
        """Return whether a write to the key is in flight."""
        return key in self._busy

    def enqueue(
        self,
        key: tuple[bytes, bytes],
        until: float,
        reply: Reply,
        retry: Callable[[], None],
        limit: int,
    ) -> None:
        """Make a write wait for the one to the same key that is in flight."""
        queue = self._busy[key].queue
        if limit and len(queue) >= limit:
            reply(answer(ERR_KEY_BUSY))
        else:
            queue.append((until, reply, retry))

    def replicate(
        self,
        pid: int,
        key: tuple[bytes, bytes],
        record: Record | None,
        frame: bytes,
        reply: Reply,
        until: float,
        *,
        wait: bool,
    ) -> None:
        """Send a write to the other owners, then answer.

        Args:
            pid: Its partition.
            key: Namespace and digest.
            record: The new record, or None if it was removed.
            frame: The answer.
            reply: Where it goes.
            until: When the client gives up, in the loop's seconds.
            wait: Whether to answer only when the copies are there.
        """
        targets = self.targets[pid]
        number = self._next if wait else 0
        packed = record.pack() if record is not None else None
        data = encode((REPLICATE, self._name, self._epoch, number, pid, *key, packed))
        peers = self._membership.peers
        for name in targets:
            peers[name].link.send_encoded(data)
        if not wait or not targets:
            self._unconfirmed.discard(key)
            reply(frame)
            return
        self._next += 1
        pending = Pending(key, set(targets), frame, reply, until)
        self._pending[number] = pending
        self._busy[key] = pending
        if not self._sweeping:
            self._sweeping = True
            self._loop.call_later(SWEEP_S, self._sweep)

    def _on_replicate(self, message: Message) -> None:
        _, name, epoch, number, pid, namespace, digest, packed = message
        if epoch != self._epoch:
            # Newer: our own commit is still on its way. Older: the sender was left behind.
            if epoch > self._epoch:
                self._early.append(message)
            return
        record = None if packed is None else Record.unpack(packed)
        self._outer.stores[namespace].put(pid, digest, record)
        if number:
            self._membership.peers[name].link.send((ACK, self._name, number))

    def _on_ack(self, message: Message) -> None:
        _, name, number = message
        pending = self._pending.get(number)
        if pending is not None:
            pending.missing.discard(name)
            if not pending.missing:
                self._unconfirmed.discard(pending.key)
                self._finish(number, pending, pending.frame)

    def _finish(self, number: int, pending: Pending, frame: bytes) -> None:
        del self._pending[number]
        del self._busy[pending.key]
        pending.reply(frame)
        queue = pending.queue
        while queue:
            _, _, retry = queue.popleft()
            retry()
            following = self._busy.get(pending.key)
            if following is not None:
                following.queue.extend(queue)
                return

    def _sweep(self) -> None:
        now = self._loop.time()
        for number, pending in list(self._pending.items()):
            late = [entry for entry in pending.queue if entry[0] <= now]
            for entry in late:
                pending.queue.remove(entry)
                entry[1](answer(ERR_TIMEOUT))
            if pending.deadline_s <= now and number in self._pending:
                if pending.key[0] in self.strong:
                    self._unconfirmed.add(pending.key)
                self._finish(number, pending, answer(ERR_TIMEOUT))
        self._sweeping = bool(self._pending)
        if self._sweeping:
            self._loop.call_later(SWEEP_S, self._sweep)

    # Views

    def adopt(self, view: View) -> None:
        """Take up the roles of a new view."""
        continued = self._epoch == view.previous
        self._epoch = view.epoch
        self._missing = set()
        self._unmerged = {}
        name = self._name
        self._contribute(view)
        others = {
            owners: tuple(owner for owner in owners if owner != name)
            for owners in set(view.replicas)
        }
        for pid, (owners, acting) in enumerate(zip(view.replicas, view.acting, strict=True)):
            late = view.behind.get(pid, ())
            complete = acting == name or (name in owners and name not in late)
            self.roles[pid] = MASTER if acting == name else REPLICA if complete else 0
            if acting == name:
                self.targets[pid] = others[owners]
            if complete:
                self.versions[pid] = view.version(pid)
            elif name in late:
                self._forget(pid)
                self._missing.add(pid)
            elif view.settled:
                self._forget(pid)
        self._unmerged = {
            pid: set(nodes) for pid, nodes in view.contributors.items() if view.acting[pid] == name
        }
        self._unconfirmed.clear()
        self._settle_pending(continued=continued)
        early, self._early = self._early, []
        for message in early:
            self.handlers[message[0]](message)
        if not view.settled:
            self._loop.call_soon(self._feed, view)

    def resume(self) -> None:
        """Serve again what waited."""
        self._outer.resume()

    def metadata(self) -> Any:
        """Return what all nodes must know."""
        return self._outer.metadata()

    def merge_metadata(self, metadata: Any) -> None:
        """Take in what came with a commit."""
        self._outer.merge_metadata(metadata)

    def _forget(self, pid: int) -> None:
        self.versions[pid] = 0
        for store in self._outer.stores.values():
            store.partitions[pid].clear()

    def _settle_pending(self, *, continued: bool) -> None:
        # Before this node promised the view it made sure that all members had its writes.
        # What is still missing is missing at nodes that are gone or that are fed anew. Only a
        # node that the others went on without cannot say that its writes count.
        for number, pending in list(self._pending.items()):
            if number in self._pending:
                counts = continued and not self._outer.is_closed(pending.key)
                frame = pending.frame if counts else answer(ERR_TIMEOUT)
                self._finish(number, pending, frame)

    # Catching up

    def _feed(self, view: View) -> None:
        if view.epoch != self._epoch:
            return
        self._caught_up_if_complete()
        for name, pids in view.peers_behind(self._name).items():
            ready = [pid for pid in pids if pid not in self._unmerged]
            self._send_partitions(view, name, deque(ready))

    def _send_partitions(self, view: View, name: str, pids: deque[int]) -> None:
        """Send some records, then serve requests before sending more."""
        if view.epoch != self._epoch:
            return
        link = self._membership.peers[name].link
        done: list[int] = []
        sent = 0
        delay_s = self.migration_delay_s
        most = 1 if delay_s else _AT_ONCE
        while pids and sent < _CHUNK and len(done) < most:
            pid = pids.popleft()
            sent += self._send_records(link.send, pid)
            done.append(pid)
        link.send((MIGRATED, self._name, self._epoch, done))
        if pids:
            self._loop.call_later(delay_s, self._send_partitions, view, name, pids)

    def _send_records(self, send: Callable[[Message], None], pid: int) -> int:
        sent = 0
        for namespace, store in self._outer.stores.items():
            records = [record.pack() for record in store.partitions[pid].values()]
            for start in range(0, len(records), _CHUNK):
                chunk = records[start : start + _CHUNK]
                send((RECORDS, self._name, self._epoch, pid, namespace, chunk))
            sent += len(records)
        return sent

    def _on_records(self, message: Message) -> None:
        _, _, epoch, pid, namespace, records = message
        if epoch > self._epoch:
            self._early.append(message)
        elif epoch == self._epoch:
            if self.roles[pid] == MASTER:
                self._merge(pid, namespace, records)
                return
            store = self._outer.stores[namespace]
            for packed in records:
                store.put(pid, packed[0], Record.unpack(packed))

    def _on_migrated(self, message: Message) -> None:
        _, _, epoch, pids = message
        if epoch > self._epoch:
            self._early.append(message)
        elif epoch == self._epoch:
            view = self._membership.view
            for pid in pids:
                self._missing.discard(pid)
                if view is not None:
                    self.versions[pid] = view.version(pid)
            self._membership.partition_generation += 1
            self._caught_up_if_complete()

    def _caught_up_if_complete(self) -> None:
        if not self._missing and not self._unmerged:
            self._membership.caught_up()

    # Copies that seemed lost

    def _contribute(self, view: View) -> None:
        """Send an older copy's records to the acting master of a partition that lost all copies."""
        for pid, nodes in view.contributors.items():
            if self._name in nodes:
                link = self._membership.peers[view.acting[pid]].link
                self._send_records(link.send, pid)
                link.send((MERGED, self._name, self._epoch, pid))
                self._forget(pid)

    def _merge(self, pid: int, namespace: bytes, records: list[Any]) -> None:
        store = self._outer.stores[namespace]
        for packed in records:
            record = Record.unpack(packed)
            current = store.partitions[pid].get(record.digest)
            if current is None or current.last_update_us < record.last_update_us:
                store.put(pid, record.digest, record)
                key = (namespace, record.digest)
                self.replicate(pid, key, record, b"", lambda _: None, 0.0, wait=False)

    def _on_merged(self, message: Message) -> None:
        _, name, epoch, pid = message
        if epoch > self._epoch:
            self._early.append(message)
            return
        if epoch != self._epoch or pid not in self._unmerged:
            return
        self._unmerged[pid].discard(name)
        if self._unmerged[pid]:
            return
        del self._unmerged[pid]
        view = self._membership.view
        if view is not None:
            for late in view.behind.get(pid, ()):
                self._send_partitions(view, late, deque([pid]))
        self._caught_up_if_complete()
