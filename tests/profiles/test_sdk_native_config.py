"""The SDK's own configuration file: where its behaviors decide and not the profile is found and told."""

from __future__ import annotations

import pytest
from aerospike_sdk.policy import Behavior
from aerospike_sdk.policy import sdk_config_loader as loader
from aerospike_sdk.policy.behavior_registry import get_behavior
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from aerospike_resilience import resilient
from tests.conformance.surfaces import DataSet, SyncClusterDefinition
from tests.waiting import until

USERS = DataSet.of("test", "sdk")

FILE = (
    "behaviors:\n"
    "  patient:\n    all_operations: {{abandon_call_after: {}ms, replica_order: PREFER_RACK}}\n"
    "  same:\n    all_operations: {{delay_between_retries: 0ms}}\n"
)


@pytest.fixture
def connected(healthy, tmp_path, monkeypatch):
    """A cluster that took the file from the environment; what it did to the process is undone."""
    monkeypatch.setattr(loader, "_last_applied_behaviors", {})
    before = list(Behavior.DEFAULT._children)
    path = tmp_path / "sdk.yaml"
    path.write_text(FILE.format(777))
    monkeypatch.setenv("AEROSPIKE_SDK_CONFIG_URL", f"file://{path}")
    host, port = healthy.hosts[0]
    cluster = SyncClusterDefinition(host, port).connect()
    yield cluster, path
    cluster.close()
    Behavior.DEFAULT._children[:] = before


def metric(reader) -> float | None:
    data = reader.get_metrics_data()
    return next(
        (
            point.value
            for resource in (data.resource_metrics if data else [])
            for scope in resource.scope_metrics
            for one in scope.metrics
            if one.name == "aerospike.resilience.native_config.overrides"
            for point in one.data.data_points
        ),
        None,
    )


def test_a_session_with_a_behavior_of_the_file_goes_by_it_and_others_by_the_profile(connected):
    """What everything here is told of."""
    cluster, _ = connected
    seen = []

    class Look:
        def around(self, call, proceed):
            seen.append(call.plan.fields["total_timeout"])
            return proceed(call)

        async def around_async(self, call, proceed):
            seen.append(call.plan.fields["total_timeout"])
            return await proceed(call)

    resilient(cluster, "latency", arrange=lambda chain: [*chain[:-1], Look(), chain[-1]])
    cluster.create_session().put(USERS.id(1), {"n": 1})
    cluster.create_session(get_behavior("patient")).put(USERS.id(1), {"n": 1})

    assert seen == [250, 777]


def test_behaviors_of_the_file_are_found_when_the_cluster_is_wrapped(connected, caplog):
    cluster, _ = connected
    reader = InMemoryMetricReader()
    resilient(cluster, "latency", meter_provider=MeterProvider([reader]))

    found = cluster.resilience.snapshot()["profile"]["native_overrides"]
    assert found["behavior patient: reads_point"] == {
        "total_timeout": {"native": 777, "profile": 250},
        "replica": {"native": "prefer_rack", "profile": "sequence"},
    }
    assert not [name for name in found if "same" in name]
    assert "sessions that are created with a behavior" in caplog.text
    assert "patient: reads_point.total_timeout is 777ms (profile: 250ms)" in caplog.text
    assert until(lambda: metric(reader)) == sum(len(fields) for fields in found.values())


def test_explain_tells_the_profiles_values_and_what_holds_with_a_behavior(connected):
    cluster, _ = connected
    resilient(cluster, "latency")

    told = cluster.resilience.explain("get")

    assert told.value("total_timeout") == 250
    assert told.sent["total_timeout"] <= 250
    assert told.elsewhere["patient"]["total_timeout"] == 777
    assert "in sessions with behavior 'patient'" in str(told)
    assert told.to_dict()["behaviors"]["patient"]["replica"] == "prefer_rack"


def test_a_change_of_the_file_is_seen(connected):
    cluster, path = connected
    resilient(cluster, "latency")
    path.write_text(FILE.format(888))

    def told() -> bool:
        return cluster.resilience.explain("get").elsewhere["patient"]["total_timeout"] == 888

    until(told)
    until(
        lambda: (
            cluster.resilience.snapshot()["profile"]["native_overrides"][
                "behavior patient: reads_point"
            ]["total_timeout"]["native"]
            == 888
        )
    )


def test_a_cluster_without_a_file_is_left_in_peace(healthy, monkeypatch, caplog):
    monkeypatch.setattr(loader, "_last_applied_behaviors", {})
    host, port = healthy.hosts[0]
    cluster = SyncClusterDefinition(host, port).connect()
    try:
        resilient(cluster, "latency")
        assert cluster.resilience.snapshot()["profile"]["native_overrides"] == {}
        assert cluster.resilience.explain("get").elsewhere == {}
        assert "behavior" not in caplog.text
    finally:
        cluster.close()
