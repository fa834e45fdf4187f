"""Strongly consistent namespaces as the clients meet them.

No recording backs this; the vendor's documentation and the clients' behaviour do.
"""

import base64
import contextlib
import os
from collections import Counter
from functools import partial

import aerospike
import aerospike_py
import pytest
from aerospike import exception as errors

from aerospike_resilience.testing import LocalCluster
from aerospike_resilience.testing.server.partitions import replica_lists
from aerospike_resilience.testing.server.strong import unavailable

from .support import eventually

os.environ["AEROSPIKE_NO_UVLOOP"] = "1"  # a test must not change the process's event loops

import aerospike_native
from aerospike_sdk import ClusterDefinition, DataSet, Host

SETTINGS = {"namespaces": ("test", "bank"), "strong": ("bank",)}
KEYS = [("bank", "s", n) for n in range(30)]
DURABLE = {"durable_delete": True}
SHORT = {"total_timeout": 500, "max_retries": 0}
SERVED = {"total_timeout": 20_000, "max_retries": 0}
SLOW_TO_EVICT = {"heartbeat_interval": "60ms", "heartbeat_timeout": 30}
"""No node that a busy machine stops for a second is missed."""

MODES = {
    name: getattr(aerospike, f"POLICY_READ_MODE_SC_{name.upper()}")
    for name in ("session", "linearize", "allow_replica", "allow_unavailable")
}
COPIES = {"replica": aerospike.POLICY_REPLICA_ANY}


def c_client(cluster):
    return contextlib.closing(aerospike.client({"hosts": cluster.hosts, "tend_interval": 250}))


def fill(client):
    for key in KEYS:
        client.put(key, {"n": key[2]})


def figure(client, name):
    """Return a figure of the namespace, as every node says; nothing while one does not answer."""
    try:
        answers = client.info_all("namespace/bank").values()
    except errors.ClientError:
        return set()
    return {dict(p.split("=") for p in text.strip().split(";"))[name] for _, text in answers}


@pytest.fixture(scope="module")
def calm():
    """Three nodes that no test harms."""
    with LocalCluster(
        nodes=3, heartbeat_interval="1s", heartbeat_timeout=60, **SETTINGS
    ) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def client(calm):
    with c_client(calm) as connected:
        fill(connected)
        yield connected


class TestWhatClientsAreTold:
    def test_figures_editions_and_rosters(self, client):
        assert figure(client, "strong-consistency") == {"true"}
        roster = "roster=A3,A2,A1:pending_roster=A3,A2,A1:observed_nodes=A3,A2,A1"
        told = {text.strip() for _, text in client.info_all("roster:namespace=bank").values()}
        assert told == {roster}
        told = {text.strip() for _, text in client.info_all("edition").values()}
        assert told == {"Aerospike Enterprise Edition"}

    def test_only_the_map_of_a_strong_namespace_has_a_regime(self, client):
        for _, text in client.info_all("replicas").values():
            regimes = [part.split(":")[1].split(",")[0] for part in text.strip().split(";")]
            assert regimes[0] == "0"
            assert int(regimes[1]) > 0

    async def test_a_client_that_tells_namespaces_apart(self, calm):
        client = await aerospike_native.new_client(aerospike_native.ClientPolicy(), calm.seeds)
        assert client.is_strong_consistency("bank")
        assert not client.is_strong_consistency("test")
        await client.close()

    def test_a_namespace_that_is_not_there_cannot_be_strong(self):
        with pytest.raises(ValueError, match="names some of namespaces="):
            LocalCluster(namespaces=("test",), strong=("bank",))


