"""Of a batch only the rows that failed, and may be sent again, are sent again."""

from __future__ import annotations

import contextlib

import aerospike
import aerospike_py
import pytest
from aerospike_helpers.batch import records as br
from aerospike_helpers.operations import operations as op

from aerospike_resilience import resilient
from tests.conformance.surfaces import native
from tests.waiting import until

KEYS = [("test", "batches", number) for number in range(60)]


TIMES = {"total_timeout": "20s", "socket_timeout": "1s"}
PATIENT = {"policy": {"all": TIMES}, "adaptive_timeout": {"min": "1s", "max": "1s"}}
NO_BREAKER = {**PATIENT, "breaker": {"mode": "off"}}
"""A node is given up that never answers, and none that answers late as the machine is busy."""


@pytest.fixture
def calm(healthy):
    yield healthy
    healthy.clear_faults()


@pytest.fixture
def wrapped(calm, connect):
    client = resilient(connect(calm), profile="latency", overrides=NO_BREAKER)
    for key in KEYS:
        client.put(key, {"n": 0})
    yield client
    client.resilience.close()


def values(client) -> list[int]:
    return [client.get(key)[2]["n"] for key in KEYS]


def test_rows_that_failed_are_read_again_and_land_in_their_place(calm, wrapped):
    with calm.inject(node="A2", op="batch", code=18, count=1):
        result = wrapped.batch_read(KEYS)

    assert result.result == 0
    assert [row.key[:3] for row in result.batch_records] == KEYS
    assert [row.record[2] for row in result.batch_records] == [{"n": 0}] * len(KEYS)


def test_a_stalled_nodes_rows_are_read_at_the_replica(calm, wrapped):
    with calm.inject(node="A2", op="read", answer="drop"):
        result = wrapped.batch_read(KEYS)

    assert {row.result for row in result.batch_records} == {0}


def test_missing_rows_are_answers_and_nothing_is_sent_again(calm, wrapped):
    before = calm.requests(op="batch")

    result = wrapped.batch_read([*KEYS, ("test", "batches", "missing")])

    assert result.batch_records[-1].result == 2
    assert calm.requests(op="batch") - before <= 3


def test_idempotent_rows_in_doubt_are_sent_again_and_the_others_never_twice(calm, wrapped):
    sets = [br.Write(key, [op.write("n", 7)]) for key in KEYS[:30]]
    adds = [br.Write(key, [op.increment("n", 1)]) for key in KEYS[30:]]
    batch = br.BatchRecords([*sets, *adds])
    with calm.inject(node="A2", op="batch", answer="drop", count=1):
        result = wrapped.batch_write(batch)

    assert result is batch
    assert {row.result for row in sets} == {0}
    failed = [index for index, row in enumerate(adds) if row.result != 0]
    assert failed
    assert all(adds[index].in_doubt for index in failed)
    assert values(wrapped) == [7] * 30 + [1] * 30


def test_rows_that_succeeded_are_never_sent_twice(calm, wrapped):
    rows = [br.Write(key, [op.write("n", 1)]) for key in KEYS[:30]]
    rows += [br.Write(key, [op.increment("n", 1)]) for key in KEYS[30:]]
    with calm.inject(node="A3", op="batch", answer="reset", count=1):
        wrapped.batch_write(br.BatchRecords(rows))

    assert {row.result for row in rows[:30]} == {0}
    assert set(values(wrapped)) == {1}


def test_a_batch_never_makes_more_tries_than_its_policy_allows(calm, wrapped):
    with calm.inject(node="A2", op="batch", code=18):
        before = calm.requests(op="batch", node="A2")
        result = wrapped.batch_remove(KEYS, {"max_retries": 2})
        made = calm.requests(op="batch", node="A2") - before

    assert made <= 3
    assert -15 in {row.result for row in result.batch_records}


def test_a_batch_by_keyword_is_narrowed_too(calm, wrapped):
    with calm.inject(node="A2", op="batch", code=18, count=1):
        result = wrapped.batch_read(keys=KEYS, policy={"max_retries": 3})

    assert {row.result for row in result.batch_records} == {0}


def test_a_batch_whose_rows_time_out_speaks_against_the_silent_node_only(
    unhurried_cluster, connect
):
    cluster, times = unhurried_cluster, {"total_timeout": "2s", "socket_timeout": "1s"}
    patient = {"policy": {"all": times}, "breaker": {"silence": "2s"}}
    client = resilient(connect(cluster), profile="latency", overrides=patient)
    for key in KEYS:
        client.put(key, {"n": 0}, policy={"total_timeout": 20_000, "socket_timeout": 10_000})
    until(lambda: client.resilience.nodes["A1"]["partitions"])
    cluster.stall("A2")

    until(
        lambda: (
            client.batch_write(br.BatchRecords([br.Write(key, [op.write("n", 1)]) for key in KEYS]))
            and client.resilience.nodes["A2"]["state"] == "open"
        )
    )

    assert {client.resilience.nodes[name]["state"] for name in ("A1", "A3")} == {"closed"}
    client.resilience.close()


