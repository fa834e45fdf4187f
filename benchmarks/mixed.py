"""A mixed load of reads, writes, increments and batches, by any client, bare or wrapped.

The bare client has the same ``total_timeout`` as the profile ``latency`` and is otherwise as it comes.
"""

from __future__ import annotations

import importlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import aerospike

from aerospike_resilience import CircuitOpenError
from aerospike_resilience.errors import RefusedError
from aerospike_resilience.testing import LocalCluster

POINT_MS: Final = 250
BATCH_MS: Final = 500
"""What ``latency`` gives an operation, and a batch."""

WIDE: Final = {"max_error_rate": 10_000, "error_rate_window": 100}
"""The client's own breaker, bare and wrapped: what the shipped profiles ask for. As it comes it would
step in before retries could do harm, and stop calls to nodes that are well."""

RECORDS: Final = 120
COUNTERS: Final = 12
ROWS: Final = 8

CLIENTS: Final = {
    "aerospike": "CClient",
    "aerospike-py": "PyClient",
    "aerospike-native": "NativeBlocking",
    "aerospike-sdk": "SdkBlocking",
    "aerospike-py (awaited)": "PyAsyncClient",
    "aerospike-native (awaited)": "NativeAsync",
    "aerospike-sdk (awaited)": "SdkAsync",
}
"""Each client by the class of `tests.conformance.surfaces` that speaks to it."""


PLENTY: Final = 300
"""Connections for each node that no load here uses up."""


def surface(client: str, cluster: LocalCluster, pool: int = PLENTY) -> Any:
    """Return a way to use a client, not yet connected, with `pool` connections for each node."""
    surfaces: Any = importlib.import_module("tests.conformance.surfaces")
    one: Any = getattr(surfaces, CLIENTS[client])(cluster)
    config = {"hosts": cluster.hosts, "max_conns_per_node": pool, **WIDE}
    if client.startswith("aerospike-py") and pool < PLENTY:
        # Its tending takes connections from the pool, and forgets a node that has none free. Whether that
        # befalls the bare or the wrapped client is chance; a tend a minute leaves it to neither.
        config["tend_interval"] = 60_000
    if client == "aerospike":
        one.connect = lambda: aerospike.client(config)
    elif client == "aerospike-py":
        one.connect = lambda: surfaces.aerospike_py.client(config).connect()
    elif client == "aerospike-py (awaited)":
        one.connect_async = lambda: surfaces.aerospike_py.AsyncClient(config).connect()
    elif client == "aerospike-native":
        one.connect = lambda: surfaces.native.new_client_blocking(_wide(pool), cluster.seeds)
    elif client == "aerospike-native (awaited)":
        one.connect_async = lambda: surfaces.native.new_client(_wide(pool), cluster.seeds)
    elif client == "aerospike-sdk":
        one.connect = lambda: _sdk("aerospike_sdk.sync", cluster, pool).connect()
    else:
        one.connect_async = lambda: _sdk("aerospike_sdk", cluster, pool).connect()
    return one


def _wide(pool: int) -> Any:
    policy = importlib.import_module("aerospike_native").ClientPolicy()
    policy.max_conns_per_node = pool
    policy.max_error_rate, policy.error_rate_window = (
        WIDE["max_error_rate"],
        WIDE["error_rate_window"],
    )
    return policy


def _sdk(package: str, cluster: LocalCluster, pool: int) -> Any:
    settings = importlib.import_module("aerospike_sdk.policy.system_settings").SystemSettings
    definition = importlib.import_module(package).ClusterDefinition
    host, port = cluster.hosts[0]
    wanted = settings(max_connections_per_node=pool)
    return definition(host, port).with_system_settings(wanted)


def wrapped(client: str, cluster: LocalCluster, pool: int = PLENTY) -> Any:
    """Return a way to use a client under the profile ``latency``."""
    one = surface(client, cluster, pool)
    one.open()
    return one