class TestReads:
    @pytest.mark.parametrize("mode", ["session", "allow_replica"])
    def test_replicas_answer_only_where_the_mode_allows_it(self, calm, client, mode):
        """A client asks masters alone for a session's reads, whatever its replica policy says."""

        def gets():
            return Counter({node.name: calm.counters(node).operations["get"].seen for node in calm})

        policy = {**COPIES, "read_mode_sc": MODES[mode]}
        before = gets()
        for key in KEYS:
            assert client.get(key, policy)[2] == {"n": key[2]}
        masters = Counter(calm.master(*key).name for key in KEYS)
        assert (gets() - before == masters) is (mode == "session")

    async def test_each_client_reads_linearized(self, calm):
        key = aerospike_native.Key(*KEYS[0])
        policy = aerospike_native.ReadPolicy()
        policy.read_mode_sc = aerospike_native.ReadModeSC.LINEARIZE
        client = await aerospike_native.new_client(aerospike_native.ClientPolicy(), calm.seeds)
        await client.put(key, {"n": 0})
        found = await client.get(key, policy=policy, policy_sc=policy)
        assert found.bins == {"n": 0}
        await client.close()
        with c_client(calm) as c:
            assert c.get(KEYS[0], {"read_mode_sc": MODES["linearize"]})[2] == {"n": 0}
            rows = c.batch_read(KEYS[:3], policy={"read_mode_sc": MODES["linearize"]}).batch_records
            assert [row.result for row in rows] == [0, 0, 0]
            missing = ("bank", "s", "missing")
            with pytest.raises(errors.RecordNotFound):
                c.get(missing, {"read_mode_sc": MODES["linearize"]})


class TestDeletes:
    async def test_each_client_must_delete_durably(self, calm, client):
        keys = [("bank", "gone", n) for n in range(4)]
        for key in keys:
            client.put(key, {"n": 1})
        with pytest.raises(errors.ForbiddenError):
            client.remove(keys[0])
        client.remove(keys[0], policy=DURABLE)
        with aerospike_py.client({"hosts": calm.hosts}).connect() as py:
            with pytest.raises(aerospike_py.AerospikeError, match=r"(?i)forbidden"):
                py.remove(keys[1])
            py.remove(keys[1], policy=DURABLE)
        native = await aerospike_native.new_client(aerospike_native.ClientPolicy(), calm.seeds)
        policy = aerospike_native.WritePolicy()
        policy.durable_delete = True
        await native.delete(aerospike_native.Key(*keys[2]), policy=policy)
        await native.close()
        definition = ClusterDefinition(hosts=[Host(*host) for host in calm.hosts])
        async with definition.connect() as cluster:
            # The SDK deletes durably where it finds a regime in the namespace's map.
            await cluster.create_session().delete(DataSet.of("bank", "gone").id(3)).execute()
        for key in keys:
            assert client.exists(key)[1] is None

    def test_the_last_bin_too(self, client):
        key = ("bank", "gone", "bins")
        client.put(key, {"n": 1})
        with pytest.raises(errors.ForbiddenError):
            client.remove_bin(key, ["n"])
        client.remove_bin(key, ["n"], policy=DURABLE)
        assert client.exists(key)[1] is None

    def test_rows_of_a_batch(self, client):
        keys = [("bank", "gone", f"batch{n}") for n in range(2)]
        for key in keys:
            client.put(key, {"n": 1})
        assert [r.result for r in client.batch_remove(keys).batch_records] == [22, 22]
        rows = client.batch_remove(keys, policy_batch_remove=DURABLE).batch_records
        assert [row.result for row in rows] == [0, 0]

    def test_in_lua(self, client):
        pytest.importorskip("lupa")
        content = base64.b64encode(
            b"function gone(rec) aerospike:remove(rec) return 1 end"
        ).decode()
        # The client's udf_put() would wait for seconds.
        client.info_random_node(f"udf-put:filename=gone.lua;content={content};udf-type=LUA")
        key = ("bank", "gone", "lua")
        client.put(key, {"n": 1})
        eventually(lambda: all("gone.lua" in text for text in told(client, "udf-list")))
        with pytest.raises(errors.ForbiddenError):
            client.apply(key, "gone", "gone", [])
        client.apply(key, "gone", "gone", [], policy=DURABLE)
        assert client.exists(key)[1] is None

    def test_other_namespaces_of_that_edition_may(self, client):
        key = ("test", "gone", 1)
        for policy in ({}, DURABLE):
            client.put(key, {"n": 1})
            client.remove(key, policy=policy)


