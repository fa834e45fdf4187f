"""Every shipped profile does what its first line says."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import aerospike
import pytest
from aerospike import exception

from aerospike_resilience import (
    BackpressureError,
    CircuitOpenError,
    DeadlineExceededError,
    resilient,
)
from aerospike_resilience.clients.aerospike.operations import OPERATIONS
from aerospike_resilience.model.operation import Kind
from aerospike_resilience.profiles import PolicyLibrary
from tests.waiting import until

KEY = ("test", "shipped", 1)
SERVED = {"total_timeout": 20_000, "socket_timeout": 10_000}


class Recording(aerospike.Client):
    """The real client, which remembers the policy of every native call."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self.sent: list[tuple[str, dict[str, Any] | None]] = []

    def get(self, key, policy=None):
        self.sent.append(("get", policy))
        return super().get(key, policy)

    def put(self, key, bins, meta=None, policy=None):
        self.sent.append(("put", policy))
        return super().put(key, bins, meta, policy)

    def batch_read(self, keys, bins=None, policy=None):
        self.sent.append(("batch_read", policy))
        return super().batch_read(keys, bins, policy)


class Hold:
    """Keeps the first read at its place in the chain until it is let go."""

    def __init__(self) -> None:
        self.held, self.let_go = threading.Event(), threading.Event()

    def around(self, call, proceed):
        if call.plan.operation.name == "get" and not self.held.is_set():
            self.held.set()
            self.let_go.wait(60)
        return proceed(call)

    around_async = around


