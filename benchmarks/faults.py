"""``python -m benchmarks.faults``: what each fault costs, and what retrying under it costs the cluster.

Every client works through each fault on three nodes twice at the same time: bare with the same
``total_timeout``, and wrapped under ``latency``. Then all nodes fail at once, and the requests on the
wire are counted, for naive retrying too.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import platform
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import aerospike
import tenacity

from aerospike_resilience.testing import LocalCluster

from .mixed import CLIENTS, PLENTY, POINT_MS, RECORDS, WIDE, Load, Tally, bare, surface, wrapped

BLOCKING: Final = ("aerospike", "aerospike-py", "aerospike-native", "aerospike-sdk")
AWAITED: Final = tuple(client for client in CLIENTS if client not in BLOCKING)
"""So many at a time as two cores can serve in time."""

INCREMENTS: Final = 2100
"""Of each of seven clients under each of seven faults: 102,900 in all."""

SMALL_POOL: Final = 2
ON_S, OFF_S = 3.0, 3.0
"""How long a node is stalled or dead, and then well; the cluster evicts it after about 2 s."""


def _in_turns(
    begin: Callable[[], object], end: Callable[[], object]
) -> Callable[[threading.Event], None]:
    def turns(stop: threading.Event) -> None:
        while not stop.is_set():
            begin()
            stop.wait(ON_S)
            end()
            stop.wait(OFF_S)

    return turns


def _flapping(cluster: LocalCluster) -> Callable[[threading.Event], None]:
    def flap(stop: threading.Event) -> None:
        while not stop.is_set():
            cluster.stall("A1")
            time.sleep(0.06)
            cluster.resume("A1")
            time.sleep(0.03)

    return flap


@contextlib.contextmanager
def _in_thread(work: Callable[[threading.Event], None]) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def stall(cluster: LocalCluster) -> Any:
    """One node of three is stopped."""
    return _in_thread(_in_turns(lambda: cluster.stall("A1"), lambda: cluster.resume("A1")))


def kill(cluster: LocalCluster) -> Any:
    """One node of three is killed."""
    return _in_thread(_in_turns(lambda: cluster.kill("A1"), lambda: cluster.restart("A1")))


def reset(cluster: LocalCluster) -> Any:
    """A tenth of all requests are carried out, and their connection is reset."""
    return cluster.inject(op="data", answer="reset", share=0.1)


def overload(cluster: LocalCluster) -> Any:
    """A fifth of all requests are answered with DEVICE_OVERLOAD."""
    return cluster.inject(op="data", code=18, share=0.2)


def unanswered(cluster: LocalCluster) -> Any:
    """Three of a hundred requests are carried out and not answered."""
    return cluster.inject(op="data", answer="drop", applied=True, share=0.03)


def pool(cluster: LocalCluster) -> Any:
    """More calls at once than connections, while every request waits for some ms."""
    return cluster.inject(op="data", latency=("3ms", "20ms"))


def flap(cluster: LocalCluster) -> Any:
    """One node of three is stopped for 60 ms and goes on for 30 ms, again and again."""
    return _in_thread(_flapping(cluster))


FAULTS: Final = {
    "stall": stall,
    "kill": kill,
    "reset": reset,
    "overload": overload,
    "unanswered": unanswered,
    "pool": pool,
    "flap": flap,
}


@dataclass
class Cell:
    """What one fault did to one client.

    Attributes:
        fault: the fault's name.
        client: the client's name.
        bare: what the bare client's load came to.
        wrapped: what the wrapped client's load came to.
        counted: the sum of what the wrapped client incremented, as it is on the server at the end.
    """

    fault: str
    client: str
    bare: Tally
    wrapped: Tally
    counted: int

    @property
    def twice(self) -> int:
        """How many more increments were applied than can have been applied once."""
        return max(self.counted - self.wrapped.acknowledged - self.wrapped.in_doubt, 0)

    @property
    def lost(self) -> int:
        """How many acknowledged increments are not there."""
        return max(self.wrapped.acknowledged - self.counted, 0)


def work_through(
    fault: str,
    clients: Sequence[str] = BLOCKING,
    *,
    seconds: float,
    increments: int = 0,
    acknowledged: int = 0,
    threads: int = 4,
    interval_s: float = 0.02,
) -> list[Cell]:
    """Have clients work through a fault, each of them bare and wrapped at the same time.

    Args:
        fault: its name.
        clients: names of clients.
        seconds: for how long at least.
        increments: go on until each wrapped client has made so many.
        acknowledged: go on until so many of each wrapped client were answered.
        threads: how many threads use each.
        interval_s: from the start of one call of a thread to its next at least.
    """
    connections = SMALL_POOL if fault == "pool" else PLENTY
    with LocalCluster(nodes=3, replication_factor=2) as cluster, contextlib.ExitStack() as stack:
        cluster.wait_until_stable()
        pairs = {}
        for client in clients:
            pair = bare(client, cluster, connections), wrapped(client, cluster, connections)
            for one in pair:
                stack.callback(one.close)
            pairs[client] = pair
        _fill(cluster)
        bares = [Load(pair[0], f"{c}/bare", threads, interval_s) for c, pair in pairs.items()]
        ours = [Load(pair[1], f"{c}/wrapped", threads, interval_s) for c, pair in pairs.items()]
        with contextlib.ExitStack() as running:
            ends = time.monotonic() + seconds
            running.enter_context(FAULTS[fault](cluster))
            for load in (*bares, *ours):
                running.enter_context(load)
            while (
                time.monotonic() < ends
                or min(load.increments for load in ours) < increments
                or min(load.acknowledged for load in ours) < acknowledged
            ):
                time.sleep(0.05)
        sums = _settled(cluster, [load.counters for load in ours])
    return [
        Cell(fault, client, its_bare.total(), its_own.total(), counted)
        for client, its_bare, its_own, counted in zip(clients, bares, ours, sums, strict=True)
    ]


def _fill(cluster: LocalCluster) -> None:
    client = aerospike.client({"hosts": cluster.hosts})
    for number in range(RECORDS):
        client.put(("test", "conformance", number), {"n": number})
    client.close()


def _settled(cluster: LocalCluster, groups: list[list[str]]) -> list[int]:
    """Return the sum of each group of counters once no late request changes it any more."""
    cluster.clear_faults()
    cluster.wait_until_stable(20)
    client = aerospike.client(
        {"hosts": cluster.hosts, "policies": {"batch": {"total_timeout": 5000}}}
    )
    before: list[int] = []
    try:
        while True:
            sums = [_sum(client, names) for names in groups]
            if sums == before:
                return sums
            before = sums
            time.sleep(0.3)
    finally:
        client.close()


def _sum(client: Any, names: list[str]) -> int:
    rows = client.batch_read([("test", "conformance", name) for name in names]).batch_records
    assert all(row.result in (0, 2) for row in rows)
    return sum(row.record[2]["n"] for row in rows if row.result == 0)


# ----- what retrying costs the cluster when all of it fails


@dataclass
class Outage:
    """How many requests operations came to while every node failed.

    Attributes:
        what: how the nodes fail.
        client: the client's name, or what retried.
        operations: operations made.
        refused: those of them that an open node refused.
        requests: requests that they came to on the wire.
        pulses: reads that the tend thread asked ailing nodes for, a few a second whatever the load.
        seconds: how long it really lasted.
    """

    what: str
    client: str
    operations: int
    refused: int
    requests: int
    health_checks: int
    seconds: float

    @property
    def amplification(self) -> float:
        """Requests for each operation."""
        return self.requests / max(self.operations, 1)

    @property
    def of_sent(self) -> float:
        """Requests for each operation that was not refused: what the retry budget alone allows."""
        return self.requests / max(self.operations - self.refused, 1)


OUTAGES: Final[dict[str, dict[str, Any]]] = {
    "all overloaded": {"code": 18},
    "nothing answered": {"answer": "drop", "applied": False},
}


def outage(what: str, client: str, *, seconds: float, threads: int = 16) -> Outage:
    """Read and write while every node fails, and count the requests.

    Args:
        what: one of `OUTAGES`.
        client: a client's name, or ``tenacity`` for three attempts around the bare C client.
        seconds: for how long.
        threads: how many threads call.
    """
    with LocalCluster(nodes=3, replication_factor=2) as cluster:
        cluster.wait_until_stable()
        _fill(cluster)
        one = _naive(cluster) if client == "tenacity" else wrapped(client, cluster)
        try:
            with cluster.inject(op="data", **OUTAGES[what]):
                before, pulsed = cluster.requests("data"), cluster.requests("exists")
                began = time.monotonic()
                with Load(one, "outage", threads, 0.01, ("get", "get", "put", "increment")) as load:
                    time.sleep(seconds)
                health_checks = cluster.requests("exists") - pulsed
                requests = cluster.requests("data") - before - health_checks
                lasted_s = time.monotonic() - began
        finally:
            one.close()
    total = load.total()
    return Outage(what, client, total.total, total.refused, requests, health_checks, lasted_s)


def _naive(cluster: LocalCluster) -> Any:
    """Return what many applications have: three attempts of everything, whatever the error."""
    one = surface("aerospike", cluster)
    point = {"total_timeout": POINT_MS, "max_retries": 0}
    one.client = aerospike.client(
        {
            "hosts": cluster.hosts,
            **WIDE,
            "policies": dict.fromkeys(("read", "write", "operate"), point),
        }
    )
    thrice = tenacity.retry(stop=tenacity.stop_after_attempt(3), reraise=True)
    for method in ("get", "put", "increment"):
        setattr(one, method, thrice(getattr(one, method)))
    return one


# ----- the command


def main() -> None:
    """Work through what was asked for, print tables and write JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--fault", choices=FAULTS, action="append", help="repeatable; default all")
    parser.add_argument("--client", choices=CLIENTS, action="append", help="repeatable")
    parser.add_argument("--increments", type=int, default=INCREMENTS, help="by client and fault")
    parser.add_argument("--seconds", type=float, default=9.0, help="for each fault at least")
    parser.add_argument("--outage-seconds", type=float, default=5.0)
    parser.add_argument("--errors", action="store_true", help="print how operations failed")
    parser.add_argument("--only", choices=("faults", "outages"))
    parser.add_argument("--json", type=Path, default=Path("build/faults.json"))
    asked = parser.parse_args()
    clients = asked.client or tuple(CLIENTS)
    groups = [
        group
        for names in (BLOCKING, AWAITED)
        if (group := [client for client in names if client in clients])
    ]
    cells: list[Cell] = []
    outages: list[Outage] = []
    if asked.only != "outages":
        print(HEADING)
        for fault, group in itertools.product(asked.fault or FAULTS, groups):
            for cell in work_through(
                fault, group, seconds=asked.seconds, increments=asked.increments
            ):
                cells.append(cell)
                print(line(cell), flush=True)
                if asked.errors:
                    print(f"{'':<11}wrapped {cell.wrapped.errors}\n{'':<11}bare {cell.bare.errors}")
        print(f"increments: {sum(cell.wrapped.calls['increment'] for cell in cells):,}\n")
    if asked.only != "faults":
        for what in OUTAGES:
            for client in (*clients, "tenacity"):
                one = outage(what, client, seconds=asked.outage_seconds)
                outages.append(one)
                print(
                    f"{one.what:<17} {one.client:<27} {one.operations:>7,} operations "
                    f"{one.refused:>7,} refused {one.health_checks:>5,} pulses "
                    f"{one.requests:>7,} requests {one.amplification:>6.2f} {one.of_sent:>6.2f}",
                    flush=True,
                )
    asked.json.parent.mkdir(parents=True, exist_ok=True)
    found = {
        "python": platform.python_version(),
        "faults": [asdict(cell) for cell in cells],
        "outages": [asdict(one) for one in outages],
    }
    asked.json.write_text(json.dumps(found, indent=1))
    print(f"written to {asked.json}")


