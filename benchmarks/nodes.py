"""``python -m benchmarks.nodes``: which node opens, how soon, and what that costs the calls of others.

Three experiments on the embedded cluster with real clients: one node fails in one of several ways, again
and again; one node flaps; one node stalls, and calls that do not need it are told apart from those that do.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pybreaker

from aerospike_resilience.testing import LocalCluster

from .node_load import KEYS, LOADS, NAMESPACE, SET, Load, Sample

RATE: Final = 800
"""Calls a second in all: two cores must serve clients and nodes, and still be on time."""

CLOSING_WINDOWS: Final = 3

SLOW_CALLS: Final[dict[str, Any]] = {
    # Timeouts above the 300 ms, so that every call is answered and only slowness can open the node.
    "policy": {"all": {"total_timeout": "2s"}, "reads": {"socket_timeout": "600ms"}},
    "breaker": {"slow_call_rate": 0.5, "slow_call_duration": "200ms", "silence": "1s"},
}

FAULTS: Final[dict[str, dict[str, Any]]] = {
    "stall": {"profile": "latency"},
    "kill": {"profile": "latency"},
    "errors": {"profile": "latency"},
    "slow": {"profile": "latency"},
    "slow_calls": {"profile": "default", "overrides": SLOW_CALLS},
}
"""Each fault and the profile it is met with. ``slow`` is opened by ``silence``, ``slow_calls`` by
``slow_call_rate``: the same 300 ms."""


class Transitions(pybreaker.CircuitBreakerListener):
    """Every node's changes of state, with their time."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, str, str]] = []

    def state_change(self, cb: Any, _old_state: Any, new_state: Any) -> None:
        """Note a change."""
        self.seen.append((time.monotonic(), cb.name, new_state.name))

    def first(self, name: str, state: str, since: float) -> float | None:
        """Return when a node first came to a state after a time."""
        return next(
            (at for at, n, s in list(self.seen) if (n, s) == (name, state) and at >= since), None
        )


@dataclass(frozen=True, slots=True)
class Run:
    """What one fault came to.

    Attributes:
        fault: which.
        node: the faulty node.
        lasted_s: how long the fault lasted.
        opened_s: how long after the fault began it opened; None if it did not.
        limit_s: one window and ``silence``.
        others: changes of state of healthy nodes.
        closed_s: how long after the node served again all nodes were closed; None if they were not.
        window_s: the window.
        most_probes: the most probes seen out at a time.
        probes: ``half_open_calls``.
        read_errors: failed reads from the fault to the end: how long after its beginning, and why.
    """

    fault: str
    node: str
    lasted_s: float
    opened_s: float | None
    limit_s: float
    others: tuple[str, ...]
    closed_s: float | None
    window_s: float
    most_probes: int
    probes: int
    read_errors: tuple[tuple[float, str], ...]

    @property
    def opened_in_time(self) -> bool:
        """Whether the faulty node opened within one window and ``silence``."""
        return self.opened_s is not None and self.opened_s <= self.limit_s

    @property
    def blamed_right(self) -> bool:
        """Whether no healthy node changed its state."""
        return not self.others

    @property
    def closed_in_time(self) -> bool:
        """Whether all was closed within three windows after the node served again."""
        return self.closed_s is not None and self.closed_s <= CLOSING_WINDOWS * self.window_s

    @property
    def problem(self) -> str:
        """What went wrong; empty if nothing did."""
        said = []
        if not self.opened_in_time:
            said.append(f"opened after {self.opened_s} s")
        if not self.blamed_right:
            said.append(f"healthy nodes moved: {', '.join(self.others)}")
        if not self.closed_in_time:
            said.append(f"closed after {self.closed_s} s")
        if self.most_probes > self.probes:
            said.append(f"{self.most_probes} probes out")
        return "; ".join(said)


