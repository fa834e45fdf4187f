"""Simulate: many processes under one profile against a model of a cluster, fault after fault."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

from ..model.traffic import Traffic
from ..profiles import Profile
from ..rehearsal.faults import OVERLOADED_SHARE, RUNNING_S, SLOW_S, STOPPED_S, SimulatedFault
from ..rehearsal.figures import recovered_after_s
from ..rehearsal.mix import Step, in_turn, steps
from ..rehearsal.rehearse import DEFAULT_TRAFFIC
from .cluster import ModelCluster
from .measures import PHASES, Measures
from .node import ClusterModel
from .process import ModelProcess
from .world import BEGINS_S, World

LEAD_S: Final = 1.6
"""For how long processes run before their load begins, in seconds. The first is then where a rehearsal's
client is in its tends: that one connects and writes its records before."""

WARM_UP_S: Final = 1.0

SETTLE_S: Final = 10.0
"""For how long after the load breakers may take to close, in seconds."""

_COLD_STEPS: Final = 8
"""In how many steps a cold node becomes as fast as before."""

Progress = Callable[[str, str, str, float], None]
"""Called with the fault, the subject's title, the present step, and the elapsed share of this run."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A profile to simulate.

    Attributes:
        role: ``new`` or ``old``.
        label: what the command line named.
        profile: the profile.
    """

    role: str
    label: str
    profile: Profile


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is simulated.

    Attributes:
        subjects: the profiles, in the order in which they are shown.
        faults: what happens, one after the other.
        processes: how many processes the service has.
        threads: threads that call in each process.
        rate: calls a second of each process; None for the traffic's.
        traffic: the mix of the calls.
        model: what the model of the cluster assumes.
        seconds: how long each fault lasts.
        after_s: how long the load goes on after it, in seconds; None for as long as the fault.
        factor: by how much a ``surge`` multiplies the load; a ``brownout``, the work of each request; a
            ``cold`` node, the work of its first requests.
        seed: the same seed gives the same simulation.
    """

    subjects: Sequence[Subject]
    faults: Sequence[SimulatedFault] = ("stall",)
    processes: int = 1
    threads: int = 16
    rate: float | None = None
    traffic: Traffic = DEFAULT_TRAFFIC
    model: ClusterModel = field(default_factory=ClusterModel)
    seconds: float = 3.0
    after_s: float | None = None
    factor: float = 3.0
    seed: int = 1


class _Fault:
    """Causes a fault of the model, and ends it."""

    def __init__(
        self,
        world: World,
        cluster: ModelCluster,
        fault: SimulatedFault,
        factor: float,
        lasts_s: float,
    ) -> None:
        self._world = world
        self._cluster = cluster
        self._fault = fault
        self._factor = factor
        self._lasts_s = lasts_s
        self._ended = False
        of_one = fault not in ("none", "surge", "brownout")
        self.node = list(cluster.nodes)[-1] if of_one else None

    def begin(self, _event: object = None) -> None:
        cluster = self._cluster
        if self._fault == "brownout":
            for node in cluster.nodes.values():
                node.pace = self._factor
        if self.node is None:
            return
        node = cluster.nodes[self.node]
        match self._fault:
            case "stall":
                node.stop()
                cluster.silence(node.name)
            case "kill" | "cold":
                node.kill()
                cluster.silence(node.name)
            case "slow":
                node.slow_s = SLOW_S
            case "overload":
                node.refuses = OVERLOADED_SHARE
            case "flap":
                self._world.start(self._flap())

    def end(self, _event: object = None) -> None:
        cluster = self._cluster
        self._ended = True
        if self._fault == "brownout":
            for node in cluster.nodes.values():
                node.pace = 1.0
        if self.node is None:
            return
        node = cluster.nodes[self.node]
        match self._fault:
            case "stall" | "kill":
                cluster.speak(node.name)
            case "cold":
                node.pace = self._factor
                for step in range(1, _COLD_STEPS + 1):
                    pace = self._factor ** (1 - step / _COLD_STEPS)
                    self._world.later(self._lasts_s * step / _COLD_STEPS, self._warmer(pace))
                cluster.speak(node.name)
            case "slow":
                node.slow_s = 0.0
            case "overload":
                node.refuses = 0.0

    def _warmer(self, pace: float) -> Callable[[object], None]:
        def warm(_event: object) -> None:
            if self.node is not None:
                self._cluster.nodes[self.node].pace = pace

        return warm

    async def _flap(self) -> None:
        name = self.node or ""
        while not self._ended:
            self._cluster.nodes[name].stop()
            self._cluster.silence(name)
            await self._world.sleep(STOPPED_S)
            self._cluster.speak(name)
            await self._world.sleep(RUNNING_S)


def simulate(
    scenario: Scenario, progress: Progress = lambda _fault, _subject, _what, _share: None
) -> dict[str, Any]:
    """Simulate all faults with all subjects, and return the figures in the shape of a rehearsal's."""
    mix, _notes = steps(scenario.traffic)
    rate = scenario.rate or scenario.traffic.rate_per_s
    found = []
    for fault in scenario.faults:
        results = []
        for subject in scenario.subjects:
            title = f"{subject.role}: {subject.label}"

            def said(what: str, share: float, fault: str = fault, title: str = title) -> None:
                progress(fault, title, what, share)

            results.append({"title": title, **_run(scenario, subject, fault, mix, rate, said)})
        found.append({"fault": fault, "results": results})
    model = scenario.model
    return {
        "version": 1,
        "profiles": {
            one.role: {
                "label": one.label,
                "name": one.profile.name,
                "fingerprint": one.profile.fingerprint,
            }
            for one in scenario.subjects
        },
        "processes": scenario.processes,
        "threads": scenario.threads,
        "rate": rate,
        "seed": scenario.seed,
        "model": {name: getattr(model, name) for name in model.__dataclass_fields__},
        "notes": _notes_on(scenario, mix, rate),
        "traffic": scenario.traffic.as_dict(),
        "faults": found,
    }


