"""Blame while records move: on the node that holds a record now, or on none if nobody knows which."""

from __future__ import annotations

import importlib

import aerospike
import pytest

from aerospike_resilience.clients.registry import adapter_named
from aerospike_resilience.model.failure import Failure, FailureKind, Fault
from aerospike_resilience.model.operation import NodeAddress, NotAskedError
from aerospike_resilience.nodes import ClusterHealth, NodeOptions, TendedCluster
from aerospike_resilience.nodes.map_refresh import MapRefresher
from aerospike_resilience.nodes.partitions import EMPTY, UNKNOWN, PartitionMap
from aerospike_resilience.nodes.replaced_maps import STALLED_S, TENDS
from tests import fakes
from tests.nodes.test_cluster import fail, health_of, read, states, write
from tests.nodes.test_partitions import bitmap

ALL = bitmap(*range(4096))
NONE = bitmap()


@pytest.fixture
def clock():
    return fakes.FakeClock()


class MovingSource(fakes.FakeSource):
    """Nodes that each say what they hold; a read is answered by who holds the record now."""

    def __init__(self) -> None:
        super().__init__()
        self.generations = dict.fromkeys(self.names, "1")
        self.asked: list[tuple[str, str]] = []
        self.reads: list[tuple] = []
        self.now_at: str | None = None

    def info(self, node, command, timeout_s):
        self.asked.append((node, command))
        super().info(node, command, timeout_s)
        return self.replicas[node] if command == "replicas" else self.generations[node]

    def read(self, node, key, timeout_s):
        self.reads.append(key)
        if self.now_at in self.silent:
            raise TimeoutError(f"a server waited for {self.now_at}")

    def move(self, masters: str, replicas: str, generation: str) -> None:
        """Have one node be the master of everything, and another hold the copies."""
        self.replicas = {
            name: f"test:0,2,{ALL if name == masters else NONE},{ALL if name == replicas else NONE}"
            for name in self.names
        }
        self.generations = dict.fromkeys(self.names, generation)
        self.now_at = masters


@pytest.fixture
def source():
    found = MovingSource()
    found.move("A2", "A1", "1")
    return found


@pytest.fixture
def health(clock, source):
    """A cluster whose records are at A2, with copies at A1."""
    found = ClusterHealth(source, NodeOptions(silence_s=0.25), clock=clock)
    with found.notices, found.lock:
        found.update_nodes_locked({node.name: node for node in source.nodes()})
    MapRefresher(found, lambda _name, _asked: None).refresh()
    return found


def pulse(health: ClusterHealth, name: str, clock) -> None:
    """Have a node owe an answer, and send it a pulse, which takes as long as it may."""
    with health.notices, health.lock:
        health.note_unanswered_locked(health.by_name[name], clock(), clock())
    clock.pass_s(0.3)
    TendedCluster(health).health_checks._send(health.by_name[name])
    TendedCluster(health).advance(clock())


# ----- pulses


def test_a_pulse_to_a_node_whose_records_moved_reads_none_of_them(health, source, clock):
    """The reads would go to their new master. If that one is silent, the old one is not to blame."""
    source.move("A3", "A2", "2")
    source.silent.add("A3")

    pulse(health, "A2", clock)

    assert source.reads == []
    assert set(states(health).values()) == {"closed"}


def test_a_record_that_moves_while_a_pulse_reads_it_is_no_fault_of_the_node(health, source, clock):
    def moves_meanwhile(_node, _key, _timeout_s):
        source.move("A3", "A2", "2")
        raise TimeoutError("the new master is silent")

    source.read = moves_meanwhile

    pulse(health, "A2", clock)

    assert set(states(health).values()) == {"closed"}


def test_a_node_that_leaves_a_read_unanswered_that_is_its_own_opens(health, source, clock):
    source.now_at, source.silent = "A2", {"A2"}
    source.info = lambda _node, _command, _timeout_s: "1"

    pulse(health, "A2", clock)

    assert states(health) == {"A1": "closed", "A2": "open", "A3": "closed"}


def test_a_pulse_has_the_map_of_its_node_fetched_though_it_is_suspect(health, source, clock):
    source.move("A3", "A2", "2")
    source.silent.add("A3")
    pulse(health, "A2", clock)
    with health.notices, health.lock:
        health.note_unanswered_locked(health.by_name["A3"], clock(), clock())

    MapRefresher(health, lambda _name, _asked: None).refresh()

    assert source.asked.count(("A2", "replicas")) == 2
    assert health.maps.newest.owners("test", 0) == ("A3", "A2")


