"""Nodes that stop, go on, die and come back, under load."""

import contextlib
import threading

import pytest
from aerospike import exception as errors

from aerospike_resilience.testing import ClusterError, LocalCluster

from .support import SERVED, connect, eventually

HALF = {"socket_timeout": 1000, "total_timeout": 20_000, "max_retries": 1}
"""A read gives a node a second, and its replica the same."""

KEYS = [("test", "load", n) for n in range(400)]


class Load:
    """Writers that remember what was acknowledged, and readers that compare."""

    def __init__(self, client, threads=4, keys=KEYS):
        self.client = client
        self.keys = keys
        self.acknowledged = dict.fromkeys(range(len(keys)), -1)
        self.stale = []
        self.writes = 0
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(n, threads)) for n in range(threads)
        ]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, first, step):
        value = 0
        while not self._stop.is_set():
            value += 1
            for n in range(first, len(self.keys), step):
                with contextlib.suppress(errors.AerospikeError):
                    self.client.put(self.keys[n], {"v": value})
                    self.acknowledged[n] = value
                    self.writes += 1
                with contextlib.suppress(errors.AerospikeError):
                    seen = self.client.get(self.keys[n])[2]["v"]
                    if seen < self.acknowledged[n]:
                        self.stale.append((n, seen, self.acknowledged[n]))
                if self._stop.is_set():
                    return

    def lost(self):
        return [
            (n, value)
            for n, value in self.acknowledged.items()
            if value >= 0 and eventually(lambda n=n: self._read(n))["v"] < value
        ]

    def _read(self, n):
        """Read once the client's own breaker lets it: a strict read has one node to go to."""
        with contextlib.suppress(errors.MaxErrorRateExceeded):
            return self.client.get(self.keys[n])[2]

    def goes_on(self):
        at = self.writes
        eventually(lambda: self.writes > at + 200)


@pytest.fixture
def cluster():
    with LocalCluster(nodes=3, replication_factor=2) as cluster:
        yield cluster


@pytest.fixture
def load(cluster):
    with contextlib.closing(connect(cluster, write={"total_timeout": 300})) as client:
        with Load(client) as load:
            load.goes_on()
            yield load
        assert load.stale == []


def members(cluster):
    return [set(state["members"]) for state in cluster._ownership.states().values()]


def test_survivors_evict_a_stalled_node_and_take_it_back_without_losing_a_write(cluster, load):
    cluster.stall("A1")
    eventually(lambda: members(cluster) == [{"A2", "A3"}] * 2)
    load.goes_on()
    cluster.resume("A1")
    cluster.wait_until_stable()
    load.goes_on()
    assert load.lost() == []


def test_a_write_given_up_at_a_stopped_node_is_not_applied_after_a_later_one(cluster):
    with contextlib.closing(connect(cluster)) as client:
        keys = [key for key in KEYS if cluster.master(*key).name == "A1"][:8]
        for key in keys:
            client.put(key, {"v": 0})
        cluster.stall("A1")
        for key in keys:  # the first waits on a connection that A1 knows, the others on new ones
            with pytest.raises(errors.TimeoutError):
                client.put(key, {"v": 1}, policy={"total_timeout": 100, "max_retries": 0})
        eventually(lambda: members(cluster) == [{"A2", "A3"}] * 2)
        for key in keys:
            eventually(lambda key=key: answered(client, key, 2))
        cluster.resume("A1")
        cluster.wait_until_stable()
        assert [client.get(key)[2]["v"] for key in keys] == [2] * len(keys)


def answered(client, key, value) -> bool:
    """Tell whether a write was acknowledged; it is not while its client has the old map."""
    with contextlib.suppress(errors.AerospikeError):
        client.put(key, {"v": value}, policy={"total_timeout": 300})
        return True
    return False


def test_a_killed_node_comes_back_empty_and_catches_up(cluster, load):
    port = cluster.node("A2").port
    cluster.kill("A2")
    cluster.wait_until_stable()
    load.goes_on()
    cluster.restart("A2")
    cluster.wait_until_stable()
    assert cluster.node("A2").port == port
    load.goes_on()
    cluster.kill("A3")
    cluster.wait_until_stable()
    assert load.lost() == []


def test_a_node_that_is_restarted_at_once_is_not_taken_for_the_old_one(cluster, load):
    cluster.kill("A3")
    cluster.restart("A3")
    cluster.wait_until_stable()
    cluster.kill("A1")
    cluster.wait_until_stable()
    assert load.lost() == []


def test_a_short_stall_changes_no_membership(unhurried_cluster):
    cluster = unhurried_cluster
    with contextlib.closing(connect(cluster)) as client, Load(client) as load:
        load.goes_on()
        epoch = cluster._ownership.states()["A1"]["epoch"]
        cluster.stall("A2")
        at = load.writes
        cluster.resume("A2")
        eventually(lambda: load.writes > at + 100)
    assert load.stale == []
    assert {state["epoch"] for state in cluster._ownership.states().values()} == {epoch}


def test_two_stalled_nodes_bring_their_records_back(cluster):
    with contextlib.closing(connect(cluster)) as client:
        for key in KEYS:
            client.put(key, {"v": 1})
        cluster.stall("A2")
        cluster.stall("A3")
        cluster.wait_until_stable()
        cluster.resume("A2")
        cluster.resume("A3")
        cluster.wait_until_stable()
        assert [key for key in KEYS if client.exists(key)[1] is None] == []


def test_a_write_waits_for_a_stalled_replica_and_times_out_though_it_was_applied(
    unhurried_cluster,
):
    cluster = unhurried_cluster
    with contextlib.closing(connect(cluster, write=SERVED)) as client:
        key = KEYS[0]
        client.put(key, {"v": 1})
        master, replica = cluster.master(*key), cluster.replica(*key)
        cluster.stall(replica)
        with pytest.raises(errors.TimeoutError):
            client.put(key, {"v": 2}, policy={"total_timeout": 1000, "max_retries": 0})
        assert client.get(key)[2] == {"v": 2}
        assert cluster.requests("put", master) == 2


def test_a_read_leaves_a_stalled_master_for_the_replica(unhurried_cluster):
    cluster = unhurried_cluster
    with contextlib.closing(connect(cluster, read=HALF, write=SERVED)) as client:
        key = KEYS[0]
        client.put(key, {"v": 1})
        cluster.stall(cluster.master(*key))
        assert client.get(key)[2] == {"v": 1}
        assert cluster.requests("get", cluster.replica(*key)) == 1


def test_a_client_learns_that_a_node_left_and_returned(cluster):
    with contextlib.closing(connect(cluster)) as client:
        cluster.kill("A1")
        eventually(lambda: len(client.get_nodes()) == 2)
        cluster.restart("A1")
        eventually(lambda: len(client.get_nodes()) == 3)


def test_a_node_cannot_be_resumed_unless_it_is_stalled(cluster):
    with pytest.raises(ClusterError, match="cannot resume node A1: it is running"):
        cluster.resume("A1")
    cluster.kill("A1")
    with pytest.raises(ClusterError, match="cannot stall node A1: it is killed"):
        cluster.stall("A1")
    with pytest.raises(KeyError, match="there are A1, A2, A3"):
        cluster.stall("A9")
