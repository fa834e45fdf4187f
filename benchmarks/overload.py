"""``python -m benchmarks.overload``: what the gate is for, on the embedded cluster with the real client.

More calls at once than the pool has connections, of threads and of tasks; ten times the calls that a node
can answer; one slow node of three. Each is run with the bare client and with gates, in one process, one
after the other.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import aerospike
from aerospike import exception
from aerospike_helpers.operations import list_operations

from aerospike_resilience import resilient
from aerospike_resilience.testing import LocalCluster

STACK_BYTES = 256 * 1024
"""Of each thread; two thousand of them with the default would take gigabytes of address space."""

POOL = 100
TOTAL_TIMEOUT_S = 0.25

WIDE = {"max_error_rate": 10_000, "error_rate_window": 100}
"""The client's own breaker out of the way: what is to be seen is the gate."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One call.

    Attributes:
        tag: what kind of call it was.
        took_s: from when it was due to its end, in seconds.
        error: the name of what was raised; empty if it was answered.
    """

    tag: str
    took_s: float
    error: str


@dataclass(frozen=True, slots=True)
class Result:
    """What one variant of an experiment came to.

    Attributes:
        variant: which.
        answered_s: calls answered in time, a second.
        p99_ms: 99th percentile of the answered calls' times, in milliseconds.
        errors: how many calls failed, by the error's name.
    """

    variant: str
    answered_s: float
    p99_ms: float
    errors: Counter[str]

    def __str__(self) -> str:
        errors = (
            ", ".join(f"{count:,} {name}" for name, count in self.errors.most_common())
            or "no errors"
        )
        return (
            f"{self.variant:<28} {self.answered_s:>8,.0f}/s  p99 {self.p99_ms:>6,.0f} ms  {errors}"
        )


def result(variant: str, samples: Iterable[Sample], seconds: float, within_s: float) -> Result:
    """Sum up the samples of a variant that ran for some seconds."""
    samples = list(samples)
    answered = sorted(one.took_s for one in samples if not one.error)
    in_time = sum(took_s <= within_s for took_s in answered)
    p99_s = answered[int(len(answered) * 0.99)] if answered else float("nan")
    errors = Counter(one.error for one in samples if one.error)
    return Result(variant, in_time / seconds, p99_s * 1000, errors)


def offer(
    calls: Sequence[tuple[str, Callable[[], Any]]], rate: float, seconds: float
) -> list[Sample]:
    """Offer calls at a rate whatever becomes of them, one thread each, each at its own time.

    Args:
        calls: what each thread calls again and again, with a tag.
        rate: calls a second of all threads together.
        seconds: for how long.
    """
    interval_s = len(calls) / rate
    began = time.perf_counter() + 0.5
    samples: list[Sample] = []

    def work(number: int, tag: str, call: Callable[[], Any]) -> None:
        due = began + interval_s * number / len(calls)
        while due < began + seconds:
            time.sleep(max(due - time.perf_counter(), 0.0))
            samples.append(_timed(tag, call, due))
            due += interval_s

    _run(threading.Thread(target=work, args=(n, *call)) for n, call in enumerate(calls))
    return samples


def _timed(tag: str, call: Callable[[], Any], due: float) -> Sample:
    error = ""
    try:
        call()
    except Exception as raised:  # noqa: BLE001 - what is raised is what is measured
        error = type(raised).__name__.removeprefix("Aerospike")
    return Sample(tag, time.perf_counter() - due, error)


def _run(threads: Iterable[threading.Thread]) -> None:
    before = threading.stack_size(STACK_BYTES)
    try:
        started = list(threads)
        for thread in started:
            thread.start()
    finally:
        threading.stack_size(before)
    for thread in started:
        thread.join()


# ----- more calls at once than connections


def pool(threads: int = 2000, calls: int = 3) -> list[Result]:
    """Have many threads call at once, with a pool of a hundred connections a node."""
    results = []
    with LocalCluster(nodes=3, replication_factor=2) as cluster:
        cluster.wait_until_stable()
        for variant in ("bare", "gate of 100"):
            bare = aerospike.client({"hosts": cluster.hosts, "max_conns_per_node": POOL})
            client: Any = bare
            if variant != "bare":
                gate = {"max_concurrent_operations": POOL, "operation_queue_timeout": 0}
                patient = {"total_timeout": "60s", "socket_timeout": "60s"}
                client = resilient(
                    bare, overrides={"backpressure": gate, "policy": {"all": patient}}
                )
            with cluster.inject(op="read", latency="20ms"):
                began = time.perf_counter()
                samples = _at_once(client, threads, calls)
                seconds = time.perf_counter() - began
            results.append(result(variant, samples, seconds, within_s=60.0))
            client.close()
    return results


def _at_once(client: Any, threads: int, calls: int) -> list[Sample]:
    everybody = threading.Barrier(threads)
    samples: list[Sample] = []

    def work(number: int) -> None:
        key = ("test", "overload", number)
        everybody.wait()
        samples.extend(
            _timed("", lambda: client.exists(key), time.perf_counter()) for _ in range(calls)
        )

    _run(threading.Thread(target=work, args=(number,)) for number in range(threads))
    return samples


# ----- ten times what a node can answer


VARIANTS: dict[str, dict[str, Any] | None] = {
    "bare": None,
    "gate of 4": {"max_concurrent_operations": 4},
    "gate of 4, lifo": {"max_concurrent_operations": 4, "queue": "lifo"},
    "adaptive from 16": {"max_concurrent_operations": 16, "limit": "adaptive", "floor": 2},
    "adaptive from 64": {"max_concurrent_operations": 64, "limit": "adaptive", "floor": 2},
}
MEDIAN = [list_operations.list_get_by_rank("l", 5000, aerospike.LIST_RETURN_VALUE)]
LONG_LIST = ("test", "overload", "median")


def overload(seconds: float = 12.0, times: float = 10.0) -> list[tuple[float, Result]]:
    """Offer a node ten times what it can answer.

    The operation finds the median of a list of thousands, which keeps the node's only core busy, so
    that this program can offer ten times as many.

    Returns:
        For each variant, calls a second that the node answered at most just before, and what it came to.
    """
    results = []
    with LocalCluster(nodes=1, replication_factor=1) as cluster, _apart(cluster.nodes[0].pid):
        cluster.wait_until_stable()
        config = {
            "hosts": cluster.hosts,
            "max_conns_per_node": 2000,
            "policies": {"operate": {"total_timeout": round(TOTAL_TIMEOUT_S * 1000)}},
        }
        chance = random.Random(1)
        numbers = [chance.random() for _ in range(10_000)]
        for variant, gate in VARIANTS.items():
            client = _connected({**config, **({} if gate is None else WIDE)})
            client.put(LONG_LIST, {"l": numbers})
            peak = _peak(_asking(client), seconds / 2)
            if gate is not None:
                times_out = {"total_timeout": "250ms", "socket_timeout": "250ms"}
                words = {"operation_queue_timeout": "50ms", **gate}
                client = resilient(
                    client, overrides={"backpressure": words, "policy": {"all": times_out}}
                )
            rate = peak * times
            samples = offer([("", _asking(client))] * round(rate / 2), rate, seconds)
            results.append((peak, result(variant, samples, seconds, TOTAL_TIMEOUT_S)))
            client.close()
    return results


def _asking(client: Any) -> Callable[[], Any]:
    return lambda: client.operate(LONG_LIST, MEDIAN)


@contextlib.contextmanager
def _apart(pid: int) -> Iterator[None]:
    """Give the node the first core to itself: an overloaded node does not share its machine with us."""
    if not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2:
        yield
        return
    cores = os.sched_getaffinity(0)
    first = min(cores)
    os.sched_setaffinity(pid, {first})
    os.sched_setaffinity(0, cores - {first})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def _connected(config: dict[str, Any]) -> Any:
    """Connect once the node has worked off what nobody waits for any more."""
    while True:
        try:
            client = aerospike.client(config)
        except exception.AerospikeError:
            time.sleep(0.2)
        else:
            client.exists(LONG_LIST, {"total_timeout": 60_000})
            time.sleep(1.0)
            return client


def _peak(call: Callable[[], Any], seconds: float, threads: int = 4) -> float:
    """Return how many calls a second are answered at most, by threads that never rest."""
    ends = time.perf_counter() + seconds
    counts: list[int] = []

    def work() -> None:
        count = 0
        while time.perf_counter() < ends:
            call()
            count += 1
        counts.append(count)

    _run(threading.Thread(target=work) for _ in range(threads))
    return sum(counts) / seconds


# ----- one slow node


def slow_node(seconds: float = 8.0, rate: float = 600.0) -> list[Result]:
    """Slow one node of three down by 300 ms, and look at what the others still answer."""
    results = []
    with LocalCluster(nodes=3, replication_factor=2) as cluster:
        cluster.wait_until_stable()
        slow = cluster.nodes[0]
        keys = [("test", "overload", number) for number in range(300)]
        tags = ["slow" if cluster.master(*key) is slow else "others" for key in keys]
        for variant, share, fault in (
            ("all well", None, False),
            ("gate of 32", None, True),
            ("gate of 32, max_per_node 0.5", 0.5, True),
        ):
            client: Any = resilient(
                aerospike.client({"hosts": cluster.hosts, "max_conns_per_node": POOL}),
                overrides={
                    "policy": {"all": {"total_timeout": "2s", "socket_timeout": "2s"}},
                    "adaptive_timeout": None,
                    "breaker": {"mode": "off"},
                    "backpressure": {
                        "max_concurrent_operations": 32,
                        "operation_queue_timeout": "100ms",
                        "max_per_node": share,
                    },
                },
            )
            calls = [
                (tag, lambda key=key, client=client: client.exists(key))
                for tag, key in zip(tags, keys, strict=True)
            ]
            if fault:
                with cluster.inject(node=slow, op="read", latency="300ms"):
                    samples = offer(calls, rate, seconds)
            else:
                samples = offer(calls, rate, seconds)
            others = [one for one in samples if one.tag == "others"]
            results.append(result(variant, others, seconds, within_s=2.0))
            client.close()
    return results


EXPERIMENTS = ("pool", "tasks", "overload", "slow-node")


def main() -> None:
    """Run the experiments and print what they came to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overload", description=__doc__)
    parser.add_argument("--only", choices=EXPERIMENTS, action="append")
    wanted = parser.parse_args().only or EXPERIMENTS
    if "pool" in wanted:
        print(f"2,000 threads at once, max_conns_per_node {POOL}")
        _print(pool())
    if "tasks" in wanted:
        from . import overload_tasks

        print(f"2,000 tasks at once, max_conns_per_node {POOL}")
        _print(overload_tasks.bursts())
    if "overload" in wanted:
        print("ten times what a node can answer, total_timeout 250 ms; the share is of that peak")
        for peak, one in overload():
            print(f"  {one.answered_s / peak:>5.0%} of {peak:>4,.0f}/s  {one}")
        print()
    if "slow-node" in wanted:
        print("one node of three 300 ms slow: what the others answer")
        _print(slow_node())


def _print(results: Iterable[object]) -> None:
    for one in results:
        print(f"  {one}")
    print()


if __name__ == "__main__":
    main()
