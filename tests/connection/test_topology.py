"""Racks, addresses, and logins by other means hold as described, counted on the wire."""

from __future__ import annotations

from datetime import timedelta

import pytest

from aerospike_resilience import (
    ClusterDefinition,
    SystemSettings,
    TlsError,
    UnreachableClusterError,
    UnsupportedSettingError,
    connect,
)
from aerospike_resilience.connection.job import job
from aerospike_resilience.testing import LocalCluster
from tests.connection.conftest import FEW, WITH_TLS, put_and_get, used
from tests.patience import NEVER_LATE

KEYS = 30


@pytest.fixture(scope="module")
def racked():
    """Three nodes in two racks; at their own addresses only the first can be reached."""
    with LocalCluster(
        nodes=3,
        racks=[1, 2, 2],
        access_addresses=[None, "127.0.0.9:1", "127.0.0.9:2"],
        cluster_name="shop",
    ) as cluster:
        cluster.wait_until_stable()
        yield cluster


def alternately(cluster):
    return ClusterDefinition(*cluster.hosts[0]).using_services_alternate()


def reads(kind, client):
    """Read all keys; awaitable for awaited clients."""
    if kind.startswith("aerospike_sdk"):
        from aerospike_sdk import DataSet

        session = client.create_session()
        keys = [DataSet.of("test", "racks").id(n) for n in range(KEYS)]
        if kind.endswith(".sync"):
            return [session.get(key) for key in keys]

        async def sdk():
            return [await session.get(key) for key in keys]

        return sdk()
    if kind.startswith("aerospike_native"):
        import aerospike_native

        keys = [aerospike_native.Key("test", "racks", n) for n in range(KEYS)]
        if not kind.endswith(".async"):
            return [client.get_blocking(key) for key in keys]

        async def native():
            return [await client.get(key) for key in keys]

        return native()
    return [client.get(("test", "racks", n)) for n in range(KEYS)]


def test_alternate_services_reach_the_nodes_that_their_own_addresses_do_not(kind, racked):
    definition = alternately(racked).cluster_name("shop")
    assert used(definition, kind, put_and_get(kind)) == {"n": 1}
    counted = used(definition, kind, lambda client: _nodes(kind, client))
    assert counted == 3


def _nodes(kind, client):
    plain = job("aerospike://db/", kind, None, {}).connector
    return plain.node_count(client)


def test_a_seed_whose_peers_cannot_be_reached(kind, racked):
    definition = ClusterDefinition(*racked.hosts[0]).with_system_settings(
        SystemSettings(tend_timeout=timedelta(milliseconds=1500))
    )
    with pytest.raises(UnreachableClusterError, match=r"127\.0\.0\.9:1") as caught:
        used(definition, kind)
    assert "none of the other nodes" in next(iter(caught.value.said.values()))

    assert used(definition.fail_if_not_connected(False), kind, lambda client: True)


@pytest.mark.parametrize("kind", ["aerospike_native", "aerospike_native.async", "aerospike_sdk"])
def test_an_ip_map_reaches_them_too(kind):
    with LocalCluster(nodes=2, access_addresses=["10.99.0.1", "10.99.0.2"]) as cluster:
        cluster.wait_until_stable()
        definition = ClusterDefinition(hosts=cluster.hosts).with_ip_map(
            {"10.99.0.1": "127.0.0.1", "10.99.0.2": "127.0.0.1"}
        )
        assert used(definition, kind, put_and_get(kind)) == {"n": 1}
        assert used(definition, kind, lambda client: _nodes(kind, client)) == 2


@pytest.mark.parametrize("kind", WITH_TLS)
def test_reads_stay_in_the_preferred_rack(kind, racked):
    with connect(alternately(racked), overrides=NEVER_LATE) as client:
        for n in range(KEYS):
            client.put(("test", "racks", n), {"n": n})
    definition = alternately(racked).preferring_racks(1)
    before = {node.name: racked.requests("get", node) for node in racked.nodes}

    used(definition, kind, lambda client: reads(kind, client))

    read = {node.name: racked.requests("get", node) - before[node.name] for node in racked.nodes}
    assert read == {"A1": KEYS, "A2": 0, "A3": 0}


def test_without_a_preferred_rack_reads_go_to_all_masters(racked):
    before = {node.name: racked.requests("get", node) for node in racked.nodes}
    with connect(alternately(racked), overrides=NEVER_LATE) as client:
        for n in range(KEYS):
            client.put(("test", "racks", n), {"n": n})
            client.get(("test", "racks", n))
    read = {node.name: racked.requests("get", node) - before[node.name] for node in racked.nodes}
    assert all(read.values())


@pytest.fixture(scope="module")
def logins(authority):
    """One node with TLS, a user of an external directory, and a user known by a certificate."""
    with LocalCluster(
        nodes=1,
        users={"robot": None},
        external_users={"carol": "corporate"},
        tls=authority.issue("db.test"),
        client_ca_file=authority.ca_file,
        cluster_name="shop",
    ) as cluster:
        cluster.wait_until_stable()
        yield cluster


def over_tls(cluster, authority, certificate):
    return (
        ClusterDefinition(*cluster.hosts[0])
        .with_tls_config_of()
        .tls_name("db.test")
        .ca_file(authority.ca_file)
        .client_cert_file(certificate.certificate)
        .client_key_file(certificate.key)
        .done()
    )


def test_a_login_by_certificate(tls_kind, logins, authority):
    definition = over_tls(
        logins, authority, authority.issue("robot")
    ).with_certificate_credentials()
    assert used(definition, tls_kind, put_and_get(tls_kind), overrides=FEW) == {"n": 1}


@pytest.mark.parametrize("tls_kind", ["aerospike", "aerospike_native", "aerospike_sdk.sync"])
def test_an_external_login_over_tls(tls_kind, logins, authority):
    definition = over_tls(logins, authority, authority.issue("robot"))
    definition.with_external_credentials("carol", "corporate")
    assert used(definition, tls_kind, put_and_get(tls_kind), overrides=FEW) == {"n": 1}


def test_an_expired_certificate(tls_kind, authority):
    expired = authority.issue("db.test", valid=False)
    with LocalCluster(nodes=1, tls=expired) as cluster:
        definition = (
            ClusterDefinition(*cluster.hosts[0])
            .with_tls_config_of()
            .tls_name("db.test")
            .ca_file(authority.ca_file)
            .done()
        )
        with pytest.raises(TlsError, match="expired"):
            used(definition, tls_kind)


@pytest.mark.parametrize("tls_kind", ["aerospike", "aerospike_native.async"])
def test_no_client_certificate_where_one_is_demanded(tls_kind, logins, authority):
    definition = (
        ClusterDefinition(*logins.hosts[0])
        .with_tls_config_of()
        .tls_name("db.test")
        .ca_file(authority.ca_file)
        .done()
    )
    with pytest.raises(TlsError):
        used(definition, tls_kind, overrides=FEW)


def test_aerospike_py_has_neither_tls_nor_racks(racked):
    with pytest.raises(UnsupportedSettingError, match="rack"):
        connect(alternately(racked).preferring_racks(1), "aerospike_py")