def test_a_pulse_reads_a_record_that_is_the_nodes_own_by_each_map_the_client_may_have(
    health, source, clock
):
    """Nobody knows when the client learns the new map, and by the old one it asks another node."""
    before = health.maps.newest
    half = tuple(("A3", "A1") if p % 2 else ("A2", "A1") for p in range(4096))
    health.adopt(PartitionMap({"test": half}))
    health.adopt(before)
    checks = TendedCluster(health).health_checks

    assert {checks._probe_key("A2")[2] % 2 for _ in range(3)} == {0}
    assert checks._probe_key("A3") is None

    clock.pass_s(TENDS * (health.options.tend_interval_s + STALLED_S) + 0.1)
    health.adopt(PartitionMap({"test": (("A3", "A1"),) * 4096}))
    clock.pass_s(TENDS * (health.options.tend_interval_s + STALLED_S) + 0.1)
    TendedCluster(health).advance(clock())
    assert checks._probe_key("A3") is not None


# ----- failures


def hard(kind=FailureKind.SERVER_TIMEOUT, **more) -> Failure:
    return Failure(kind, retryable=True, fault=Fault.NODE, **more)


@pytest.mark.parametrize("make", [write, read])
def test_a_node_that_may_not_hold_the_record_any_more_is_asked_and_not_charged(
    make, health, source, clock
):
    health.adopt(PartitionMap({"test": (("A3",),) * 4096}))

    fail(health, make(health, 0, clock), clock, took_s=0.3)

    assert not any(node.errors for node in health.by_name.values())
    assert [set(names) for names, _began, _kind in health.inquiries] == [{"A3", "A2", "A1"}]


def test_a_server_that_waits_for_an_unknown_replica_is_not_charged_for_it(health, source, clock):
    """By our map the master alone holds the record; the cluster says that there is a copy somewhere."""
    health.maps.newest = PartitionMap({"test": (("A2",),) * 4096}, {"test": 2})

    for _ in range(30):
        fail(health, write(health, 0, clock), clock, took_s=0.3)

    assert health.by_name["A2"].errors == {}
    assert set(states(health).values()) == {"closed"}


def test_a_master_that_nobody_knows_leaves_its_replica_uncharged(health, source, clock):
    health.maps.newest = PartitionMap({"test": ((UNKNOWN, "A2"),) * 4096}, {"test": 2})

    for _ in range(30):
        fail(health, write(health, 0, clock), clock, took_s=0.3)
        fail(health, read(health, 0, clock), clock, hard(), took_s=0.3)

    assert health.by_name["A2"].errors == {}


def test_once_the_client_must_have_the_new_map_only_its_nodes_are_charged(health, source, clock):
    health.adopt(PartitionMap({"test": (("A3",),) * 4096}))
    clock.pass_s(TENDS * (health.options.tend_interval_s + STALLED_S) + 0.1)
    TendedCluster(health).advance(clock())

    fail(health, write(health, 0, clock), clock, took_s=0.3)

    assert health.by_name["A3"].errors == {"timeout": 1}


# ----- maps


def test_what_no_answer_claims_is_at_the_only_node_that_gave_none():
    """A node that has come back and stalls again told nobody what it took over."""
    before = EMPTY.merged({"A1": f"test:0,2,{NONE},{ALL}", "A2": f"test:0,2,{ALL},{NONE}"})

    answers = {"A1": f"test:0,2,{NONE},{NONE}", "A2": f"test:0,2,{NONE},{ALL}"}

    assert before.merged(answers).owners("test", 7) == (UNKNOWN, "A2")
    assert not before.merged(answers).is_whole("test", 7)
    assert before.merged(answers).nodes() == {"A2"}
    assert before.merged(answers, "A3").owners("test", 7) == ("A3", "A2")


def test_a_copy_that_no_answer_claims_is_missing_from_the_map():
    found = EMPTY.merged({"A1": f"test:0,2,{ALL},{NONE}"})

    assert found.owners("test", 7) == ("A1",)
    assert not found.is_whole("test", 7)
    assert EMPTY.merged({"A1": f"test:0,1,{ALL}"}).is_whole("test", 7)


def test_the_map_is_fetched_again_when_the_client_knows_another_node(health, source):
    """Until then nobody could say that what no other node claims is there."""
    refresher = MapRefresher(health, lambda _name, _asked: None)
    source.move("A3", "A2", "2")
    source.silent.add("A3")
    with health.notices, health.lock:
        health.update_nodes_locked({n.name: n for n in source.nodes() if n.name != "A3"})
        health.by_name.pop("A3", None)
    refresher.refresh()
    assert health.maps.owners(("test", "s", 0)) == (UNKNOWN, "A2")

    with health.notices, health.lock:
        health.update_nodes_locked({node.name: node for node in source.nodes()})
    refresher.refresh()

    assert health.maps.owners(("test", "s", 0)) == ("A3", "A2")


