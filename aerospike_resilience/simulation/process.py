"""One simulated process: the library's own chain, gates, budget and node health, in virtual time."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any, Final

from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.trace import NoOpTracerProvider

from ..interceptors import Gates, RetryBudget
from ..model.call import Call
from ..model.identity import ClientIdentity
from ..model.operation import NodeSource
from ..nodes import ClusterHealth, TendedCluster
from ..nodes.health import NodeHealth
from ..nodes.health_checks import HealthChecks
from ..nodes.map_refresh import INFO_TIMEOUT_S, MapRefresher
from ..profiles import Profile
from ..rehearsal.mix import Step
from ..runtime.compiled import Runtime
from ..runtime.options import gate_options, node_options
from ..runtime.shared import Shared
from .client import TEND_TIMEOUT_S, ModelAdapter, ModelClient, ModelSource
from .cluster import NAMESPACE, ModelCluster
from .node import OK, PULSE, REFUSED, ModelNode
from .world import NO_LAG, Until, VirtualClosing, VirtualQueue, World

ADAPTER: Final = ModelAdapter()

KEYS: Final = tuple((NAMESPACE, "demo", number) for number in range(4096))
"""A key for each partition."""

_BINS: Final = {"n": 1}
_SILENT: Final = (NoOpTracerProvider(), NoOpMeterProvider())

Measure = Callable[[bool, float, float, Exception | None], None]
"""Called after each operation: whether it wrote, when it was sent, when it ended, and what it raised."""


class ModelProcess:
    """One process of a service.

    Args:
        number: its number. The first one starts with the world, and the others at a random time after it.
        world: the clock.
        cluster: the cluster.
        profile: the profile it runs under.
        measure: told what becomes of each operation.

    Attributes:
        opened_at: when a node's breaker opened first, by the node's name.
        shared: the parts of the wrapped client that decide.
    """

    def __init__(
        self, number: int, world: World, cluster: ModelCluster, profile: Profile, measure: Measure
    ) -> None:
        self._world = world
        self._cluster = cluster
        self._measure = measure
        self._chance = random.Random(world.chance.random())
        self._client = ModelClient(
            world, cluster, profile.connection.max_conns_per_node or _DEFAULT_CONNECTIONS
        )
        self._awake = world.event()
        self.opened_at: dict[str, float] = {}
        source: Any = ModelSource(self._client)
        self._tend_interval_s = profile.tend_interval_s
        # Nobody starts all processes of a service at once, so their tends do not coincide.
        self._starts_after_s = self._chance.random() * self._tend_interval_s if number else 0.0
        health = self._health(profile, source, f"process-{number}")
        budget = profile.retry.budget
        self.shared = Shared(
            self._client,
            ADAPTER,
            health,
            Gates(
                gate_options(profile),
                health,
                world.clock,
                lambda waits_on, _clock: VirtualQueue(world, waits_on),
            ),
            RetryBudget(budget.ratio, budget.min_per_second) if budget else RetryBudget(0.0, 0.0),
            tracer_provider=_SILENT[0],
            meter_provider=_SILENT[1],
            closing=VirtualClosing(world),
            clock=world.clock,
            random_source=self._chance,
            lag=lambda: NO_LAG,
        )
        health.adopt(cluster.map)
        health.eventual = True
        self._runtime = Runtime(self.shared, profile)
        checks = _ModelHealthChecks(health, world, cluster)
        self._tended = TendedCluster(
            health,
            on_patience=self._runtime.pace,
            on_tend=self.shared.gates.tend,
            health_checks=checks,
            map_refresher=_ModelMapRefresher(health, world, cluster, checks),
        )
        world.start(self._tend())
        world.start(self._tend_natively())

    def _health(self, profile: Profile, source: NodeSource, name: str) -> ClusterHealth:
        health = ClusterHealth(
            source,
            node_options(profile),
            wake=self._wake,
            clock=self._world.clock,
            random_source=self._chance,
            identity=ClientIdentity(name, profile.name),
        )
        health.registry.on_transition = self._changed
        return health

    def _changed(self, node: str, _old: str, new: str) -> None:
        if new == "open":
            self.opened_at.setdefault(node, self._world.clock())

    @property
    def nodes(self) -> list[NodeHealth]:
        """What it knows of every node."""
        return list(self.shared.health.by_name.values())

    @property
    def closed(self) -> bool:
        """Whether every node's breaker is closed."""
        return all(node.breaker.closed for node in self.shared.health.by_name.values())

    def _wake(self) -> None:
        if not self._awake.triggered:
            self._awake.succeed()

    async def _tend(self) -> None:
        """Tend as the tend thread does: when it is due, and when something happened."""
        world = self._world
        await world.sleep(self._starts_after_s)
        while True:
            pause_s = self._tended.tend()
            awake = self._awake = world.event()
            world.later(max(pause_s, 0.0001), lambda _event, awake=awake: _happen(awake))  # type: ignore[misc]
            await Until(awake)

    async def _tend_natively(self) -> None:
        """Tend as the client itself does. It waits for nodes that do not answer."""
        world = self._world
        await world.sleep(self._starts_after_s + self._tend_interval_s)
        while True:
            asked = self._cluster.version
            if self._cluster.silent:
                await world.sleep(TEND_TIMEOUT_S)
            self._client.learn(asked)
            await world.sleep(self._tend_interval_s)

    async def work(
        self,
        steps: Iterator[Step],
        begins: float,
        gap_s: Callable[[float], float],
        ends: float,
        first_key: int,
    ) -> None:
        """Make one thread's calls: each when it is due, or at once if that is past.

        Args:
            steps: what it calls.
            begins: when the first is due.
            gap_s: from the time to the mean of the seconds from one call to the next. They are random, as
                those of many independent callers are (a Poisson process).
            ends: when no further call is due.
            first_key: where it begins among the keys.
        """
        world, clock, measure = self._world, self._world.clock, self._measure
        runtime, due, number = self._runtime, begins, first_key
        plans, head = runtime.plans, runtime.head_async
        random_gap = self._chance.expovariate
        while due < ends:
            now = clock()
            if due > now:
                await world.sleep(due - now)
                now = clock()
            step = next(steps)
            number += 1
            key = KEYS[number * 7 % len(KEYS)]
            name, args = ("put", (key, _BINS)) if step.writes else ("get", (key,))
            if runtime.plain:
                call = Call(plans[name], args, {}, key)
            else:
                call = runtime.planner.prepare(ADAPTER.operations[name], args, {})
            error = None
            try:
                await head(call)
            except Exception as raised:  # noqa: BLE001 - what is raised is what is measured
                error = raised
            measure(step.writes, now, clock(), error)
            due += gap_s(due) * random_gap(1.0)


