"""``python -m benchmarks.at_load``: one node of three fails under a service's load; bare and wrapped in
turn.

16 threads, or 200 tasks, make 1,500 calls a second on 2,000 records, 30 % of them writes, with clients in
their default configuration. For each client and fault the bare client, with the profile's
``total_timeout``, and the wrapped one work through the same seconds one after the other, as often as asked
for: before, during and after the fault.

On the embedded cluster by default. With ``--hosts`` on a real one whose nodes run on this machine:
``--pid`` is the process of the node that is to be stopped; ``kill`` needs ``--restart``, a command that
starts it again.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import os
import platform
import random
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

os.environ["AEROSPIKE_NO_UVLOOP"] = "1"  # the clients' event loop is the interpreter's own

import tenacity

from aerospike_resilience import CircuitOpenError
from aerospike_resilience.clients.aerospike.operations import OPERATIONS
from aerospike_resilience.profiles import PolicyLibrary
from aerospike_resilience.rehearsal.faults import RUNNING_S, STOPPED_S
from aerospike_resilience.testing import LocalCluster

from .surfaces_at_load import (
    AWAITED,
    BLOCKING,
    RECORDS,
    Surface,
    Wanted,
    connect,
    connect_async,
)

CLIENTS: Final = (*BLOCKING, *AWAITED)
FAULTS: Final = ("stall", "kill", "flap", "freeze", "none")
FROZEN_S: Final = 0.1
THAWED_S: Final = 0.4
"""How long all nodes are stopped together, and how long they run between, in seconds."""


class Times(NamedTuple):
    """How long each phase lasts, in seconds."""

    before: float = 1.5
    fault: float = 3.0
    after: float = 3.0


class Load(NamedTuple):
    """What the service does.

    Attributes:
        rate: calls a second.
        writes: the share of writes.
        threads: how many threads call a client whose methods block.
        tasks: how many tasks call one whose methods are awaited.
    """

    rate: float = 1500.0
    writes: float = 0.3
    threads: int = 16
    tasks: int = 200


@dataclass
class Part:
    """What became of the reads, or the writes, of one phase.

    Attributes:
        made: how many there were a second.
        served: how many of them succeeded.
        failed: the share that failed, in percent.
        refused: the share that an open node refused, in percent; part of `failed`.
        p99_ms: how long 99 of 100 took at most, in ms.
        max_ms: how long the longest took, in ms.
        errors: how they failed, by class.
        told: what their errors say was tried, numbers left out, for the most common.
    """

    made: float
    served: float
    failed: float
    refused: float
    p99_ms: float
    max_ms: float
    errors: dict[str, int] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)


Parts = dict[str, Part]
"""By phase and kind: ``reads fault``."""


class _Done(NamedTuple):
    at: float
    took: float
    writes: bool
    error: Exception | None


# ----- the cluster and its faults


class Nodes:
    """The embedded cluster, with a node to harm."""

    def __init__(self, replication_factor: int = 2) -> None:
        self._cluster = LocalCluster(nodes=3, replication_factor=replication_factor)

    def __enter__(self) -> Nodes:
        self._cluster.start()
        self._cluster.wait_until_stable()
        return self

    def __exit__(self, *_error: object) -> None:
        self._cluster.stop()

    @property
    def hosts(self) -> list[tuple[str, int]]:
        return list(self._cluster.hosts)

    def freeze(self) -> None:
        """Stop all nodes, as a machine does that has no time for them."""
        for node in self._cluster.nodes:
            self._cluster.stall(node.name)

    def thaw(self) -> None:
        for node in self._cluster.nodes:
            self._cluster.resume(node.name)

    @property
    def cluster(self) -> LocalCluster:
        return self._cluster

    def stop(self) -> None:
        self._cluster.stall("A2")

    def go_on(self) -> None:
        self._cluster.resume("A2")

    def kill(self) -> None:
        self._cluster.kill("A2")

    def restart(self) -> None:
        self._cluster.restart("A2")


class RealNodes(Nodes):
    """A real cluster, whose node to harm is a process of this machine."""

    def __init__(self, hosts: Sequence[tuple[str, int]], pid: int, restart: str = "") -> None:
        self._hosts, self._pid, self._restart = list(hosts), pid, restart

    def __enter__(self) -> Nodes:
        return self

    def __exit__(self, *_error: object) -> None:
        """Leave it as it is."""

    @property
    def hosts(self) -> list[tuple[str, int]]:
        return self._hosts

    def stop(self) -> None:
        os.kill(self._pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self._pid, signal.SIGCONT)

    def kill(self) -> None:
        os.kill(self._pid, signal.SIGKILL)

    def restart(self) -> None:
        """Start the node again by the given command, which prints the process id as its last word."""
        done = subprocess.run(self._restart, shell=True, check=True, capture_output=True, text=True)
        self._pid = int(done.stdout.split()[-1])


def _harm(nodes: Nodes, fault: str, seconds: float) -> None:
    """Do what the fault is, for so long, and have the node back."""
    ends = time.perf_counter() + seconds
    if fault == "kill":
        nodes.kill()
        time.sleep(seconds)
        nodes.restart()
    elif fault == "flap":
        while time.perf_counter() < ends:
            nodes.stop()
            time.sleep(STOPPED_S)
            nodes.go_on()
            time.sleep(RUNNING_S)
    elif fault == "freeze":
        while time.perf_counter() < ends:
            nodes.freeze()
            time.sleep(FROZEN_S)
            nodes.thaw()
            time.sleep(THAWED_S)
    elif fault == "stall":
        nodes.stop()
        time.sleep(seconds)
        nodes.go_on()
    else:
        time.sleep(seconds)


# ----- the load


class _Pace:
    """When one worker calls next, and what; the same for the bare and the wrapped client."""

    def __init__(self, number: int, load: Load, workers: int, began: float) -> None:
        self._chance = random.Random(number)
        self._gap = workers / load.rate
        self._share = load.writes
        self._next = began + self._chance.random() * self._gap

    def rest_s(self) -> float:
        return self._next - time.perf_counter()

    def draw(self, now: float) -> tuple[int, bool]:
        self._next = max(self._next + self._gap, now - 0.05)
        return self._chance.randrange(RECORDS), self._chance.random() < self._share


def _threads(surface: Surface, load: Load, began: float, ends: float) -> list[_Done]:
    logs: list[list[_Done]] = [[] for _ in range(load.threads)]

    def work(number: int) -> None:
        pace, log = _Pace(number, load, load.threads, began), logs[number]
        while True:
            if (rest_s := pace.rest_s()) > 0:
                time.sleep(rest_s)
            at = time.perf_counter()
            if at > ends:
                return
            record, writes = pace.draw(at)
            error = None
            try:
                surface.put(record) if writes else surface.get(record)
            except Exception as raised:  # noqa: BLE001 - what is raised is what is measured
                error = raised
            log.append(_Done(at - began, time.perf_counter() - at, writes, error))

    workers = [threading.Thread(target=work, args=(number,)) for number in range(load.threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return [one for log in logs for one in log]


async def _tasks(surface: Surface, load: Load, began: float, ends: float) -> list[_Done]:
    log: list[_Done] = []

    async def work(number: int) -> None:
        pace = _Pace(number, load, load.tasks, began)
        while True:
            if (rest_s := pace.rest_s()) > 0:
                await asyncio.sleep(rest_s)
            at = time.perf_counter()
            if at > ends:
                return
            record, writes = pace.draw(at)
            error = None
            try:
                await (surface.put(record) if writes else surface.get(record))
            except Exception as raised:  # noqa: BLE001 - what is raised is what is measured
                error = raised
            log.append(_Done(at - began, time.perf_counter() - at, writes, error))

    await asyncio.gather(*(work(number) for number in range(load.tasks)))
    return log


@contextlib.contextmanager
def _harmed(nodes: Nodes, fault: str, begins: float, seconds: float) -> Iterator[None]:
    def later() -> None:
        time.sleep(max(begins - time.perf_counter(), 0.0))
        _harm(nodes, fault, seconds)

    thread = threading.Thread(target=later)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def work_through(
    client: str, fault: str, nodes: Nodes, wanted: Wanted, load: Load, times: Times
) -> Parts:
    """Have one client, bare or wrapped, work through a fault, and return what became of its calls."""
    if client in BLOCKING:
        surface = connect(client, wanted)
        write = PATIENTLY(surface.put)
        for number in range(RECORDS):
            write(number)
        with _settled():
            began = time.perf_counter() + 0.1
            with _harmed(nodes, fault, began + times.before, times.fault):
                done = _threads(surface, load, began, began + sum(times))
        surface.close()
    else:
        done = asyncio.run(_work_through_async(client, fault, nodes, wanted, load, times))
    return _told(done, times)


SEED_TRIES: Final = 20
"""How often a record is written before the load at most: on a busy machine an answer may come too late."""


PATIENTLY: Final = tenacity.retry(stop=tenacity.stop_after_attempt(SEED_TRIES), reraise=True)


async def _work_through_async(
    client: str, fault: str, nodes: Nodes, wanted: Wanted, load: Load, times: Times
) -> list[_Done]:
    surface = await connect_async(client, wanted)

    @PATIENTLY
    async def write(number: int) -> None:
        await surface.put(number)

    for number in range(RECORDS):
        await write(number)
    with _settled():
        began = time.perf_counter() + 0.1
        with _harmed(nodes, fault, began + times.before, times.fault):
            done = await _tasks(surface, load, began, began + sum(times))
    closing = surface.close()
    if closing is not None:
        await closing
    return done


@contextlib.contextmanager
def _settled() -> Iterator[None]:
    """Collect garbage once, as services do before they serve: no pause of that falls into the fault."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _told(done: Sequence[_Done], times: Times) -> Parts:
    found: Parts = {}
    edges = (0.3, times.before, times.before + times.fault, sum(times))
    for phase, begins, ends in zip(("before", "fault", "after"), edges, edges[1:], strict=False):
        for kind in ("reads", "writes"):
            chosen = [
                one for one in done if begins <= one.at < ends and one.writes == (kind == "writes")
            ]
            if chosen:
                found[f"{kind} {phase}"] = _part(chosen, ends - begins)
    return found


