"""Runs one subject under load while one node has a fault: the machinery of `demo` and `policy rehearse`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from ..model.traffic import NodeTraffic
from ..testing import LocalCluster
from .faults import FaultName, Faults
from .figures import Phase, of_phase, over_time, recovered_after_s, worst_overrun_ms
from .load import FailureName, Load, Sample
from .mix import HALF_AND_HALF, Step
from .watching import Watch

Hosts = list[tuple[str, int]]

RECOVERY_S: Final = 10.0
"""How long after the load ends a breaker may take to close before a run gives up waiting."""

_PATIENT: Final = {"total_timeout": 5000, "socket_timeout": 1000, "max_retries": 4}
"""For preparing and checking, which are not measured."""

FAST_MS: Final = 1.0
"""Below this median, in ms, a node of the service is no slower than the embedded one."""

Progress = Callable[[str, float], None]
"""Called with the present step, and the elapsed share of the subject's time."""


@dataclass(slots=True)
class Ready:
    """A client to put under load.

    Attributes:
        client: the client that the load calls.
        bare: the native client, for preparing and checking.
        total_timeout_s: how long one call may take, in seconds.
        states: returns the state of every node's breaker; nothing if nodes have none.
        failure_name: names what a call raised; None for its class.
        close: closes both.
    """

    client: Any
    bare: Any
    total_timeout_s: float
    states: Callable[[], Mapping[str, str]] = dict
    failure_name: FailureName | None = None
    close: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to use the client.

    Attributes:
        name: as the command line takes it.
        title: as the chart shows it.
        config: its exact configuration.
        build: makes the client.
    """

    name: str
    title: str
    config: str
    build: Callable[[Hosts], Ready]


@dataclass(frozen=True, slots=True)
class Setup:
    """The settings that all variants share.

    Attributes:
        threads: threads of the load.
        rate: calls per second.
        fault: what happens to one node.
        hosts: a real cluster instead of the embedded one; it gets no fault.
        mix: what the load calls; half reads and half writes by default.
        nodes: answer times that the embedded nodes imitate.
        warm_up_s, before_s, during_s, after_s: how long each phase lasts, in seconds.
    """

    threads: int = 16
    rate: float = 2000.0
    fault: FaultName = "stall"
    hosts: Hosts | None = None
    mix: Sequence[Step] = HALF_AND_HALF
    nodes: Sequence[NodeTraffic] = field(default=())
    warm_up_s: float = 1.0
    before_s: float = 2.0
    during_s: float = 3.0
    after_s: float = 3.0

    @property
    def ends_s(self) -> float:
        """The end of the load, in seconds since it began."""
        return self.warm_up_s + self.before_s + self.during_s + self.after_s

    def offered(self, *, write: bool) -> float:
        """Return the offered calls of one kind, per second."""
        return self.rate * sum(step.share for step in self.mix if step.writes == write)


@contextmanager
def _cluster(setup: Setup) -> Iterator[tuple[LocalCluster | None, Hosts]]:
    if setup.hosts is not None:
        yield None, setup.hosts
        return
    with LocalCluster(nodes=3, replication_factor=2) as cluster:
        cluster.wait_until_stable()
        for node, imitated in zip(cluster.nodes, setup.nodes, strict=False):
            if imitated.p50_ms >= FAST_MS:
                median_s, p99_s = imitated.p50_ms / 1000, imitated.p99_ms / 1000
                cluster.inject(
                    node=node, op=("read", "write"), latency=(median_s, max(p99_s, median_s))
                )
        yield cluster, cluster.hosts


def run(variant: Variant, setup: Setup, progress: Progress) -> dict[str, Any]:
    """Put one variant under load and return its figures."""
    progress("starting", 0.0)
    with _cluster(setup) as (cluster, hosts):
        ready = variant.build(hosts)
        try:
            return _measure(variant, setup, cluster, ready, progress)
        finally:
            ready.close()


def _measure(
    variant: Variant,
    setup: Setup,
    cluster: LocalCluster | None,
    ready: Ready,
    progress: Progress,
) -> dict[str, Any]:
    faults = Faults(cluster, setup.fault)
    names = {} if ready.failure_name is None else {"failure_name": ready.failure_name}
    load = Load(ready.client, setup.threads, setup.rate, setup.mix, **names)
    load.prepare(lambda key, bins: ready.bare.put(key, bins, policy=_PATIENT))
    watch = Watch(cluster, ready.states, setup.mix, load.elapsed)
    load.start()
    begins = setup.warm_up_s + setup.before_s
    try:
        _pass(load, setup, setup.warm_up_s, "warming up", watch, progress)
        watch.phase("before")
        _pass(load, setup, begins, "before the fault", watch, progress)
        watch.phase("during")
        faults.begin()
        fault_began = load.elapsed()
        what = f"{setup.fault}: {faults.node or 'none'}"
        _pass(load, setup, begins + setup.during_s, what, watch, progress)
        watch.phase("after")
    finally:
        faults.end()
    fault_ended = load.elapsed()
    watch.fault_ended(fault_ended)
    _pass(load, setup, setup.ends_s, "after the fault", watch, progress)
    watch.phase("")
    patient_until = setup.ends_s + RECOVERY_S
    while watch.unsettled and load.elapsed() < patient_until:
        _pass(load, setup, load.elapsed() + 0.05, "until all nodes are closed", watch, progress)
    load.stop()
    if cluster is not None:
        cluster.wait_until_stable(RECOVERY_S)
    samples = load.samples()
    phases = [
        Phase("before", setup.warm_up_s, fault_began),
        Phase("during", fault_began, fault_ended),
        Phase("after", fault_ended, setup.ends_s),
    ]
    series = over_time(samples, setup.ends_s)
    return {
        "variant": variant.name,
        "title": variant.title,
        "config": variant.config,
        "fault": {
            "kind": setup.fault,
            "node": faults.node,
            "at_s": round(fault_began, 3),
            "until_s": round(fault_ended, 3),
        },
        "phases": _phases(samples, phases, setup, watch),
        "series": series,
        "worst_overrun_ms": worst_overrun_ms(samples, ready.total_timeout_s),
        "total_timeout_ms": round(ready.total_timeout_s * 1000),
        "lost_writes": load.lost(lambda key: ready.bare.get(key, _PATIENT)),
        "healthy_nodes_opened": sorted(watch.opened - {faults.node}),
        "opened_after_s": watch.opened_after_s(faults.node, fault_began),
        "closed_after_s": watch.closed_after_s,
        "recovered_after_s": recovered_after_s(series, fault_ended),
    }


def _phases(
    samples: Sequence[Sample], phases: Sequence[Phase], setup: Setup, watch: Watch
) -> dict[str, Any]:
    kinds = {
        "reads": [sample for sample in samples if not sample.write],
        "writes": [sample for sample in samples if sample.write],
    }
    found: dict[str, Any] = {}
    for phase in phases:
        found[phase.name] = {}
        for kind, calls in kinds.items():
            figures = of_phase(calls, phase, setup.offered(write=kind == "writes"))
            sent = sum(phase.begins <= sample.sent < phase.ends for sample in calls)
            requests = watch.requests(phase.name, kind)
            figures["requests_per_operation"] = (
                round(requests / sent, 3) if sent and requests is not None else None
            )
            found[phase.name][kind] = figures
    return found


def _pass(
    load: Load, setup: Setup, until_s: float, what: str, watch: Watch, progress: Progress
) -> None:
    while (now := load.elapsed()) < until_s:
        progress(what, min(now / setup.ends_s, 1.0))
        watch.look()
        time.sleep(min(0.02, until_s - now))