_DEFAULT_CONNECTIONS: Final = 100
"""The client's own ``max_conns_per_node``."""


def _happen(event: Any) -> None:
    if not event.triggered:
        event.succeed()


class _Question:
    """A pulse on the wire: a read of one node that is answered in time, or not.

    Args:
        ended: called with `OK`, another outcome, or None if no answer came in time.
    """

    __slots__ = ("_ended", "kind")

    def __init__(self, ended: Callable[[int | None], None]) -> None:
        self.kind = PULSE
        self._ended: Callable[[int | None], None] | None = ended

    def served(self, node: ModelNode, attempt: int) -> None:  # noqa: ARG002 - the protocol's
        """The node answers."""
        self.end(OK)

    def answered(self, attempt: int, outcome: int) -> None:  # noqa: ARG002 - the protocol's
        """The node refuses."""
        self.end(outcome)

    def end(self, outcome: int | None) -> None:
        """End the question, once."""
        ended, self._ended = self._ended, None
        if ended is not None:
            ended(outcome)


class _ModelHealthChecks(HealthChecks):
    """Pulses in virtual time. What they mean is the library's own."""

    def __init__(self, health: ClusterHealth, world: World, cluster: ModelCluster) -> None:
        super().__init__(health)
        self._world = world
        self._cluster = cluster

    def _begin(self, node: NodeHealth) -> None:
        world, name, began = self._world, node.address.name, self._world.clock()

        def ended(outcome: int | None) -> None:
            node.pulse_out = False
            if outcome == OK:
                self.answered(name, began, world.clock() - began)
            elif outcome == REFUSED:
                self.refused(name, began)
            else:
                self.missed(name, began, hard=True)

        question = _Question(ended)
        trip_s = self._cluster.model.round_trip_ms / 1000
        world.later(trip_s, lambda _event: self._cluster.nodes[name].submit(question, 0))
        world.later(self._health.options.silence_s, lambda _event: question.end(None))


class _ModelMapRefresher(MapRefresher):
    """Looks for a new map in virtual time: healthy nodes are asked for it."""

    def __init__(
        self, health: ClusterHealth, world: World, cluster: ModelCluster, checks: HealthChecks
    ) -> None:
        super().__init__(health, checks.missed_in_passing)
        self._world = world
        self._cluster = cluster
        self._version = cluster.version
        self._out = False

    def begin(self) -> None:
        """Begin to look, unless that is under way."""
        if self._out:
            return
        cluster, asked = self._cluster, self._world.clock()
        names = [node.address.name for node in self._health.nodes() if node.askable]
        silent = [name for name in names if not cluster.nodes[name].answers]
        if not silent and cluster.version == self._version:
            return  # they answer that nothing has changed
        self._out = True

        def answered(_event: object) -> None:
            self._out = False
            for name in silent:
                self._missed(name, asked)
            if cluster.version != self._version and len(silent) < len(names):
                self._version = cluster.version
                self._health.adopt(cluster.map)

        trip_s = cluster.model.round_trip_ms / 1000
        self._world.later(INFO_TIMEOUT_S if silent else 2 * trip_s, answered)
