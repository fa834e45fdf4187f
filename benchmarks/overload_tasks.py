"""Two thousand tasks at once on a pool of a hundred connections a node, for the clients that are awaited.

Neither of them says that its pool is exhausted: a call waits inside the client, and ends as a timeout
of which no request ever went out. So what failed for want of a connection is counted on the wire.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

os.environ.setdefault("AEROSPIKE_NO_UVLOOP", "1")

import aerospike_native as native
import aerospike_py

from aerospike_resilience import BackpressureError, DeadlineExceededError, resilient
from aerospike_resilience.testing import LocalCluster

TASKS: Final = 2000
POOL: Final = 100
CALLS: Final = 3
"""Of each task, one after the other."""

LATENCY_MS: Final = 100

TOTAL_TIMEOUT_MS: Final = {"aerospike-py-async": 60_000, "aerospike-native": 1000}
"""The same for the bare client and the wrapped one. ``aerospike-native`` gets little: with time enough its
calls wait in it until there is a connection. ``aerospike-py`` fails with all the time there is, since its
own tending finds no connection either, and forgets the nodes."""


@dataclass(frozen=True, slots=True)
class Burst:
    """What the tasks of one client came to.

    Attributes:
        client: which.
        variant: bare, or which gate.
        calls: how many were made.
        answered: how many of them were answered.
        refused: how many the gate refused, or let through with no time left.
        starved: how many failed though no request of theirs ever went out, other than those.
        seconds: how long it took altogether.
        errors: how many calls failed, by the error's name.
    """

    client: str
    variant: str
    calls: int
    answered: int
    refused: int
    starved: int
    seconds: float
    errors: Mapping[str, int]

    def __str__(self) -> str:
        errors = ", ".join(f"{count:,} {name}" for name, count in self.errors.items())
        return (
            f"{self.client:<20} {self.variant:<24} {self.starved:>5,} of {self.calls:,} starved  "
            f"{self.answered:>5,} answered in {self.seconds:>4.1f} s  {errors or 'no errors'}"
        )


@dataclass(frozen=True, slots=True)
class _Load:
    """One run: what tasks do, and behind which gate."""

    client: str
    variant: str
    gate: Mapping[str, Any] | None
    tasks: int
    pool: int
    calls: int
    total_ms: int
    latency_ms: int


Connect = Callable[[LocalCluster, int, int], Awaitable[tuple[Any, Callable[[Any, int], Any]]]]
"""Given a cluster, connections a node and a total timeout in milliseconds: a client, and how it reads."""


async def _aerospike_py(
    cluster: LocalCluster, pool: int, total_ms: int
) -> tuple[Any, Callable[[Any, int], Any]]:
    config: Any = {"hosts": cluster.hosts, "max_conns_per_node": pool}
    client = await aerospike_py.AsyncClient(config).connect()
    policy = {"total_timeout": total_ms, "socket_timeout": total_ms, "max_retries": 0}
    return client, lambda one, number: one.exists(("test", "overload", number), policy)


async def _native(
    cluster: LocalCluster, pool: int, total_ms: int
) -> tuple[Any, Callable[[Any, int], Any]]:
    settings = native.ClientPolicy()
    settings.max_conns_per_node = pool
    client = await native.new_client(settings, cluster.seeds)
    policy = native.ReadPolicy()
    policy.total_timeout = policy.socket_timeout = total_ms
    policy.max_retries = 0
    return client, lambda one, number: one.exists(
        native.Key("test", "overload", number), policy=policy
    )


CLIENTS: Final[Mapping[str, Connect]] = {
    "aerospike-py-async": _aerospike_py,
    "aerospike-native": _native,
}


def bursts(
    names: tuple[str, ...] = tuple(CLIENTS),
    *,
    tasks: int = TASKS,
    pool: int = POOL,
    calls: int = CALLS,
    total_timeout_ms: Mapping[str, int] = TOTAL_TIMEOUT_MS,
    latency_ms: int = LATENCY_MS,
) -> Iterator[Burst]:
    """Have many tasks read at once, by each client, bare and then behind gates.

    Args:
        names: which clients.
        tasks: how many at once.
        pool: connections a node.
        calls: of each task.
        total_timeout_ms: of each call, by client, in milliseconds.
        latency_ms: how long a node takes to answer, in milliseconds.
    """
    for name in names:
        for variant, gate in _gates(pool).items():
            with LocalCluster(nodes=3, replication_factor=2) as cluster:
                cluster.wait_until_stable()
                total_ms = total_timeout_ms[name]
                load = _Load(name, variant, gate, tasks, pool, calls, total_ms, latency_ms)
                yield asyncio.run(_burst(cluster, load))


def _gates(pool: int) -> dict[str, dict[str, Any] | None]:
    """Return the variants: a gate as wide as the pools of all nodes, and one as wide as a single node's.

    The former leaves a tenth of each pool, and three at least, to what does not pass the gate: the tending
    of the client and ours.
    """
    most = pool - max(pool // 10, 3)
    return {
        "bare": None,
        f"gate of {3 * most}, {most} a node": {
            "max_concurrent_operations": 3 * most,
            "max_per_node": most,
        },
        f"gate of {pool}": {"max_concurrent_operations": pool},
    }


async def _burst(cluster: LocalCluster, load: _Load) -> Burst:
    client, read = await CLIENTS[load.client](cluster, load.pool, load.total_ms)
    if load.gate is not None:
        # What is let through at last needs time for its answer.
        words = {"operation_queue_timeout": load.total_ms - 3 * load.latency_ms, **load.gate}
        client = resilient(client, overrides={"backpressure": words, "breaker": {"mode": "off"}})
        while "max_per_node" in load.gate and not _mapped(client):
            await asyncio.sleep(0.01)
    errors: Counter[str] = Counter()
    refused = 0

    async def work(number: int) -> None:
        nonlocal refused
        for _ in range(load.calls):
            try:
                await read(client, number)
            except Exception as error:  # noqa: BLE001 - what is raised is what is measured
                errors[type(error).__name__] += 1
                refused += isinstance(error, BackpressureError | DeadlineExceededError)

    before = cluster.requests("exists")
    with cluster.inject(op="read", latency=f"{load.latency_ms}ms"):
        began = time.perf_counter()
        await asyncio.gather(*(work(number) for number in range(load.tasks)))
        seconds = time.perf_counter() - began
    sent, made = cluster.requests("exists") - before, load.tasks * load.calls
    if (closing := client.close()) is not None:
        await closing
    return Burst(
        client=load.client,
        variant=load.variant,
        calls=made,
        answered=made - errors.total(),
        refused=refused,
        starved=max(made - sent - refused, 0),
        seconds=seconds,
        errors=dict(errors.most_common()),
    )


def _mapped(client: Any) -> bool:
    """Return whether it is known which node a record is on, so that calls are charged to theirs."""
    return any(node["partitions"] for node in client.resilience.nodes.values())
