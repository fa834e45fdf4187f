"""The everyday calls of a real client."""

import aerospike
import pytest
from aerospike import exception as errors
from aerospike_helpers.operations import operations as op

# The client warns of append and prepend on servers newer than this one.
pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")


def test_what_was_put_is_got(client, key):
    client.put(key, {"i": 1, "s": "text", "b": b"\x00\x01", "f": 1.5, "t": True})
    _, meta, bins = client.get(key)
    assert bins == {"i": 1, "s": "text", "b": b"\x00\x01", "f": 1.5, "t": True}
    assert meta["gen"] == 1


def test_select_returns_only_the_bins_asked_for(client, key):
    client.put(key, {"a": 1, "b": 2})
    assert client.select(key, ["a", "missing"])[2] == {"a": 1}


def test_exists_tells_the_generation(client, key):
    with pytest.raises(errors.RecordNotFound):
        client.get(key)
    assert client.exists(key)[1] is None
    client.put(key, {"a": 1})
    assert client.exists(key)[1]["gen"] == 1


def test_a_removed_record_is_gone(client, key):
    client.put(key, {"a": 1})
    client.remove(key)
    with pytest.raises(errors.RecordNotFound):
        client.get(key)
    with pytest.raises(errors.RecordNotFound):
        client.remove(key)


def test_a_bin_can_be_removed_and_the_last_one_removes_the_record(client, key):
    client.put(key, {"a": 1, "b": 2})
    client.remove_bin(key, ["a"])
    assert client.get(key)[2] == {"b": 2}
    client.remove_bin(key, ["b"])
    assert client.exists(key)[1] is None


def test_append_prepend_and_increment_make_the_record_if_need_be(client, key):
    client.append(key, "s", "b")
    client.prepend(key, "s", "a")
    client.increment(key, "n", 5)
    client.increment(key, "n", -2)
    assert client.get(key)[2] == {"s": "ab", "n": 3}


def test_increment_of_a_text_is_refused(client, key):
    client.put(key, {"s": "text"})
    with pytest.raises(errors.BinIncompatibleType):
        client.increment(key, "s", 1)


def test_touch_changes_the_time_to_live(client, key):
    client.put(key, {"a": 1}, meta={"ttl": 100})
    client.touch(key, 5000)
    _, meta, bins = client.get(key)
    assert bins == {"a": 1}
    assert 4990 < meta["ttl"] <= 5000
    assert meta["gen"] == 2


def test_touch_of_a_missing_record_is_refused(client, key):
    with pytest.raises(errors.RecordNotFound):
        client.touch(key, 10)


def test_operate_writes_and_reads_in_one_go(client, key):
    client.put(key, {"n": 1, "s": "x"})
    _, meta, bins = client.operate(
        key, [op.increment("n", 4), op.append("s", "y"), op.read("n"), op.read("s")]
    )
    assert bins == {"n": 5, "s": "xy"}
    assert meta["gen"] == 2


def test_operate_can_delete_the_record(client, key):
    client.put(key, {"n": 1})
    client.operate(key, [op.read("n"), op.delete()])
    assert client.exists(key)[1] is None


def test_a_write_with_the_wrong_generation_is_refused(client, key):
    client.put(key, {"n": 1})
    policy = {"gen": aerospike.POLICY_GEN_EQ}
    client.put(key, {"n": 2}, meta={"gen": 1}, policy=policy)
    with pytest.raises(errors.RecordGenerationError):
        client.put(key, {"n": 3}, meta={"gen": 1}, policy=policy)
    assert client.get(key)[2] == {"n": 2}


def test_create_only_refuses_an_existing_record(client, key):
    policy = {"exists": aerospike.POLICY_EXISTS_CREATE}
    client.put(key, {"n": 1}, policy=policy)
    with pytest.raises(errors.RecordExistsError):
        client.put(key, {"n": 2}, policy=policy)


@pytest.mark.parametrize(
    "exists", [aerospike.POLICY_EXISTS_UPDATE, aerospike.POLICY_EXISTS_REPLACE]
)
def test_update_and_replace_only_refuse_a_missing_record(client, key, exists):
    with pytest.raises(errors.RecordNotFound):
        client.put(key, {"n": 1}, policy={"exists": exists})


def test_replace_drops_the_other_bins(client, key):
    client.put(key, {"a": 1, "b": 2})
    client.put(key, {"a": 3}, policy={"exists": aerospike.POLICY_EXISTS_CREATE_OR_REPLACE})
    assert client.get(key)[2] == {"a": 3}


def test_a_sent_key_is_stored_and_compared(client, key):
    send = {"key": aerospike.POLICY_KEY_SEND}
    client.put(key, {"n": 1}, policy=send)
    assert client.get(key, policy=send)[2] == {"n": 1}


def test_records_expire_when_the_clock_moves_on(cluster, client, key):
    client.put(key, {"n": 1}, meta={"ttl": 60})
    cluster.advance_clock("50s")
    assert client.get(key)[2] == {"n": 1}
    cluster.advance_clock("11s")
    with pytest.raises(errors.RecordNotFound):
        client.get(key)


def test_a_record_that_is_too_big_is_refused(client, key):
    with pytest.raises(errors.RecordTooBig):
        client.put(key, {"b": b"x" * (1024 * 1024)})


def test_namespaces_are_apart(client, key):
    client.put(key, {"n": 1})
    assert client.exists(("bar", *key[1:]))[1] is None
