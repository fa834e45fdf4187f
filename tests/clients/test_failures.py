"""What each client's errors mean, row by row: each is provoked for real and classified."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from aerospike_resilience.clients import adapter_named
from aerospike_resilience.model.failure import FailureKind as K
from aerospike_resilience.model.failure import Fault
from aerospike_resilience.testing import LocalCluster
from tests.clients.failing import CLIENTS, HASTY, KEY, C, Native, Py
from tests.waiting import until


@pytest.fixture(params=CLIENTS, ids=lambda client: client.name)
def client(request, healthy):
    found = request.param(healthy)
    found.put()
    yield found
    healthy.clear_faults()
    found.close()


def failure(client, act, operation: str):
    """Provoke an error and say what the client's adapter makes of it."""
    adapter = adapter_named(client.name)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each client's own
        act()
    return adapter.classify(caught.value, adapter.operations[operation])


SERVER = [
    # code, kind, retryable, whose fault
    (2, K.RECORD, False, Fault.NOBODY),
    (3, K.CONFLICT, False, Fault.NOBODY),
    (4, K.RECORD, False, Fault.NOBODY),
    (5, K.CONFLICT, False, Fault.NOBODY),
    (6, K.CONFLICT, False, Fault.NOBODY),
    (7, K.UNAVAILABLE, True, Fault.NODE),
    (8, K.RECORD, False, Fault.NOBODY),
    (9, K.SERVER_TIMEOUT, True, Fault.NODE),
    (11, K.UNAVAILABLE, True, Fault.NODE),
    (12, K.RECORD, False, Fault.NOBODY),
    (13, K.RECORD, False, Fault.NOBODY),
    (14, K.BUSY, True, Fault.NOBODY),
    (18, K.OVERLOAD, True, Fault.NODE),
    (20, K.RECORD, False, Fault.NOBODY),
    (22, K.RECORD, False, Fault.NOBODY),
    (24, K.CONFLICT, False, Fault.NOBODY),
    (27, K.RECORD, False, Fault.NOBODY),
    (28, K.CONFLICT, False, Fault.NOBODY),
    (51, K.SECURITY, False, Fault.NOBODY),
    (81, K.SECURITY, False, Fault.NOBODY),
    (83, K.SECURITY, False, Fault.NOBODY),
    (152, K.OVERLOAD, True, Fault.NODE),
    (211, K.OVERLOAD, True, Fault.NODE),
    (212, K.SERVER_TIMEOUT, True, Fault.NODE),
]


@pytest.mark.parametrize(("code", "kind", "retryable", "fault"), SERVER)
def test_an_answer_of_the_server(healthy, client, code, kind, retryable, fault):
    with healthy.inject(op="get", code=code):
        found = failure(client, client.get, "get")

    assert (found.kind, found.retryable, found.fault) == (kind, retryable, fault)
    assert not found.in_doubt


@pytest.mark.parametrize("code", [11, 14, 18])
def test_a_write_that_the_server_refused_is_not_in_doubt(healthy, client, code):
    with healthy.inject(op="put", code=code):
        found = failure(client, client.put, "put")

    assert not found.in_doubt
    assert found.retryable


def test_an_overload_names_its_node(healthy, client):
    node = healthy.master(*KEY)

    with healthy.inject(op="get", code=18):
        found = failure(client, client.get, "get")

    assert node.name == found.node or found.address == f"127.0.0.1:{node.port}"


def test_a_read_without_an_answer(healthy, client):
    with healthy.inject(op="get", answer="drop"):
        found = failure(client, partial(client.get, **HASTY), "get")

    assert (found.kind, found.retryable, found.fault) == (K.TIMEOUT, True, Fault.NODE)
    assert not found.in_doubt


def test_a_write_without_an_answer_is_in_doubt(healthy, client):
    with healthy.inject(op="write", answer="drop"):
        assert failure(client, partial(client.put, **HASTY), "put").in_doubt
    with healthy.inject(op="write", answer="drop"):
        operation = "add" if client.name == "aerospike-native" else "increment"
        found = failure(client, partial(client.increment, **HASTY), operation)

    assert (found.kind, found.in_doubt, found.fault) == (K.TIMEOUT, True, Fault.NODE)


