"""Racks, advertised addresses, cluster names and logins, as each real client meets them."""

import contextlib
import os
from collections import Counter

import aerospike
import aerospike_py
import pytest
from aerospike import exception as errors

from aerospike_resilience.testing import LocalCluster, TestAuthority
from tests.conftest import QUIET

from .support import eventually

os.environ["AEROSPIKE_NO_UVLOOP"] = "1"

import aerospike_native
from aerospike_sdk import ClusterDefinition, DataSet, Host

KEYS = [("test", "layout", n) for n in range(40)]
UNREACHABLE = "127.0.0.1:1"
NAMES = ["10.9.0.1", "10.9.0.2", "10.9.0.3"]


def c_client(hosts, **config):
    return contextlib.closing(aerospike.client({"hosts": hosts, **config}).connect())


def py_client(hosts, **config):
    return contextlib.closing(aerospike_py.client({"hosts": hosts, **config}).connect())


def seeds(hosts):
    return ",".join(f"{host}:{port}" for host, port in hosts)


async def native_client(hosts, **config):
    policy = aerospike_native.ClientPolicy()
    for name, value in config.items():
        setattr(policy, name, value)
    return await aerospike_native.new_client(policy, seeds(hosts))


async def names_of(connected):
    nodes = connected.nodes()
    return [node.name for node in (await nodes if hasattr(nodes, "__await__") else nodes)]


def definition_for(hosts):
    return ClusterDefinition(hosts=[Host(*host) for host in hosts])


@pytest.fixture(scope="module")
def racked():
    with LocalCluster(nodes=3, racks=[1, 1, 2], **QUIET) as cluster:
        cluster.wait_until_stable()
        with c_client(cluster.hosts) as client:
            for key in KEYS:
                client.put(key, {"n": key[2]})
        yield cluster


class TestRacks:
    def test_the_owners_of_a_record_are_in_different_racks(self, racked):
        racks = {"A1": 1, "A2": 1, "A3": 2}
        assert all({racks[node.name] for node in racked.owners(*key)} == {1, 2} for key in KEYS)
        masters = Counter(racked.master(*key).name for key in KEYS)
        assert set(masters) == {"A1", "A2", "A3"}

    @pytest.mark.parametrize("rack", [1, 2])
    async def test_each_rack_aware_client_reads_in_its_rack(self, racked, rack):
        def gets():
            return Counter({node.name: racked.requests(op="get", node=node) for node in racked})

        expected = Counter(
            next(n.name for n in racked.owners(*key) if (n.name == "A3") == (rack == 2))
            for key in KEYS
        )

        before = gets()
        read = {"replica": aerospike.POLICY_REPLICA_PREFER_RACK, "total_timeout": 30_000}
        policies = {"read": read}
        config = {"rack_aware": True, "rack_id": rack, "policies": policies}
        with c_client(racked.hosts, **config) as client:
            for key in KEYS:
                assert client.get(key)[2] == {"n": key[2]}
        assert gets() - before == expected

        before = gets()
        policy = aerospike_native.ReadPolicy()
        policy.replica = aerospike_native.Replica.PREFER_RACK
        policy.total_timeout = policy.socket_timeout = 30_000
        client = await native_client(racked.hosts, rack_ids=[rack])
        for key in KEYS:
            record = await client.get(aerospike_native.Key(*key), policy=policy)
            assert record.bins == {"n": key[2]}
        await client.close()
        assert gets() - before == expected

    async def test_the_sdk_prefers_racks_in_order(self, racked):
        definition = definition_for(racked.hosts).preferring_racks(2, 1)
        async with definition.connect() as cluster:
            assert await cluster.create_session().get(DataSet.of("test", "layout").id(1))

    def test_clients_are_told_the_racks(self, racked):
        with c_client(racked.hosts) as client:
            told = {each[1].strip() for each in client.info_all("rack-ids").values()}
            assert told == {"test:1", "test:2"}
            shown = client.info_all("racks:namespace=test").values()
            assert {each[1].strip() for each in shown} == {"ns=test:rack_1=A1,A2:rack_2=A3"}

    def test_when_a_rack_is_gone_both_copies_are_in_the_other(self):
        with LocalCluster(nodes=3, racks=[1, 1, 2], heartbeat_interval="50ms") as cluster:
            cluster.kill("A3")
            cluster.wait_until_stable()
            assert {node.name for node in cluster.owners(*KEYS[0])} == {"A1", "A2"}


