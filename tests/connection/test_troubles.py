"""Troubles of connecting: one family of errors, which say which seed said what, in time."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from aerospike_resilience import (
    ClusterDefinition,
    ConnectError,
    Host,
    RefusedCredentialsError,
    SystemSettings,
    TlsError,
    UnreachableClusterError,
    WrongClusterError,
    connect,
)
from aerospike_resilience.testing import TestAuthority
from tests.connection.conftest import FEW, defined, put_and_get, used

GENEROUS_S = 60.0
"""A busy machine's time for what ought to take a second."""


def fails(definition, kind, error, *said, timeout_ms=5000):
    """Connect in vain; return the error."""
    definition.with_system_settings(SystemSettings(tend_timeout=timedelta(milliseconds=timeout_ms)))
    started = time.monotonic()
    with pytest.raises(ConnectError) as caught:
        used(definition, kind, overrides=FEW)
    assert time.monotonic() - started < GENEROUS_S
    found = caught.value
    assert type(found) is error, found
    assert isinstance(found, ConnectionError)
    assert found.client == kind
    assert [*found.said] == [host.address for host in definition._described().value("hosts")]
    for text, one in zip(said, found.said.values(), strict=True):
        assert text in one
        assert text in str(found)
    return found


def is_the_clients(error):
    return not type(error).__module__.startswith(("aerospike_resilience", "builtins"))


def test_a_seed_where_nothing_listens(kind, nobody):
    found = fails(ClusterDefinition(*nobody), kind, UnreachableClusterError, "refused the connect")
    assert is_the_clients(found.__cause__)


def test_a_seed_that_says_nothing_is_left_in_time(kind, silent):
    found = fails(
        ClusterDefinition(*silent),
        kind,
        UnreachableClusterError,
        "not answer",
        timeout_ms=300,
    )
    assert found.waited_s < GENEROUS_S
    assert is_the_clients(found.__cause__) or isinstance(found.__cause__, TimeoutError)


def test_a_name_that_nobody_knows(kind):
    found = fails(
        ClusterDefinition("no-such-host.invalid", 3000),
        kind,
        UnreachableClusterError,
        "cannot be resolved",
    )
    assert is_the_clients(found.__cause__)


def test_a_cluster_of_another_name(kind, healthy):
    definition = defined(healthy).validate_cluster_name_is("other")
    found = fails(definition, kind, WrongClusterError, *["not of 'other'"] * 3)
    assert is_the_clients(found.__cause__)


def test_a_wrong_password(kind, secured):
    definition = defined(secured).with_native_credentials("ann", "wrong")
    found = fails(definition, kind, RefusedCredentialsError, "the login of 'ann' failed")
    assert is_the_clients(found.__cause__)


def test_no_login_where_one_is_needed(kind, secured):
    fails(defined(secured), kind, RefusedCredentialsError, "a login is needed")


def test_a_login_where_security_is_off(kind, spare):
    definition = ClusterDefinition(*spare.hosts[0]).with_native_credentials("ann", "x")
    fails(definition, kind, RefusedCredentialsError, "security is off there")


def test_external_credentials_without_tls_are_never_sent(kind, secured):
    before = sum(secured.counters(node).connections_opened for node in secured.nodes)
    definition = defined(secured).with_external_credentials("ann", "hunter2-secret")
    fails(definition, kind, RefusedCredentialsError, "was not asked")
    assert sum(secured.counters(node).connections_opened for node in secured.nodes) == before


def encrypted_with(cluster, ca_file, name="db.test"):
    return defined(cluster).with_tls_config_of().tls_name(name).ca_file(ca_file).done()


def test_with_login_and_tls_every_client_that_has_tls_works(tls_kind, encrypted, authority):
    definition = encrypted_with(encrypted, authority.ca_file).cluster_name("shop")
    definition.with_native_credentials("ann", "hunter2-secret")
    bins = used(definition, tls_kind, put_and_get(tls_kind), overrides=FEW)
    assert bins == {"n": 1}


def test_a_certificate_for_another_name(tls_kind, encrypted, authority):
    definition = encrypted_with(encrypted, authority.ca_file, "other.test")
    found = fails(definition, tls_kind, TlsError, "not accepted for 'other.test'")
    assert is_the_clients(found.__cause__)


def test_a_certificate_of_an_unknown_authority(tls_kind, encrypted, tmp_path):
    definition = encrypted_with(encrypted, TestAuthority(tmp_path).ca_file)
    fails(definition, tls_kind, TlsError, "its certificate was not accepted")


def test_tls_to_a_port_that_does_not_speak_it(tls_kind, secured, authority):
    definition = encrypted_with(secured, authority.ca_file)
    fails(definition, tls_kind, TlsError, "does not speak TLS")


def test_no_tls_to_a_port_that_speaks_it(kind, encrypted):
    fails(defined(encrypted), kind, TlsError, "speaks TLS on that port, and none is described")


def test_a_good_seed_beside_bad_ones_is_enough(kind, healthy, nobody, silent):
    seeds = [Host(*silent), Host(*nobody), *(Host(*host) for host in healthy.hosts)]
    definition = ClusterDefinition(hosts=seeds).with_system_settings(
        SystemSettings(tend_timeout=timedelta(milliseconds=1500))
    )
    assert used(definition, kind, put_and_get(kind)) == {"n": 1}


def test_waiting_does_not_outlast_what_waiting_cannot_change(secured, caplog):
    definition = defined(secured).with_native_credentials("ann", "wrong")
    with pytest.raises(RefusedCredentialsError):
        connect(definition, wait="60s")
    assert "waiting for the cluster" not in caplog.text
