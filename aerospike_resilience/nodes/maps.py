"""The cluster's partition maps: the newest, and those that the client may still go by."""

from __future__ import annotations

from collections.abc import Mapping

from ..model.operation import Key, NodeSource
from . import partitions
from .replaced_maps import ReplacedMaps


class Maps:
    """Which nodes hold a record, by the newest map and by the one that the client may still have.

    Written under the cluster's lock, except `strong` and `generations`.

    Args:
        source: the client's view of its cluster.

    Attributes:
        newest: the partition map; swapped by the tend thread.
        previous: the map that the client may still go by: as it was before the cluster took a node's
            partitions away while something was wrong with one. None while all is well.
        replaced: the maps that were replaced lately.
        strong: the namespaces known to be strongly consistent; swapped by the thread that fetches the map.
        single: the namespaces known to hold every record once; swapped with the map.
        generations: the partition generation of each node whose part of the map is known; swapped by the
            thread that fetches the map.
        moved: nodes that told a pulse of another generation, so that their part of the map is out of date.
    """

    def __init__(self, source: NodeSource) -> None:
        self._source = source
        self.newest = partitions.EMPTY
        self.previous: partitions.PartitionMap | None = None
        self.replaced = ReplacedMaps()
        self.strong: frozenset[str] = frozenset()
        self.single: frozenset[str] = frozenset()
        self.generations: Mapping[str, str] = {}
        self.moved: set[str] = set()

    def owners(self, key: Key | None) -> tuple[str, ...]:
        """Return the names of the nodes that hold a record, master first; empty if unknown.

        While the client lags behind the cluster, the master is the one that the client still asks.
        """
        if key is None or self.newest is partitions.EMPTY:
            return ()
        try:
            namespace, partition = self._source.partition(key)
            now = self.newest.owners(namespace, partition)
            if (previous := self.previous) is None:
                return now
            before = previous.owners(namespace, partition)[:1]
            return now if before == now[:1] else (*before, *(n for n in now if n not in before))
        except Exception:  # noqa: BLE001 - not a key: the client is about to say so, better than we could
            return ()

    def owners_asked(self, key: Key | None) -> tuple[str, ...]:
        """Return the nodes that reads of a record go to, by the map that the client may still go by.

        Where not all nodes that hold it are known, `UNKNOWN` comes last: a node that has joined is
        unknown until the client lists it at one of its tends.
        """
        if key is None or self.newest is partitions.EMPTY:
            return ()
        try:
            place = self._source.partition(key)
            for one in (self.previous, self.newest):
                if one is not None and (owners := one.owners(*place)):
                    return owners if one.is_whole(*place) else (*owners, partitions.UNKNOWN)
        except Exception:  # noqa: BLE001 - not a key: the client is about to say so, better than we could
            return ()
        return ()

    def holders(self, key: Key | None, owners: tuple[str, ...]) -> tuple[tuple[str, ...], bool]:
        """Return every node that a call for a record may have needed, its owners first.

        Also whether those are all, and the first is the master by every map that the client may go by.
        Called under the cluster's lock.
        """
        if not owners or key is None:
            return owners, True
        try:
            place = self._source.partition(key)
        except Exception:  # noqa: BLE001 - not a key: the client says so
            return owners, True
        holders = self.replaced.holders(self.newest, *place)
        found = (*owners, *(name for name in holders if name not in owners))
        sure = found == owners and (
            self.previous is not None or self.replaced.is_master(owners[0], self.newest, *place)
        )
        return found, sure

    def namespace(self, key: Key | None) -> str | None:
        """Return a record's namespace; None without a key, or where the key is none."""
        if key is None:
            return None
        try:
            return self._source.partition(key)[0]
        except Exception:  # noqa: BLE001 - not a key: the client says so
            return None

    def is_strong(self, key: Key | None) -> bool:
        """Return whether a record is in a namespace that is known to be strongly consistent."""
        return bool(self.strong) and self.namespace(key) in self.strong

    def adopt(self, new: partitions.PartitionMap, now: float, *, calm: bool) -> None:
        """Take over a new map. The client learns it up to two of its tends later.

        The survivors switch one by one, so the map to remember is the one from before the first.

        Args:
            new: the map.
            now: the time, on the chain's clock, in seconds.
            calm: whether no node needs asking about.
        """
        if self.previous is None and not calm and self.newest.namespaces:
            self.previous = self.newest
        if not new.same_owners(self.newest):
            self.replaced.add(self.newest, now)
        self.newest = new
        if (single := new.single()) != self.single:  # calls know the set by its identity
            self.single = single
