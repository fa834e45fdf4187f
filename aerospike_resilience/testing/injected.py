"""The faults in force, as the controller stores them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Self

from .controller import ClusterError
from .counters import FAULT_SLOTS, SharedCounters
from .faults import Rule


class InjectedFault:
    """A fault in force; `clear()` or the end of a `with` block ends it.

    Attributes:
        rule: The fault.
        nodes: The names of the nodes it affects.
    """

    __slots__ = ("_board", "nodes", "rule")

    def __init__(self, board: FaultBoard, rule: Rule, nodes: tuple[str, ...]) -> None:
        self._board = board
        self.rule = rule
        self.nodes = nodes

    @property
    def hits(self) -> int:
        """How many requests it affected so far."""
        return self._board.hits(self)

    def clear(self) -> None:
        """End it; the second time does nothing."""
        self._board.clear(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def __repr__(self) -> str:
        shown = {k: v for k, v in self.rule.pack().items() if v not in (None, (), False, 1.0, 0.0)}
        return f"InjectedFault({shown}, nodes={self.nodes})"


class FaultBoard:
    """Stores the faults, and sends them to the nodes.

    Args:
        counters: Returns the memory in which nodes count affected requests.
        tell: Sends the named nodes their changed faults.
    """

    def __init__(
        self, counters: Callable[[], SharedCounters], tell: Callable[[tuple[str, ...]], None]
    ) -> None:
        self._counters = counters
        self._tell = tell
        self._lock = threading.RLock()
        self._faults: dict[int, InjectedFault] = {}

    def put(self, make: Callable[[int], Rule], nodes: tuple[str, ...]) -> InjectedFault:
        """Inject a fault.

        Args:
            make: Makes the rule for the slot in which it is counted.
            nodes: The names of the nodes it affects.

        Raises:
            ClusterError: There are too many.
        """
        with self._lock:
            slot = next((n for n in range(FAULT_SLOTS) if n not in self._faults), None)
            if slot is None:
                raise ClusterError(f"{FAULT_SLOTS} faults are in force; clear_faults() first")
            fault = InjectedFault(self, make(slot), nodes)
            self._counters().clear_fault(slot)
            self._faults[slot] = fault
        self._tell(nodes)
        return fault

    def clear(self, fault: InjectedFault) -> None:
        """End a fault, if it is still in force."""
        with self._lock:
            if self._faults.get(fault.rule.slot) is not fault:
                return
            del self._faults[fault.rule.slot]
        self._tell(fault.nodes)

    def clear_all(self) -> None:
        """End all faults."""
        with self._lock:
            nodes = {name for fault in self._faults.values() for name in fault.nodes}
            self._faults.clear()
        self._tell(tuple(sorted(nodes)))

    def forget(self) -> None:
        """Forget all faults, because the nodes are gone."""
        with self._lock:
            self._faults.clear()

    def hits(self, fault: InjectedFault) -> int:
        """Return how many requests a fault affected, while it is in force."""
        return self._counters().fault_hits(fault.rule.slot)

    def packed_for(self, node: str) -> list[dict[str, Any]]:
        """Return the faults of a node, to send them to it."""
        with self._lock:
            return [f.rule.pack() for f in self._faults.values() if node in f.nodes]