class TestAddresses:
    async def test_alternate_services_are_used_by_those_that_ask_for_them(self):
        """The ordinary addresses lead nowhere, so only a client that asks sees all nodes."""
        with LocalCluster(nodes=3, access_addresses=[UNREACHABLE] * 3, **QUIET) as cluster:
            seed = cluster.hosts[:1]
            with c_client(seed, use_services_alternate=True) as client:
                assert len(client.get_node_names()) == 3
            with py_client(seed, use_services_alternate=True) as client:
                assert len(client.get_node_names()) == 3
            client = await native_client(seed, use_services_alternate=True)
            assert len(client.node_names()) == 3
            await client.close()
            definition = definition_for(seed).using_services_alternate()
            async with definition.connect() as connected:
                assert len(await names_of(connected)) == 3
            with pytest.raises(errors.ClientError, match="Peers not reachable"), c_client(seed):
                pass

    async def test_a_seed_can_connect_whose_peers_do_not(self):
        addresses = [None, UNREACHABLE, UNREACHABLE]
        with LocalCluster(nodes=3, access_addresses=addresses, **QUIET) as cluster:
            seed = cluster.hosts[:1]
            with pytest.raises(errors.ClientError, match="Peers not reachable"), c_client(seed):
                pass
            with py_client(seed) as client:
                assert client.get_node_names() == ["A1"]
            client = await native_client(seed)
            assert list(client.node_names()) == ["A1"]
            await client.close()

    async def test_an_ip_map_leads_to_the_nodes(self):
        with LocalCluster(nodes=3, access_addresses=NAMES, **QUIET) as cluster:
            ip_map = dict.fromkeys(NAMES, "127.0.0.1")
            client = await native_client(cluster.hosts[:1], ip_map=ip_map)
            assert sorted(client.node_names()) == ["A1", "A2", "A3"]
            await client.close()
            definition = definition_for(cluster.hosts[:1]).ip_map(ip_map)
            async with definition.connect() as connected:
                assert len(await names_of(connected)) == 3

    def test_arguments_that_do_not_fit_are_named(self):
        for arguments, named in [
            ({"racks": [1, 2]}, "racks needs 3 numbers"),
            ({"racks": [1, 2, -1]}, "racks needs 3 numbers"),
            ({"access_addresses": "10.9.0.1"}, "access_addresses needs 3 entries"),
            ({"alternate_access_addresses": [None]}, "alternate_access_addresses needs 3"),
            ({"external_users": {"ann": "x"}}, "external_users= needs users="),
        ]:
            with pytest.raises(ValueError, match=named):
                LocalCluster(nodes=3, **arguments)


async def test_every_client_refuses_a_cluster_of_another_name():
    with LocalCluster(nodes=1, cluster_name="orders") as cluster:
        hosts = cluster.hosts
        for name, opens in (("orders", True), ("invoices", False)):
            timeout = 20_000 if opens else 500
            refused = contextlib.nullcontext() if opens else pytest.raises(errors.ClientError)
            with refused, c_client(hosts, cluster_name=name):
                pass
            refused = (
                contextlib.nullcontext() if opens else pytest.raises(aerospike_py.AerospikeError)
            )
            with refused, py_client(hosts, cluster_name=name, timeout=timeout):
                pass
            refused = contextlib.nullcontext() if opens else pytest.raises(Exception, match=r".")
            with refused:
                client = await native_client(hosts, cluster_name=name, timeout=timeout)
                await client.close()
            refused = contextlib.nullcontext() if opens else pytest.raises(Exception, match=r".")
            with refused:
                async with definition_for(hosts).cluster_name(name).connect():
                    pass


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return TestAuthority(tmp_path_factory.mktemp("layout"))


