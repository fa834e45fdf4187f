"""Batches of a real client, over three nodes."""

import pytest
from aerospike_helpers.batch import records as br
from aerospike_helpers.operations import operations as op

KEYS = [("test", "batch", n) for n in range(60)]


@pytest.fixture(autouse=True)
def _fresh(client):
    client.batch_remove(KEYS)
    for key in KEYS[:40]:
        client.put(key, {"n": key[2], "s": "x"})


def test_batch_read_finds_what_is_there(client):
    rows = client.batch_read(KEYS).batch_records
    assert [row.result for row in rows] == [0] * 40 + [2] * 20
    assert [row.record[2]["n"] for row in rows[:40]] == list(range(40))


def test_batch_read_can_choose_bins(client):
    rows = client.batch_read(KEYS[:3], ["s"]).batch_records
    assert [row.record[2] for row in rows] == [{"s": "x"}] * 3


def test_batch_operate_applies_to_every_record(client):
    rows = client.batch_operate(KEYS, [op.increment("n", 100), op.read("n")]).batch_records
    assert [row.record[2]["n"] for row in rows] == [100 + n for n in range(40)] + [100] * 20


def test_batch_remove_reports_what_was_missing(client):
    rows = client.batch_remove(KEYS).batch_records
    assert [row.result for row in rows] == [0] * 40 + [2] * 20
    assert {row.result for row in client.batch_read(KEYS).batch_records} == {2}


def test_batch_write_mixes_rows_with_their_own_policies(client):
    rows = br.BatchRecords(
        [
            br.Write(KEYS[0], [op.write("n", 7)]),
            br.Write(KEYS[1], [op.write("n", 8)], policy={"gen": 3}, meta={"gen": 9}),
            br.Read(KEYS[2], [op.read("n")]),
            br.Remove(KEYS[3]),
            br.Read(KEYS[50], None, read_all_bins=True),
        ]
    )
    client.batch_write(rows)
    assert rows.batch_records[0].result == 0
    assert rows.batch_records[2].record[2] == {"n": 2}
    assert [row.result for row in rows.batch_records][3:] == [0, 2]
    assert client.get(KEYS[0])[2]["n"] == 7


def test_a_batch_with_a_failing_row_answers_the_others(client):
    rows = client.batch_operate(KEYS[:5], [op.increment("s", 1)]).batch_records
    assert {row.result for row in rows} == {12}
