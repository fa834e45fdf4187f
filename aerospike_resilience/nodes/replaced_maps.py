"""Replaced maps: the partition maps that a client may still go by.

Nobody can ask a client which map it has. It learns a new one at one of its own tends, and a stalled node
makes a tend take longer. So for a while after a change several nodes may have been asked for a record.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

from .partitions import UNKNOWN, PartitionMap

LONGEST_TEND_S: Final = 1.0
"""How long a client's tends are apart at most unless it was configured otherwise: only `connect()` gives a
profile's shorter interval to the client."""

TENDS: Final = 2
"""After so many of its tends a client has a new map."""

STALLED_S: Final = 1.0
"""How much longer a stalled node makes a tend of a client, in seconds: the clients' default timeout."""

KEPT: Final = 16
"""How many replaced maps are kept at most: a cluster that migrates publishes several a second."""


class ReplacedMaps:
    """The maps that were replaced lately, together with the newest. Used under the cluster's lock."""

    def __init__(self) -> None:
        self._replaced: deque[tuple[float, PartitionMap]] = deque(maxlen=KEPT)

    def add(self, replaced: PartitionMap, now: float) -> None:
        """Note that a map was replaced."""
        if replaced.namespaces:
            self._replaced.append((now, replaced))

    def expire(self, now: float, tend_interval_s: float) -> None:
        """Forget the maps that no client goes by any more.

        Args:
            now: the time.
            tend_interval_s: how often the profile has the client tend, in seconds.
        """
        oldest = now - TENDS * (max(tend_interval_s, LONGEST_TEND_S) + STALLED_S)
        while self._replaced and self._replaced[0][0] < oldest:
            self._replaced.popleft()

    def _with(self, newest: PartitionMap) -> Iterator[PartitionMap]:
        yield newest
        for _at, replaced in self._replaced:
            yield replaced

    def holders(self, newest: PartitionMap, namespace: str, partition: int) -> tuple[str, ...]:
        """Return every node that a call for a partition may have needed, the newest map's first.

        `UNKNOWN` among them says that there may be others.
        """
        found: dict[str, None] = {}
        for one in self._with(newest):
            found.update(dict.fromkeys(one.owners(namespace, partition)))
            if not one.is_whole(namespace, partition):
                found[UNKNOWN] = None
        return tuple(found)

    def is_master(self, name: str, newest: PartitionMap, namespace: str, partition: int) -> bool:
        """Return whether a client asks a node for a partition, whichever of the maps it has."""
        return all(one.owners(namespace, partition)[:1] == (name,) for one in self._with(newest))