def bare(client: str, cluster: LocalCluster, pool: int = PLENTY) -> Any:
    """Return a way to use the client itself with the same ``total_timeout``."""
    one = surface(client, cluster, pool)
    if client == "aerospike":
        point, batch = {"total_timeout": POINT_MS}, {"total_timeout": BATCH_MS}
        policies = dict.fromkeys(("read", "write", "operate", "remove"), point)
        policies |= dict.fromkeys(("batch", "batch_parent_write"), batch)
        one.client = aerospike.client(
            {"hosts": cluster.hosts, "max_conns_per_node": pool, **WIDE, "policies": policies}
        )
    elif client.startswith("aerospike-sdk"):
        settings = importlib.import_module("aerospike_sdk.policy.behavior_settings").Settings
        point, batch = (
            settings(total_timeout=timedelta(milliseconds=ms)) for ms in (POINT_MS, BATCH_MS)
        )
        behavior = importlib.import_module("aerospike_sdk").Behavior.DEFAULT.derive_with_changes(
            f"bare-{id(one)}", all=point, reads_batch=batch, writes_batch=batch
        )
        one.client = _connected(one)
        one.session = one.client.create_session(behavior)
    elif client.startswith("aerospike-native"):
        one.client = _Given(_connected(one), _native_policies())
    else:
        point, batch = {"total_timeout": POINT_MS}, {"total_timeout": BATCH_MS}
        given = {
            name: {"policy": point if name in ("get", "put", "increment") else batch}
            for name in ("get", "put", "increment", "batch_read", "batch_write")
        }
        one.client = _Given(_connected(one), given)
    return one


def _connected(one: Any) -> Any:
    async def connected() -> Any:
        return await one.connect_async()

    return one.run(connected()) if one.awaited else one.connect()


def _native_policies() -> dict[str, dict[str, Any]]:
    native = importlib.import_module("aerospike_native")
    read, write, batch = native.ReadPolicy(), native.WritePolicy(), native.BatchPolicy()
    read.total_timeout = write.total_timeout = POINT_MS
    batch.total_timeout = BATCH_MS
    given = {
        "get": {"policy": read},
        "put": {"policy": write},
        "add": {"policy": write},
        "batch_read": {"batch_policy": batch},
        "batch_write": {"batch_policy": batch},
    }
    return {**given, **{f"{name}_blocking": words for name, words in given.items()}}


class _Given:
    """A client whose calls are given a policy, as it has no defaults of its own to set."""

    def __init__(self, client: Any, given: dict[str, dict[str, Any]]) -> None:
        self._client = client
        self._policies = given

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        words = self._policies.get(name)
        if words is None:
            return method
        return lambda *args, **kwargs: method(*args, **{**words, **kwargs})


@dataclass
class Tally:
    """What a load came to.

    Attributes:
        calls: operations made, by name.
        errors: how they failed, by the error's class; rows of a batch count as one failed batch.
        failed: operations that failed, those that an open node refused left aside.
        refused: operations that were refused because a node was open.
        over_ms: how much longer than its deadline the longest of single records took, in ms; negative
            if none did.
        batch_over_ms: the same of batches.
        over: how often one took more than 20 ms longer than its deadline.
        acknowledged: increments that were answered.
        in_doubt: increments that failed and may have been applied.
    """

    calls: dict[str, int] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    failed: int = 0
    refused: int = 0
    over_ms: float = -POINT_MS
    batch_over_ms: float = -BATCH_MS
    over: int = 0
    acknowledged: int = 0
    in_doubt: int = 0

    @property
    def share(self) -> float:
        """The share of operations that failed, refusals by open nodes left aside."""
        return self.failed / max(self.total - self.refused, 1)

    @property
    def served(self) -> float:
        """The share of all operations that succeeded, refused ones counted as failures."""
        return 1 - (self.failed + self.refused) / max(self.total, 1)

    @property
    def total(self) -> int:
        """All operations made."""
        return sum(self.calls.values())

    def add(self, other: Tally) -> None:
        """Take in another thread's."""
        self.calls = dict(Counter(self.calls) + Counter(other.calls))
        self.errors = dict(Counter(self.errors) + Counter(other.errors))
        self.failed += other.failed
        self.refused += other.refused
        self.over_ms = max(self.over_ms, other.over_ms)
        self.batch_over_ms = max(self.batch_over_ms, other.batch_over_ms)
        self.over += other.over
        self.acknowledged += other.acknowledged
        self.in_doubt += other.in_doubt


MIX: Final = ("get",) * 8 + ("put",) * 4 + ("increment",) * 6 + ("batch_get", "batch_put")


