"""Which node owns which partition: the same answer on every node that has the same view.

A *view* is one agreed membership. Within it every partition has its replicas by rank
(as published to clients) and an acting master (which holds all data and orders the writes).
The two differ only while a node that came back is still catching up.
"""

from __future__ import annotations

import base64
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

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
    orders = succession(members)
    lists = {
        order: tuple((_spread(order, rack_of) if rack_of else order)[:factor])
        for order in dict.fromkeys(orders)
    }
    return tuple([lists[order] for order in orders])


def _spread(nodes: Sequence[str], rack_of: dict[str, int]) -> list[str]:
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
    names = tuple(sorted(members))
    replicas = replica_lists(names, factor, racks)
    copies = list(zip(*(versions[name] for name in names), strict=True))
    places = list(zip(replicas, copies, strict=True))
    # There are few different ones.
    fates = {place: _fate(names, *place, latest=latest, whole=whole) for place in set(places)}
    found = [fates[place] for place in places]
    behind = {pid: fate.late for pid, fate in enumerate(found) if fate.late}
    contributors = {pid: fate.older for pid, fate in enumerate(found) if fate.older}
    return View(
        *(epoch, members, replicas, [fate.acting for fate in found], behind, contributors),
        lossy=frozenset(pid for pid, fate in enumerate(found) if fate.lossy),
        lost=frozenset(pid for pid, fate in enumerate(found) if fate.lost),
        settled=not behind and not contributors,
        previous=latest,
    )


class _Fate(NamedTuple):
    """What becomes of a partition in the next view.

    Attributes:
        acting: The node that orders its writes.
        late: The owners that must first catch up.
        older: Nodes whose older copies are merged into the acting master's.
        lossy: Whether it lost all complete copies.
        lost: Whether it also had no older ones.
    """

    acting: str
    late: tuple[str, ...] = ()
    older: tuple[str, ...] = ()
    lossy: bool = False
    lost: bool = False


def _fate(
    names: tuple[str, ...],
    owners: tuple[str, ...],
    versions: tuple[int, ...],
    *,
    latest: int,
    whole: bool,
) -> _Fate:
    """Return what becomes of a partition.

    Args:
        names: The members.
        owners: Those that own it, master first.
        versions: Of the copy that each member holds.
        latest: The latest epoch any member had.
        whole: Whether all nodes of the cluster are members and hold all their records.
    """
    best = max(versions)
    behind_latest = best >> 2 != latest
    if min(versions) == best:
        return _Fate(
            owners[0],
            lossy=bool(latest and (behind_latest or best & 1) and not whole),
            lost=bool(behind_latest or best & 2 or not latest),
        )
    version_of = dict(zip(names, versions, strict=True))
    holders = {name for name, version in version_of.items() if version >> 2 == best >> 2}
    older: tuple[str, ...] = ()
    diminished = bool(best & 1 or behind_latest)
    if diminished:
        older = tuple(n for n, version in version_of.items() if version and n not in holders)
    return _Fate(
        next((name for name in owners if name in holders), min(holders)),
        late=tuple(name for name in owners if name not in holders),
        older=older,
        lossy=diminished and bool(older or not whole),
        lost=bool(best & 2 or behind_latest) and not older,
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