def _part(chosen: Sequence[_Done], seconds: float) -> Part:
    took = sorted(one.took * 1000 for one in chosen)
    errors = [one.error for one in chosen if one.error is not None]
    refused = sum(_is_refusal(error) for error in errors)
    return Part(
        made=len(chosen) / seconds,
        served=(len(chosen) - len(errors)) / seconds,
        failed=100 * len(errors) / len(chosen),
        refused=100 * refused / len(chosen),
        p99_ms=took[min(int(0.99 * len(took)), len(took) - 1)],
        max_ms=took[-1],
        errors=dict(Counter(type(error).__name__ for error in errors)),
        told=dict(Counter(_words(error) for error in errors).most_common(4)),
    )


def _is_refusal(error: BaseException) -> bool:
    cause = error.__cause__
    return isinstance(error, CircuitOpenError) or isinstance(cause, CircuitOpenError)


def _words(error: BaseException) -> str:
    notes = getattr(error, "__notes__", None) or getattr(error.__cause__, "__notes__", None)
    text = notes[-1] if notes else str(error)
    return f"{type(error).__name__}: {re.sub(r'(?<![A-Z])[0-9]+', '#', text)[:250]}"


# ----- the command


def compare(
    client: str,
    fault: str,
    make_nodes: Callable[[], Nodes],
    *,
    profile: str,
    rounds: int = 1,
    load: Load = Load(),  # noqa: B008 - immutable
    times: Times = Times(),  # noqa: B008 - immutable
    tend_ms: int = 0,
    tend_timeout_ms: int = 0,
    overrides: dict[str, Any] | None = None,
    subjects: Sequence[str] = ("bare", "wrapped"),
) -> Iterator[tuple[str, Parts]]:
    """Yield what became of the calls, for the bare and the wrapped client in turn."""
    totals = totals_ms(profile)
    for number in range(rounds):
        for subject in subjects if number % 2 == 0 else tuple(reversed(subjects)):
            with make_nodes() as nodes:
                chosen = profile if subject == "wrapped" else ""
                words = overrides if chosen else None
                wanted = Wanted(nodes.hosts, chosen, totals, tend_ms, words, tend_timeout_ms)
                yield subject, work_through(client, fault, nodes, wanted, load, times)


