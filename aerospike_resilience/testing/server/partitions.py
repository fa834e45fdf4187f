"""Which node owns which partition: the same answer on every node that has the same view.

A *view* is one agreed membership. Within it every partition has its replicas by rank
(as published to clients) and an acting master (which holds all data and orders the writes).
The two differ only while a node that came back is still catching up.
"""

from __future__ import annotations

import base64
from array import array
from dataclasses import dataclass, field
from functools import lru_cache

from .balance import succession
from .records import PARTITIONS

MASTER = 1
REPLICA = 2


Racks = tuple[tuple[str, int], ...]
"""The rack of each node, as pairs."""


@lru_cache(maxsize=32)
def replica_lists(
    members: tuple[str, ...], factor: int, racks: Racks = ()
) -> tuple[tuple[str, ...], ...]:
    """Return for every partition the nodes that own it, master first.

    Args:
        members: The nodes of the cluster, in any order.
        factor: The replication factor.
        racks: The rack of each node, if there are racks; a partition's owners are then in as many
            racks as there are.

    Returns:
        One tuple of node names a partition.
    """
    rack_of = dict(racks)
    lists = []
    for owners in succession(members):
        if rack_of:
            owners = _spread(owners, rack_of)
        lists.append(tuple(owners[:factor]))
    return tuple(lists)


def _spread(nodes: list[str], rack_of: dict[str, int]) -> list[str]:
    first_of_rack: dict[int, str] = {}
    for node in nodes:
        first_of_rack.setdefault(rack_of[node], node)
    first = [node for node in nodes if first_of_rack[rack_of[node]] == node]
    return first + [node for node in nodes if node not in first]


@dataclass(frozen=True, slots=True)
class View:
    """One agreed membership and the role of each node in it.

    Attributes:
        epoch: Its number; a later view has a higher one.
        members: Node to incarnation.
        replicas: Per partition, the nodes that own it, master first.
        acting: Per partition, the node that orders its writes.
        behind: Per partition that has some, the owners that must first catch up.
        contributors: Per partition that lost all complete copies, nodes whose older
            copies are merged into the acting master's.
        lossy: The partitions that lost all complete copies since the cluster was last whole.
        lost: The partitions that lost all complete copies and had no older ones, until revived.
        settled: Whether every owner is complete.
        previous: The latest view that any member was in before.
    """

    epoch: int
    members: dict[str, int]
    replicas: tuple[tuple[str, ...], ...]
    acting: list[str]
    behind: dict[int, tuple[str, ...]] = field(default_factory=dict)
    contributors: dict[int, tuple[str, ...]] = field(default_factory=dict)
    lossy: frozenset[int] = frozenset()
    lost: frozenset[int] = frozenset()
    settled: bool = True
    previous: int = 0

    def version(self, pid: int) -> int:
        """Return the version of a copy that is complete in this view."""
        return self.epoch << 2 | (pid in self.lost) << 1 | (pid in self.lossy)

    def peers_behind(self, node: str) -> dict[str, list[int]]:
        """Return for each node that is behind the partitions `node` must send it."""
        wanted: dict[str, list[int]] = {}
        for pid, nodes in self.behind.items():
            if self.acting[pid] == node:
                for each in nodes:
                    wanted.setdefault(each, []).append(pid)
        return wanted


def first_view(members: dict[str, int], factor: int, epoch: int, racks: Racks = ()) -> View:
    """Return the view a cluster starts with, when nobody has data yet."""
    replicas = replica_lists(tuple(sorted(members)), factor, racks)
    return View(epoch, members, replicas, [owners[0] for owners in replicas])


def next_view(
    epoch: int,
    members: dict[str, int],
    factor: int,
    versions: dict[str, array[int]],
    latest: int,
    *,
    whole: bool,
    racks: Racks = (),
) -> View:
    """Compute the next view from the copies that its members hold.

    A copy's version is the epoch in which it was last complete, times four, plus one if
    that copy descends from a loss, plus two if the loss was never made good.

    Args:
        epoch: The number of the new view.
        members: Node to incarnation.
        factor: The replication factor.
        versions: Per member, the versions of its copies.
        latest: The latest epoch any member had.
        whole: Whether all nodes of the cluster are members and hold all their records, so that
            losses are repaired.
        racks: The rack of each node, if there are racks.

    Returns:
        The view.
    """
    names = sorted(members)
    replicas = replica_lists(tuple(names), factor, racks)
    acting: list[str] = []
    behind: dict[int, tuple[str, ...]] = {}
    contributors: dict[int, tuple[str, ...]] = {}
    lossy: set[int] = set()
    lost: set[int] = set()
    columns = [(name, versions[name]) for name in names]
    rows = zip(*(column for _, column in columns), strict=True)
    for pid, row in enumerate(rows):
        best = max(row)
        owners = replicas[pid]
        if min(row) == best:
            acting.append(owners[0])
            if latest and (best >> 2 != latest or best & 1) and not whole:
                lossy.add(pid)
            if best >> 2 != latest or best & 2 or not latest:
                lost.add(pid)
            continue
        holders = {
            name for name, version in zip(names, row, strict=True) if version >> 2 == best >> 2
        }
        acting.append(next((name for name in owners if name in holders), min(holders)))
        late = tuple(name for name in owners if name not in holders)
        if late:
            behind[pid] = late
        older: tuple[str, ...] = ()
        if best & 1 or best >> 2 != latest:
            older = tuple(
                name
                for name, version in zip(names, row, strict=True)
                if version and name not in holders
            )
            if older:
                contributors[pid] = older
            if older or not whole:
                lossy.add(pid)
        if (best & 2 or best >> 2 != latest) and not older:
            lost.add(pid)
    settled = not behind and not contributors
    return View(
        *(epoch, members, replicas, acting, behind, contributors),
        *(frozenset(lossy), frozenset(lost), settled, latest),
    )


def bitmap(view: View | None, node: str, rank: int, closed: frozenset[int] = frozenset()) -> str:
    """Return the partitions a node owns in a rank, in the form that clients read.

    Args:
        view: The view.
        node: The node.
        rank: 0 is master.
        closed: Partitions that nobody may use now.
    """
    bits = bytearray(PARTITIONS // 8)
    if view is not None:
        for pid, owners in enumerate(view.replicas):
            if len(owners) > rank and owners[rank] == node and pid not in closed:
                bits[pid >> 3] |= 0x80 >> (pid & 7)
    return base64.b64encode(bits).decode()
