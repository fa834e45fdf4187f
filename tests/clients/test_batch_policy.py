"""What the caller puts into a batch's policy stays there: it has the effect on rows that it has bare."""

from __future__ import annotations

import aerospike
import pytest
from aerospike import exception
from aerospike_helpers.batch import records as rows
from aerospike_helpers.operations import operations as op

from aerospike_resilience import resilient
from aerospike_resilience.clients.aerospike.policies import ROWS
from tests.patience import NEVER_LATE

KEY, NONE = ("test", "batch-policy", 1), ("test", "batch-policy", "none")
WRITE = [op.write("n", 2)]
FIELDS = {
    "exists": aerospike.POLICY_EXISTS_CREATE,
    "gen": aerospike.POLICY_GEN_EQ,
    "generation": 99,
    "key": aerospike.POLICY_KEY_SEND,
    "commit_level": aerospike.POLICY_COMMIT_LEVEL_MASTER,
    "durable_delete": True,
    "on_locking_only": True,
    "ttl": 500,
}
ASKED = {
    "batch_operate": lambda client, policy, **rest: client.batch_operate(
        [KEY], WRITE, policy, **rest
    ),
    "batch_operate by keyword": lambda client, policy, **rest: client.batch_operate(
        [KEY], WRITE, policy_batch=policy, **rest
    ),
    "batch_operate that reads": lambda client, policy, **rest: client.batch_operate(
        [KEY], [op.read("n")], policy, **rest
    ),
    "batch_remove": lambda client, policy, **rest: client.batch_remove([KEY], policy, **rest),
    "batch_write": lambda client, policy: client.batch_write(
        rows.BatchRecords([rows.Write(KEY, WRITE)]), policy
    ),
    "batch_read": lambda client, policy: client.batch_read([KEY, NONE], None, policy),
}


@pytest.fixture(params=[False, True], ids=["lenient", "validating"])
def clients(request, healthy, connect):
    """Bare and wrapped; the second pair refuses a field in the wrong policy."""
    bare = connect(healthy, validate_keys=request.param)
    wrapped = resilient(connect(healthy, validate_keys=request.param), "throughput")
    yield bare, wrapped
    wrapped.resilience.close()


def ends(client, keeper, ask, policy, **rest):
    """Return results of rows, and what the record is afterwards."""
    replace = aerospike.POLICY_EXISTS_CREATE_OR_REPLACE
    keeper.put(KEY, {"n": 1}, policy={"ttl": 9000, "exists": replace})
    try:
        batch = ask(client, policy, **rest)
    except exception.AerospikeError as error:
        return type(error), error.args[:2]
    after = []
    for key in (KEY, NONE):
        try:
            found = keeper.get(key)
        except exception.RecordNotFound:
            after.append(None)
        else:
            after.append((found[0][2], round(found[1]["ttl"], -2), found[2]))
    return batch.result, [row.result for row in batch.batch_records], after


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
@pytest.mark.parametrize("field", FIELDS)
def test_a_field_of_rows_in_the_batchs_policy_does_what_it_does_bare(
    clients, connect, healthy, ask, field
):
    bare, wrapped = clients
    keeper = connect(healthy)
    policy = {field: FIELDS[field], "total_timeout": 50_000}
    given = dict(policy)

    assert ends(wrapped, keeper, ask, policy) == ends(bare, keeper, ask, policy)
    assert policy == given


@pytest.mark.parametrize("field", ["exists", "ttl"])
def test_a_field_in_the_policy_for_rows_has_its_effect(clients, connect, healthy, field):
    bare, wrapped = clients
    keeper = connect(healthy)
    of_rows = {"policy_batch_write": {field: FIELDS[field]}}
    ask = ASKED["batch_operate"]

    by_bare = ends(bare, keeper, ask, {"total_timeout": 50_000}, **of_rows)
    assert ends(wrapped, keeper, ask, {"total_timeout": 50_000}, **of_rows) == by_bare


def test_the_profiles_fields_go_to_rows_beside_the_callers_that_stay(healthy, connect):
    sent = []

    class Recording(aerospike.Client):
        def batch_operate(self, keys, ops, **named):
            sent.append(named)
            return super().batch_operate(keys, ops, **named)

    profile = {
        "policy": {
            **NEVER_LATE["policy"],
            "writes_batch": {"key": "send", "ttl": 600, "exists": "update_only"},
        }
    }
    client = resilient(Recording({"hosts": healthy.hosts}), "latency", overrides=profile)
    client.batch_operate(
        [KEY], WRITE, {"exists": aerospike.POLICY_EXISTS_CREATE, "total_timeout": 50_000}
    )
    client.close()

    assert sent[0]["policy_batch_write"]["exists"] == aerospike.POLICY_EXISTS_UPDATE
    assert sent[0]["policy_batch_write"]["ttl"] == 600
    assert sent[0]["policy_batch"]["exists"] == aerospike.POLICY_EXISTS_CREATE
    assert set(sent[0]["policy_batch"]).isdisjoint(ROWS["batch_operate"][1] - {"exists"})


def test_an_ignored_condition_does_not_keep_a_batch_from_being_sent_again(healthy, connect):
    client = resilient(connect(healthy), "latency")
    planner = client.resilience._engine.runtime.planner
    operation = client.resilience._engine.shared.adapter.operations["batch_remove"]

    def plan(*args, **kwargs):
        return planner.prepare(operation, args, kwargs).plan

    ignored = plan([KEY], {"gen": aerospike.POLICY_GEN_EQ, "total_timeout": 50_000})
    assert (ignored.idempotent, ignored.conditional) == (True, False)
    held = plan([KEY], policy_batch_remove={"gen": aerospike.POLICY_GEN_EQ, "generation": 1})
    assert not held.idempotent
    client.resilience.close()