@pytest.fixture
def wrapped_py(calm):
    bare = aerospike_py.client({"hosts": calm.hosts}).connect()
    client = resilient(bare, profile="latency", overrides=NO_BREAKER)
    yield client
    client.close()


def test_rows_that_aerospike_py_calls_written_though_nobody_answered_are_sent_again(
    calm, wrapped_py
):
    with calm.inject(node="A2", op="batch", code=18, count=1):
        found = wrapped_py.batch_write([(key, {"n": 5}) for key in KEYS])

    assert {row.result for row in found.batch_records} == {0}
    assert [wrapped_py.get(key).bins["n"] for key in KEYS] == [5] * len(KEYS)


def test_rows_that_nobody_answered_are_no_successes(calm, wrapped_py):
    wrapped_py.batch_write([(key, {"n": 0}) for key in KEYS])

    with calm.inject(node="A2", op="batch", code=18):
        found = wrapped_py.batch_write([(key, {"n": 6}) for key in KEYS])

    told = [row.result == 0 for row in found.batch_records]
    assert told == [wrapped_py.get(key).bins["n"] == 6 for key in KEYS]
    assert not all(told)


@pytest.fixture
def then_py(calm):
    """Make a wrapped client under which something happens before the first attempt after another."""
    clients = []

    def make(happens):
        def wait(_state):
            if not happened:
                happened.append(happens())
            return 0

        happened = []
        bare = aerospike_py.client({"hosts": calm.hosts}).connect()
        clients.append(resilient(bare, profile="latency", overrides=NO_BREAKER, wait=wait))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def test_rows_are_in_doubt_after_an_attempt_that_brought_nothing_back(calm, then_py):
    client = then_py(lambda: calm.inject(node="A2", op="batch", answer="drop"))
    with calm.inject(node="A2", op="batch", code=18, count=1):
        found = client.batch_write([(key, {"n": 7}) for key in KEYS], {"total_timeout": 3000})

    refused = [row for row in found.batch_records if row.result != 0]
    assert refused
    assert all(row.in_doubt for row in refused)


def test_an_attempt_that_brought_nothing_back_is_followed_by_another(calm, then_py):
    client = then_py(lambda: calm.inject(node="A2", op="batch", answer="reset", count=1))
    with calm.inject(node="A2", op="batch", code=18, count=1):
        found = client.batch_write([(key, {"n": 8}) for key in KEYS], {"max_retries": 3})

    assert {row.result for row in found.batch_records} == {0}


RETRIED = {"total_timeout": 20_000, "socket_timeout": 1000, "max_retries": 2}
ADDS = [op.increment("n", 1)]


def requests_of(calm, act, node="A2") -> int:
    before = calm.requests("batch", node=node)
    act()
    return calm.requests("batch", node=node) - before


def test_the_applications_word_holds_for_rows(calm, wrapped):
    def send(rows, idempotent):
        batch = br.BatchRecords([br.Write(key, rows) for key in KEYS])
        with (
            wrapped.resilience.using(idempotent=idempotent),
            calm.inject(node="A2", op="batch", answer="drop", count=1),
        ):
            return requests_of(calm, lambda: wrapped.batch_write(batch, RETRIED))

    sets = [op.write("n", 7)]
    assert [send(sets, None), send(sets, idempotent=False)] == [2, 1]
    assert [send(ADDS, None), send(ADDS, idempotent=True)] == [1, 2]


CREATING = {"exists": aerospike.POLICY_EXISTS_CREATE}
CONDITIONAL = {
    "the rows' policy creates": lambda client: client.batch_operate(
        KEYS, [op.write("n", 1)], RETRIED, CREATING
    ),
    "the rows' policy checks the generation": lambda client: client.batch_remove(
        KEYS, RETRIED, {"gen": aerospike.POLICY_GEN_EQ, "generation": 1}
    ),
    "a row's own policy creates": lambda client: client.batch_write(
        br.BatchRecords([br.Write(key, [op.write("n", 1)], policy=CREATING) for key in KEYS]),
        RETRIED,
    ),
}


@pytest.mark.parametrize("send", CONDITIONAL.values(), ids=CONDITIONAL)
def test_rows_under_a_condition_are_not_sent_again_in_doubt(calm, wrapped, send):
    with calm.inject(node="A2", op="batch", answer="drop", applied=False, count=1):
        made = requests_of(calm, lambda: send(wrapped))

    assert made == 1


