"""Descriptions of a cluster mean the same, whichever way they are given."""

from __future__ import annotations

from datetime import timedelta

import pytest

from aerospike_resilience import (
    AuthMode,
    ClientConfig,
    ClusterDefinition,
    Host,
    SystemSettings,
    TlsBuilder,
    explain_connection,
)
from aerospike_resilience.connection.client_config import FIELDS
from aerospike_resilience.connection.job import described

HOSTS = [("db", 3000)]


def values(definition, **options):
    return {name: one.value for name, one in described(definition, **options).settings.items()}


def test_both_spellings_of_the_builder_mean_the_same():
    older = (
        ClusterDefinition("db", 4333)
        .with_native_credentials("ann", "secret")
        .validate_cluster_name_is("shop")
        .preferring_racks(2, 1)
        .using_services_alternate()
        .fail_if_not_connected(False)
        .with_ip_map({"10.0.0.1": "192.168.0.1"})
        .with_system_settings(
            SystemSettings(max_connections_per_node=50, tend_interval=timedelta(seconds=2))
        )
        .with_tls_config_of()
        .tls_name("db.tls")
        .ca_file("ca.pem")
        .client_cert_file("cert.pem")
        .client_key_file("key.pem")
        .protocols("TLSv1.3")
        .ciphers(["A", "B"])
        .for_login_only()
        .done()
    )
    newer = (
        ClusterDefinition(hosts=[Host("db", 4333)])
        .with_tls_config(
            tls_name="db.tls",
            ca_file="ca.pem",
            client_cert_file="cert.pem",
            client_key_file="key.pem",
            protocols=["TLSv1.3"],
            ciphers=["A", "B"],
            for_login_only=True,
        )
        .ip_map({"10.0.0.1": "192.168.0.1"})
        .cluster_name("shop")
        .fail_if_not_connected(False)
        .using_services_alternate(True)
        .preferring_racks(2, 1)
        .with_system_settings(
            SystemSettings(max_connections_per_node=50, tend_interval=timedelta(seconds=2))
        )
        .with_native_credentials("ann", "secret")
    )
    one, other = values(older), values(newer)
    assert one.pop("password").reveal() == other.pop("password").reveal() == "secret"

    assert one == other
    assert one["rack_ids"] == (2, 1)
    assert one["tend_interval"] == 2000


def test_every_method_returns_the_builder():
    definition = ClusterDefinition("db", 3000)
    builder = definition.with_tls_config_of()

    assert isinstance(builder, TlsBuilder)
    assert builder.tls_name("x") is builder
    assert builder.done() is definition
    assert definition.app_id("shop").force_single_node().with_strict_config() is definition
    assert definition.with_external_insecure_credentials("a", "b") is definition


def test_the_sdks_own_settings_are_taken_too():
    from aerospike_sdk.policy.system_settings import SystemSettings as Theirs

    found = values(
        ClusterDefinition("db", 3000).with_system_settings(
            Theirs(max_socket_idle_time=timedelta(seconds=40), max_errors_in_error_window=0)
        )
    )

    assert (found["max_socket_idle"], found["max_error_rate"]) == (40_000, 0)
    assert "metrics" not in found


def test_two_empty_texts_switch_logging_in_off():
    definition = ClusterDefinition("db", 3000).with_external_credentials("ann", "secret")
    assert definition.auth_mode is AuthMode.EXTERNAL

    definition.with_native_credentials("", "")

    assert definition.auth_mode is AuthMode.NONE
    assert "password" not in values(definition)


def test_certificate_credentials_switch_tls_on_and_need_a_name_for_each_host(tmp_path):
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("x")
    definition = ClusterDefinition(hosts=[Host("a", 3000, "a.tls"), Host("b", 3000)])
    definition.with_certificate_credentials()
    assert definition.auth_mode is AuthMode.PKI
    assert definition._described().value("tls") is True

    with pytest.raises(ValueError, match=r"needs a TLS name for each host: b"):
        definition.connect("aerospike")
    with pytest.raises(ValueError, match="client_cert_file"):
        definition.connect("aerospike")


def test_the_guides_fields_are_a_client_configs_fields():
    import aerospike_py.types

    assert set(FIELDS) == set(aerospike_py.types.ClientConfig.__annotations__)


def test_a_client_config_keeps_the_guides_units_and_constants():
    import aerospike_py

    config: ClientConfig = {
        "hosts": [("db", 3000)],
        "auth_mode": aerospike_py.AUTH_EXTERNAL,
        "user": "ann",
        "password": "secret",
        "timeout": 500,
        "idle_timeout": 55,
        "tend_interval": 250,
        "cluster_name": None,
        "max_concurrent_operations": 64,
        "operation_queue_timeout_ms": 100,
    }
    found = values(config)

    assert found["auth_mode"] is AuthMode.EXTERNAL
    assert (found["timeout"], found["max_socket_idle"], found["tend_interval"]) == (
        500,
        55_000,
        250,
    )
    assert "cluster_name" not in found


def test_a_url_says_the_same_as_a_builder():
    found = described(
        "aerospike://ann:se%40cret@h1:3001,h2,[::1]:3002/?cluster_name=shop&client=aerospike_py"
        "&profile=durable&timeout=2s&idle_timeout=55&rack_ids=2,1&use_services_alternate=true"
        "&max_conns_per_node=50&ip_map=a=b"
    )

    assert (found.client, found.profile) == ("aerospike_py", "durable")
    assert found.value("hosts") == (Host("h1", 3001), Host("h2", 3000), Host("::1", 3002))
    assert (found.value("user"), found.value("password").reveal()) == ("ann", "se@cret")
    assert (found.value("timeout"), found.value("max_socket_idle")) == (2000, 55_000)
    assert found.value("rack_ids") == (2, 1)
    assert found.value("ip_map") == {"a": "b"}


def test_the_environment_says_the_same_as_a_url(monkeypatch, tmp_path):
    secret = tmp_path / "password"
    secret.write_text("secret\n")
    for name, value in {
        "HOSTS": "h1:3001,h2",
        "USER": "ann",
        "PASSWORD_FILE": str(secret),
        "CLUSTER_NAME": "shop",
        "CLIENT": "aerospike_sdk.sync",
        "PROFILE": "throughput",
        "TEND_INTERVAL": "2s",
        "CLIENT_CONFIG_URL": "not ours",
    }.items():
        monkeypatch.setenv(f"AEROSPIKE_{name}", value)
    found = described(None)
    explained = explain_connection()

    assert found.value("hosts") == (Host("h1", 3001), Host("h2", 3000))
    assert found.value("password").read().reveal() == "secret"
    assert (explained.client, explained.profile) == ("aerospike_sdk.sync", "throughput")
    assert "AEROSPIKE_CLUSTER_NAME" in str(explained)