def _notes_on(scenario: Scenario, mix: Sequence[Step], rate: float) -> list[str]:
    """Say how much of the cluster's capacity the load takes."""
    model = scenario.model
    writes = sum(step.share for step in mix if step.writes)
    copies = min(model.replication_factor, model.nodes)
    per_s = scenario.processes * rate * (1 + writes * (copies - 1))
    share = per_s / (model.nodes * model.capacity_per_s)
    return [
        f"{scenario.processes * rate:,.0f} calls a second take {share:.0%} of what {model.nodes} nodes "
        "can do"
    ]


def _run(
    scenario: Scenario,
    subject: Subject,
    fault: SimulatedFault,
    mix: Sequence[Step],
    rate: float,
    said: Callable[[str, float], None],
) -> dict[str, Any]:
    world = World(scenario.seed)
    cluster = ModelCluster(world, scenario.model)
    before_s = min(2.0, scenario.seconds)
    after_s = scenario.seconds if scenario.after_s is None else scenario.after_s
    load_begins = BEGINS_S + LEAD_S
    marks = [load_begins + WARM_UP_S]
    for lasts_s in (before_s, scenario.seconds, after_s):
        marks.append(marks[-1] + lasts_s)
    _before, fault_begins, fault_ends, ends = marks
    measures = Measures(marks, load_begins)
    processes = [
        ModelProcess(number, world, cluster, subject.profile, measures.note)
        for number in range(scenario.processes)
    ]
    gap_s = scenario.threads / rate
    surge = scenario.factor if fault == "surge" else 1.0

    def gap(at: float) -> float:
        return gap_s / surge if fault_begins <= at < fault_ends else gap_s

    for number, process in enumerate(processes):
        for thread in range(scenario.threads):
            place = number * scenario.threads + thread
            begins = load_begins + gap_s * world.chance.expovariate(1.0)
            world.start(process.work(in_turn(mix, place), begins, gap, ends, 61 * place))
    happens = _Fault(world, cluster, fault, scenario.factor, scenario.seconds)
    world.later(fault_begins - BEGINS_S, happens.begin)
    world.later(fault_ends - BEGINS_S, happens.end)
    counts = []
    began = time.process_time()
    with _rare_gc():
        for mark in marks:
            _pass(world, mark, ends, said)
            counts.append(
                [sum(node.handled[kind] for node in cluster.nodes.values()) for kind in (0, 1)]
            )
        closed_at = _until_closed(world, processes, fault_ends, ends)
    took_s = time.process_time() - began
    requests = {
        phase: [counts[n + 1][kind] - counts[n][kind] for kind in (0, 1)]
        for n, phase in enumerate(PHASES)
    }

    def offered(phase: str, write: bool) -> float:
        share = sum(step.share for step in mix if step.writes == write)
        return scenario.processes * rate * share * (surge if phase == "during" else 1.0)

    opened = [
        process.opened_at[happens.node] - fault_begins
        for process in processes
        if happens.node in process.opened_at
    ]
    others = {name for process in processes for name in process.opened_at} - {happens.node}
    series = measures.series()
    total_s = _total_timeout_s(subject.profile)
    return {
        "variant": subject.role,
        "config": f"profile {subject.profile.name} ({subject.profile.fingerprint})",
        "fault": {
            "kind": fault,
            "node": happens.node,
            "at_s": round(fault_begins - load_begins, 3),
            "until_s": round(fault_ends - load_begins, 3),
        },
        "phases": measures.phases(offered, requests),
        "series": series,
        "worst_overrun_ms": round((measures.worst_s - total_s) * 1000, 1),
        "total_timeout_ms": round(total_s * 1000),
        "lost_writes": None,
        "healthy_nodes_opened": sorted(name for name in others if name),
        "opened_after_s": round(median(opened), 2) if opened else None,
        "closed_after_s": closed_at,
        "recovered_after_s": recovered_after_s(series, fault_ends - load_begins),
        "operations": measures.operations,
        "simulated_per_s": round(measures.operations / max(took_s, 1e-9)),
    }


@contextmanager
def _rare_gc() -> Iterator[None]:
    """Collect garbage rarely: a simulation keeps many objects, and makes few cycles."""
    before = gc.get_threshold()
    gc.set_threshold(200_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _pass(world: World, until: float, ends: float, said: Callable[[str, float], None]) -> None:
    whole = ends - BEGINS_S
    while (now := world.clock()) < until:
        said(f"{now - BEGINS_S:.1f} of {whole:.1f} s", (now - BEGINS_S) / whole)
        world.run_until(min(now + 0.25, until))


def _until_closed(
    world: World, processes: Sequence[ModelProcess], fault_ends: float, ends: float
) -> float | None:
    """Return how many seconds after the fault every breaker of every process was closed; None if never."""
    while not all(process.closed for process in processes):
        if world.clock() > ends + SETTLE_S:
            return None
        world.run_until(world.clock() + 0.05)
    last = max(
        (
            node.breaker.since
            for process in processes
            for node in process.nodes
            if node.breaker.since
        ),
        default=0.0,
    )
    return round(max(last - fault_ends, 0.0), 2)


def _total_timeout_s(profile: Profile) -> float:
    from .process import ADAPTER

    totals = []
    for name in ("get", "put"):
        setting = profile.settings(ADAPTER.operations[name], retryable=True).get("total_timeout")
        totals.append((setting.value if setting is not None else 1000) / 1000)
    return max(totals) or 60.0