class TestAWriteWhoseReplicaStalls:
    @pytest.fixture
    def halted(self, calm, client):
        """A record whose replica is stalled, and a write to it that nobody has confirmed."""
        key = KEYS[7]
        client.put(key, {"n": 7})
        replica = calm.replica(*key)
        calm.stall(replica)
        yield key
        calm.resume(replica)
        calm.wait_until_stable()
        eventually(lambda: client.get(key, {"total_timeout": 1000})[2])

    def test_is_in_doubt_and_seen_by_no_strict_read_until_it_is_on_both(self, calm, client, halted):
        # Such a namespace commits on both nodes, though the client asks for the master alone.
        alone = {**SHORT, "commit_level": aerospike.POLICY_COMMIT_LEVEL_MASTER}
        with pytest.raises(errors.TimeoutError) as raised:
            client.put(halted, {"n": -7}, policy=alone)
        assert raised.value.in_doubt
        for mode in ("session", "linearize"):
            with pytest.raises(errors.TimeoutError):
                client.get(halted, {**SHORT, "read_mode_sc": MODES[mode]})
        policy = {**SERVED, "read_mode_sc": MODES["allow_replica"]}
        assert client.get(halted, policy)[2] == {"n": -7}
        calm.resume(calm.replica(*halted))
        assert eventually(lambda: client.get(halted, {"total_timeout": 1000})[2]) == {"n": -7}
        calm.stall(calm.replica(*halted))

    def test_a_linearized_read_needs_the_replica_and_a_session_does_not(self, client, halted):
        assert client.get(halted, {**SERVED, "read_mode_sc": MODES["session"]})[2]["n"] in (7, -7)
        with pytest.raises(errors.TimeoutError):
            client.get(halted, {**SHORT, "read_mode_sc": MODES["linearize"]})


class TestAvailability:
    def test_partitions_are_unavailable_dead_and_revived(self):
        """One story on one cluster: each part needs what the one before left."""
        with (
            LocalCluster(nodes=3, **SLOW_TO_EVICT, **SETTINGS) as cluster,
            c_client(cluster) as client,
        ):
            fill(client)
            cluster.kill("A2")
            cluster.wait_until_stable()
            # One of two copies is gone, and its node: fewer than there are copies.
            eventually(lambda: figure(client, "ns_cluster_size") == {"2"})
            assert figure(client, "unavailable_partitions") == {"0"}
            assert eventually(lambda: outcomes(client) == Counter({0: 30}))

            cluster.kill("A3")
            cluster.wait_until_stable()
            eventually(lambda: figure(client, "unavailable_partitions") == {"4096"})
            assert outcomes(client).keys() <= {11, -8}
            key = next(key for key in KEYS if outcome(client, key) == 11)
            with pytest.raises(errors.ClusterError) as raised:
                client.put(key, {"n": 1})
            assert raised.value.code == 11
            relaxed = {"read_mode_sc": MODES["allow_unavailable"], "total_timeout": 20_000}
            assert client.get(key, relaxed)[2] == {"n": key[2]}
            with pytest.raises(errors.AerospikeError):
                client.scan("bank", "s").results()
            client.put(("test", "s", 1), {"n": 1})  # the other namespace goes on

            cluster.restart("A2")
            cluster.restart("A3")
            cluster.wait_until_stable()
            assert eventually(lambda: outcomes(client) == Counter({0: 30}))

            both = [key for key in KEYS if "A1" not in {n.name for n in cluster.owners(*key)}]
            for name in ("A2", "A3"):
                cluster.kill(name)
            for name in ("A2", "A3"):
                cluster.restart(name)
            cluster.wait_until_stable()
            eventually(lambda: figure(client, "dead_partitions") - {"0"})
            assert eventually(lambda: outcomes(client).keys() == {0, 11})
            assert outcomes(client)[11] == len(both)

            client.info_all("revive:namespace=bank")
            client.info_all("recluster:")
            eventually(lambda: figure(client, "dead_partitions") == {"0"})
            assert eventually(
                lambda: outcomes(client) == Counter({0: 30 - len(both), 2: len(both)})
            )

    def test_a_smaller_roster_makes_a_lone_node_enough(self):
        with (
            LocalCluster(nodes=2, **SLOW_TO_EVICT, replication_factor=1, **SETTINGS) as two,
            c_client(two) as client,
        ):
            fill(client)
            mine = sum(two.master(*key).name == "A1" for key in KEYS)
            two.kill("A2")
            two.wait_until_stable()
            # A majority is more than half; half of them is enough for a partition's first node only.
            eventually(lambda: figure(client, "unavailable_partitions") - {"0"})
            assert eventually(lambda: outcomes(client)[0] == mine)
            client.info_all("roster-set:namespace=bank;nodes=A1")
            client.info_all("recluster:")
            eventually(lambda: figure(client, "unavailable_partitions") == {"0"})
            assert int(next(iter(figure(client, "dead_partitions")))) > 0

    def test_a_restarted_principal_learns_the_roster_and_the_indexes_from_the_others(self):
        with (
            LocalCluster(nodes=3, **SLOW_TO_EVICT, **SETTINGS) as three,
            c_client(three) as client,
        ):
            client.info_all("roster-set:namespace=bank;nodes=A1,A2")
            client.info_all("sindex-create:namespace=test;indexname=i;bin=n;type=numeric")
            three.restart("A1")
            three.wait_until_stable()
            pending = "pending_roster=A2,A1"
            eventually(lambda: len(said := told(client, "roster:")) == 1 and pending in said.pop())
            indexes = eventually(lambda: told(client, "sindex-list:"))
            assert all("indexname=i" in text for text in indexes)

    def test_nodes_that_were_only_stopped_bring_everything_back(self):
        """The one that went on alone had no copy of some records, and could not write any."""
        with (
            LocalCluster(nodes=3, **SLOW_TO_EVICT, **SETTINGS) as three,
            c_client(three) as client,
        ):
            fill(client)
            mine = next(key for key in KEYS if three.master(*key).name == "A1")
            three.stall("A2")
            three.stall("A3")
            asked = partial(client.info_single_node, "namespace/bank", "A1")
            eventually(lambda: "unavailable_partitions=4096" in asked())
            with pytest.raises(errors.AerospikeError) as raised:
                client.put(mine, {"n": -1}, policy={"total_timeout": 1000})
            assert raised.value.code == 11
            three.resume("A2")
            three.resume("A3")
            three.wait_until_stable()
            eventually(lambda: figure(client, "unavailable_partitions") == {"0"})
            assert eventually(lambda: outcomes(client) == Counter({0: 30}))
            assert figure(client, "dead_partitions") == {"0"}
            assert all(client.get(key)[2] == {"n": key[2]} for key in KEYS)


