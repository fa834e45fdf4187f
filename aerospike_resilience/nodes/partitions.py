"""The partition map: which nodes hold a record, master first.

Every node lists only what it holds itself (info command ``replicas``, Aerospike's wire protocol):
for each namespace ``name:regime,replication-factor,bitmap0,bitmap1,…``, where bitmap 0 marks the
partitions it is master of, bitmap 1 those it holds as first replica, one bit for each of the 4096.
"""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from collections.abc import Container, Mapping
from types import MappingProxyType
from typing import Any, Final

PARTITIONS: Final = 4096

_BITS: Final = tuple(tuple(bit for bit in range(8) if byte & (0x80 >> bit)) for byte in range(256))
"""The bits that are set in a byte, the most significant first, by the byte."""

Owners = tuple[str, ...]
"""Names of the nodes that hold a partition, master first."""

UNKNOWN: Final = ""
"""In place of the name of a node that holds a partition, where no answer names it."""


class PartitionMap:
    """Owners of every partition, merged from the answers of all nodes. Immutable.

    Args:
        owners: the owners of all partitions of each namespace.
        copies: how often the nodes say that each namespace holds a partition.
    """

    __slots__ = ("_copies", "_masters", "_nodes", "_owners")

    def __init__(
        self,
        owners: Mapping[str, tuple[Owners, ...]],
        copies: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self._owners = owners
        self._copies = copies
        self._masters: dict[str, Counter[str]] | None = None
        self._nodes: frozenset[str] | None = None

    def owners(self, namespace: str, partition: int) -> Owners:
        """Return who holds a partition; empty if nothing is known.

        Where only replicas are known, `UNKNOWN` stands for the master.
        """
        table = self._owners.get(namespace)
        return table[partition] if table is not None else ()

    def is_whole(self, namespace: str, partition: int) -> bool:
        """Return whether every node that holds a partition is known."""
        owners = self.owners(namespace, partition)
        return UNKNOWN not in owners and len(owners) >= self._copies.get(namespace, 0)

    def same_owners(self, other: PartitionMap) -> bool:
        """Return whether another map has the same owners for every partition."""
        return self._owners == other._owners and self._copies == other._copies

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces of the map."""
        return tuple(self._owners)

    def single(self) -> frozenset[str]:
        """Return the namespaces that hold every record once: replication factor 1."""
        return frozenset(
            name
            for name, table in self._owners.items()
            if all(len(owners) <= 1 for owners in set(table))
        )

    def nodes(self) -> frozenset[str]:
        """Return every node that holds anything. Worked out once, as a watchful tend asks often."""
        if self._nodes is None:
            self._nodes = frozenset(
                name
                for table in self._owners.values()
                for owners in set(table)
                for name in owners
                if name != UNKNOWN
            )
        return self._nodes

    def shares(self, node: str) -> dict[str, float]:
        """Return the share of partitions that a node is master of, by namespace."""
        if self._masters is None:  # counted once a map: a dashboard asks ten times a second
            self._masters = {
                namespace: Counter(owners[0] for owners in table if owners)
                for namespace, table in self._owners.items()
            }
        return {name: masters[node] / PARTITIONS for name, masters in self._masters.items()}

    def merged(self, answers: Mapping[str, str], absent: str = UNKNOWN) -> PartitionMap:
        """Return the map after new answers of some nodes, by node name.

        A node that gave no answer keeps what nobody else claims now: a silent node stays in the map
        until the survivors take its partitions over.

        Args:
            answers: the answers of the nodes that gave one.
            absent: the only node of the cluster that gave none. What nobody else has is there.

        Raises:
            ValueError: an answer is not what ``replicas`` answers.
        """
        claims = {node: _parse(node, text) for node, text in answers.items()}
        namespaces = {*self._owners, *(name for claim in claims.values() for name in claim)}
        copies = {
            namespace: max((len(claim.get(namespace, ())) for claim in claims.values()), default=0)
            or self._copies.get(namespace, 0)
            for namespace in sorted(namespaces)
        }
        return PartitionMap(
            {name: self._merge(name, claims, copies[name], absent) for name in copies}, copies
        )

    def _merge(
        self, namespace: str, claims: Mapping[str, dict[str, list[bytes]]], copies: int, absent: str
    ) -> tuple[Owners, ...]:
        old = self._owners.get(namespace, ((),) * PARTITIONS)
        columns: list[list[str]] = [[UNKNOWN] * PARTITIONS for _ in range(copies)]
        for node, claim in claims.items():
            for rank, bitmap in enumerate(claim.get(namespace, ())):
                _mark(columns[rank], bitmap, node, old, rank)
        rows = _Rows(claims, absent)
        return tuple(map(rows.__getitem__, zip(old, *columns, strict=True)))


EMPTY: Final = PartitionMap({})


class _Rows(dict[tuple[Any, ...], Owners]):
    """The owners of a partition, by its owners before and the claims on it, master's first.

    Each is made once: 4096 partitions have a handful of different owners.
    """

    def __init__(self, claims: Container[str], absent: str) -> None:
        self._claims = claims
        self._absent = absent

    def __missing__(self, index: tuple[Any, ...]) -> Owners:
        before: Owners = index[0]
        claimed: tuple[str, ...] = index[1:]
        owners: list[str] = []
        for rank in range(max(len(claimed), len(before))):
            name = claimed[rank] if rank < len(claimed) else UNKNOWN
            if not name and rank < len(before) and before[rank] not in self._claims:
                name = before[rank]
            if name in owners:
                name = UNKNOWN
            if not name and rank < len(claimed) and self._absent not in owners:
                name = self._absent
            owners.append(name)
        while owners and owners[-1] == UNKNOWN:
            del owners[-1]
        row = self[index] = tuple(owners)
        return row


def _parse(node: str, text: str) -> dict[str, list[bytes]]:
    try:
        claim: dict[str, list[bytes]] = {}
        for part in filter(None, text.strip().split(";")):
            namespace, _, rest = part.partition(":")
            _regime, _factor, *bitmaps = rest.split(",")
            claim[namespace] = [base64.b64decode(bitmap, validate=True) for bitmap in bitmaps]
    except (ValueError, binascii.Error) as error:
        raise ValueError(f"node {node} answered 'replicas' with {text[:60]!r}: {error}") from None
    for namespace, bitmaps_ in claim.items():
        if any(len(bitmap) != PARTITIONS // 8 for bitmap in bitmaps_):
            raise ValueError(f"node {node} answered 'replicas' with a short map of {namespace!r}")
    return claim


def _mark(column: list[str], bitmap: bytes, node: str, old: tuple[Owners, ...], rank: int) -> None:
    """Enter a node's claims. Of two that claim a partition, the one that had it keeps it.

    A node that was stopped answers its old map for a while after it goes on.
    """
    for index, byte in enumerate(bitmap):
        for bit in _BITS[byte]:
            partition = (index << 3) + bit
            other = column[partition]
            if not other or other not in old[partition][rank : rank + 1]:
                column[partition] = node
