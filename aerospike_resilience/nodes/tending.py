"""Tending one cluster: what is done for it each ``tend_interval``, and more often while something is wrong.

A full tend advances breaker windows, refreshes the partition map when a node's partition generation
changed, and recomputes adaptive timeouts. It never waits for a node: a suspect or open one is sent pulses,
and the map is asked for, each from a short-lived thread of its own, at most one at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..concurrency import forking
from .cluster import SILENCE, ClusterHealth
from .health_checks import HealthChecks
from .map_refresh import MapRefresher

WATCHFUL_S: Final = 0.05
"""How often a cluster with a suspect or open node is looked at, in seconds."""

FIRST_MAP_S: Final = 0.5
"""For how long `resilient()` waits at most for the first partition map, in seconds."""

INQUIRY_S: Final = 10.0
"""How long a failure of which several nodes may be the cause is worth asking about, in seconds."""

OFTEN: Final = 0.9
"""A read that leaves a suspect node gives the replica a multiple of what it takes this often. Its p99
would do for a cluster that is well, but one hiccup of the survivors, as when they take partitions over,
moves that for long."""


class TendedCluster:
    """One cluster in the tend thread's care. All times are of the cluster's own clock.

    Args:
        health: the cluster's health.
        on_patience: told the socket timeout of reads, in seconds, on every full tend.
        on_tend: called on every full tend, for what else rides on it (profile reload, telemetry). What
            it raises is logged, and keeps no node from being tended.
        on_end: called when the process ends, to have nothing of ours stand between calls and the client.
        health_checks: sends pulses; None for those of real nodes.
        map_refresher: keeps the partition map fresh; None for that of a real cluster.
    """

    def __init__(
        self,
        health: ClusterHealth,
        *,
        on_patience: Callable[[float], None] = lambda _seconds: None,
        on_tend: Callable[[], None] = lambda: None,
        on_end: Callable[[], None] = lambda: None,
        health_checks: HealthChecks | None = None,
        map_refresher: MapRefresher | None = None,
    ) -> None:
        self.health = health
        self.log = health.identity.log("aerospike_resilience.tend")
        self.health_checks = health_checks or HealthChecks(health)
        self.map_refresher = map_refresher or MapRefresher(
            health, self.health_checks.missed_in_passing
        )
        self._on_patience = on_patience
        self._on_tend = on_tend
        self._on_end = on_end
        self._due = 0.0
        self._looked = 0.0
        self._begun = False
        forking.register(self)

    def begin(self) -> None:
        """Have the next tend be a full one: the client was just wrapped, or connected again."""
        self._begun = False

    def after_fork(self) -> None:
        """Start anew in a forked child."""
        self.begin()

    def end(self) -> None:
        """End with the process: nothing is asked any more. Never waits."""
        self.health.source.stop()
        self._on_end()

    def first(self) -> None:
        """Do the first tend, and wait a little for the first partition map."""
        self.tend()
        self.map_refresher.wait(FIRST_MAP_S)

    def tend(self) -> float:
        """Do what is due and return in how many seconds to come again."""
        health = self.health
        now = health.clock()
        # Neither a clock that is set back nor an interval that was longer before a reload puts it off.
        full = not self._begun or not now < self._due <= now + health.options.tend_interval_s
        if not full and 0 <= now - self._looked < WATCHFUL_S:
            return self._looked + WATCHFUL_S - now
        self._looked, self._begun = now, True
        if full:
            self._due = now + health.options.tend_interval_s
            self._ride()
        if full or health.watchful:
            self._refresh_nodes()
        with health.notices, health.lock:
            health.calls.fold_locked()
        health.listeners.tell()
        if health.options.watched:
            self.health_checks.send()
            if full or health.watchful:
                self.map_refresher.begin()
            self.advance(now)
        if full:
            self.adapt()
        pause_s = min(max(self._due - now, 0.0), health.options.tend_interval_s)
        return WATCHFUL_S if health.watchful else pause_s

    def _ride(self) -> None:
        try:
            self._on_tend()
        except Exception:  # what rides along is not ours to judge
            self.log.exception("part of a tend failed; nodes are tended all the same")

    def _refresh_nodes(self) -> None:
        health = self.health
        known = {address.name: address for address in health.source.nodes()}
        with health.notices, health.lock:
            health.update_nodes_locked(known)

    def advance(self, now: float) -> None:
        """Advance every node's window, and open those that were silent for too long."""
        health = self.health
        with health.notices, health.lock:
            health.inquiries = [
                (names, since, kind)
                for names, since, kind in health.inquiries
                if since > now - INQUIRY_S and any(name in health.by_name for name in names)
            ]
            health.maps.replaced.expire(now, health.options.tend_interval_s)
            for node in health.by_name.values():
                node.breaker.tick(now, suspect=node.suspect)
                node.unhurried = node.unhurried and now < node.unhurried_until
                if node.breaker.closed and health.silent_locked(node, now):
                    health.open_locked(node, SILENCE, now)
            health.settle_locked()
            health.registry.log.tend()
            health.verdict_log.tend()

    def adapt(self) -> None:
        """Recompute how long reads wait for a node while all is calm."""
        health, adaptive = self.health, self.health.options.adaptive
        if adaptive is None:
            return
        usual = []
        with health.lock:
            for node in health.by_name.values():
                if (often_s := node.latency.quantile(OFTEN)) is not None:
                    node.hurry_s = adaptive.clamp(often_s * adaptive.factor)
                if node.well and (most_s := node.latency.quantile(adaptive.quantile)) is not None:
                    usual.append(most_s)
        patience_s = adaptive.clamp(max(usual) * adaptive.factor) if usual else adaptive.max_s
        health.patience_s = patience_s
        self._on_patience(
            patience_s
        )  # though it is as before: what was reloaded meanwhile may not know it
