"""Strongly consistent namespaces: which partitions may be used, and how reads and writes differ there.

No recording shows such a namespace, as Community Edition has none. The rules are those of Aerospike's
documentation on strong consistency; flags, regimes and codes are those that the clients send and expect.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Final

from . import commands
from .errors import ERR_PARAMETER, ERR_UNAVAILABLE
from .partitions import MASTER, REPLICA, Racks, View, replica_lists
from .records import PARTITIONS, Store
from .wire import INFO1_READ, INFO2_WRITE, INFO3_SC_RELAXED, INFO3_SC_TYPE, Request, answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from .node import Node

_KEPT: Final = "roster"
_PENDING: Final = "roster-pending"
_LINEARIZE: Final = INFO3_SC_TYPE
_ALLOW_UNAVAILABLE: Final = INFO3_SC_RELAXED | INFO3_SC_TYPE


@lru_cache(maxsize=32)
def unavailable(
    roster: tuple[str, ...], members: frozenset[str], factor: int, racks: Racks = ()
) -> frozenset[int]:
    """Return the partitions that the members of a cluster may not use.

    A partition may be used where all its roster replicas are, or fewer nodes of the roster are missing than
    there are replicas, or a majority of the roster is there with one of its replicas, or exactly half with
    the first of them.

    Args:
        roster: The nodes that the namespace expects.
        members: The nodes that are there.
        factor: The replication factor.
        racks: The rack of each node, if there are racks.
    """
    present = members.intersection(roster)
    missing = len(roster) - len(present)
    if missing < min(factor, len(roster)):
        return frozenset()
    majority = len(present) * 2 > len(roster)
    half = len(present) * 2 == len(roster)
    closed = []
    for pid, owners in enumerate(replica_lists(tuple(sorted(roster)), factor, racks)):
        there = [owner in present for owner in owners]
        usable = all(there) or (majority and any(there)) or (half and there[0])
        if not usable:
            closed.append(pid)
    return frozenset(closed)


class Strong:
    """The strongly consistent namespaces of one node.

    Args:
        node: The node.

    Attributes:
        names: The namespaces.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self.names = frozenset(name.encode() for name in node.settings.strong)
        self._closed: dict[str, tuple[View | None, object, frozenset[int]]] = {}
        for name in node.settings.strong:
            roster = sorted(node.settings.roster, reverse=True)
            node.metadata_store.seed(_KEPT, name, roster)
            node.metadata_store.seed(_PENDING, name, roster)

    # The roster

    def roster(self, namespace: str) -> tuple[str, ...]:
        """Return the nodes that a namespace expects."""
        return tuple(self._node.metadata_store.get(_KEPT, namespace))

    def pending_roster(self, namespace: str) -> tuple[str, ...]:
        """Return the roster that the next `recluster` puts in force."""
        return tuple(self._node.metadata_store.get(_PENDING, namespace))

    def set_roster(self, namespace: str, nodes: list[str]) -> None:
        """Set the roster that the next `recluster` puts in force."""
        self._node.metadata_store.set(_PENDING, namespace, nodes)

    def use_rosters(self) -> None:
        """Put the pending rosters in force."""
        for name in self._node.settings.strong:
            pending = list(self.pending_roster(name))
            if pending != list(self.roster(name)):
                self._node.metadata_store.set(_KEPT, name, pending)

    # Partitions

    def unavailable(self, namespace: str) -> frozenset[int]:
        """Return the partitions that this node's cluster may not use, for lack of roster nodes."""
        view = self._node.membership.view
        if view is None:
            return frozenset(range(PARTITIONS))
        settings = self._node.settings
        roster = self.roster(namespace)
        return unavailable(
            *(roster, frozenset(view.members), settings.replication_factor),
            tuple(each for each in settings.racks_of if each[0] in roster),
        )

    def dead(self, namespace: str) -> frozenset[int]:
        """Return the partitions all of whose complete copies are lost, though enough nodes are there."""
        view = self._node.membership.view
        return (view.lost - self.unavailable(namespace)) if view and view.lost else frozenset()

    def closed(self, namespace: str) -> frozenset[int]:
        """Return the partitions that can be neither read nor written."""
        view = self._node.membership.view
        roster = self._node.metadata_store.get(_KEPT, namespace)
        known = self._closed.get(namespace)
        if known is None or known[0] is not view or known[1] is not roster:
            closed = self.unavailable(namespace) | (view.lost if view else frozenset())
            known = self._closed[namespace] = (view, roster, closed)
        return known[2]

    def closed_for(self, namespace: bytes) -> frozenset[int]:
        """Return the partitions of any namespace that can be neither read nor written."""
        return self.closed(namespace.decode("latin-1")) if namespace in self.names else frozenset()

    # Requests

    def single(
        self,
        number: int,
        request: Request,
        reply: Callable[[bytes], None],
        key: tuple[bytes, bytes],
        pid: int,
        hops: int,
        until: float,
    ) -> bool:
        """Carry out a request for one record here; return False if another node must."""
        node = self._node
        store = node.stores[key[0]]
        role = node.roles[pid]
        mode = request.info3 & _ALLOW_UNAVAILABLE
        writes = bool(request.info2 & INFO2_WRITE)
        if pid in self.closed_for(key[0]):
            if not writes and mode == _ALLOW_UNAVAILABLE and (role or store.partitions[pid]):
                self._read(number, request, reply, store, key, pid)
            else:
                reply(answer(ERR_UNAVAILABLE))
            return True
        if role == MASTER and node.replication.unmerged(pid):
            # Its records are still on their way from copies that were cut off.
            reply(answer(ERR_UNAVAILABLE))
            return True
        relaxed = not writes and mode & INFO3_SC_RELAXED
        if relaxed and role in (MASTER, REPLICA):
            self._read(number, request, reply, store, key, pid)
            return True
        if role != MASTER:
            return False
        retry = partial(node.single, number, request, reply, hops, until)
        if writes:
            node.write(number, request, reply, store, key, pid, until)
        elif node.replication.busy(key):
            # What is not on all replicas yet may still come to nothing, so nobody may see it.
            node.replication.enqueue(key, until, reply, retry, 0)
        elif mode == _LINEARIZE or node.replication.is_unconfirmed(key):
            self._read_confirmed(number, request, reply, store, key, pid, until)
        else:
            self._read(number, request, reply, store, key, pid)
        return True

    def _read(
        self,
        number: int,
        request: Request,
        reply: Callable[[bytes], None],
        store: Store,
        key: tuple[bytes, bytes],
        pid: int,
    ) -> None:
        reply(self._frame(number, request, store, key, pid))

    def _read_confirmed(
        self,
        number: int,
        request: Request,
        reply: Callable[[bytes], None],
        store: Store,
        key: tuple[bytes, bytes],
        pid: int,
        until: float,
    ) -> None:
        """Answer once all replicas have said that they have this version and are in this regime."""
        frame = self._frame(number, request, store, key, pid)
        record = store.get(pid, key[1])
        self._node.replication.replicate(pid, key, record, frame, reply, until, wait=True)

    def _frame(
        self, number: int, request: Request, store: Store, key: tuple[bytes, bytes], pid: int
    ) -> bytes:
        node = self._node
        if not request.info1 & INFO1_READ:
            return answer(ERR_PARAMETER)
        node.count_applied(number)
        out = commands.read(request, store.get(pid, key[1]), node.clock)
        return answer(out.code, out.generation, out.void_time, out.ops, out.op_count)
