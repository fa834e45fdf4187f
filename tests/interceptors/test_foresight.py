"""`observe` counts what another profile would have done, beside what really became of the calls."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter

import pytest
from aerospike import exception
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from aerospike_resilience import PolicyFileError, resilient
from aerospike_resilience.interceptors import VirtualGate
from aerospike_resilience.testing import LocalCluster
from tests.conftest import UNHURRIED
from tests.test_fork import in_child
from tests.waiting import PATIENCE_S, until

SET = "foresight"

LASTING = {"breaker": {"error_rate_window": 60}}
"""A node that opened is open for a minute."""

PATIENT = "version: 1\nextends: latency\nadaptive_timeout: {max: 60s}\n"
"""A profile to compare with for which no read is slow: what a busy machine adds shows nothing."""


@pytest.fixture(scope="module")
def cluster():
    with LocalCluster(nodes=3, replication_factor=2, heartbeat_timeout=UNHURRIED) as found:
        found.wait_until_stable()
        yield found


@pytest.fixture
def wrap(cluster, connect):
    clients = []

    def wrap_(profile="observe", **options):
        client = resilient(connect(cluster), profile, **options)
        clients.append(client)
        return client

    yield wrap_
    for client in clients:
        client.resilience.close()


def key_of(cluster, node: str):
    """A key whose record the node is master of."""
    keys = (("test", SET, n) for n in range(10_000))
    return next(key for key in keys if cluster.master(*key).name == node)


def counted(client, action: str) -> Counter[tuple[str, str, str]]:
    """The counters of an action by node, reason and what became of the calls."""
    found = client.resilience.snapshot()["would_have"]["actions"][action]
    return Counter(
        {
            (node, reason, became): count
            for node, reasons in found.items()
            for reason, counts in reasons.items()
            for became, count in counts.items()
            if count
        }
    )


def test_calls_that_an_open_node_would_refuse_are_counted_with_what_became_of_them(cluster, wrap):
    reader = InMemoryMetricReader()
    client = wrap(meter_provider=MeterProvider([reader]), overrides=LASTING)
    key = key_of(cluster, "A1")
    with cluster.inject(node="A1", op="put", code="DEVICE_OVERLOAD"):

        def foreseen() -> bool:
            with pytest.raises(exception.DeviceOverload):
                client.put(key, {"n": 1})
            return counted(client, "refused")["A1", "overload", "failed"] > 0

        until(foreseen)
    client.put(key, {"n": 1})  # the node is open still, and serves

    assert counted(client, "refused")["A1", "overload", "served"] == 1
    retried = counted(client, "retried")
    assert retried["A1", "overload", "failed"] > 0
    assert set(retried) == {("A1", "overload", "failed")}
    points = {
        tuple(sorted(point.attributes.items())): point.value
        for resource in reader.get_metrics_data().resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == "aerospike.resilience.would_have"
        for point in metric.data.data_points
    }
    by_outcome = {
        (found["aerospike.resilience.action"], found["aerospike.resilience.became"]): value
        for attributes, value in points.items()
        for found in [dict(attributes)]
    }
    assert by_outcome["refused", "served"] == 1
    assert by_outcome["retried", "failed"] == sum(retried.values())


def test_reads_that_would_leave_a_silent_node_are_counted(cluster, wrap):
    client = wrap()
    key = key_of(cluster, "A2")
    client.put(key, {"n": 1})
    cluster.stall("A2")
    try:

        def hurried() -> bool:
            with contextlib.suppress(exception.TimeoutError):
                client.get(key, policy={"total_timeout": 60, "socket_timeout": 60})
            return any(
                reason in ("suspect", "silence") for _, reason, _ in counted(client, "hurried")
            )

        until(hurried)
    finally:
        cluster.resume("A2")
    assert {node for node, _, _ in counted(client, "hurried")} == {"A2"}
    assert ("A2", "timeout", "failed") in counted(client, "retried")


def test_a_read_that_is_slower_than_the_other_profile_waits_counts_as_hurried(cluster, wrap):
    client = wrap()
    key = key_of(cluster, "A3")
    client.put(key, {"n": 1})
    with cluster.inject(node="A3", op="get", latency="60ms"):
        client.get(key)

    assert counted(client, "hurried") == {("A3", "slow", "served"): 1}
    assert not counted(client, "retried")


def test_a_missing_record_is_an_answer(wrap, tmp_path):
    (tmp_path / "patient.yaml").write_text(PATIENT)
    client = wrap(policies=tmp_path, overrides={"telemetry": {"would_have": "patient"}})
    with pytest.raises(exception.RecordNotFound):
        client.get(("test", SET, "no such"))

    assert all(not counted(client, action) for action in ("refused", "hurried", "shed", "retried"))


def test_calls_that_the_other_profiles_gate_would_shed_are_counted(cluster, wrap, tmp_path):
    (tmp_path / "narrow.yaml").write_text(
        "version: 1\nextends: latency\n"
        "backpressure: {max_concurrent_operations: 1, operation_queue_timeout: 5ms}\n"
    )
    client = wrap(policies=tmp_path, overrides={"telemetry": {"would_have": "narrow"}})
    key = key_of(cluster, "A1")
    client.put(key, {"n": 1})
    with cluster.inject(op="get", latency="300ms"):
        threads = [threading.Thread(target=client.get, args=(key,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert client.resilience.snapshot()["would_have"]["profile"] == "narrow"
    assert 1 <= counted(client, "shed")["", "timeout", "served"] <= 3
    assert client.resilience.snapshot()["gate"]["limit"] == 0


async def test_awaited_calls_are_counted_too(cluster):
    aerospike_py = pytest.importorskip("aerospike_py")
    bare = aerospike_py.AsyncClient({"hosts": cluster.hosts})
    await bare.connect()
    client = resilient(bare, "observe")
    key = key_of(cluster, "A3")
    health = client.resilience._engine.shared.health
    async with asyncio.timeout(PATIENCE_S):
        while not health.maps.newest.namespaces:  # by which a read is known to have a replica
            await asyncio.sleep(0.005)
    await client.put(key, {"n": 1})
    with cluster.inject(node="A3", op="get", latency="60ms"):
        await client.get(key)

    assert counted(client, "hurried") == {("A3", "slow", "served"): 1}
    await client.close()


def test_an_unknown_profile_to_compare_with_is_an_error_of_the_file(cluster, wrap, tmp_path):
    (tmp_path / "mine.yaml").write_text(
        "version: 1\nextends: observe\ntelemetry:\n  would_have: latensy\n"
    )

    with pytest.raises(PolicyFileError, match=r"mine.yaml:4.*would_have.*latency"):
        wrap("mine", policies=tmp_path)


def test_a_profile_that_compares_with_none_counts_nothing(wrap):
    assert wrap("latency").resilience.snapshot()["would_have"] is None


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_begins_with_no_counts(cluster, wrap):
    client = wrap()
    key = key_of(cluster, "A3")
    client.put(key, {"n": 1})
    with cluster.inject(node="A3", op="get", latency="60ms"):
        client.get(key)

    assert in_child(lambda: not counted(client, "hurried")) == 0
    assert counted(client, "hurried")


def test_the_virtual_gate_serves_in_turn_and_refuses_who_waits_too_long():
    gate = VirtualGate(limit=1, queue_timeout_s=1.0)
    first, second, third = (gate.enter(0.0, 10.0) for _ in range(3))

    assert not gate.leave(first, 0.5)  # the second has its permit now
    assert not gate.leave(second, 2.0)  # and the third has waited too long
    assert gate.leave(third, 2.5)
    assert not gate.leave(gate.enter(3.0, 10.0), 4.0)


def test_who_ends_before_its_turn_at_the_virtual_gate_is_not_refused_and_takes_no_permit():
    gate = VirtualGate(limit=1, queue_timeout_s=1.0)
    first, second, third = (gate.enter(0.0, 10.0) for _ in range(3))

    assert not gate.leave(second, 0.2)
    assert not gate.leave(first, 0.3)
    assert not gate.leave(third, 5.0)  # it had its permit from 0.3 on


def test_without_a_queue_timeout_the_virtual_gate_goes_by_the_deadline():
    gate = VirtualGate(limit=1, queue_timeout_s=0.0)
    gate.enter(0.0, 10.0)

    assert not gate.leave(gate.enter(0.0, 10.0), 9.0)
    assert gate.leave(gate.enter(0.0, 2.0), 2.0)
