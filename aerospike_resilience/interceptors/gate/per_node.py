"""Per node: limits the permits of each node, so that a slow node leaves some for the others."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from ...concurrency import forking
from ...errors import BackpressureError
from ...model.call import Call
from ..base import Link, LinkedAsync, Proceed, ProceedAsync
from .backpressure import Backpressure
from .loop_queue import LoopQueues, MakeTaskQueues
from .orphaned_calls import OrphanedCalls, PermitKeeper
from .queue import Order, Reason
from .semaphore import Gate, OnWait


class NodeGates:
    """One gate for each node, made when a call first needs it.

    Args:
        clock: seconds on the clock that the whole chain uses.
        task_queues: how tasks wait at each gate.

    Attributes:
        by_name: the gates so far. Written under the lock, read without.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        task_queues: MakeTaskQueues = LoopQueues,
    ) -> None:
        self._clock = clock
        self._task_queues = task_queues
        self._lock = threading.RLock()  # reentrant: a signal handler may make a call inside a call
        self._limit = 0
        self._queue_timeout_s = 0.0
        self._order: Order = "fifo"
        self._on_wait: OnWait | None = None
        self._closed = False
        self._open = False
        self._forgotten: Counter[Reason] = Counter()
        self.by_name: dict[str, Gate] = {}
        forking.register(self)

    def gate(self, name: str) -> Gate:
        """Return a node's gate."""
        gate = self.by_name.get(name)
        if gate is None:
            with self._lock:
                gate = self.by_name.get(name)
                if gate is None:
                    gate = Gate(
                        *(self._limit, self._queue_timeout_s),
                        order=self._order,
                        clock=self._clock,
                        task_queues=self._task_queues,
                    )
                    gate.on_wait = self._on_wait
                    if self._closed:
                        gate.close()
                    if self._open:
                        gate.open()
                    self.by_name[name] = gate
        return gate

    def resize(self, limit: int, queue_timeout_s: float, order: Order) -> None:
        """Give every node this many permits; 0 means no limit."""
        with self._lock:
            self._limit, self._queue_timeout_s, self._order = limit, queue_timeout_s, order
            for gate in self.by_name.values():
                gate.resize(limit, queue_timeout_s, order)

    def listen(self, on_wait: OnWait | None) -> None:
        """Call `on_wait` after every wait from now on."""
        with self._lock:
            self._on_wait = on_wait
            for gate in self.by_name.values():
                gate.on_wait = on_wait

    def close(self) -> None:
        """Refuse all waiters, and all operations that would have to wait from now on."""
        with self._lock:
            self._closed = True
            for gate in self.by_name.values():
                gate.close()

    def open(self) -> None:
        """Admit all waiters and all later operations without a permit."""
        with self._lock:
            self._open = True
            for gate in self.by_name.values():
                gate.open()

    def reopen(self) -> None:
        """Serve again after `close`."""
        with self._lock:
            self._closed = self._open = False
            for gate in self.by_name.values():
                gate.reopen()

    def settle(self, known: Iterable[str]) -> None:
        """Serve every queue, and remove the unused gates of nodes that left."""
        with self._lock:
            names = set(known) if self._limit else set()
            for name, gate in list(self.by_name.items()):
                gate.settle()
                if name not in names and not gate.in_flight and not gate.waiting:
                    self._forgotten.update(gate.rejected)
                    del self.by_name[name]

    def rejected(self) -> Counter[Reason]:
        """Return how many attempts were refused so far, by reason, at any node's gate."""
        with self._lock:
            found = self._forgotten.copy()
            for gate in self.by_name.values():
                found.update(gate.rejected)
            return found

    def after_fork(self) -> None:
        """Replace the lock, which a thread of the parent may have held, and count from zero."""
        self._lock = threading.RLock()
        self._forgotten.clear()


class PerNode(Link):
    """Hold a permit of each node that the call needs, and only then wait for the gate's own.

    In the other order a slow node's calls would hold the gate's permits while they wait for their node.
    Permits are taken in order of the nodes' names, so that no two calls wait for each other.

    Args:
        gates: the permits of each node.
        masters: from a call to the names of the nodes it needs, in order of name.
        error: what to raise; the client's own class for it combined with `BackpressureError`.
        outlived: the client's orphaned calls; None where the client ends calls with their tasks.
    """

    __slots__ = ("_error", "_gates", "_links", "_masters", "_orphans")

    def __init__(
        self,
        gates: NodeGates,
        masters: Callable[[Call], tuple[str, ...]],
        error: Callable[[str, dict[str, Any]], BackpressureError] = BackpressureError.with_facts,
        orphans: OrphanedCalls | None = None,
    ) -> None:
        self._gates = gates
        self._masters = masters
        self._error = error
        self._orphans = orphans
        self._links: dict[str, Backpressure] = {}

    def link(self, proceed: Proceed) -> Proceed:
        """Take the nodes' permits, proceed, release them."""

        def per_node(call: Call) -> Any:
            inner = proceed
            for name in reversed(self._masters(call)):
                inner = self._at(name).link(inner)
            return inner(call)

        return per_node

    def link_async(self, proceed: ProceedAsync) -> LinkedAsync:
        """Take the nodes' permits, proceed, release them."""

        async def per_node(call: Call) -> Any:
            inner = proceed
            for name in reversed(self._masters(call)):
                at = self._at(name)
                if self._orphans is not None:
                    inner = PermitKeeper(at.gate, self._orphans).link_async(inner)
                inner = at.link_async(inner)
            return await inner(call)

        return per_node

    def _at(self, name: str) -> Backpressure:
        gate = self._gates.gate(name)
        link = self._links.get(name)
        if link is None or link.gate is not gate:
            link = Backpressure(
                gate,
                self._error,
                f"permits of node {name} (max_per_node of profile {{profile!r}})",
            )
            self._links[name] = link
        return link
