"""What a profile says of rows goes along with batches that take a policy for them."""

from __future__ import annotations

from typing import Any

import aerospike
import pytest
from aerospike_helpers.operations import operations as op

from aerospike_resilience import resilient
from aerospike_resilience.clients import adapter_named
from tests.patience import NEVER_LATE

KEYS = [("test", "rows", "kept-key")]

ROWS = {
    "policy": {
        **NEVER_LATE["policy"],
        "writes": {"key": "send", "durable_delete": False, "ttl": 600},
    }
}


class Recording(aerospike.Client):
    """The real client, which remembers what batches were called with."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self.sent: list[dict[str, Any]] = []

    def batch_operate(self, keys, ops, **named):
        self.sent.append(named)
        return super().batch_operate(keys, ops, **named)

    def batch_remove(self, keys, **named):
        self.sent.append(named)
        return super().batch_remove(keys, **named)


@pytest.fixture
def recording(healthy):
    client = Recording({"hosts": healthy.hosts, "validate_keys": True})
    yield client
    client.close()


@pytest.fixture
def wrapped(recording):
    client = resilient(recording, "latency", overrides=ROWS)
    yield client
    client.resilience.close()


def test_rows_get_their_own_policy_and_the_batch_gets_its(wrapped, recording):
    """The client itself refuses a field in the wrong one: it validates keys."""
    assert wrapped.batch_operate(KEYS, [op.write("n", 1)]).result == 0
    assert wrapped.batch_remove(KEYS).result == 0

    write, remove = recording.sent
    assert write["policy_batch_write"] == {"key": 1, "durable_delete": False, "ttl": 600}
    assert remove["policy_batch_remove"] == {"key": 1, "durable_delete": False}
    assert "key" not in write["policy_batch"]
    assert write["policy_batch"]["total_timeout"] == 60_000


def test_the_user_key_is_kept_with_records_that_a_batch_wrote(wrapped, bare):
    wrapped.batch_operate(KEYS, [op.write("n", 1)])

    found: list = []
    bare.query("test", "rows").foreach(lambda record: found.append(record[0][2]))
    assert KEYS[0][2] in found


def test_the_callers_policy_for_rows_wins_field_by_field(wrapped, recording):
    wrapped.batch_operate(KEYS, [op.write("n", 1)], policy_batch_write={"ttl": 5})

    assert recording.sent[0]["policy_batch_write"] == {
        "key": 1,
        "durable_delete": False,
        "ttl": 5,
    }


def test_a_batch_that_only_reads_gets_no_policy_for_writing_rows(wrapped, recording):
    wrapped.batch_operate(KEYS, [op.read("n")])

    assert "policy_batch_write" not in recording.sent[0]


def test_the_records_of_batch_write_keep_their_own_policies():
    adapter = adapter_named("aerospike")
    sent = adapter.fields(adapter.operations["batch_write"], {"key": "send", "total_timeout": 5})

    assert sent == {"total_timeout": 5}