# ----- nodes that return as others, or elsewhere


def overloaded_at(address: str) -> Failure:
    return Failure(FailureKind.OVERLOAD, retryable=True, fault=Fault.NODE, address=address)


@pytest.mark.parametrize(
    ("listed", "blamed"),
    [
        ({"A1": 3000, "A2": 3001, "B7": 3002}, "B7"),  # another node at the address of A3
        ({"A1": 3000, "A2": 3001, "A3": 3009, "B7": 3002}, "B7"),  # which went elsewhere
        ({"A1": 3000, "A2": 3002, "A3": 3001}, "A2"),  # two changed places
    ],
)
def test_an_address_stands_for_the_node_that_is_there_now(listed, blamed, clock):
    health = health_of(clock)
    with health.notices, health.lock:
        health.update_nodes_locked(
            {name: NodeAddress(name, "127.0.0.1", port) for name, port in listed.items()}
        )

    fail(health, write(health, 1, clock), clock, overloaded_at("127.0.0.1:3002"), took_s=0.001)

    charged = {name for name, node in health.by_name.items() if node.errors}
    assert charged == {blamed}


def test_an_address_that_no_node_has_any_more_charges_nobody(clock):
    health = health_of(clock)
    with health.notices, health.lock:
        health.update_nodes_locked(
            {
                name: NodeAddress(name, "127.0.0.1", port)
                for name, port in {"A1": 3000, "A2": 3001, "A3": 3009}.items()
            }
        )

    fail(health, write(health, 1, clock), clock, overloaded_at("127.0.0.1:3002"), took_s=0.001)

    assert not any(node.errors for node in health.by_name.values())


# ----- what the client says


def connected(kind: str, cluster):
    if kind == "aerospike":
        return aerospike.client({"hosts": cluster.hosts})
    native = importlib.import_module("aerospike_native")
    return native.new_client_blocking(native.ClientPolicy(), cluster.seeds)


@pytest.mark.parametrize("kind", ["aerospike", "aerospike-native"])
def test_a_silence_of_the_node_that_a_client_asked_instead_is_no_other_nodes(
    kind, unhurried_cluster
):
    """The client's map differs from ours."""
    client = connected(kind, unhurried_cluster)
    source = adapter_named(kind).source(client)
    number = next(n for n in range(64) if unhurried_cluster.master("test", "s", n).name == "A1")
    key = source.key("test", "s", number)
    unhurried_cluster.stall("A1")

    with pytest.raises(NotAskedError, match="not node A2 was asked"):
        source.read("A2", key, 0.3)
    with pytest.raises(Exception, match=r"(?i)timeout") as own:
        source.read("A1", key, 0.3)

    assert not isinstance(own.value, NotAskedError)
    unhurried_cluster.resume("A1")


def test_a_master_that_was_the_replica_by_the_clients_map_is_not_charged_alone(clock):
    """Master and replica change places: the same nodes hold the record, and the client may ask either."""
    source = fakes.FakeSource()
    health = ClusterHealth(source, NodeOptions(silence_s=0.25), clock=clock)
    with health.notices, health.lock:
        health.update_nodes_locked({node.name: node for node in source.nodes()})
    for owners in (("A2", "A1"), ("A1", "A2")):
        health.adopt(PartitionMap({"test": (owners,) * 4096}, {"test": 2}))
    call = read(health, 1, clock)
    call.began = clock()
    fail(health, call, clock, Failure(FailureKind.TIMEOUT, fault=Fault.NODE, tries=1))

    assert not any(node.errors for node in health.nodes())
    assert [set(names) for names, _since, _kind in health.inquiries] == [{"A1", "A2"}]


def test_maps_that_do_not_differ_push_out_none_that_does(health, source, clock):
    source.move("A3", "A2", "2")
    refresher = MapRefresher(health, lambda *_missed: None)
    refresher.refresh()
    key = source.key("test", "x", 1)
    for number in range(20):
        clock.pass_s(0.05)
        source.generations = dict.fromkeys(source.names, str(number + 3))
        refresher.refresh()

    with health.lock:
        holders, sure = health.maps.holders(key, health.maps.owners(key))
    assert set(holders) == {"A1", "A2", "A3"}
    assert not sure
