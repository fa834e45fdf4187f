"""Runs a variant under load while one node has a fault."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal

from ..testing import LocalCluster
from .figures import Phase, of_phase, over_time, worst_overrun_ms
from .load import Load
from .variants import Hosts, Ready, Variant

FaultName = Literal["stall", "kill", "slow", "none"]

SLOW_S: Final = 0.3
RECOVERY_S: Final = 10.0
"""How long after the load ends a breaker may take to close before the demo gives up waiting."""

_PATIENT: Final = {"total_timeout": 5000, "socket_timeout": 1000, "max_retries": 4}
"""For preparing and checking, which are not measured."""

Progress = Callable[[str, float], None]
"""Called with the present step, and the elapsed share of the variant's time."""


@dataclass(frozen=True, slots=True)
class Setup:
    """The settings that all variants share.

    Attributes:
        threads: threads of the load.
        rate: calls per second, half of them writes.
        fault: what happens to one node.
        hosts: a real cluster instead of the embedded one; it gets no fault.
        warm_up_s, before_s, during_s, after_s: how long each phase lasts, in seconds.
    """

    threads: int = 16
    rate: float = 2000.0
    fault: FaultName = "stall"
    hosts: Hosts | None = None
    warm_up_s: float = 1.0
    before_s: float = 2.0
    during_s: float = 3.0
    after_s: float = 3.0

    @property
    def ends_s(self) -> float:
        """The end of the load, in seconds since it began."""
        return self.warm_up_s + self.before_s + self.during_s + self.after_s


class _Faults:
    """Causes a fault on one node of a cluster, and ends it."""

    def __init__(self, cluster: LocalCluster | None, fault: FaultName) -> None:
        self._cluster = cluster
        self._fault = fault
        self.node = cluster.nodes[-1].name if cluster is not None and fault != "none" else None

    def begin(self) -> None:
        cluster, node = self._cluster, self.node
        if cluster is None or node is None:
            return
        match self._fault:
            case "stall":
                cluster.stall(node)
            case "kill":
                cluster.kill(node)
            case "slow":
                cluster.inject(node=node, op=("read", "write"), latency=SLOW_S)

    def end(self) -> None:
        cluster, node = self._cluster, self.node
        if cluster is None or node is None:
            return
        match self._fault:
            case "stall":
                cluster.resume(node)
            case "kill":
                cluster.restart(node)
            case "slow":
                cluster.clear_faults()


@contextmanager
def _cluster(setup: Setup) -> Iterator[tuple[LocalCluster | None, Hosts]]:
    if setup.hosts is not None:
        yield None, setup.hosts
        return
    with LocalCluster(nodes=3, replication_factor=2) as cluster:
        cluster.wait_until_stable()
        yield cluster, cluster.hosts


def run(variant: Variant, setup: Setup, progress: Progress) -> dict[str, Any]:
    """Put one variant under load and return its figures."""
    progress("starting", 0.0)
    with _cluster(setup) as (cluster, hosts):
        ready = variant.build(hosts)
        try:
            return _measure(variant, setup, _Faults(cluster, setup.fault), cluster, ready, progress)
        finally:
            ready.client.close() if hasattr(ready.client, "resilience") else ready.bare.close()


def _measure(
    variant: Variant,
    setup: Setup,
    faults: _Faults,
    cluster: LocalCluster | None,
    ready: Ready,
    progress: Progress,
) -> dict[str, Any]:
    load = Load(ready.client, setup.threads, setup.rate)
    load.prepare(lambda key, bins: ready.bare.put(key, bins, policy=_PATIENT))
    load.start()
    begins = setup.warm_up_s + setup.before_s
    _pass(load, setup, begins, "before the fault", progress)
    faults.begin()
    fault_began = load.elapsed()
    _pass(load, setup, begins + setup.during_s, f"{setup.fault}: {faults.node or 'none'}", progress)
    faults.end()
    fault_ended = load.elapsed()
    closed_after_s = _pass_until_closed(load, setup, fault_ended, ready, progress)
    load.stop()
    if cluster is not None:
        cluster.wait_until_stable(RECOVERY_S)
    samples = load.samples()
    phases = [
        Phase("before", setup.warm_up_s, fault_began),
        Phase("during", fault_began, fault_ended),
        Phase("after", fault_ended, setup.ends_s),
    ]
    offered = setup.rate / 2
    kinds = {
        "reads": [sample for sample in samples if not sample.write],
        "writes": [sample for sample in samples if sample.write],
    }
    return {
        "variant": variant.name,
        "title": variant.title,
        "config": variant.config,
        "fault": {
            "kind": setup.fault,
            "node": faults.node,
            "at_s": fault_began,
            "until_s": fault_ended,
        },
        "phases": {
            phase.name: {kind: of_phase(found, phase, offered) for kind, found in kinds.items()}
            for phase in phases
        },
        "series": over_time(samples, setup.ends_s),
        "worst_overrun_ms": worst_overrun_ms(samples, ready.total_timeout_s),
        "total_timeout_ms": round(ready.total_timeout_s * 1000),
        "lost_writes": load.lost(lambda key: ready.bare.get(key, _PATIENT)),
        "healthy_nodes_opened": sorted({name for name in ready.opened if name != faults.node}),
        "closed_after_s": closed_after_s,
    }


def _pass(load: Load, setup: Setup, until_s: float, what: str, progress: Progress) -> None:
    while (now := load.elapsed()) < until_s:
        progress(what, now / setup.ends_s)
        time.sleep(min(0.1, until_s - now))


def _pass_until_closed(
    load: Load, setup: Setup, resumed_s: float, ready: Ready, progress: Progress
) -> float | None:
    """Wait for the last phase; return how many seconds after the fault all breakers were closed."""
    closed_after_s = None
    while (now := load.elapsed()) < setup.ends_s or (
        ready.states() and closed_after_s is None and now < setup.ends_s + RECOVERY_S
    ):
        progress("after the fault", min(now / setup.ends_s, 1.0))
        if (
            closed_after_s is None
            and (states := ready.states())
            and set(states.values()) == {"closed"}
        ):
            closed_after_s = round(now - resumed_s, 2)
        time.sleep(0.05)
    return closed_after_s
