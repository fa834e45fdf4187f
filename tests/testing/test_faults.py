"""Injected faults, as a real client meets them, and the counters that prove what happened."""

import contextlib
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import aerospike
import pytest
from aerospike import exception as errors

from aerospike_resilience.testing import LocalCluster
from tests.stopwatch import quickest_s
from tests.waiting import until

from .support import connect, eventually

ONCE = {"max_retries": 0, "total_timeout": 1000, "socket_timeout": 1000}
"""For what is not answered."""

PATIENT = {"max_retries": 0, "total_timeout": 30_000, "socket_timeout": 30_000}
"""For what is answered, however busy the machine."""


@pytest.fixture
def stored(client, key):
    client.put(key, {"n": 1})
    return key


def test_latency_delays_only_what_it_is_for(cluster, client, stored):
    with cluster.inject(op="get", latency="60ms") as fault:
        started = time.monotonic()
        client.get(stored)
        assert time.monotonic() - started >= 0.06
        assert quickest_s(lambda: client.put(stored, {"n": 1}), 0.06) < 0.06
        assert fault.hits == 1
    assert quickest_s(lambda: client.get(stored), 0.06) < 0.06


def test_latency_of_one_request_does_not_hold_up_others(cluster, client, stored):
    with cluster.inject(op="get", set="slow", latency="500ms"):
        assert quickest_s(lambda: client.get(stored), 0.4) < 0.4


def test_a_request_waits_for_a_latency_until_it_is_cleared(cluster, client, stored):
    slow = {"op": "get", "latency": "1h"}
    with (
        cluster.inject(**slow) as one,
        cluster.inject(**slow) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        reading = pool.submit(client.get, stored, PATIENT)
        until(lambda: (one.hits, other.hits) == (1, 1))
        one.clear()
        client.put(stored, {"n": 2})
        assert not reading.done()  # the other is in force
        other.clear()
        assert reading.result()[2] == {"n": 2}


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("DEVICE_OVERLOAD", errors.DeviceOverload),
        ("KEY_BUSY", errors.RecordBusy),
        (9, errors.TimeoutError),
        ("UNAVAILABLE", errors.ClusterError),
    ],
)
def test_any_result_code_can_be_answered(cluster, client, stored, code, error):
    with cluster.inject(op="put", code=code), pytest.raises(error):
        client.put(stored, {"n": 2}, policy=PATIENT)
    assert client.get(stored)[2] == {"n": 1}


def test_a_count_is_over_all_nodes_together(cluster, client):
    fault = cluster.inject(op="put", code="DEVICE_OVERLOAD", count=3)
    failed = 0
    for n in range(40):
        try:
            client.put(("test", "counted", n), {"n": n}, policy=PATIENT)
        except errors.DeviceOverload:
            failed += 1
    assert failed == fault.hits == 3


def test_a_share_strikes_about_that_share(cluster, client, stored):
    with cluster.inject(op="get", latency="10us", share=0.5) as fault:
        for _ in range(200):
            client.get(stored)
        assert 60 <= fault.hits <= 140


def test_a_write_can_be_applied_and_not_answered(cluster, client, stored):
    with (
        cluster.inject(op="put", answer="drop"),
        pytest.raises(errors.TimeoutError),
    ):
        client.put(stored, {"n": 2}, policy=ONCE)
    assert client.get(stored)[2] == {"n": 2}


def test_a_write_can_be_swallowed(cluster, client, stored):
    count = lambda: cluster.counters(cluster.master(*stored))["put"]  # noqa: E731
    before = count()
    with (
        cluster.inject(op="put", answer="drop", applied=False),
        pytest.raises(errors.TimeoutError),
    ):
        client.put(stored, {"n": 2}, policy=ONCE)
    assert client.get(stored)[2] == {"n": 1}
    eventually(lambda: count().seen > before.seen)
    after = count()
    assert (after.seen - before.seen, after.applied - before.applied) == (1, 0)
    assert after.answered == before.answered


@pytest.mark.parametrize("answer", ["half", "garbage", "reset", "close"])
def test_a_damaged_answer_is_an_error_and_a_retry_mends_it(cluster, client, stored, answer):
    with cluster.inject(op="get", answer=answer), pytest.raises(errors.AerospikeError):
        client.get(stored, policy=ONCE)
    if answer == "garbage":
        return  # the client gives up on an answer it cannot read
    with cluster.inject(op="get", answer=answer, count=1):
        policy = {"socket_timeout": 1000, "total_timeout": 20_000, "max_retries": 3}
        assert client.get(stored, policy=policy)[2] == {"n": 1}


def test_slow_tend_answers_do_not_slow_requests(cluster, client, stored):
    with cluster.inject(op="tend", latency="300ms") as fault:
        eventually(lambda: fault.hits)
        assert quickest_s(lambda: client.get(stored), 0.2) < 0.2


