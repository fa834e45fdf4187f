"""Logins, roles, sessions and TLS, with real clients."""

import contextlib
import os

import aerospike
import aerospike_py
import pytest
from aerospike import exception as errors

from aerospike_resilience.testing import LocalCluster, TestAuthority
from tests.conftest import QUIET

os.environ["AEROSPIKE_NO_UVLOOP"] = "1"

import aerospike_native
from aerospike_sdk import ClusterDefinition, DataSet, Host

KEY = ("test", "secure", 1)
USERS = {"ann": "secret", "bob": ("hidden", ["read"])}


@pytest.fixture(scope="module")
def secured():
    with LocalCluster(nodes=2, users=USERS, **QUIET) as cluster:
        yield cluster


def login(cluster, user, password):
    config = {"hosts": cluster.hosts, "user": user, "password": password}
    return contextlib.closing(aerospike.client(config).connect())


def test_the_right_password_opens_the_cluster(secured):
    with login(secured, "ann", "secret") as client:
        client.put(KEY, {"n": 1})
        assert client.get(KEY)[2] == {"n": 1}


@pytest.mark.parametrize(("user", "password"), [("ann", "wrong"), ("nobody", "secret")])
def test_a_wrong_password_or_user_does_not(secured, user, password):
    with pytest.raises(errors.AerospikeError) as caught, login(secured, user, password):
        pass
    assert caught.value.code in (60, 62, 65)


def test_without_a_login_nothing_is_answered(secured):
    with pytest.raises(errors.AerospikeError):
        aerospike.client({"hosts": secured.hosts}).connect()


def test_a_role_limits_what_a_user_may_do(secured):
    with login(secured, "ann", "secret") as client:
        client.put(KEY, {"n": 1})
    with login(secured, "bob", "hidden") as client:
        assert client.get(KEY)[2] == {"n": 1}
        with pytest.raises(errors.RoleViolation):
            client.put(KEY, {"n": 2})


def test_an_expired_session_is_told_apart(secured):
    with login(secured, "ann", "secret") as client:
        secured.expire_sessions()
        with pytest.raises(errors.AerospikeError) as caught:
            client.put(KEY, {"n": 1}, policy={"max_retries": 0})
        assert caught.value.code == 66


def test_users_can_be_made_and_dropped(secured):
    with login(secured, "ann", "secret") as admin:
        admin.admin_create_user("eve", "apple", ["read-write"])
        with login(secured, "eve", "apple") as client:
            client.put(KEY, {"n": 5})
        assert admin.admin_query_user_info("eve")["roles"] == ["read-write"]
        admin.admin_drop_user("eve")
        with pytest.raises(errors.AerospikeError):
            login(secured, "eve", "apple")


def test_aerospike_py_logs_in(secured):
    config = {"hosts": secured.hosts}
    with aerospike_py.client(config).connect("ann", "secret") as client:
        client.put(KEY, {"n": 2})
        assert client.get(KEY).bins == {"n": 2}
    with pytest.raises(aerospike_py.AerospikeError):
        aerospike_py.client(config).connect("ann", "wrong")


async def test_aerospike_native_logs_in(secured):
    policy = aerospike_native.ClientPolicy()
    policy.set_auth_mode(aerospike_native.AuthMode.INTERNAL, user="ann", password="secret")
    client = await aerospike_native.new_client(policy, secured.seeds)
    key = aerospike_native.Key(*KEY)
    await client.put(key, {"n": 3})
    assert (await client.get(key)).bins == {"n": 3}
    await client.close()


async def test_the_sdk_logs_in(secured):
    hosts = [Host(host, port) for host, port in secured.hosts]
    definition = ClusterDefinition(hosts=hosts).with_native_credentials("ann", "secret")
    async with definition.connect() as cluster:
        session = cluster.create_session()
        await session.put(DataSet.of("test", "secure").id(2), {"n": 4})
        assert (await session.get(DataSet.of("test", "secure").id(2))).bins == {"n": 4}


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return TestAuthority(tmp_path_factory.mktemp("ca"))


def tls_client(cluster, name="db.test", **tls):
    hosts = [(host, port, name) for host, port in cluster.hosts]
    config = {"hosts": hosts, "tls": {"enable": True, **tls}}
    return contextlib.closing(aerospike.client(config).connect())


@pytest.fixture(scope="module")
def encrypted(authority):
    with LocalCluster(nodes=2, tls=authority.issue("db.test"), **QUIET) as cluster:
        yield cluster


def test_a_client_that_trusts_the_authority_connects_with_tls(encrypted, authority):
    with tls_client(encrypted, cafile=authority.ca_file) as client:
        assert len(client.get_nodes()) == 2
        client.put(KEY, {"n": 1})
        assert client.get(KEY)[2] == {"n": 1}


def test_another_authority_is_not_trusted(encrypted, tmp_path):
    with pytest.raises(errors.AerospikeError):
        tls_client(encrypted, cafile=TestAuthority(tmp_path).ca_file)


def test_another_name_is_not_trusted(encrypted, authority):
    with pytest.raises(errors.AerospikeError):
        tls_client(encrypted, name="other.test", cafile=authority.ca_file)


def test_a_client_certificate_can_be_demanded(authority):
    server, mine = authority.issue("db.test"), authority.issue("app")
    with LocalCluster(nodes=1, tls=server, client_ca_file=authority.ca_file) as cluster:
        with tls_client(
            cluster, cafile=authority.ca_file, certfile=mine.certificate, keyfile=mine.key
        ) as client:
            client.put(KEY, {"n": 1})
        with pytest.raises(errors.AerospikeError):
            tls_client(cluster, cafile=authority.ca_file)


def test_an_expired_certificate_is_refused(authority):
    with (
        LocalCluster(nodes=1, tls=authority.issue("db.test", valid=False)) as cluster,
        pytest.raises(errors.AerospikeError),
    ):
        tls_client(cluster, cafile=authority.ca_file)


async def test_the_sdk_connects_with_tls_and_a_client_certificate(authority):
    server, mine = authority.issue("db.test"), authority.issue("app")
    with LocalCluster(nodes=2, tls=server, client_ca_file=authority.ca_file, **QUIET) as cluster:
        hosts = [Host(host, port, "db.test") for host, port in cluster.hosts]
        definition = ClusterDefinition(hosts=hosts).with_tls_config(
            tls_name="db.test",
            ca_file=authority.ca_file,
            client_cert_file=mine.certificate,
            client_key_file=mine.key,
        )
        async with definition.connect() as connected:
            session = connected.create_session()
            await session.put(DataSet.of("test", "secure").id(3), {"n": 5})
            assert (await session.get(DataSet.of("test", "secure").id(3))).bins == {"n": 5}
