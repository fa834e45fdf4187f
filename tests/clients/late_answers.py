"""Clients that are answered too late: in their own words, with the policy in the call or in a profile."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar

import aerospike
import aerospike_py
from aerospike_sdk import Host
from aerospike_sdk import exceptions as sdk_errors
from aerospike_sdk.policy import Behavior, Settings

from aerospike_resilience import resilient
from tests.conformance.surfaces import (
    ClusterDefinition,
    DataSet,
    Loop,
    SyncClusterDefinition,
    native,
)
from tests.waiting import until

TLS_NAME = "127.0.0.1"
KEY = ("test", "late", 1)
BOTH = [KEY, ("test", "late", 2)]
SOCKET_MS, TOTAL_MS, QUERY_MS = 200, 20_000, 2_000
SCOPES = (
    *("reads", "reads_batch", "reads_query"),
    *("writes", "writes_retryable", "writes_non_retryable", "writes_batch"),
)
WIDE = {"max_error_rate": 10_000, "error_rate_window": 100}
ALONE: dict[str, Any] = {
    "breaker": {"mode": "off"},
    "adaptive_timeout": None,
    "lint": {"ignore": {"AR003": "what is tested", "AR017": "what is tested"}},
}
"""For a profile under which a call makes one attempt, whatever became of the calls before."""


def fields(delay_ms: int) -> dict[str, int]:
    """Return a policy under which an attempt ends early, and the call has time left."""
    return {
        "socket_timeout": SOCKET_MS,
        "total_timeout": TOTAL_MS,
        "max_retries": 0,
        "timeout_delay": delay_ms,
    }


def patiently(call: Callable[[], Any]) -> None:
    """Make a call until it succeeds: on a busy machine a node answers later than the client waits."""

    def done() -> bool:
        try:
            call()
        except Exception:
            return False
        return True

    until(done)


class Late:
    """One client of a cluster.

    Args:
        cluster: the cluster.
        ca_file: the authority to trust, if the cluster speaks TLS.
        delay_ms: ``timeout_delay``.
        way: ``bare`` or ``caller`` (wrapped), with the policy in the call; ``profile``.
        config: more of the C client's configuration.
    """

    name: ClassVar[str]
    error: ClassVar[type[Exception] | tuple[type[Exception], ...]]
    tls: ClassVar[bool] = True

    def __init__(
        self, cluster: Any, ca_file: str | None, delay_ms: int, way: str, **config: Any
    ) -> None:
        self.cluster, self.ca_file, self.delay_ms, self.way = cluster, ca_file, delay_ms, way
        self.config = config
        self.open()

    def open(self) -> None:
        """Connect, wrap and write the record."""
        raise NotImplementedError

    def get(self) -> Any:
        """Read the record."""
        raise NotImplementedError

    def put(self) -> Any:
        """Write the record. For ``profile`` only, as `batch` and `query`."""
        raise NotImplementedError

    def batch(self) -> Any:
        """Read the record and another in a batch."""
        raise NotImplementedError

    def query(self) -> Any:
        """Read the whole set."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the client."""
        raise NotImplementedError

    def drained(self) -> bool:
        """Return whether no connection waits for a late answer, where the client tells."""
        return True

    def wrapped(self, client: Any) -> Any:
        """Return the client as the way has it."""
        if self.way == "bare":
            return client
        own = {}
        if self.way == "profile":
            said = fields(self.delay_ms)
            queries = {**said, "total_timeout": QUERY_MS}
            own = {"policy": {**dict.fromkeys(SCOPES, said), "reads_query": queries}}
        return resilient(client, "latency", overrides={**ALONE, **own})

    @property
    def by_call(self) -> bool:
        """Whether the policy goes with the call."""
        return self.way != "profile"


class LateC(Late):
    name = "aerospike"
    error = aerospike.exception.TimeoutError

    def open(self):
        hosts = self.cluster.hosts
        config: dict[str, Any] = {"hosts": hosts, "tend_interval": 250, **WIDE, **self.config}
        if self.ca_file:
            config["hosts"] = [(host, port, TLS_NAME) for host, port in hosts]
            config["tls"] = {"enable": True, "cafile": self.ca_file}
        self.bare = aerospike.client(config)
        self.client = self.wrapped(self.bare)
        patiently(lambda: self.client.put(KEY, {"n": 1}))

    def get(self):
        return self.client.get(KEY, fields(self.delay_ms) if self.by_call else None)

    def put(self):
        return self.client.put(KEY, {"n": 2})

    def batch(self):
        return self.client.batch_read(BOTH)

    def query(self):
        return self.client.query(*KEY[:2]).results()

    def drained(self):
        return self.bare.get_stats().recover_queue_size == 0

    def recovered(self):
        return sum(node.conns.recovered for node in self.bare.get_stats().nodes)

    def close(self):
        self.client.close()