def test_requests_are_counted_on_the_wire(cluster, client, stored):
    before = cluster.requests("get")
    with (
        cluster.inject(op="get", code=9, node=cluster.master(*stored)),
        contextlib.suppress(errors.AerospikeError),
    ):
        client.get(stored, policy={**ONCE, "max_retries": 2, "total_timeout": 20_000})
    assert cluster.requests("get") > before + 1


def test_impossible_faults_say_what_is_possible(cluster):
    with pytest.raises(ValueError, match="needs a fault"):
        cluster.inject(op="get")
    with pytest.raises(ValueError, match="use one of: read, write"):
        cluster.inject(op="got", latency="1ms")
    with pytest.raises(ValueError, match=r"'20ms', '1\.5s' or"):
        cluster.inject(latency="20 parsecs")
    with pytest.raises(ValueError, match="DEVICE_OVERLOAD"):
        cluster.inject(code="NOPE")
    with pytest.raises(ValueError, match="share is above 0"):
        cluster.inject(latency="1ms", share=0)


@pytest.fixture
def own_cluster():
    with LocalCluster(nodes=3) as cluster:
        yield cluster


def test_a_node_can_refuse_connections(own_cluster):
    with own_cluster.inject(node="A1", refuse=True):
        refused = lambda: _refused(own_cluster.hosts[0])  # noqa: E731
        eventually(refused)
    eventually(lambda: not _refused(own_cluster.hosts[0]))


def _refused(address):
    try:
        socket.create_connection(address, 1).close()
    except ConnectionRefusedError:
        return True
    return False


def test_more_connections_than_allowed_are_closed(own_cluster):
    own_cluster.inject(node="A1", max_connections=2)
    with contextlib.ExitStack() as stack:
        socks = [
            stack.enter_context(socket.create_connection(own_cluster.hosts[0], 2)) for _ in range(5)
        ]
        closed = [sock for sock in socks[2:] if sock.recv(1) == b""]
        assert len(closed) == 3
        eventually(lambda: own_cluster.counters("A1").connections_open == 2)
        assert own_cluster.counters("A1").connections_opened == 5


def test_a_node_can_leave_and_rejoin(own_cluster):
    with contextlib.closing(connect(own_cluster)) as client:
        for n in range(100):
            client.put(("test", "left", n), {"n": 1})
        with own_cluster.inject(node="A3", leave=True):
            others = lambda: {  # noqa: E731
                len(own_cluster._ownership.states()[name]["members"]) for name in ("A1", "A2")
            }
            eventually(lambda: others() == {2})
            for n in range(100):
                client.put(("test", "left", n), {"n": 2}, policy={"max_retries": 5})
        own_cluster.wait_until_stable()
        assert {client.get(("test", "left", n))[2]["n"] for n in range(100)} == {2}


def test_a_migration_can_be_kept_in_progress_while_requests_are_served(own_cluster):
    keys = [("test", "mig", n) for n in range(200)]
    with contextlib.closing(connect(own_cluster)) as client:
        for key in keys:
            client.put(key, {"n": 1})
        own_cluster.inject(migrate_slowly="20ms")
        own_cluster.kill("A2")
        own_cluster.restart("A2")
        behind = lambda: own_cluster._ownership.states()["A2"]  # noqa: E731
        eventually(lambda: behind()["members"] and not behind()["settled"])
        eventually(lambda: len(client.get_nodes()) == 3)
        for key in keys:
            client.increment(key, "n", 1)
        assert {client.get(key)[2]["n"] for key in keys} == {2}
        assert not behind()["settled"]
        own_cluster.clear_faults()
        own_cluster.wait_until_stable()
        own_cluster.kill("A1")
        own_cluster.wait_until_stable()
        assert {client.get(key)[2]["n"] for key in keys} == {2}


def test_a_node_can_come_back_under_another_port_and_name(own_cluster):
    with contextlib.closing(connect(own_cluster)) as client:
        port = own_cluster.node("A2").port
        own_cluster.kill("A2")
        own_cluster.wait_until_stable()
        own_cluster.restart("A2", new_port=True, alias="B7")
        own_cluster.wait_until_stable()
        assert own_cluster.node("A2").port != port
        eventually(
            lambda: (
                ("B7", own_cluster.node("A2").port)
                in {(node["node_name"], node["port"]) for node in client.get_node_names()}
            )
        )


def test_commit_to_the_master_alone_does_not_wait_for_a_stalled_replica(own_cluster):
    with contextlib.closing(connect(own_cluster)) as client:
        key = ("test", "commit", 1)
        client.put(key, {"n": 1})
        own_cluster.stall(own_cluster.replica(*key))
        policy = {**ONCE, "commit_level": aerospike.POLICY_COMMIT_LEVEL_MASTER}
        client.put(key, {"n": 2}, policy=policy)
        assert client.get(key)[2] == {"n": 2}