def test_a_connection_that_breaks_off(healthy, client):
    with healthy.inject(op="write", answer="reset"):
        found = failure(client, client.put, "put")

    assert found.in_doubt
    assert found.retryable
    assert found.fault is Fault.NODE


def test_conflicts(client):
    found = failure(client, client.create, "put")

    assert (found.kind, found.code, found.in_doubt) == (K.CONFLICT, 5, False)


def test_a_missing_record(client):
    found = failure(client, lambda: client.get(("test", "failures", "none")), "get")

    assert (found.kind, found.fault, found.code) == (K.RECORD, Fault.NOBODY, 2)


@pytest.mark.parametrize("client", [C, Py, Native], indirect=True, ids=lambda c: c.name)
def test_a_write_on_which_the_server_gave_up_is_in_doubt(healthy, client):
    with healthy.inject(op="write", code=9):  # its master may have applied it, and lost its replica
        found = failure(
            client, client.increment, "increment" if client.name != "aerospike-native" else "add"
        )

    assert (found.kind, found.in_doubt) == (K.SERVER_TIMEOUT, True)


@pytest.mark.parametrize("client", [C, Py, Native], indirect=True, ids=lambda c: c.name)
def test_a_wrong_namespace_is_charged_to_nobody(healthy, client):
    adapter = adapter_named(client.name)
    with pytest.raises(Exception) as caught:  # noqa: PT011
        client.get(("none", "failures", 1))
    found = adapter.classify(caught.value, adapter.operations["get"])

    if client.name == "aerospike-py":  # says "timeout", and means that it knows no node
        assert (found.kind, found.fault) == (K.UNAVAILABLE, Fault.LOCAL)
    else:
        assert (found.kind, found.fault, found.code) == (K.RECORD, Fault.NOBODY, 20)


def test_bad_arguments_are_the_callers(client):
    get = client.client.get if client.name != "aerospike-native" else client.client.get_blocking

    found = failure(client, lambda: get(5), "get")

    assert found.kind is K.CALLER
    assert found.fault is Fault.NOBODY


def test_a_refused_connection_was_never_sent(cluster):
    for kind in (C, Py):  # the native client waits for a connection until its time is up
        client = kind(cluster)
        try:
            client.put()
            victim = cluster.master(*KEY)
            cluster.kill(victim)
            found = failure(client, client.put, "put")
            assert found.fault is Fault.NODE, kind
            assert not found.in_doubt or found.kind is K.CONNECTION, kind
        finally:
            client.close()
            cluster.restart(victim)
            cluster.wait_until_stable()


def test_a_closed_client_is_the_callers_fault(healthy):
    for kind in (C, Py):
        client = kind(healthy)
        client.close()
        found = failure(client, client.get, "get")
        assert (found.kind, found.fault) == (K.CALLER, Fault.NOBODY)


def test_a_full_pool_is_our_own_fault(healthy):
    client = C(healthy, max_conns_per_node=1)
    with healthy.inject(op="get", latency="1s"), ThreadPoolExecutor(4) as pool:
        found = [
            adapter_named("aerospike").classify(error, adapter_named("aerospike").operations["get"])
            for error in (done.exception() for done in [pool.submit(client.get) for _ in range(4)])
            if error is not None
        ]
    client.close()

    exhausted = [one for one in found if one.kind is K.POOL_EXHAUSTED]
    assert exhausted
    assert {(one.fault, one.retryable, one.in_doubt) for one in exhausted} == {
        (Fault.LOCAL, True, False)
    }


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        (C, {"max_error_rate": 1, "error_rate_window": 1}),
        (Native, {"max_error_rate": 1, "error_rate_window": 1}),
    ],
    ids=["aerospike", "aerospike-native"],
)
def test_a_tripped_native_breaker_is_nobodys_new_fault(healthy, kind, config):
    client = kind(healthy, **config)
    client.put()
    adapter = adapter_named(client.name)
    kinds = []
    with healthy.inject(op="write", answer="drop"):
        for _ in range(6):
            with pytest.raises(Exception) as caught:  # noqa: PT011
                client.put(**HASTY)
            kinds.append(adapter.classify(caught.value, adapter.operations["put"]))
    client.close()

    tripped = [one for one in kinds if one.kind is K.NATIVE_BREAKER]
    assert tripped
    assert {(one.fault, one.retryable, one.in_doubt) for one in tripped} == {
        (Fault.LOCAL, False, False)
    }
    # What is refused is not sent. The C client does not say how often it tried.
    assert {one.tries for one in tripped} == ({0} if kind is Native else {None})


