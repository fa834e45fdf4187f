"""The faults in force on this node: which requests they affect, and their lasting effects."""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..counters import FAULTS, SharedCounters
from ..faults import FaultSet, Rule

if TYPE_CHECKING:
    from .node import Node


class Strikes:
    """The faults of one node.

    Args:
        node: The node.
        shared: The counters all processes share.

    Attributes:
        faults: The faults in force.
        max_connections: How many connections a fault allows, if one limits them.
    """

    def __init__(self, node: Node, shared: SharedCounters) -> None:
        self._node = node
        self._shared = shared
        self.faults = FaultSet()
        self.max_connections: int | None = None
        self._waiting: dict[asyncio.TimerHandle, tuple[Callable[[], None], list[Rule]]] = {}

    def add(self, rule: Rule) -> None:
        """Add a fault."""
        self.replace([*self.faults.rules.values(), rule])

    def replace(self, rules: list[Rule]) -> None:
        """Replace all faults with these."""
        self.faults.rules = {rule.slot: rule for rule in rules}
        limits = [rule.max_connections for rule in rules if rule.max_connections is not None]
        self.max_connections = min(limits, default=None)
        node = self._node
        node.replication.migration_delay_s = max((rule.migrate_s for rule in rules), default=0.0)
        node.membership.left = any(rule.leave for rule in rules)
        node.refuse(refused=any(rule.refuse for rule in rules))
        self._release()

    def delay(self, rules: Sequence[Rule], go: Callable[[], None]) -> None:
        """Let a struck request go on when it has waited for its latencies, or when they are cleared."""
        slow = [rule for rule in rules if rule.latency is not None]
        seconds = sum(rule.latency.draw(self.faults.source) for rule in slow if rule.latency)
        if not seconds:
            go()
            return

        def waited() -> None:
            self._waiting.pop(timer, None)
            go()

        timer = self._node.loop.call_later(seconds, waited)
        self._waiting[timer] = go, slow

    def _release(self) -> None:
        """Let requests go on that wait for faults of which none is in force any more."""
        in_force = self.faults.rules
        for timer, (go, slow) in [*self._waiting.items()]:
            if not any(in_force.get(rule.slot) == rule for rule in slow):
                del self._waiting[timer]
                timer.cancel()
                self._node.loop.call_soon(go)

    def on(self, number: int, namespace: bytes, set_name: bytes) -> list[Rule]:
        """Return the faults that affect a request, and count it for each."""
        struck = self.faults.for_request(number, namespace, set_name)
        return [rule for rule in struck if self._count(rule)]

    def _count(self, rule: Rule) -> bool:
        word = FAULTS + rule.slot
        if rule.count is None:
            self._node.words[word] += 1
            return True
        # All nodes together may apply the fault `count` times at most, so they lock here.
        with self._node.settings.lock_file() as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            if self._shared.fault_hits(rule.slot) >= rule.count:
                return False
            self._node.words[word] += 1
        return True
