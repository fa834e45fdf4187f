"""Data put back before a test, and clusters whose ports other processes know beforehand."""

import contextlib
import os
import signal
import socket
import subprocess
import sys

import aerospike
import pytest
from aerospike import exception as errors
from click.testing import CliRunner

from aerospike_resilience.cli.cluster import cluster as command
from aerospike_resilience.testing import ClusterError, LocalCluster, Snapshot
from tests.conftest import QUIET

from .support import UNHURRIED, connect, eventually

KEYS = [("test", "kept", n) for n in range(50)]


def held(client):
    found = client.scan("test").results()
    return {record[0][3].hex(): (record[1]["gen"], record[2]) for record in found} if found else {}


@pytest.fixture(scope="module")
def own():
    with LocalCluster(nodes=2, namespaces=("test", "other"), **QUIET) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def client(own):
    with contextlib.closing(connect(own, **UNHURRIED)) as connected:
        yield connected


def info(cluster, line):
    """Ask every node, without the waiting that the clients do after a change of an index."""
    with contextlib.closing(aerospike.client({"hosts": cluster.hosts})) as client:
        return {text.strip() for _, text in client.info_all(line).values()}


@pytest.fixture(scope="module")
def taken(own, client):
    for key in KEYS:
        client.put(key, {"n": key[2], "list": [1, {"a": b"x"}]})
    client.put(KEYS[0], {"n": -1})
    assert info(own, index("create", "by_n", "n")) == {"ok"}
    return own.snapshot()


def index(what, name, bin_name):
    rest = f";set=kept;bin={bin_name};type=numeric" if what == "create" else ""
    return f"sindex-{what}:namespace=test;indexname={name}{rest}"


@pytest.fixture
def snapshot(own, taken):
    own.restore(taken)
    return taken


def test_what_a_snapshot_has_is_back_and_nothing_else(own, client, snapshot):
    before = held(client)
    assert len(snapshot) == len(before) == 50
    assert snapshot.namespaces == ("test",)

    client.put(KEYS[1], {"n": 2, "more": 1})
    client.remove(KEYS[2])
    client.put(("test", "new", 1), {"n": 1})
    client.put(("other", "new", 1), {"n": 1})
    info(own, index("delete", "by_n", "n"))
    info(own, index("create", "by_s", "s"))
    own.restore(snapshot)

    assert held(client) == before
    assert client.get(KEYS[0])[1]["gen"] == 2
    assert client.exists(("other", "new", 1))[1] is None
    assert all("by_n" in text and "by_s" not in text for text in info(own, "sindex-list:"))
    assert sum(1 for _ in client.query("test", "kept").results()) == 50


def test_a_truncation_meanwhile_is_undone(own, client, snapshot):
    client.truncate("test", "kept", 0)
    assert not held(client)
    own.restore(snapshot)
    assert len(held(client)) == 50


def test_both_copies_are_back(own, client, snapshot):
    policy = {"replica": aerospike.POLICY_REPLICA_ANY}
    for _ in range(2):
        assert client.get(KEYS[3], policy)[2]["n"] == 3
    figures = [text for _, text in client.info_all("namespace/test").values()]
    assert all(";objects=50;" in text for text in figures)


def test_a_snapshot_goes_through_a_file_into_a_cluster_of_another_size(snapshot, tmp_path):
    path = tmp_path / "orders.snapshot"
    snapshot.save(path)
    with LocalCluster(nodes=3, **QUIET) as three:
        three.restore(Snapshot.load(path))
        with contextlib.closing(connect(three, **UNHURRIED)) as other:
            assert len(held(other)) == 50
            assert other.get(KEYS[0])[2]["n"] == -1


def test_what_cannot_be_restored_is_named(own, client, snapshot, tmp_path):
    with LocalCluster(nodes=1, namespaces=("bar",)) as bar, pytest.raises(ValueError, match="test"):
        bar.restore(snapshot)
    path = tmp_path / "some.txt"
    path.write_text("no snapshot")
    with pytest.raises(ValueError, match="is not a snapshot"):
        Snapshot.load(path)
    snapshot.save(path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match="damaged"):
        Snapshot.load(path)


def free_ports(count):
    """Return the first of some neighbouring ports that nobody uses."""
    for _ in range(50):
        with contextlib.ExitStack() as stack:
            first = stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
            with contextlib.suppress(OSError):
                for number in range(1, count):
                    stack.enter_context(socket.create_server(("127.0.0.1", first + number)))
                return first
    raise AssertionError("no neighbouring ports are free")


class TestPorts:
    def test_the_ports_are_those_asked_for(self):
        first = free_ports(2)
        with LocalCluster(nodes=2, port=first) as cluster:
            assert cluster.hosts == [("127.0.0.1", first), ("127.0.0.1", first + 1)]
            cluster.restart("A2")
            assert cluster.hosts[1][1] == first + 1
            taken = LocalCluster(nodes=1, port=first + 1)
            with pytest.raises(ClusterError, match=f"port {first + 1} cannot be used"):
                taken.start()

    def test_a_port_that_does_not_exist_is_refused(self):
        with pytest.raises(ValueError, match="port is 1 to 65533 for 3 nodes"):
            LocalCluster(nodes=3, port=65_534)


class TestTheShell:
    def test_saves_and_loads(self, tmp_path):
        path = tmp_path / "empty.snapshot"
        script = f"save {path}\nload {path}\nload {tmp_path}/none\nquit\n"
        result = CliRunner().invoke(command, ["--nodes", "1"], input=script)
        assert f"0 records are in {path}" in result.output
        assert "0 records are back" in result.output
        assert "error: [Errno 2] No such file" in result.output

    def test_refuses_what_makes_no_cluster(self):
        result = CliRunner().invoke(command, ["--nodes", "1", "--strong", "bank"])
        assert result.exit_code == 2
        assert "strong= names some of" in result.output

    def test_is_a_service_for_other_processes(self, own, snapshot, tmp_path):
        """It goes on after the end of its input, and a signal ends it with its nodes."""
        path, port = tmp_path / "service.snapshot", free_ports(1)
        snapshot.save(path)
        arguments = ["cluster", "--nodes", "1", "--port", str(port), "--load", str(path)]
        service = subprocess.Popen(
            [sys.executable, "-m", "aerospike_resilience", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert service.stdout.readline().strip() == f"127.0.0.1:{port}"
            with contextlib.closing(
                aerospike.client({"hosts": [("127.0.0.1", port)]}).connect()
            ) as client:
                eventually(lambda: readable(client, KEYS[3]))
                assert client.get(KEYS[3])[2]["n"] == 3
            os.kill(service.pid, signal.SIGTERM)
            service.wait()
            eventually(lambda: refused(port))
        finally:
            service.kill()
            service.wait()
            service.stdout.close()


def readable(client, key):
    try:
        return client.exists(key)[1] is not None
    except errors.AerospikeError:
        return False


def refused(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return True
    return False
