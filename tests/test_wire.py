"""What is promised about requests is counted on the wire."""

from __future__ import annotations

import aerospike
import pytest
from aerospike import exception
from aerospike_helpers.operations import operations as op

from aerospike_resilience import DeadlineExceededError, deadline, resilient
from tests.patience import NEVER_LATE
from tests.stopwatch import quickest_s
from tests.waiting import until


@pytest.fixture
def calm(healthy):
    yield healthy
    healthy.clear_faults()


@pytest.fixture
def wrapped(calm, connect):
    client = resilient(connect(calm), profile="latency")
    yield client
    client.resilience.close()


TIMES = {"total_timeout": "2s", "socket_timeout": "500ms"}
GIVES_UP = {
    "policy": {"all": TIMES},
    "adaptive_timeout": {"min": "500ms", "max": "500ms"},
    "breaker": {"silence": "60s"},
}
"""For nodes that answer late as the machine is busy, and for one that never does."""


@pytest.fixture
def patient(calm, connect):
    client = resilient(connect(calm), profile="latency", overrides=GIVES_UP)
    yield client
    client.resilience.close()


def seen(cluster, name: str) -> int:
    return cluster.requests(op=name)


KEY = ("test", "wire", 1)


@pytest.mark.parametrize("max_retries", [0, 1, 2, 3, 5])
def test_a_read_never_makes_more_than_max_retries_plus_one_requests(max_retries, calm, client):
    before = seen(calm, "get")
    with calm.inject(op="get", code=18), pytest.raises(exception.DeviceOverload):
        client.get(KEY, {"max_retries": max_retries})

    assert 1 <= seen(calm, "get") - before <= max_retries + 1


def test_a_read_whose_master_does_not_answer_succeeds_at_the_replica(calm, patient):
    patient.put(KEY, {"n": 1})
    master = calm.master(*KEY)

    with calm.inject(node=master, op="get", answer="drop"):
        assert patient.get(KEY)[2] == {"n": 1}


@pytest.mark.parametrize(
    ("write", "requests"),
    [
        (lambda c: c.put(KEY, {"n": 1}), 2),  # idempotent: latency's one retry
        (lambda c: c.increment(KEY, "n", 1), 1),
        (lambda c: c.operate(KEY, [op.increment("n", 1)]), 1),
        (lambda c: c.operate(KEY, [op.write("n", 1)]), 2),
        (lambda c: c.put(KEY, {"n": 1}, {"gen": 1}, {"gen": aerospike.POLICY_GEN_EQ}), 1),
    ],
)
def test_a_write_in_doubt_is_sent_again_only_if_it_is_idempotent(write, requests, calm, patient):
    before = seen(calm, "write")
    with calm.inject(op="write", answer="drop"), pytest.raises(exception.TimeoutError) as caught:
        write(patient)

    assert seen(calm, "write") - before == requests
    assert caught.value.in_doubt is True
    assert len(caught.value.attempts) == requests


def test_an_increment_that_was_applied_but_not_answered_is_not_applied_twice(calm, patient, bare):
    bare.put(KEY, {"n": 0})
    with calm.inject(op="write", answer="drop", count=1), pytest.raises(exception.TimeoutError):
        patient.increment(KEY, "n", 1)

    assert bare.get(KEY)[2] == {"n": 1}


def test_a_conflict_with_the_writes_own_earlier_attempt_is_in_doubt(calm, client):
    fresh = ("test", "wire", "created-once")
    create = {"exists": aerospike.POLICY_EXISTS_CREATE, "max_retries": 1, "socket_timeout": 500}
    with (
        calm.inject(op="write", answer="drop", count=1),
        client.resilience.using(idempotent=True),
        pytest.raises(exception.RecordExistsError) as caught,
    ):
        client.put(fresh, {"n": 1}, policy=create)

    assert caught.value.in_doubt is True
    assert any("may be about this very write" in note for note in caught.value.__notes__)


def test_no_operation_outlives_its_total_timeout(calm, wrapped):
    def timed_out() -> None:
        with pytest.raises(exception.TimeoutError):
            wrapped.get(KEY)

    with calm.inject(answer="drop", op="read"):
        assert quickest_s(timed_out, 0.25 + 0.02) <= 0.25 + 0.02


def test_an_ambient_deadline_shortens_every_attempt(calm, wrapped):
    def timed_out() -> None:
        with deadline(0.08), pytest.raises(exception.TimeoutError):
            wrapped.get(KEY)

    with calm.inject(answer="drop", op="read"):
        assert quickest_s(timed_out, 0.08 + 0.02) <= 0.08 + 0.02


def test_a_call_under_a_spent_deadline_is_not_sent(calm, wrapped):
    before = seen(calm, "get")
    with deadline(0), pytest.raises(DeadlineExceededError) as caught:
        wrapped.get(KEY)

    assert seen(calm, "get") == before
    assert isinstance(caught.value, exception.TimeoutError)
    assert isinstance(caught.value, TimeoutError)


def test_a_policy_the_caller_passes_wins_over_the_profile(calm, wrapped):
    def timed_out() -> None:
        with pytest.raises(exception.TimeoutError):
            wrapped.get(KEY, {"total_timeout": 60, "max_retries": 0})

    with calm.inject(answer="drop", op="read"):
        assert quickest_s(timed_out, 0.15) < 0.15


def test_pool_exhaustion_charges_no_node(calm, connect):
    import threading

    client = resilient(connect(calm, max_conns_per_node=1), profile="latency", overrides=NEVER_LATE)
    errors: list[type] = []

    def read() -> None:
        try:
            client.get(KEY, {"max_retries": 0})
        except exception.AerospikeError as error:
            errors.append(type(error))

    with calm.inject(op="get", latency=1):
        threads = [threading.Thread(target=read) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert exception.NoMoreConnectionsError in errors
    until(lambda: client.resilience.snapshot()["calm"])
    nodes = client.resilience.nodes.values()
    assert all("pool_exhausted" not in node["errors"] for node in nodes)
    assert all(node["state"] == "closed" for node in nodes)
    client.resilience.close()
