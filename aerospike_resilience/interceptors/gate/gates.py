"""The gates of one client: for all operations and for single nodes, with the loop that adapts the limit."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ...concurrency import forking
from ...concurrency.weakly import weakly
from ...errors import BackpressureError
from ...model.durations import s_to_shown_ms
from ...nodes import ClusterHealth
from ...profiles.units import node_permits
from ..base import Interceptor
from .adaptive_limit import Bounds
from .backpressure import Backpressure, WeightedBackpressure
from .limit_loop import AdaptiveLimitLoop, LimitFeedback
from .loop_queue import LoopQueues, MakeTaskQueues
from .orphaned_calls import OrphanedCalls, PermitKeeper
from .per_node import NodeGates, PerNode
from .queue import REASONS, Order, Reason
from .semaphore import Gate, OnWait
from .target_nodes import TargetNodes


@dataclass(frozen=True, slots=True)
class GateOptions:
    """A profile's backpressure options.

    Attributes:
        limit: operations at once; 0 for no gate. Where the limit is adaptive, its first value.
        queue_timeout_s: how long an operation may wait in all, in seconds; 0 = as long as its deadline.
        order: which operation is served first among the equally critical.
        batch_weight_cap: the most permits that a batch takes, one for each node it touches; 1 where a
            batch takes one like any operation.
        max_per_node: permits that operations of one node may hold: a number, or a share of the limit
            below 1; None for all.
        bounds: the range of an adaptive limit; None where the limit is fixed.
    """

    limit: int = 0
    queue_timeout_s: float = 0.0
    order: Order = "fifo"
    batch_weight_cap: int = 1
    max_per_node: float | None = None
    bounds: Bounds | None = None

    def per_node(self, limit: int) -> int:
        """Return how many of `limit` permits one node may hold; 0 for all."""
        return node_permits(self.max_per_node, limit)


@dataclass(frozen=True, slots=True)
class GateDraft:
    """A reloaded profile's backpressure options, checked and prepared. `Gates.adopt` puts them in force.

    Attributes:
        options: the prepared options.
        rounds: the loop that will adapt the limit; None where it is fixed.
    """

    options: GateOptions
    loop: AdaptiveLimitLoop | None


class Gates:
    """All gates of a client. They outlive reloads.

    Args:
        options: the profile's backpressure options.
        health: the cluster, whose map says which nodes a call needs.
        clock: seconds on the clock that the whole chain uses.
        task_queues: how tasks wait at each gate; a simulation has tasks of its own.

    Attributes:
        main: the gate for all operations.
        nodes: the gates of single nodes; empty where the profile does not limit by node.
    """

    def __init__(
        self,
        options: GateOptions,
        health: ClusterHealth,
        clock: Callable[[], float] = time.monotonic,
        task_queues: MakeTaskQueues = LoopQueues,
    ) -> None:
        self._options = options
        self._health = health
        self._targets = TargetNodes(health)
        self._clock = clock
        self._lock = threading.RLock()  # reentrant: a signal handler may reload inside a call
        self._loop = self._started(options)
        self._orphans = OrphanedCalls()
        self.main = Gate(0, clock=clock, task_queues=task_queues)
        self.nodes = NodeGates(clock, task_queues)
        self._resize(self._loop.adaptive.limit if self._loop else options.limit)
        forking.register(self)

    def interceptors(
        self,
        error: Callable[[str, dict[str, Any]], BackpressureError] = BackpressureError.with_facts,
        draft: GateDraft | None = None,
        *,
        outlives_cancellation: bool = False,
    ) -> Iterator[Interceptor]:
        """Yield the interceptors that the options call for, outermost first; none where there is no gate.

        Args:
            error: what to raise; the client's own class for it combined with `BackpressureError`.
            draft: options that are yet to be adopted; None for those in force.
            outlives_cancellation: whether the client's calls go on when their task is cancelled.
        """
        options = self._options if draft is None else draft.options
        loop = self._loop if draft is None else draft.loop
        cap = options.batch_weight_cap
        orphans = self._orphans if outlives_cancellation else None
        if not options.limit:
            return
        if options.max_per_node is not None:
            yield PerNode(self.nodes, self._targets.masters, error, orphans)
        if cap > 1:
            weight = functools.partial(self._targets.weight, cap=cap)
            yield WeightedBackpressure(self.main, weight, error)
        else:
            yield Backpressure(self.main, error)
        if orphans is not None:
            yield PermitKeeper(self.main, orphans, lambda call: call.held)
        if loop is not None:
            yield LimitFeedback(loop, self.main)

    def draft(self, options: GateOptions) -> GateDraft:
        """Prepare a reloaded profile's options, and change nothing yet."""
        loop = self._loop
        if loop is None or options.bounds is None or not options.limit:
            loop = self._started(options)
        return GateDraft(options, loop)

    def adopt(self, draft: GateDraft) -> None:
        """Put a draft in force. A learned limit stays, unless its start changes."""
        options, loop = draft.options, draft.loop
        if loop is not None and options.bounds is not None:
            loop.rebound(options.bounds)
        self._loop, self._options = loop, options
        self._resize(loop.adaptive.limit if loop is not None else options.limit)

    def tend(self) -> None:
        """Do the periodic work that calls leave undone. Called by the tend thread, each tend."""
        if self._loop is not None:
            self._loop.learn()
        self._orphans.tend()
        self._limit_haste()  # the cluster may have grown
        self.main.settle()
        self.nodes.settle(self._health.by_name)

    def listen(self, on_wait: OnWait | None) -> None:
        """Call `on_wait` after every wait from now on; None ends that."""
        self.main.on_wait = on_wait
        self.nodes.listen(on_wait)

    def close(self) -> None:
        """Refuse all waiters, and all operations that would have to wait from now on."""
        self.main.close()
        self.nodes.close()

    def open(self) -> None:
        """Admit all waiters and all later operations without a permit."""
        self.main.open()
        self.nodes.open()

    def reopen(self) -> None:
        """Serve again after `close`."""
        self.main.reopen()
        self.nodes.reopen()

    def after_fork(self) -> None:
        """Replace the lock, which a thread of the parent may have held."""
        self._lock = threading.RLock()

    def busy(self) -> bool:
        """Return whether any operation holds a permit."""
        return self.main.in_flight > 0

    def rejected(self) -> dict[Reason, int]:
        """Return how many attempts were refused so far, by reason, at any gate."""
        main, nodes = self.main.rejected, self.nodes.rejected()
        return {reason: main[reason] + nodes[reason] for reason in REASONS}

    def report(self) -> dict[str, Any]:
        """Return the state of every gate as plain values, ready for JSON."""
        main, loop = self.main, self._loop
        adaptive = None
        if loop is not None:
            usual_s, bounds = loop.adaptive.usual_s, loop.adaptive.bounds
            adaptive = {
                "floor": bounds.floor,
                "ceiling": bounds.ceiling,
                "usual_ms": s_to_shown_ms(usual_s),
            }
        return {
            "limit": main.limit,
            "in_flight": main.in_flight,
            "waiting": main.waiting,
            "waited": main.waited,
            "wait_s_total": main.wait_s_total,
            "rejected": self.rejected(),
            "adaptive": adaptive,
            "nodes": {
                name: {
                    "limit": gate.limit,
                    "in_flight": gate.in_flight,
                    "waiting": gate.waiting,
                    "rejected": dict(gate.rejected),
                }
                for name, gate in sorted(self.nodes.by_name.items())
            },
        }

    def _started(self, options: GateOptions) -> AdaptiveLimitLoop | None:
        if options.bounds is None or not options.limit:
            return None
        return AdaptiveLimitLoop(options.bounds, weakly(self._resize), self._clock)

    def _resize(self, limit: int) -> None:
        with self._lock:
            options = self._options
            self.main.resize(limit, options.queue_timeout_s, options.order)
            self.nodes.resize(options.per_node(limit), options.queue_timeout_s, options.order)
            self._limit_haste()

    def _limit_haste(self) -> None:
        """Set from when on reads do not hurry, as too many are under way: only adaptive ones do hurry."""
        adaptive = self._health.options.adaptive is not None
        most = self._health.pace.most_at_once if adaptive else None
        self.main.crowded_at = -1 if most is None else self.main.limit - most