def run(cluster: LocalCluster, fault: str, callers: str, seed: int) -> Run:
    """Let one node fail once under load, and end the fault.

    Args:
        cluster: whole and at rest; it is left so.
        fault: one of `FAULTS`.
        callers: ``threads`` or ``tasks``.
        seed: chooses the node and how long it fails.
    """
    chance = random.Random(f"{fault} {callers} {seed}")
    victim, lasts_s = chance.choice([node.name for node in cluster.nodes]), chance.uniform(0.5, 2.0)
    seen = Transitions()
    with LOADS[callers](cluster, RATE, {**FAULTS[fault], "listeners": [seen]}) as load:
        health = load.client.resilience
        words = health.profile.breaker
        window_s = words.error_rate_window * health.profile.tend_interval_s
        _until(lambda: len(load.samples) > RATE // 4 and len(health.nodes) == len(cluster.nodes))
        with _probes(load) as probes:
            began = time.monotonic()
            end = _begin(cluster, fault, victim)
            _until(lambda: seen.first(victim, "open", began) is not None)
            time.sleep(max(began + lasts_s - time.monotonic(), 0))
            end()
            ended = time.monotonic()
            # A node that was restarted serves again only once it has joined the others.
            cluster.wait_until_stable()
            serves = time.monotonic()
            healed = _until(lambda: _all_closed(load, len(cluster.nodes)), deadline_s=20)
            closed = time.monotonic()
            time.sleep(0.2)
    cluster.wait_until_stable()
    opened = seen.first(victim, "open", began)
    return Run(
        fault,
        victim,
        ended - began,
        None if opened is None else opened - began,
        window_s + words.silence_s,
        tuple(f"{name} {state}" for _at, name, state in seen.seen if name != victim),
        closed - serves if healed else None,
        window_s,
        probes[0],
        words.half_open_calls,
        tuple(
            (round(s.due - began, 1), s.error)
            for s in load.samples
            if s.error and not s.write and s.due >= began
        ),
    )


def _begin(cluster: LocalCluster, fault: str, node: str) -> Callable[[], None]:
    """Begin a fault and return what ends it."""
    data = ("read", "write")
    match fault:
        case "stall":
            cluster.stall(node)
            return lambda: cluster.resume(node)
        case "kill":
            cluster.kill(node)
            return lambda: cluster.restart(node)
        case "errors":
            return cluster.inject(node=node, op=data, code=18, share=0.8).clear
        case _:
            return cluster.inject(node=node, op=data, latency="300ms").clear


def _all_closed(load: Load, nodes: int) -> bool:
    states = [node["state"] for node in load.client.resilience.nodes.values()]
    return len(states) == nodes and set(states) == {"closed"}


@contextlib.contextmanager
def _probes(load: Load) -> Iterator[list[int]]:
    """Watch how many probes are out at a time; the most is the list's only element."""
    most, stop = [0], threading.Event()

    def watch() -> None:
        while not stop.wait(0.002):
            out = [node["probes_out"] for node in load.client.resilience.nodes.values()]
            most[0] = max(most[0], *out, 0)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield most
    finally:
        stop.set()
        thread.join()


def _until(condition: Callable[[], bool], deadline_s: float = 5.0) -> bool:
    ends = time.monotonic() + deadline_s
    while not (found := condition()) and time.monotonic() < ends:
        time.sleep(0.005)
    return found


@dataclass(frozen=True, slots=True)
class Share:
    """What some calls came to.

    Attributes:
        calls: how many there were.
        rate: how many were answered, a second.
        p99_ms: 99th percentile of the answered ones, in milliseconds.
        errors: failed calls by kind.
    """

    calls: int
    rate: float
    p99_ms: float
    errors: Counter[str]

    @classmethod
    def of(cls, samples: Sequence[Sample], seconds: float) -> Share:
        """Sum calls up that were due in some seconds."""
        took = sorted(sample.took_s for sample in samples if not sample.error)
        return cls(
            len(samples),
            len(took) / seconds,
            took[int(len(took) * 0.99)] * 1000 if took else float("nan"),
            Counter(sample.error for sample in samples if sample.error),
        )

    @property
    def failed(self) -> float:
        """The share of failed calls."""
        return sum(self.errors.values()) / max(self.calls, 1)

    def __str__(self) -> str:
        said = ", ".join(f"{n} {name}" for name, n in self.errors.most_common()) or "no errors"
        return f"{self.rate:>6,.0f}/s  p99 {self.p99_ms:>5,.0f} ms  {self.failed:>6.2%}  {said}"


def flapping(
    cluster: LocalCluster, callers: str, seconds: float, *, bare: bool
) -> dict[str, Share]:
    """Stop a node for 60 ms and let it run for 30 ms, again and again; return reads and writes."""
    options = None if bare else {"profile": "latency"}
    node = cluster.nodes[1].name
    with LOADS[callers](cluster, RATE, options) as load:
        _until(lambda: len(load.samples) > RATE)
        began = time.monotonic()
        while time.monotonic() < began + seconds:
            cluster.stall(node)
            time.sleep(0.06)
            cluster.resume(node)
            time.sleep(0.03)
        ended = time.monotonic()
        time.sleep(0.3)
    cluster.wait_until_stable()
    during = [sample for sample in load.samples if began <= sample.due < ended]
    return {
        "reads": Share.of([s for s in during if not s.write], ended - began),
        "writes": Share.of([s for s in during if s.write], ended - began),
    }


def stalling(cluster: LocalCluster, callers: str, seconds: float) -> dict[str, Share]:
    """Stall a node; return what calls came to before, and while it was open and still in the cluster.

    Args:
        cluster: whole and at rest; it is left so.
        callers: ``threads`` or ``tasks``.
        seconds: how long it stalls; the survivors evict it after about 1.5 s.
    """
    node, seen = cluster.nodes[1].name, Transitions()
    needs = {k for k in range(KEYS) if node in {o.name for o in cluster.owners(NAMESPACE, SET, k)}}
    options = {"profile": "latency", "listeners": [seen]}
    with LOADS[callers](cluster, RATE, options) as load:
        _until(lambda: len(load.samples) > RATE // 2)
        calm = time.monotonic()
        time.sleep(seconds)
        began = time.monotonic()
        cluster.stall(node)
        time.sleep(seconds)
        ended = time.monotonic()
        cluster.resume(node)
        _until(lambda: _all_closed(load, len(cluster.nodes)), deadline_s=20)
    cluster.wait_until_stable()
    found = {}
    for when, start, stop in (("before", calm, began), ("stalled", began, ended)):
        during = [sample for sample in load.samples if start <= sample.due < stop]
        reads = [s for s in during if not s.write]
        apart = [s for s in during if s.write and s.key not in needs]
        found[f"reads, {when}"] = Share.of(reads, stop - start)
        found[f"writes without the node, {when}"] = Share.of(apart, stop - start)
    return found


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nodes", description=__doc__)
    parser.add_argument("--fault", choices=FAULTS, action="append", help="only this; repeatable")
    parser.add_argument(
        "--runs", type=int, default=50, help="of each fault, in turn over the setups"
    )
    parser.add_argument("--only", choices=("faults", "flapping", "stalling"), action="append")
    arguments = parser.parse_args()
    wanted = arguments.only or ["faults", "flapping", "stalling"]
    setups = list(itertools.product((3, 5), LOADS))
    for nodes, callers in setups:
        with LocalCluster(nodes=nodes, replication_factor=2) as cluster:
            cluster.wait_until_stable()
            if "faults" in wanted:
                first = setups.index((nodes, callers))
                for fault in arguments.fault or FAULTS:
                    _report(
                        [
                            run(cluster, fault, callers, seed)
                            for seed in range(first, arguments.runs, len(setups))
                        ],
                        f"{nodes} nodes, {callers}",
                    )
            if "flapping" in wanted and nodes == 3:
                for bare in (True, False):
                    who = "bare" if bare else "latency"
                    for what, share in flapping(cluster, callers, 4, bare=bare).items():
                        print(f"flapping, {callers}, {who:<8} {what:<7} {share}", flush=True)
            if "stalling" in wanted:
                for what, share in stalling(cluster, callers, 1.5).items():
                    print(f"stalling, {nodes} nodes, {callers}, {what:<34} {share}", flush=True)


def _report(runs: Sequence[Run], setup: str) -> None:
    good = sum(not one.problem for one in runs)
    opened = [one.opened_s for one in runs if one.opened_s is not None]
    closed = [one.closed_s for one in runs if one.closed_s is not None]
    reads = Counter(error for one in runs for _at, error in one.read_errors)
    print(
        f"{runs[0].fault:<10} {setup:<17} {good} of {len(runs)}; opened after at most "
        f"{max(opened, default=float('nan')):.2f} s, all closed {max(closed, default=float('nan')):.2f} s "
        f"after it served again; failed reads: {dict(reads) or 0}",
        flush=True,
    )
    for one in runs:
        if one.problem or one.read_errors:
            when = Counter(one.read_errors)
            print(f"  {one.node}: lasted {one.lasted_s:.2f} s; {one.problem}; {when}", flush=True)


if __name__ == "__main__":
    main()
