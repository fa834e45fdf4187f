"""Counters in memory that the controller and every node share.

A node writes its own block, and the controller reads it. So the counters of a stopped or killed node can
still be read, and counting costs one addition.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

OPERATIONS: Final = (
    "get",
    "exists",
    "select",
    "put",
    "remove",
    "touch",
    "append",
    "prepend",
    "increment",
    "operate",
    "apply",
    "batch_read",
    "batch_write",
    "batch_remove",
    "batch_operate",
    "batch_apply",
    "scan",
    "query",
    "background",
    "tend",
    "info",
    "login",
    "admin",
    "malformed",
)
"""The operations that a node distinguishes on the wire; `tend` is the clients' background requests."""

GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "read": ("get", "exists", "select", "batch_read", "scan", "query"),
    "write": (
        *("put", "remove", "touch", "append", "prepend", "increment", "operate", "apply"),
        *("batch_write", "batch_remove", "batch_operate", "batch_apply", "background"),
    ),
    "single": OPERATIONS[:11],
    "batch": ("batch_read", "batch_write", "batch_remove", "batch_operate", "batch_apply"),
    "data": OPERATIONS[:19],
}
"""Names that stand for several operations."""

INDEX: Final = {name: number for number, name in enumerate(OPERATIONS)}
FAULT_SLOTS: Final = 64

SEEN: Final = 0
APPLIED: Final = len(OPERATIONS)
ANSWERED: Final = 2 * len(OPERATIONS)
OPENED: Final = 3 * len(OPERATIONS)
OPEN: Final = OPENED + 1
FAULTS: Final = OPEN + 1
BLOCK: Final = FAULTS + FAULT_SLOTS


def operations_named(name: str) -> tuple[str, ...]:
    """Resolve an operation or a group of them.

    Args:
        name: One of `OPERATIONS` or `GROUPS`.

    Returns:
        The operations meant.

    Raises:
        ValueError: There is no such operation.
    """
    if name in INDEX:
        return (name,)
    if name in GROUPS:
        return GROUPS[name]
    known = ", ".join((*GROUPS, *OPERATIONS))
    raise ValueError(f"no operation is called {name!r}; use one of: {known}")


@dataclass(frozen=True, slots=True)
class OperationCounters:
    """A node's counters for one operation.

    Attributes:
        seen: Requests that arrived.
        applied: Times it was carried out here, as owner of the record.
        answered: Answers sent.
    """

    seen: int
    applied: int
    answered: int


@dataclass(frozen=True, slots=True)
class NodeCounters:
    """A node's counters since the cluster was started.

    Attributes:
        operations: Per operation.
        connections_opened: Client connections accepted.
        connections_open: Client connections open now.
    """

    operations: dict[str, OperationCounters]
    connections_opened: int
    connections_open: int

    def __getitem__(self, operation: str) -> OperationCounters:
        """Return the counters of one operation or group."""
        parts = [self.operations[name] for name in operations_named(operation)]
        return OperationCounters(
            sum(part.seen for part in parts),
            sum(part.applied for part in parts),
            sum(part.answered for part in parts),
        )


def size_for(nodes: int) -> int:
    """Return the bytes the shared memory needs."""
    return max(BLOCK * 8 * nodes, mmap.PAGESIZE)


class SharedCounters:
    """The shared memory, seen from one process.

    Args:
        fileno: The descriptor of the file that all processes map.
        nodes: How many nodes it has room for.
    """

    __slots__ = ("_map", "words")

    def __init__(self, fileno: int, nodes: int) -> None:
        self._map = mmap.mmap(fileno, size_for(nodes))
        self.words = memoryview(self._map).cast("Q")

    def block(self, node: int) -> memoryview:
        """Return the part of the memory in which one node counts."""
        return self.words[node * BLOCK : (node + 1) * BLOCK]

    def read(self, node: int) -> NodeCounters:
        """Return the counters of one node."""
        words = self.block(node).tolist()
        operations = {
            name: OperationCounters(
                words[SEEN + number], words[APPLIED + number], words[ANSWERED + number]
            )
            for number, name in enumerate(OPERATIONS)
        }
        return NodeCounters(operations, words[OPENED], words[OPEN])

    def seen(self, node: int, operations: Iterable[str]) -> int:
        """Return how many requests of some operations arrived at one node."""
        words = self.block(node)
        return sum(words[SEEN + INDEX[name]] for name in operations)

    def fault_hits(self, slot: int) -> int:
        """Return how many requests the fault in a slot affected, over all nodes."""
        return sum(self.words[start + FAULTS + slot] for start in range(0, self._used(), BLOCK))

    def clear_fault(self, slot: int) -> None:
        """Reset a slot for the next fault."""
        for start in range(0, self._used(), BLOCK):
            self.words[start + FAULTS + slot] = 0

    def close(self) -> None:
        """Unmap the memory."""
        self.words.release()
        self._map.close()

    def _used(self) -> int:
        return len(self.words) // BLOCK * BLOCK
