"""Scopes of strongly consistent namespaces hold for records of those, and for no others."""

from __future__ import annotations

import aerospike
import pytest

from aerospike_resilience import resilient
from tests.waiting import until

WORDS = {
    "policy": {
        "reads": {"total_timeout": "111ms"},
        "reads_sc": {"total_timeout": "222ms", "read_mode_sc": "linearize"},
        "writes_sc": {"durable_delete": True},
    }
}


@pytest.fixture
def client(healthy, connect):
    wrapped = resilient(connect(healthy), "latency", overrides=WORDS)
    health = wrapped.resilience._engine.shared.health
    until(lambda: health.partitions.namespaces)
    yield wrapped
    wrapped.resilience.close()


def plan_of(client, namespace: str, name: str = "get"):
    runtime = client.resilience._engine.runtime
    operation = runtime.planner._adapter.operations[name]
    key = (namespace, "s", 1)
    args = (key, {"n": 1}) if name == "put" else (key,)
    return runtime.planner.prepare(operation, args, {}).plan


def test_a_record_of_a_strong_namespace_takes_its_scopes(client):
    client.resilience._engine.shared.health.strong = frozenset({"bank"})

    strong, other = plan_of(client, "bank"), plan_of(client, "test")

    assert (strong.total_timeout_s, other.total_timeout_s) == (0.222, 0.111)
    assert strong.fields["read_mode_sc"] == aerospike.POLICY_READ_MODE_SC_LINEARIZE
    assert not strong.failover  # a linearized read is the master's alone
    assert strong.native_retries == 0
    assert plan_of(client, "bank", "put").fields["durable_delete"] is True
    assert "durable_delete" not in plan_of(client, "test", "put").fields


def test_explain_knows_the_namespace(client):
    client.resilience._engine.shared.health.strong = frozenset({"bank"})

    explain = client.resilience.explain
    assert explain("get", set="bank").value("total_timeout") == 222
    assert explain("get", set="test").value("total_timeout") == 111


def test_calls_work_where_the_profile_tells_them_apart(client):
    client.put(("test", "consistency", 1), {"n": 1})

    assert client.get(("test", "consistency", 1))[2] == {"n": 1}
    assert client.resilience._engine.shared.health.strong == frozenset()