@pytest.fixture(scope="module")
def guarded(authority):
    """Users of three kinds: with a password, of a directory, and with a certificate."""
    with LocalCluster(
        nodes=2,
        users={"ann": "secret", "robot": None, "reader": (None, ["read"])},
        external_users={"carol": "corporate"},
        tls=authority.issue("db.test"),
        client_ca_file=authority.ca_file,
        **QUIET,
    ) as cluster:
        yield cluster


def tls_config(authority, certificate):
    return {
        "enable": True,
        "cafile": authority.ca_file,
        "certfile": certificate.certificate,
        "keyfile": certificate.key,
    }


class TestLogins:
    def login(self, cluster, authority, certificate, mode, **config):
        hosts = [(host, port, "db.test") for host, port in cluster.hosts]
        config["policies"] = {"auth_mode": mode}
        return c_client(hosts, tls=tls_config(authority, certificate), **config)

    def test_a_user_of_the_directory_logs_in_with_the_password_itself(self, guarded, authority):
        mine = authority.issue("app")
        who = {"user": "carol", "password": "corporate"}
        with self.login(guarded, authority, mine, aerospike.AUTH_EXTERNAL, **who) as client:
            client.put(KEYS[0], {"n": 1})
            assert client.get(KEYS[0])[2] == {"n": 1}
        for mode, user, password in [
            (aerospike.AUTH_EXTERNAL, "carol", "wrong"),
            (aerospike.AUTH_EXTERNAL, "nobody", "corporate"),
            (aerospike.AUTH_EXTERNAL, "ann", "secret"),
            (aerospike.AUTH_INTERNAL, "carol", "corporate"),
            (aerospike.AUTH_INTERNAL, "robot", ""),
        ]:
            who = {"user": user, "password": password}
            with (
                pytest.raises(errors.AerospikeError),
                self.login(guarded, authority, mine, mode, **who),
            ):
                pass

    def test_a_certificate_is_a_login_for_the_user_it_names(self, guarded, authority):
        robot = authority.issue("robot")
        with self.login(guarded, authority, robot, aerospike.AUTH_PKI) as client:
            client.put(KEYS[1], {"n": 2})
            assert client.get(KEYS[1])[2] == {"n": 2}
        reader = authority.issue("reader")
        with self.login(guarded, authority, reader, aerospike.AUTH_PKI) as client:
            assert client.get(KEYS[1])[2] == {"n": 2}
            with pytest.raises(errors.RoleViolation):
                client.put(KEYS[1], {"n": 3})
        stranger = authority.issue("stranger")
        with (
            pytest.raises(errors.AerospikeError),
            self.login(guarded, authority, stranger, aerospike.AUTH_PKI),
        ):
            pass

    async def test_the_sdk_logs_in_both_ways(self, guarded, authority):
        for user in ("carol", "robot"):
            certificate = authority.issue(user)
            hosts = [(host, port, "db.test") for host, port in guarded.hosts]
            definition = definition_for(hosts).with_tls_config(
                tls_name="db.test",
                ca_file=authority.ca_file,
                client_cert_file=certificate.certificate,
                client_key_file=certificate.key,
            )
            if user == "carol":
                definition = definition.with_external_credentials("carol", "corporate")
            else:
                definition = definition.with_certificate_credentials()
            async with definition.connect() as connected:
                session = connected.create_session()
                await session.put(DataSet.of("test", "layout").id(user), {"n": 6})
                found = await session.get(DataSet.of("test", "layout").id(user))
                assert found.bins == {"n": 6}


def test_external_users_may_log_in_without_tls_where_a_client_does_so():
    with LocalCluster(nodes=1, users={}, external_users={"carol": "corporate"}) as cluster:
        config = {"user": "carol", "password": "corporate"}
        mode = {"policies": {"auth_mode": aerospike.AUTH_EXTERNAL_INSECURE}}
        with c_client(cluster.hosts, **config, **mode) as client:
            client.put(KEYS[0], {"n": 1})
            assert eventually(lambda: client.get(KEYS[0])[2] == {"n": 1})