class Load:
    """Threads that use one client until they are told to stop.

    Args:
        one: the way to use the client.
        name: names its counters, so that each client has its own.
        threads: how many.
        interval_s: how long each rests from the start of a call to the next at least, in seconds.
        mix: what they call, chosen at random.
    """

    def __init__(
        self,
        one: Any,
        name: str,
        threads: int,
        interval_s: float = 0.0,
        mix: tuple[str, ...] = MIX,
    ) -> None:
        self._one = one
        self._name = name
        self._interval_s = interval_s
        self._mix = mix
        self._stop = threading.Event()
        self.tallies = [Tally() for _ in range(threads)]
        self._threads = [
            threading.Thread(target=self._work, args=(number,), daemon=True)
            for number in range(threads)
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def counters(self) -> list[str]:
        """The keys of the records that are incremented."""
        return [f"{self._name}-{number}" for number in range(COUNTERS)]

    @property
    def increments(self) -> int:
        """Increments made so far."""
        return sum(tally.calls.get("increment", 0) for tally in self.tallies)

    @property
    def acknowledged(self) -> int:
        """Increments that were answered so far."""
        return sum(tally.acknowledged for tally in self.tallies)

    def total(self) -> Tally:
        """Return what all threads came to."""
        total = Tally()
        for tally in self.tallies:
            total.add(tally)
        return total

    def _work(self, number: int) -> None:
        chance, tally = random.Random(f"{self._name}{number}"), self.tallies[number]
        counters = self.counters
        while not self._stop.is_set():
            began = time.perf_counter()
            operation = chance.choice(self._mix)
            if operation == "increment":
                key = chance.choice(counters)
                self._increment(tally, lambda: self._one.increment(key))  # noqa: B023
            elif operation.startswith("batch"):
                rows = chance.sample(range(RECORDS), ROWS)
                method = getattr(self._one, operation)
                self._batch(tally, operation, lambda: method(rows))  # noqa: B023
            else:
                record = chance.randrange(RECORDS)
                args = (record,) if operation == "get" else (record, {"n": record})
                self._timed(tally, operation, lambda: getattr(self._one, operation)(*args))  # noqa: B023
            rest_s = self._interval_s - (time.perf_counter() - began)
            if rest_s > 0:
                self._stop.wait(rest_s)

    def _increment(self, tally: Tally, call: Callable[[], Any]) -> None:
        error = self._timed(tally, "increment", call)
        if error is None:
            tally.acknowledged += 1
        elif may_be_applied(error):
            tally.in_doubt += 1

    def _batch(self, tally: Tally, operation: str, call: Callable[[], Any]) -> None:
        found: list[Any] = []
        error = self._timed(tally, operation, lambda: found.extend(call()))
        bad = None if operation == "batch_get" else [code for code in found if code != 0]
        if operation == "batch_get" and any(bins is None for bins in found):
            bad = [9]
        if error is None and bad:
            if OPEN_CODES.issuperset(bad):
                tally.refused += 1
            else:
                tally.failed += 1
            _count(tally.errors, f"rows {sorted(set(bad))}")

    @staticmethod
    def _timed(tally: Tally, operation: str, call: Callable[[], Any]) -> Exception | None:
        failure: Exception | None = None
        began = time.perf_counter()
        try:
            call()
        except Exception as error:  # noqa: BLE001 - what is raised is what is measured
            failure = error
        took_ms = (time.perf_counter() - began) * 1000
        _count(tally.calls, operation)
        if operation.startswith("batch"):
            over_ms = took_ms - BATCH_MS
            tally.batch_over_ms = max(tally.batch_over_ms, over_ms)
        else:
            over_ms = took_ms - POINT_MS
            tally.over_ms = max(tally.over_ms, over_ms)
        tally.over += over_ms > 20
        if failure is not None:
            _count(tally.errors, f"{operation}: {type(failure).__name__}")
            if is_refusal(failure):
                tally.refused += 1
            else:
                tally.failed += 1
        return failure


def _count(counter: dict[str, int], name: str) -> None:
    counter[name] = counter.get(name, 0) + 1


OPEN_CODES: Final = frozenset({-14, -12})
"""What rows have that an open node refused: the clients' codes for a tripped breaker."""


def _chain(error: BaseException) -> list[BaseException]:
    """Return an error and its causes; some clients make an error its own cause."""
    found: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in found:
        found.append(one)
        one = one.__cause__
    return found


def is_refusal(error: Exception) -> bool:
    """Return whether an open node refused."""
    return any(isinstance(one, CircuitOpenError) for one in _chain(error))


def may_be_applied(error: Exception) -> bool:
    """Return whether a failed write may have been applied, by the error's own word."""
    chain = _chain(error)
    told = [attempts for one in chain if (attempts := getattr(one, "attempts", None))]
    if told:  # some clients' errors insist on a doubt of their own
        return any(one.failure.in_doubt for one in told[-1] if one.failure is not None)
    if any(isinstance(one, RefusedError) for one in chain):
        return False
    return bool(getattr(error, "in_doubt", True))