@pytest.mark.parametrize("kind", [Py, Native], ids=lambda kind: kind.name)
def test_waiting_in_vain_for_a_connection_charges_no_node(kind):
    # One node, as aerospike-py reads from the replica too and would find connections there. It tends once a
    # minute, as its tending, when it finds no connection, forgets what the node is master of.
    rarely = {"tend_interval": 60_000} if kind is Py else {}
    with LocalCluster(nodes=1) as cluster, ThreadPoolExecutor(6) as pool:
        client = kind(cluster, max_conns_per_node=2, **rarely)
        client.put()
        with cluster.inject(op="get", answer="drop"):
            holders = [pool.submit(client.get) for _ in range(2)]
            until(lambda: cluster.requests("get") == 2)  # both connections are taken
            waiting = [pool.submit(client.get, **HASTY) for _ in range(4)]
            errors = [done.exception() for done in waiting]
            assert not any(done.done() for done in holders)
            with cluster.inject(refuse=True):  # ends what the holders wait for
                assert all(done.exception() for done in holders)
        client.close()
        assert cluster.requests("get") == 2

    adapter = adapter_named(client.name)
    found = [adapter.classify(e, adapter.operations["get"]) for e in errors]
    assert [(one.kind, one.soft) for one in found] == [(K.TIMEOUT, True)] * 4


@pytest.mark.parametrize("kind", [Py, Native], ids=lambda kind: kind.name)
def test_waiting_in_vain_for_an_answer_may_charge_one(healthy, kind):
    client = kind(healthy)
    client.put()
    adapter = adapter_named(client.name)
    with healthy.inject(op="get", answer="drop"), pytest.raises(Exception) as caught:  # noqa: PT011
        client.get(**HASTY)
    client.close()

    assert not adapter.classify(caught.value, adapter.operations["get"]).soft


def test_the_gate_of_aerospike_py_is_understood(healthy):
    client = Py(healthy, max_concurrent_operations=1, operation_queue_timeout_ms=20)
    client.put()
    adapter = adapter_named("aerospike-py")
    with healthy.inject(op="get", latency="1s"), ThreadPoolExecutor(4) as pool:
        errors = [done.exception() for done in [pool.submit(client.get) for _ in range(4)]]
    client.close()

    found = [adapter.classify(e, adapter.operations["get"]) for e in errors if e is not None]
    assert (K.REFUSED, Fault.LOCAL) in {(one.kind, one.fault) for one in found}


@pytest.mark.parametrize(
    ("code", "kind", "retryable"), [(18, K.OVERLOAD, True), (22, K.RECORD, False)]
)
def test_the_rows_of_a_batch(healthy, client, code, kind, retryable):
    adapter = adapter_named(client.name)
    if client.name == "aerospike-native" and kind is K.OVERLOAD:
        pytest.skip("raises for the whole batch; see the next test")
    with healthy.inject(op=("batch", "write"), code=code):
        found, operation = client.batch()

    (failed,) = adapter.rows(adapter.operations[operation]).failures(found).values()
    assert (failed.kind, failed.retryable) == (kind, retryable)


def test_a_batch_that_fails_whole_is_in_doubt(healthy):
    client = Native(healthy)
    with healthy.inject(op=("batch", "write"), code=18):
        found = failure(client, client.batch, "batch_write_blocking")
    client.close()

    assert (found.kind, found.in_doubt, found.retryable) == (K.OVERLOAD, True, True)


def test_a_rows_missing_record_is_an_answer(client):
    adapter = adapter_named(client.name)
    removed, operation = client.remove_batch()
    missing, _ = client.remove_batch()

    rows = adapter.rows(adapter.operations[operation])
    assert (rows.failures(removed), rows.failures(missing)) == ({}, {})