class LatePy(Late):
    name = "aerospike-py"
    error = aerospike_py.AerospikeTimeoutError
    tls = False

    def open(self):
        bare = aerospike_py.client({"hosts": self.cluster.hosts}).connect()
        self.client = self.wrapped(bare)
        patiently(lambda: self.client.put(KEY, {"n": 1}))

    def get(self):
        return self.client.get(KEY, policy=fields(self.delay_ms) if self.by_call else None)

    def put(self):
        return self.client.put(KEY, {"n": 2})

    def batch(self):
        return self.client.batch_read(BOTH)

    def query(self):
        return self.client.query(*KEY[:2]).results()

    def close(self):
        self.client.close()


class LatePyAsync(Late):
    name = "aerospike-py-async"
    error = aerospike_py.AerospikeTimeoutError
    tls = False

    def open(self):
        self.loop = Loop()
        self.loop.run(self._opened())
        patiently(lambda: self.loop.run(self.client.put(KEY, {"n": 1})))

    async def _opened(self):
        bare = aerospike_py.AsyncClient({"hosts": self.cluster.hosts})
        await bare.connect()
        self.client = self.wrapped(bare)

    def get(self):
        return self.loop.run(
            self.client.get(KEY, policy=fields(self.delay_ms) if self.by_call else None)
        )

    def put(self):
        return self.loop.run(self.client.put(KEY, {"n": 2}))

    def batch(self):
        return self.loop.run(self.client.batch_read(BOTH))

    def query(self):
        return self.loop.run(self.client.query(*KEY[:2]).results())

    def close(self):
        self.loop.run(self.client.close())
        self.loop.stop()


class LateNative(Late):
    name = "aerospike-native"
    error = native.exceptions.TimeoutError

    def open(self):
        policy = native.ClientPolicy()
        seeds = self.cluster.seeds
        if self.ca_file:
            policy.tls_config = native.TlsConfig(self.ca_file)
            seeds = ",".join(f"{host}:{TLS_NAME}:{port}" for host, port in self.cluster.hosts)
        self.client = self.wrapped(native.new_client_blocking(policy, seeds))
        patiently(lambda: self.client.put_blocking(native.Key(*KEY), {"n": 1}))

    def get(self):
        if not self.by_call:
            return self.client.get_blocking(native.Key(*KEY))
        policy = native.ReadPolicy()
        for name, value in fields(self.delay_ms).items():
            setattr(policy, name, value)
        return self.client.get_blocking(native.Key(*KEY), policy=policy)

    def put(self):
        return self.client.put_blocking(native.Key(*KEY), {"n": 2})

    def batch(self):
        return self.client.batch_read_blocking([native.Key(*key) for key in BOTH])

    def query(self):
        statement = native.Statement(*KEY[:2])
        return list(self.client.query_blocking(statement, native.PartitionFilter.all()))

    def close(self):
        self.client.close_blocking()


class LateSdk(Late):
    name = "aerospike-sdk"
    error = sdk_errors.TimeoutError
    record = DataSet.of(*KEY[:2]).id(KEY[2])

    def behavior(self):
        """Return the behavior that says the same of reads."""
        settings = Settings(
            socket_timeout=timedelta(milliseconds=SOCKET_MS),
            total_timeout=timedelta(milliseconds=TOTAL_MS),
            max_retries=0,
            timeout_delay=timedelta(milliseconds=self.delay_ms),
        )
        return Behavior.DEFAULT.derive_with_changes(
            f"late-{self.way}-{self.delay_ms}", reads=settings
        )

    def session(self, cluster):
        client = self.wrapped(cluster)
        return client, client.create_session(*([self.behavior()] if self.by_call else []))

    def open(self):
        definition = SyncClusterDefinition(*self.cluster.hosts[0])
        if self.ca_file:
            self.loop = Loop()
            self.loop.run(self._opened())
            patiently(lambda: self.loop.run(self._written()))
            return
        self.loop = None
        self.client, self.sessions = self.session(definition.connect())
        patiently(lambda: self.sessions.put(self.record, {"n": 1}))

    async def _opened(self):
        hosts = [Host(host, port, TLS_NAME) for host, port in self.cluster.hosts]
        definition = ClusterDefinition(hosts=hosts).with_tls_config(
            tls_name=TLS_NAME, ca_file=self.ca_file
        )
        self.client, self.sessions = self.session(await definition.connect())

    async def _written(self):
        await self.sessions.put(self.record, {"n": 1})

    def get(self):
        if self.loop is None:
            return self.sessions.get(self.record)
        return self.loop.run(self._got())

    def put(self):
        return self.sessions.put(self.record, {"n": 2})

    def batch(self):
        keys = [DataSet.of(*KEY[:2]).id(n) for _namespace, _set, n in BOTH]
        return list(self.sessions.query(*keys).execute())

    def query(self):
        return list(self.sessions.query(DataSet.of(*KEY[:2])).execute())

    async def _got(self):
        return await self.sessions.get(self.record)

    async def _closed(self):
        await self.client.close()

    def close(self):
        if self.loop is None:
            self.client.close()
        else:
            self.loop.run(self._closed())
            self.loop.stop()


LATE = (LateC, LatePy, LatePyAsync, LateNative, LateSdk)
