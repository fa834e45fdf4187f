"""The order of the nodes in each partition, as the real server computes it.

The server hashes each node's id together with each partition's number, and sorts by the hashes, so that
a partition's order among some nodes does not change when others leave. Hashes and layout are those of
`partition_balance.c` in the server's public source; the maps that a real cluster of three published
come out bit by bit.

All partitions are hashed at once: a Python integer holds one hash for each, 128 bits apart, so that the
sums and products of 64 bits do not spill into the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from .records import PARTITIONS

_LANE: Final = 128
_WORD: Final = (1 << 64) - 1
_ONES: Final = int.from_bytes((b"\x01" + bytes(_LANE // 8 - 1)) * PARTITIONS, "little")
_WORDS: Final = _ONES * _WORD
_BYTES: Final = _ONES * 0xFF
_FNV_OFFSET: Final = 0xCBF29CE484222325
_FNV_PRIME: Final = 0x100000001B3


def node_id(name: str) -> int:
    """Return the id behind a node's name: the name is its hexadecimal form."""
    try:
        return int(name, 16) & _WORD
    except ValueError:
        return _fnv(name.encode())


def succession(nodes: tuple[str, ...]) -> Sequence[Sequence[str]]:
    """Return the order of the nodes in every partition.

    That of some nodes is the order of all with the others left out. So it takes a tenth of the time where
    the order of more nodes is known, and a node that takes a new view goes on serving.

    Args:
        nodes: The nodes' names, in any order.
    """
    wanted = frozenset(nodes)
    known = next((orders for of, orders in _known.items() if of >= wanted), None)
    if known is None:
        known = _known[wanted] = _computed(nodes)
    left = {
        order: tuple(node for node in order if node in wanted) for order in dict.fromkeys(known)
    }
    return [left[order] for order in known]


_known: dict[frozenset[str], list[tuple[str, ...]]] = {}


def _computed(nodes: tuple[str, ...]) -> list[tuple[str, ...]]:
    ranked = sorted(nodes, key=node_id, reverse=True)
    # The server replaces the last byte of each hash by the node's number before it sorts.
    columns = [
        [value & ~0xFF | index for value in _hashes(node_id(node))]
        for index, node in enumerate(ranked)
    ]
    return [
        tuple(ranked[value & 0xFF] for value in sorted(row, reverse=True))
        for row in zip(*columns, strict=True)
    ]


@lru_cache(maxsize=64)
def _hashes(node: int) -> memoryview:
    """Return the hash of a node with each partition."""
    lanes = 0
    for byte in _fnv(node.to_bytes(8, "little")).to_bytes(8, "little"):
        lanes = _jenkins(lanes, _ONES * byte)
    pids = _hashed_pids()
    for shift in range(0, 64, 8):
        lanes = _jenkins(lanes, pids >> shift & _BYTES)
    lanes = lanes + (lanes << 3) & _WORDS
    lanes ^= lanes >> 11 & _WORDS
    lanes = lanes + (lanes << 15) & _WORDS
    return memoryview(lanes.to_bytes(PARTITIONS * _LANE // 8, "little")).cast("Q")[::2]


@lru_cache(maxsize=1)
def _hashed_pids() -> int:
    numbers = b"".join(pid.to_bytes(_LANE // 8, "little") for pid in range(PARTITIONS))
    pids = int.from_bytes(numbers, "little")
    lanes = _ONES * _FNV_OFFSET
    for shift in range(0, 32, 8):
        lanes = (lanes ^ pids >> shift & _BYTES) * _FNV_PRIME & _WORDS
    return lanes


def _jenkins(lanes: int, byte: int) -> int:
    lanes = lanes + byte & _WORDS
    lanes = lanes + (lanes << 10) & _WORDS
    return lanes ^ lanes >> 6 & _WORDS


def _fnv(data: bytes) -> int:
    value = _FNV_OFFSET
    for byte in data:
        value = (value ^ byte) * _FNV_PRIME & _WORD
    return value
