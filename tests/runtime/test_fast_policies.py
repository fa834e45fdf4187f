"""Which policy a first attempt sends: none that the client's own configuration has already."""

from __future__ import annotations

from typing import Any

import aerospike
import aerospike_native
import pytest

from aerospike_resilience import resilient
from aerospike_resilience.testing import LocalCluster
from tests.patience import NEVER_LATE
from tests.waiting import until

FIELDS = {
    "total_timeout": 1500,
    "socket_timeout": 400,
    "max_retries": 0,
    "sleep_between_retries": 0,
    "timeout_delay": 0,
}
SAME = {"policy": {"all": FIELDS, "reads": {"socket_timeout": 400}, "writes": FIELDS}}
CONFIGURED = dict.fromkeys(("read", "write", "operate", "remove"), FIELDS)
KEY = ("test", "fast", 1)


class Seen:
    """Passes a client's calls on and keeps how they were made."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.named: list[dict[str, Any]] = []

    def get(self, *args: Any, **named: Any) -> Any:
        self.named.append(named)
        return self.client.get(*args, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)


def plans(client: Any) -> Any:
    return client.resilience._engine.runtime.plans


def test_a_configured_client_is_sent_no_policy(healthy: LocalCluster):
    bare = aerospike.client({"hosts": healthy.hosts, "policies": CONFIGURED})
    seen = Seen(bare)
    client: Any = resilient(seen, "observe", overrides=SAME, adapter="aerospike")
    client.put(KEY, {"n": 1})

    assert client.get(KEY)[2] == {"n": 1}
    assert client.get(KEY, {"total_timeout": 900})[2] == {"n": 1}

    assert seen.named[0] == {}
    assert seen.named[1]["policy"]["total_timeout"] == 900
    assert plans(client)["put"].policy["total_timeout"] == 1500
    client.close()


def test_a_value_that_differs_brings_the_whole_policy_back(healthy: LocalCluster):
    other = {**CONFIGURED, "read": {**FIELDS, "total_timeout": 1400}}
    client: Any = resilient(
        aerospike.client({"hosts": healthy.hosts, "policies": other}), "observe", overrides=SAME
    )

    assert plans(client)["get"].first == plans(client)["get"].policy is not None
    assert plans(client)["put"].first is None
    client.close()


@pytest.mark.parametrize("own", [{}, {"max_retries": True}, {"max_retries": 2}])
def test_what_the_client_does_not_tell_is_sent(own: dict[str, Any]):
    from aerospike_resilience.clients import adapter_named

    adapter = adapter_named("aerospike")

    assert not adapter.configured(own, {"max_retries": 1})
    assert adapter.configured({"max_retries": 1, "more": 2}, {"max_retries": 1})
    assert not adapter.configured({}, None)


def test_a_client_that_says_something_else_is_asked_again(healthy: LocalCluster):
    policies = {"read": dict(FIELDS)}

    class Told(Seen):
        def get_policies(self) -> dict[str, Any]:
            return {family: dict(fields) for family, fields in policies.items()}

    bare = aerospike.client({"hosts": healthy.hosts})
    client: Any = resilient(Told(bare), "observe", overrides=SAME, adapter="aerospike")
    assert plans(client)["get"].first is None

    policies["read"]["total_timeout"] = 10

    until(lambda: plans(client)["get"].first is not None)
    client.close()


def test_only_strongly_consistent_namespaces_are_sent_a_policy_for_them(healthy: LocalCluster):
    bare = aerospike_native.new_client_blocking(aerospike_native.ClientPolicy(), healthy.seeds)
    client: Any = resilient(bare, "latency", overrides=NEVER_LATE)
    health = client.resilience._engine.shared.health
    until(lambda: health.eventual)
    key = aerospike_native.Key(*KEY)

    client.put_blocking(key, {"n": 1})
    assert client.get_blocking(key).bins == {"n": 1}
    health.eventual = False
    assert client.get_blocking(key).bins == {"n": 1}
    client.close_blocking()


def test_a_policy_object_of_the_caller_is_resolved_once_for_what_it_says(
    healthy: LocalCluster, monkeypatch: pytest.MonkeyPatch
):
    bare = aerospike_native.new_client_blocking(aerospike_native.ClientPolicy(), healthy.seeds)
    client: Any = resilient(bare, "latency", overrides=NEVER_LATE)
    planner = client.resilience._engine.runtime.planner
    resolved: list[float] = []
    plan = planner.plan

    def counted(*args: Any, **named: Any) -> Any:
        found = plan(*args, **named)
        resolved.append(found.total_timeout_s)
        return found

    monkeypatch.setattr(planner, "plan", counted)
    key, policy = aerospike_native.Key(*KEY), aerospike_native.WritePolicy()
    for total_timeout in (900, 800, 900):
        policy.total_timeout = total_timeout
        for _ in range(3):
            client.put_blocking(key, {"n": 1}, policy=policy)
    same = aerospike_native.WritePolicy()
    same.total_timeout = 800
    client.put_blocking(key, {"n": 1}, policy=same)
    assert resolved == [0.9, 0.8]

    same.txn = aerospike_native.Txn()
    operation = client.resilience._engine.shared.adapter.operations["put_blocking"]
    assert planner.policy_content(operation, same) is None
    assert planner.policy_content(operation, aerospike_native.ReadPolicy()) is None
    client.close_blocking()