class HoldAll:
    """Keeps every read at its place in the chain until they are let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()

    def around(self, call, proceed):
        if call.plan.operation.name == "get":
            self.let_go.wait(60)
        return proceed(call)

    around_async = around


@pytest.fixture
def wrap():
    """Wrap a recording client of a cluster under a profile."""
    wrapped = []

    def wrap_(cluster, name: str, **more: Any):
        client = Recording({"hosts": cluster.hosts, "max_conns_per_node": 600})
        wrapped.append(resilient(client, name, **more))
        wrapped[-1].put(KEY, {"n": 1}, policy=SERVED)
        client.sent.clear()
        return wrapped[-1], client.sent

    yield wrap_
    for client in wrapped:
        client.close()


@pytest.fixture
def calm(healthy):
    yield healthy
    healthy.clear_faults()


def limits(sent: list, name: str) -> list[tuple[int, int, int]]:
    """Whole time, time for one node and retries of every native call of an operation."""
    return [
        (policy["total_timeout"], policy["socket_timeout"], policy["max_retries"])
        for called, policy in sent
        if called == name
    ]


def test_latency_leaves_a_stalled_node_for_its_replica(cluster, wrap):
    client, sent = wrap(cluster, "latency")
    master, replica = cluster.owners(*KEY)
    cluster.stall(master)
    before = cluster.requests("get", node=replica)

    assert client.get(KEY)[2] == {"n": 1}

    assert cluster.requests("get", node=replica) == before + 1
    total, socket, _retries = limits(sent, "get")[0]
    assert total == 250
    assert socket <= 40
    node = client.resilience.nodes[master.name]
    assert (node["left_early"], node["suspect"]) == (1, True)


def refusal(client) -> str:
    with pytest.raises(BackpressureError) as caught:
        client.get(KEY)
    return str(caught.value)


@pytest.mark.parametrize(("name", "waited"), [("latency", " 50 ms"), ("best-effort", " 5 ms")])
def test_latency_and_best_effort_never_queue_for_long(name, waited, calm, wrap):
    hold, one = Hold(), {"backpressure": {"max_concurrent_operations": 1}}
    client, _sent = wrap(
        calm, name, overrides=one, arrange=lambda chain: [*chain[:-1], hold, chain[-1]]
    )

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.get, KEY)
        hold.held.wait(60)
        until(lambda: waited in refusal(client))  # it says how long it really was, to the ms
        hold.let_go.set()
        with suppress(exception.TimeoutError, DeadlineExceededError):
            first.result()


def test_default_has_reads_move_on_where_the_bare_client_gives_up(calm, wrap, bare):
    all_the_time = {"policy": {"all": {"total_timeout": "20s"}}}
    client, _sent = wrap(calm, "default", overrides=all_the_time)
    shipped, sent = wrap(calm, "default")
    with suppress(exception.TimeoutError):  # what it comes to is the machine's
        shipped.get(KEY)
    total, socket, _retries = limits(sent, "get")[0]
    assert 2 * socket <= total  # the replica has as much time as its master had
    master = calm.master(*KEY)

    with calm.inject(node=master, op="get", answer="drop"):
        assert client.get(KEY)[2] == {"n": 1}
        with pytest.raises(exception.TimeoutError):
            bare.get(KEY)


@pytest.mark.parametrize("fault", ["stall", "kill"])
def test_durable_outlasts_the_eviction_of_a_node(cluster, wrap, bare, fault):
    """The survivors evict a silent node after about two seconds; then its replica is the master."""
    client, sent = wrap(cluster, "durable")
    master, survivor = cluster.owners(*KEY)
    getattr(cluster, fault)(master)

    client.put(KEY, {"n": 2})

    assert cluster.master(*KEY) is survivor
    assert {policy["commit_level"] for _, policy in sent} == {aerospike.POLICY_COMMIT_LEVEL_ALL}
    assert client.get(KEY)[2] == {"n": 2}
    if fault == "stall":
        cluster.resume(master)  # so that no client waits for it when it is closed


def test_durable_keeps_the_user_key_with_the_record(calm, wrap):
    _client, _sent = wrap(calm, "durable")
    other, _ = wrap(calm, "observe")

    found: list = []
    other.query("test", "shipped").foreach(lambda record: found.append(record[0][2]))
    assert KEY[2] in found


def test_best_effort_gives_up_fast(calm, wrap):
    client, sent = wrap(calm, "best-effort")

    with calm.inject(op=("get", "put"), answer="drop"):
        reads, writes = calm.requests("get"), calm.requests("put")
        with pytest.raises(exception.TimeoutError):
            client.get(KEY)
        with pytest.raises(exception.TimeoutError):
            client.put(KEY, {"n": 2})

    assert calm.requests("get") - reads <= 2
    assert calm.requests("put") - writes == 1
    assert all(total <= 50 for total, _, _ in limits(sent, "get") + limits(sent, "put"))
    assert {policy["commit_level"] for name, policy in sent if name == "put"} == {
        aerospike.POLICY_COMMIT_LEVEL_MASTER
    }


def test_observe_sends_what_the_bare_client_sends(calm, wrap, bare):
    client, sent = wrap(calm, "observe")
    calls = (
        lambda c: c.get(KEY),
        lambda c: c.put(KEY, {"n": 1}),
        lambda c: c.batch_read([KEY]),
        lambda c: c.increment(KEY, "n", 0),
    )

    def requests(who) -> list[int]:
        counted = []
        for call in calls:
            before = calm.requests("data")
            with suppress(exception.AerospikeError):
                call(who)
            counted.append(calm.requests("data") - before)
        return counted

    assert requests(client) == requests(bare)
    with calm.inject(code=18):
        assert requests(client) == requests(bare)
    assert {policy for _, policy in sent} == {None}


def test_observe_refuses_nothing_and_tells_what_it_would_have_done(cluster, wrap):
    client, _sent = wrap(cluster, "observe")
    master = cluster.master(*KEY)
    with cluster.inject(node=master, op="put", code="DEVICE_OVERLOAD"):
        for _ in range(40):
            with pytest.raises(exception.DeviceOverload):
                client.put(KEY, {"n": 2})

        assert until(lambda: client.resilience.nodes[master.name]["state"] == "open")
        with pytest.raises(exception.DeviceOverload) as caught:
            client.put(KEY, {"n": 2})

    assert not isinstance(caught.value, CircuitOpenError)
    assert client.resilience.snapshot()["gate"]["limit"] == 0


@pytest.mark.parametrize(
    ("name", "read", "write", "batch", "gate"),
    [
        ("throughput", (2000, 500, 1), (2000, 900, 0), (5000, 1500, 1), 512),
        ("batch", (10_000, 2000, 1), (10_000, 3000, 0), (30_000, 5000, 1), 64),
    ],
)
def test_throughput_and_batch_have_their_gate_and_their_patience(
    name, read, write, batch, gate, calm, wrap
):
    """One retry of a read is native, to move to the replica; those of writes are ours."""
    client, sent = wrap(calm, name)
    client.get(KEY)
    client.put(KEY, {"n": 1})
    client.batch_read([KEY])

    assert limits(sent, "get") == [read]
    assert limits(sent, "put") == [write]
    assert limits(sent, "batch_read") == [batch]
    assert client.resilience.snapshot()["gate"]["limit"] == gate


def test_batch_lets_no_more_through_than_its_gate_and_keeps_the_others_waiting(calm, wrap):
    hold = HoldAll()
    client, _sent = wrap(calm, "batch", arrange=lambda chain: [*chain[:-1], hold, chain[-1]])

    def gate(what: str) -> int:
        return client.resilience.snapshot()["gate"][what]

    with ThreadPoolExecutor(70) as pool:
        calls = [pool.submit(client.get, KEY) for _ in range(70)]
        until(lambda: gate("waiting") == 6)
        assert gate("in_flight") == 64
        hold.let_go.set()
        assert {call.result()[2]["n"] for call in calls} == {1}
    assert not any(client.resilience.snapshot()["gate"]["rejected"].values())


@pytest.mark.parametrize("name", PolicyLibrary().names())
def test_every_value_of_a_shipped_file_has_a_comment_that_says_why(name):
    path = PolicyLibrary().find(name)
    bare = [
        line
        for line in path.read_text().splitlines()
        if line.strip()
        and not line.lstrip().startswith("#")
        and not line.rstrip().endswith(":")
        and not line.startswith(("version", "description", "extends"))
        and "#" not in line
    ]

    assert bare == []


@pytest.mark.parametrize("name", PolicyLibrary().names())
def test_retries_of_shipped_profiles_are_real(name):
    """A socket timeout that uses up the whole time leaves nothing for a second try."""
    profile = PolicyLibrary().load(name)
    for operation in OPERATIONS.values():
        if operation.kind not in (Kind.READ, Kind.WRITE):
            continue  # info and admin commands have one timeout and no retries
        for retryable in (True, False):
            found = {
                k: s.value for k, s in profile.settings(operation, retryable=retryable).items()
            }
            total, socket = found.get("total_timeout", 0), found.get("socket_timeout", 0)
            if total and found.get("max_retries"):
                tries = min(found["max_retries"] + 1, 2)
                assert 0 < socket <= total / tries, (name, operation.name, found)