def test_nor_rows_under_a_condition_of_the_clients_configuration(calm, connect):
    client = resilient(
        connect(calm, policies={"batch_write": CREATING}), profile="latency", overrides=PATIENT
    )
    with calm.inject(node="A2", op="batch", answer="drop", applied=False, count=1):
        made = requests_of(
            calm, lambda: client.batch_operate(KEYS, [op.write("n", 1)], policy_batch=RETRIED)
        )
    client.resilience.close()

    assert made == 1


def test_nor_rows_of_aerospike_py_whose_batch_only_creates(calm, wrapped_py):
    creating = {**RETRIED, "exists": aerospike_py.POLICY_EXISTS_CREATE_ONLY}
    fresh = [("test", "batches", f"fresh-{number}") for number in range(60)]

    with calm.inject(node="A2", op="batch", code=18, count=1):
        found = wrapped_py.batch_write([(key, {"n": 1}) for key in fresh], creating)

    # Only the first row says that its node refused it; of the others nobody knows.
    assert any(row.result != 0 and row.in_doubt for row in found.batch_records)


@pytest.mark.parametrize(
    ("row_policy", "requests"),
    [({}, 2), ({"record_exists_action": native.RecordExistsAction.CREATE_ONLY}, 1)],
)
def test_nor_rows_of_aerospike_native_whose_policy_creates(calm, row_policy, requests):
    client = resilient(
        native.new_client_blocking(native.ClientPolicy(), calm.seeds),
        profile="latency",
        overrides=NO_BREAKER,
    )
    rows, whole = native.BatchWritePolicy(), native.BatchPolicy()
    for policy, fields in ((rows, row_policy), (whole, RETRIED)):
        for name, value in fields.items():
            setattr(policy, name, value)
    keys = [native.Key("test", "batches", f"native-{n}-{requests}") for n in range(60)]

    def send():
        with contextlib.suppress(native.exceptions.BatchFailedError):
            client.batch_write_blocking(
                keys, [{"n": 1}] * len(keys), batch_policy=whole, write_policy=rows
            )

    with calm.inject(node="A2", op="batch", answer="drop", applied=False, count=1):
        made = requests_of(calm, send)
    client.close_blocking()

    assert made == requests


@pytest.mark.parametrize("beside", ["nothing else", "a silent node"])
def test_an_overloaded_node_gets_a_batch_three_times_at_most(calm, connect, beside):
    client = resilient(
        connect(calm),
        profile="latency",
        overrides=NO_BREAKER,
        wait=lambda _state: 0,
    )
    rows = [br.Write(key, [op.write("n", 1)]) for key in KEYS]
    scope = {"total_timeout": "6s", "socket_timeout": "500ms", "max_retries": 8}
    policy = {"policy": dict.fromkeys(("all", "writes", "writes_batch"), scope)}
    silent = contextlib.nullcontext()
    if beside == "a silent node":
        silent = calm.inject(node="A1", op="batch", answer="drop")

    with (
        client.resilience.using(overrides=policy),
        silent,
        calm.inject(node="A2", op="batch", code=18),
    ):
        made = requests_of(calm, lambda: client.batch_write(br.BatchRecords(rows)))
    client.resilience.close()

    assert made == 3


def test_a_row_that_failed_for_good_keeps_the_result_of_the_whole(calm, wrapped):
    text = next(key for key in KEYS if calm.master(*key).name != "A2")
    wrapped.put(text, {"n": "text"})
    rows = [br.Write(key, ADDS if key == text else [op.write("n", 1)]) for key in KEYS]
    batch = br.BatchRecords(rows)

    with calm.inject(node="A2", op="batch", answer="reset", count=1):
        wrapped.batch_write(batch)

    assert [row.result for row in rows] == [12 if key == text else 0 for key in KEYS]
    assert batch.result == -16  # BATCH_FAILED: the rows say why


def test_a_key_that_stands_twice_in_a_batch_is_read_twice(calm, wrapped):
    doubled = [key for key in KEYS for _ in range(2)]

    with calm.inject(node="A2", op="batch", code=18, count=1):
        result = wrapped.batch_read(doubled)

    assert [row.key[:3] for row in result.batch_records] == doubled
    assert {row.result for row in result.batch_records} == {0}


def test_rows_that_aerospike_py_did_not_read_are_read_again(calm, wrapped_py):
    wrapped_py.batch_write([(key, {"n": 3}) for key in KEYS])

    with calm.inject(node="A2", op="batch", code=18, count=1):
        found = wrapped_py.batch_read([*KEYS, ("test", "batches", "missing")])

    assert isinstance(found, aerospike_py.LazyBatchRecords)
    assert found.to_list() == [{"n": 3}] * len(KEYS) + [None]
    assert found.batch_records[-1].result == 2


def test_missing_rows_of_aerospike_py_are_answers(calm, wrapped_py):
    before = calm.requests(op="batch")

    wrapped_py.batch_read([("test", "batches", "missing"), *KEYS])

    assert calm.requests(op="batch") - before <= 3