def told(client, line):
    """Return what the nodes say, once if they agree; nothing while one does not answer."""
    try:
        return {text.strip() for _, text in client.info_all(line).values()}
    except errors.ClientError:
        return set()


def outcome(client, key):
    try:
        client.get(key, {"total_timeout": 3000})
    except errors.AerospikeError as error:
        return error.code
    return 0


def outcomes(client):
    return Counter(outcome(client, key) for key in KEYS)


class TestTheRule:
    """Which partitions a part of the roster may use, with five nodes and two replicas."""

    FIVE = tuple(f"A{n}" for n in range(1, 6))
    FOUR = FIVE[:4]

    def closed(self, roster, *members, factor=2):
        return unavailable(roster, frozenset(members), factor)

    def test_fewer_nodes_are_missing_than_there_are_replicas(self):
        assert not self.closed(self.FIVE, *self.FIVE[1:])
        assert not self.closed(self.FIVE, *self.FIVE[2:], factor=3)

    def test_a_majority_needs_one_replica(self):
        lists = replica_lists(self.FIVE, 2)
        closed = self.closed(self.FIVE, "A1", "A2", "A3")
        assert closed == {pid for pid, owners in enumerate(lists) if set(owners) == {"A4", "A5"}}

    def test_a_minority_needs_all_replicas(self):
        lists = replica_lists(self.FIVE, 2)
        closed = self.closed(self.FIVE, "A4", "A5")
        assert closed == {pid for pid, owners in enumerate(lists) if set(owners) != {"A4", "A5"}}

    def test_half_needs_the_first_replica_or_all(self):
        lists = replica_lists(self.FOUR, 2)
        closed = self.closed(self.FOUR, "A1", "A2")
        assert closed == {pid for pid, owners in enumerate(lists) if owners[0] not in ("A1", "A2")}

    def test_a_node_that_is_not_of_the_roster_does_not_count(self):
        assert self.closed(self.FOUR, "A1", "A2", "A5") == self.closed(self.FOUR, "A1", "A2")
