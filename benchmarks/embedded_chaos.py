"""One node of three stalled, on the embedded cluster: `python -m benchmarks.embedded_chaos 5`.

The same was run on a real cluster: three nodes of Community Edition 8.1.2, two copies, 16 threads, 2,000
calls a second offered, one node stopped for three seconds. Reads and writes are loads of their own. The
figures of both are printed side by side, as medians of some runs, and how far they are apart.

Run it on a quiet machine: the nodes and the load share its processors.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import aerospike

from aerospike_resilience import resilient
from aerospike_resilience.demo.variants import TOTAL_TIMEOUT_MS, VARIANTS
from aerospike_resilience.rehearsal.experiment import Hosts, Ready, Setup, Variant, run
from aerospike_resilience.rehearsal.mix import Step

RUNS: Final = 5
AIM: Final = 0.2
"""How far apart the figures of both clusters may be."""

_MIXES: Final = {
    "reads": Step("get", writes=False, set="chaos", record_bytes=0, rows=1, share=1.0),
    "writes": Step("put", writes=True, set="chaos", record_bytes=0, rows=1, share=1.0),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of one load.

    Attributes:
        variant: The way to use the client.
        load: `reads` or `writes`.
        key: The figure's name among those of a run.
        title: As it is printed.
        real: What the real cluster had.
        factor: What to multiply a run's figure with.
    """

    variant: str
    load: str
    key: str
    title: str
    real: float
    factor: float = 1.0


def _patient(hosts: Hosts) -> Ready:
    point = {"total_timeout": TOTAL_TIMEOUT_MS, "socket_timeout": 100, "max_retries": 2}
    policies = dict.fromkeys(("read", "write"), point)
    client = aerospike.client({"hosts": hosts, "policies": policies})
    return Ready(client, client, TOTAL_TIMEOUT_MS / 1000, close=client.close)


def _commit_master(hosts: Hosts) -> Ready:
    wide = {"max_error_rate": 10_000, "error_rate_window": 100, "max_conns_per_node": 300}
    bare = aerospike.client({"hosts": hosts, **wide})
    rules = {"breaker": {"on_replica_open": "commit_master"}}
    client: Any = resilient(bare, profile="latency", overrides=rules)
    return Ready(client, bare, TOTAL_TIMEOUT_MS / 1000, close=client.close)


_OWN: Final = (
    Variant("patient", "socket_timeout 100 ms, max_retries 2", "", _patient),
    Variant("commit_master", 'resilient(..., "latency"), commit_master', "", _commit_master),
)
_BY_NAME: Final = {each.name: each for each in (*VARIANTS, *_OWN)}


def _row(
    variant: str, reads: tuple[float, float, float], writes: tuple[float, float]
) -> list[Figure]:
    served, read_errors, p99_ms = reads
    answered, write_errors = writes
    return [
        Figure(variant, "reads", "served_per_s", "reads served/s", served),
        Figure(variant, "reads", "error_share", "read errors, %", read_errors, 100),
        Figure(variant, "reads", "p99_ms", "read p99, ms", p99_ms),
        Figure(variant, "writes", "answered_per_s", "writes answered/s", answered),
        Figure(variant, "writes", "error_share", "write errors, %", write_errors, 100),
    ]


FIGURES: Final = (
    *_row("bare", (110, 24, 501), (73, 40)),
    *_row("patient", (1715, 0, 100), (845, 26)),
    *_row("tuned", (2000, 0, 5), (2000, 98)),
    *_row("stack", (32, 19, 1420), (23, 25)),
    *_row("resilient", (2000, 0, 5.7), (1804, 55)),
    Figure("commit_master", "writes", "error_share", "write errors, %", 20, 100),
)
"""What the real cluster had."""


def measure(
    variant: str, load: str, *, seconds: float = 3.0, rate: float = 2000.0
) -> dict[str, Any]:
    """Stall one node under a load, and return the figures of that time.

    Args:
        variant: The way to use the client, by its name.
        load: `reads` or `writes`.
        seconds: How long the node is stalled.
        rate: Calls offered, per second.
    """
    setup = Setup(mix=(_MIXES[load],), rate=rate, before_s=1.0, during_s=seconds, after_s=0.5)
    found = run(_BY_NAME[variant], setup, lambda _what, _share: None)
    return dict(found["phases"]["during"][load])


def apart(embedded: float, real: float) -> float:
    """Return how far a figure is from the real one, as a share of that."""
    return abs(embedded - real) / real if real else abs(embedded) / 100


def table(runs: int, variants: Sequence[str]) -> list[str]:
    """Run each load of these variants some times, and return the table's lines."""
    wanted = [each for each in FIGURES if each.variant in variants]
    loads = dict.fromkeys((each.variant, each.load) for each in wanted)
    found = {one: [measure(*one) for _ in range(runs)] for one in loads}
    lines = [
        f"| {'':40} | {'':17} | {'embedded: median (range)':26} | {'real':>6} | {'apart':>6} |"
    ]
    lines.append("|---|---|---|---:|---:|")
    for each in wanted:
        values = [(run[each.key] or 0.0) * each.factor for run in found[each.variant, each.load]]
        middle = statistics.median(values)
        far = apart(middle, each.real)
        shown = f"{middle:,.1f} ({min(values):,.1f} to {max(values):,.1f})"
        lines.append(
            f"| {_BY_NAME[each.variant].title:40} | {each.title:17} | {shown:26} | {each.real:>6,g} "
            f"| {far:>5.0%}{' ' if far <= AIM else '!'} |"
        )
    return lines


def main(arguments: Sequence[str]) -> None:
    """Print the table: of all variants, or of those that are named after the number of runs."""
    runs = int(arguments[0]) if arguments else RUNS
    variants = arguments[1:] or list(_BY_NAME)
    print(f"one node of three stalled for 3 s, {runs} runs; ! is more than {AIM:.0%} apart")
    print("\n".join(table(runs, variants)))


if __name__ == "__main__":
    main(sys.argv[1:])
