"""Every setting reaches every client, or is refused by name: the table in the reference holds."""

from __future__ import annotations

import importlib.util
from datetime import timedelta
from pathlib import Path

import pytest

from aerospike_resilience import (
    ClusterDefinition,
    SystemSettings,
    UnsupportedSettingError,
    connect,
    explain_connection,
)
from aerospike_resilience.clients.connectors import KINDS, connector
from aerospike_resilience.connection.settings import CHECKS, Given
from aerospike_resilience.model.support import ByUs, Native, Refused
from tests.connection.conftest import put_and_get, used

SAMPLES = {
    "cluster_name": "local",
    "app_id": "shop",
    "timeout": 2500.0,
    "login_timeout": 3000.0,
    "wait_for_connection_to_complete": 1500.0,
    "max_socket_idle": 40_000.0,
    "tend_interval": 500.0,
    "min_conns_per_node": 2,
    "max_conns_per_node": 40,
    "conn_pools_per_node": 2,
    "max_error_rate": 50,
    "error_rate_window": 2,
    "use_services_alternate": True,
    "force_single_node": False,
    "fail_if_not_connected": True,
    "strict_config": True,
    "rack_ids": (2, 1),
    "ip_map": {"10.9.9.9": "127.0.0.1"},
    "max_concurrent_operations": 30,
    "operation_queue_timeout_ms": 80.0,
}
"""A value for each setting that needs neither TLS nor a login."""

FALSE = {"force_single_node"}
"""False is what every client does anyway."""


def with_settings(hosts, names):
    definition = ClusterDefinition(hosts=hosts)
    definition._settings.update({name: Given(SAMPLES[name], "a test") for name in names})
    return definition


def native(kind, name):
    return isinstance(connector(kind).support[name], Native)


def test_every_setting_has_an_answer_of_every_client():
    for kind in KINDS:
        assert not set(CHECKS) - set(connector(kind).support)


@pytest.mark.parametrize("kind", KINDS)
def test_all_settings_that_a_client_has_work_together(kind, healthy):
    names = [name for name in SAMPLES if not isinstance(connector(kind).support[name], Refused)]
    definition = with_settings(healthy.hosts, names)
    seen = []

    def use(client):
        seen.append(client.resilience.explain_connection())
        return put_and_get(kind)(client)

    assert used(definition, kind, use) == {"n": 1}
    shown = {value.setting: value for value in seen[0].values}
    for name in names:
        assert shown[name].origin == "a test"
        assert shown[name].given.startswith("done by") or "left out" not in shown[name].given


@pytest.mark.parametrize("kind", KINDS)
def test_each_setting_that_a_client_has_not_is_refused_by_name(kind):
    refused = [
        name
        for name in SAMPLES
        if isinstance(connector(kind).support[name], Refused) and name not in FALSE
    ]
    for name in refused:
        definition = with_settings([("db", 3000)], [name])
        with pytest.raises(UnsupportedSettingError, match="What would work") as caught:
            connect(definition, kind)
        assert caught.value.settings == (name,)
        assert kind in str(caught.value)


WANTED = {
    "aerospike": {
        "connect_timeout": 2500,
        "tend_interval": 500,
        "max_socket_idle": 40,
        "max_conns_per_node": 40,
        "min_conns_per_node": 2,
        "max_error_rate": 50,
        "error_rate_window": 2,
        "cluster_name": "local",
        "app_id": "shop",
        "rack_ids": [2, 1],
        "rack_aware": True,
        "use_services_alternate": True,
    },
    "aerospike_py": {
        "timeout": 2500,
        "tend_interval": 500,
        "idle_timeout": 40,
        "max_conns_per_node": 40,
        "conn_pools_per_node": 2,
        "cluster_name": "local",
    },
    "aerospike_native": {
        "timeout": 2500,
        "login_timeout": 3000,
        "connect_timeout": 1500,
        "idle_timeout": 40_000,
        "tend_interval": 500,
        "max_conns_per_node": 40,
        "conn_pools_per_node": 2,
        "max_error_rate": 50,
        "error_rate_window": 2,
        "application_id": "shop",
        "rack_ids": [2, 1],
        "ip_map": {"10.9.9.9": "127.0.0.1"},
    },
    "aerospike_sdk": {
        "tend_timeout": timedelta(seconds=2.5),
        "login_timeout": timedelta(seconds=3),
        "wait_for_connection_to_complete": timedelta(seconds=1.5),
        "max_socket_idle_time": timedelta(seconds=40),
        "tend_interval": timedelta(seconds=0.5),
        "max_connections_per_node": 40,
        "max_errors_in_error_window": 50,
        "num_tend_intervals_in_error_window": 2,
    },
}
"""What each client must be given, by its own names and in its own units."""

WHERE = {"aerospike_py": "config", "aerospike_native": "policy", "aerospike_sdk": "settings"}


@pytest.mark.parametrize("kind", WANTED)
def test_units_and_names_are_the_clients_own(kind):
    names = [name for name in SAMPLES if not isinstance(connector(kind).support[name], Refused)]
    given = explain_connection(with_settings([("db", 3000)], names), kind).arguments
    given = given[WHERE[kind]] if kind in WHERE else given
    assert {name: given.get(name) for name in WANTED[kind]} == WANTED[kind]


def test_the_native_clients_policy_has_what_it_was_given(healthy):
    """The SDK keeps the policy of its native client, which says what arrived."""
    settings = SystemSettings(
        tend_interval=timedelta(milliseconds=700), max_connections_per_node=33
    )
    definition = ClusterDefinition(hosts=healthy.hosts).with_system_settings(settings)
    with connect(definition, "aerospike_sdk.sync") as cluster:
        policy = cluster._sdk_client._policy
        assert (policy.tend_interval, policy.max_conns_per_node) == (700, 33)
        assert (policy.max_error_rate, policy.error_rate_window) == (10_000, 100)
        assert policy.min_conns_per_node == 10


def test_the_table_names_every_method_and_field():
    root = Path(__file__).parents[2]
    spec = importlib.util.spec_from_file_location("docs_tables", root / "docs" / "tables.py")
    tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tables)
    text = tables.settings()
    described = {
        name
        for name in dir(ClusterDefinition)
        if not name.startswith("_") and name not in ("auth_mode", "connect", "with_system_settings")
    }
    for name in described:
        assert f"`.{name}(" in text or name.startswith("with_tls_config")
    for name in SystemSettings.__dataclass_fields__:
        assert f"`SystemSettings.{name}`" in text
    page = root / "docs" / "reference" / "policy" / "connection.md"
    assert page.read_text().count(text) == 1
    assert any(isinstance(one, ByUs) for one in connector("aerospike").support.values())