HEADING: Final = (
    f"{'client':<27}{'fault':<6}{'':<8}{'phase':<7}{'reads/s':>8}{'failed':>8}{'p99 ms':>8}{'max':>6}"
    f"  {'writes/s':>8}{'served':>8}{'failed':>8}{'refused':>8}{'max':>6}"
)


def lines(client: str, fault: str, subject: str, parts: Parts) -> Iterator[str]:
    """Yield the lines of the table under `HEADING`."""
    for phase in ("before", "fault", "after"):
        reads, writes = parts.get(f"reads {phase}"), parts.get(f"writes {phase}")
        if reads is None or writes is None:
            continue
        yield (
            f"{client:<27}{fault:<6}{subject:<8}{phase:<7}{reads.served:>8.0f}{reads.failed:>7.2f}%"
            f"{reads.p99_ms:>8.1f}{reads.max_ms:>6.0f}  {writes.made:>8.0f}{writes.served:>8.0f}"
            f"{writes.failed:>7.1f}%{writes.refused:>7.1f}%{writes.max_ms:>6.0f}"
        )


def main() -> None:
    """Work through what was asked for, print tables and write JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.at_load", description=__doc__)
    parser.add_argument("--client", choices=CLIENTS, action="append", help="repeatable")
    parser.add_argument("--fault", choices=FAULTS, action="append", help="repeatable")
    parser.add_argument("--profile", default="latency")
    parser.add_argument("--rounds", type=int, default=1, help="of bare and wrapped each")
    parser.add_argument("--rate", type=float, default=Load().rate, help="calls a second")
    parser.add_argument("--threads", type=int, default=Load().threads)
    parser.add_argument("--tasks", type=int, default=Load().tasks)
    parser.add_argument("--writes", type=float, default=Load().writes, help="the share of writes")
    parser.add_argument("--tend-ms", type=int, default=0, help="the client's tend_interval")
    parser.add_argument(
        "--tend-timeout-ms", type=int, default=0, help="how long a request of its tends may take"
    )
    parser.add_argument("--fault-s", type=float, default=Times().fault)
    parser.add_argument("--after-s", type=float, default=Times().after)
    parser.add_argument(
        "--commit-master", action="store_true", help="on_replica_open: commit_master"
    )
    parser.add_argument("--only", choices=("bare", "wrapped"))
    parser.add_argument("--errors", action="store_true", help="print what the errors say")
    parser.add_argument("--hosts", help="host:port,… of a real cluster")
    parser.add_argument("--pid", type=int, help="the process of the node to stop or kill")
    parser.add_argument("--restart", default="", help="a command that starts the killed node")
    parser.add_argument("--json", type=Path, default=Path("build/at_load.json"))
    asked = parser.parse_args()
    faults = asked.fault or [one for one in FAULTS[:3] if one != "kill" or not asked.hosts]
    make_nodes: Callable[[], Nodes] = Nodes
    if asked.hosts:
        if "freeze" in faults:
            parser.error("freeze needs all processes of the cluster: it is for the embedded one")
        if asked.pid is None or ("kill" in faults and not asked.restart):
            parser.error("a real cluster needs --pid, and --restart for the fault kill")
        hosts = [(host, int(port)) for host, port in (h.split(":") for h in asked.hosts.split(","))]
        real = RealNodes(hosts, asked.pid, asked.restart)
        make_nodes = lambda: real  # noqa: E731
    overrides = {"breaker": {"on_replica_open": "commit_master"}} if asked.commit_master else None
    found = []
    print(HEADING)
    for client in asked.client or CLIENTS:
        for fault in faults:
            for subject, parts in compare(
                *(client, fault, make_nodes),
                profile=asked.profile,
                rounds=asked.rounds,
                load=Load(asked.rate, asked.writes, asked.threads, asked.tasks),
                times=Times(fault=asked.fault_s, after=asked.after_s),
                tend_ms=asked.tend_ms,
                tend_timeout_ms=asked.tend_timeout_ms,
                overrides=overrides,
                subjects=(asked.only,) if asked.only else ("bare", "wrapped"),
            ):
                found.append(
                    {
                        "client": client,
                        "fault": fault,
                        "subject": subject,
                        "parts": {name: asdict(part) for name, part in parts.items()},
                    }
                )
                for line in lines(client, fault, subject, parts):
                    print(line, flush=True)
                if asked.errors:
                    for name, part in parts.items():
                        for words, count in part.told.items():
                            print(f"    {name}: {count} x {words}")
    asked.json.parent.mkdir(parents=True, exist_ok=True)
    asked.json.write_text(
        json.dumps({"python": platform.python_version(), "runs": found}, indent=1)
    )
    print(f"written to {asked.json}")


def totals_ms(profile: str) -> tuple[int, int]:
    """Return a shipped profile's ``total_timeout`` of a read and of a write, in milliseconds."""
    chosen = PolicyLibrary.of(None).load(profile)
    found = (
        chosen.settings(OPERATIONS[name], retryable=True).get("total_timeout")
        for name in ("get", "put")
    )
    read, write = (1000 if setting is None else setting.value for setting in found)
    return read, write


if __name__ == "__main__":
    main()
