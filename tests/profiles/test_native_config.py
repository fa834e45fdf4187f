"""A client's own dynamic configuration overrides every policy: it is found, named and shown."""

from __future__ import annotations

import aerospike
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from aerospike_resilience import resilient
from aerospike_resilience.clients.aerospike.native_config import (
    BASE,
    DEFAULTS,
    AerospikeNativeConfig,
)
from tests.waiting import until

VARIABLE = "AEROSPIKE_CLIENT_CONFIG_URL"

READS = 'version: "1.0.0"\ndynamic:\n  read: {total_timeout: 777, replica: PREFER_RACK}\n'


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "aerospike.yaml"
    path.write_text(READS)
    return path


@pytest.fixture
def configured(file, monkeypatch, connect, healthy):
    """A client that took the file from the environment."""
    monkeypatch.setenv(VARIABLE, f"file://{file}")
    return connect(healthy)


@pytest.fixture
def wrap():
    wrapped = []

    def wrap_(client, *args, **kwargs):
        wrapped.append(resilient(client, *args, **kwargs))
        return wrapped[-1]

    yield wrap_
    for client in wrapped:
        client.resilience.close()


@pytest.fixture
def told(caplog):
    caplog.set_level("INFO", logger="aerospike_resilience.profiles")

    def told_(level: str) -> list[str]:
        return [
            one.getMessage()
            for one in caplog.records
            if one.levelname == level and "configur" in one.getMessage()
        ]

    return told_


def test_a_file_of_the_environment_is_found_when_the_client_is_wrapped(configured, wrap, told):
    client = wrap(configured, "latency")

    assert client.resilience.snapshot()["profile"]["native_overrides"] == {
        "read": {
            "total_timeout": {"native": 777, "profile": 250},
            "replica": {"native": "prefer_rack", "profile": "sequence"},
        }
    }
    warning = told("WARNING")[0]
    assert "overrides profile 'latency'" in warning
    assert "in 2 fields" in warning
    assert "read.total_timeout is 777ms (profile: 250ms)" in warning
    assert f"unset {VARIABLE}" in warning


def test_explain_shows_what_is_in_force_and_what_it_overrides(configured, wrap):
    told = wrap(configured, "latency").resilience.explain("get")

    assert told.value("total_timeout") == 777
    origin = {name: origin for name, _, origin in told.rows}["total_timeout"]
    assert "dynamic configuration, overrides 250ms from <shipped>/latency.yaml:" in origin


def test_what_the_profile_leaves_to_the_client_is_shown_too(configured, wrap):
    client = wrap(configured, "observe")

    assert client.resilience.snapshot()["profile"]["native_overrides"] == {}
    assert client.resilience.explain("get").value("total_timeout") == 777
    assert client.resilience.explain("put").rows == ()


def test_a_metric_counts_the_fields(configured, wrap):
    reader = InMemoryMetricReader()
    client = wrap(configured, "latency", meter_provider=MeterProvider([reader]))

    def count() -> float | None:
        data = reader.get_metrics_data()
        return next(
            (
                point.value
                for resource in (data.resource_metrics if data else [])
                for scope in resource.scope_metrics
                for metric in scope.metrics
                if metric.name == "aerospike.resilience.native_config.overrides"
                for point in metric.data.data_points
            ),
            None,
        )

    assert until(count) == 2
    assert client.resilience.profile.name == "latency"


def test_it_is_looked_at_again_when_the_profile_is_loaded_again(configured, wrap, tmp_path, told):
    mine = tmp_path / "mine.yaml"
    mine.write_text("version: 1\nextends: latency\n")
    client = wrap(configured, "mine", policies=tmp_path)
    mine.write_text(
        "version: 1\nextends: latency\nconnection: {rack_ids: [1]}\n"
        "policy: {reads_point: {total_timeout: 777ms, replica: prefer_rack}}\n"
    )

    client.resilience.reload()

    assert client.resilience.snapshot()["profile"]["native_overrides"] == {}
    assert "overrides the profile no more" in told("INFO")[-1]


def test_a_file_that_the_client_did_not_take_overrides_nothing(bare, file, monkeypatch, wrap):
    """The variable was set after the client connected."""
    monkeypatch.setenv(VARIABLE, str(file))
    client = wrap(bare, "latency")

    assert client.resilience.snapshot()["profile"]["native_overrides"] == {}


@pytest.mark.parametrize("text", ["{", "- 1\n", "dynamic: 5\n", "dynamic: {read: 5}\n"])
def test_a_file_that_is_none_harms_nobody(bare, tmp_path, monkeypatch, wrap, text):
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    monkeypatch.setenv(VARIABLE, str(path))

    assert wrap(bare, "latency").resilience.snapshot()["profile"]["native_overrides"] == {}


def test_a_config_providers_file_is_found_when_it_changes(healthy, connect, file, wrap, told):
    """The client shows its policies, but not where they come from: only a change tells."""
    given = connect(healthy, config_provider=aerospike.ConfigProvider(str(file), 1000))
    client = wrap(given, "latency")
    assert "the client does not say which it was" in told("INFO")[0]
    assert "read.total_timeout is 777ms (profile: 250ms)" in told("INFO")[0]

    file.write_text(READS.replace("777", "888"))

    def overrides():
        return client.resilience.snapshot()["profile"]["native_overrides"]

    assert until(overrides) == {"read": {"total_timeout": {"native": 888, "profile": 250}}}
    assert client.resilience.explain("get").value("total_timeout") == 888
    assert len(until(lambda: told("WARNING"))) == 1


def test_a_client_without_any_is_left_in_peace(bare, wrap, told):
    client = wrap(bare, "latency")

    assert client.resilience.snapshot()["profile"]["native_overrides"] == {}
    assert (told("WARNING"), told("INFO")) == ([], [])


def test_every_kind_of_the_file_is_found_in_its_families(healthy, connect, tmp_path, monkeypatch):
    path = tmp_path / "all.yaml"
    path.write_text(
        'version: "1.0.0"\ndynamic:\n'
        "  write: {send_key: true, durable_delete: true}\n"
        "  query: {expected_duration: SHORT}\n"
        "  batch_read: {max_concurrent_threads: 8}\n"
        "  batch_write: {send_key: true, replica: MASTER_PROLES}\n"
        "  batch_delete: {durable_delete: true}\n"
        "  txn_roll: {max_retries: 6}\n"
    )
    monkeypatch.setenv(VARIABLE, str(path))

    found = AerospikeNativeConfig(connect(healthy)).overrides()

    writes = {"key": "send", "durable_delete": True}
    assert found == {
        "write": writes,
        "operate": writes,
        "apply": writes,
        "remove": writes,
        "query": {"expected_duration": "short"},
        "batch": {"concurrent": True},
        "batch_parent_write": {"replica": "any"},
        "batch_write": {"key": "send"},
        "batch_remove": {"durable_delete": True},
        "txn_roll": {"max_retries": 6},
    }


def test_the_table_of_defaults_is_the_clients(bare):
    for family, fields in bare.get_policies().items():
        expected = DEFAULTS.get(family, BASE)
        assert {name: value for name, value in fields.items() if name in expected} == {
            name: value for name, value in expected.items() if name in fields
        }, family