HEADING: Final = (
    f"{'fault':<11}{'client':<27}{'calls':>7}{'served':>8}{'bare':>8}{'failed':>8}{'bare':>8}{'refused':>9}"
    f"{'late':>7}{'bare':>6}"
    f"{'batch':>7}{'bare':>6}{'over':>6}{'acked':>8}{'doubt':>7}{'sum':>8}{'twice':>6}{'lost':>5}"
)


def line(cell: Cell) -> str:
    """Return a cell as a line of the table under `HEADING`."""
    ours, theirs = cell.wrapped, cell.bare
    return (
        f"{cell.fault:<11}{cell.client:<27}{ours.total:>7,}{ours.served:>8.2%}{theirs.served:>8.2%}"
        f"{ours.share:>8.2%}{theirs.share:>8.2%}"
        f"{ours.refused / max(ours.total, 1):>9.2%}{ours.over_ms:>7.0f}{theirs.over_ms:>6.0f}"
        f"{ours.batch_over_ms:>7.0f}{theirs.batch_over_ms:>6.0f}{ours.over:>6}"
        f"{ours.acknowledged:>8,}{ours.in_doubt:>7,}{cell.counted:>8,}{cell.twice:>6}{cell.lost:>5}"
    )


if __name__ == "__main__":
    main()
