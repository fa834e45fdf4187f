"""Operations sent in one call leave what they leave one after another; if one fails, none took place."""

import aerospike
from aerospike import exception as errors
from aerospike_helpers import cdt_ctx
from aerospike_helpers.operations import bitwise_operations as bit
from aerospike_helpers.operations import list_operations as lists
from aerospike_helpers.operations import map_operations as maps
from aerospike_helpers.operations import operations as plain
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.waiting import PATIENCE_S

VALUES = ({}, {"b": [3, 1, 1, "s"]}, {"b": {"k": [1], "n": 2}}, {"b": b"\x01\xff"}, {"b": 5})
KEY_CONTEXT = [cdt_ctx.cdt_ctx_map_key("k")]
CREATING_CONTEXT = [cdt_ctx.cdt_ctx_map_key_create("new", aerospike.MAP_KEY_ORDERED)]
UNIQUE = {"write_flags": aerospike.LIST_WRITE_ADD_UNIQUE}
UPDATE = {"map_write_flags": aerospike.MAP_WRITE_FLAGS_UPDATE_ONLY}
OPERATIONS = (
    plain.write("b", [1]),
    plain.write("b", aerospike.null()),
    plain.increment("b", 2),
    lists.list_append("b", 1),
    lists.list_append("b", 1, UNIQUE),
    lists.list_append("b", 9, ctx=KEY_CONTEXT),
    lists.list_insert("b", 1, "i"),
    lists.list_set("b", 7, "far"),
    lists.list_pop("b", -1),
    lists.list_trim("b", 1, 2),
    lists.list_sort("b"),
    lists.list_set_order("b", aerospike.LIST_ORDERED),
    lists.list_increment("b", 0, 1),
    lists.list_remove_by_rank("b", 0, aerospike.LIST_RETURN_VALUE),
    maps.map_put("b", "n", 1),
    maps.map_put("b", "none", 1, UPDATE),
    maps.map_put("b", "inner", 1, ctx=CREATING_CONTEXT),
    maps.map_increment("b", "n", 1),
    maps.map_remove_by_key("b", "k", aerospike.MAP_RETURN_VALUE),
    maps.map_clear("b"),
    bit.bit_resize("b", 3),
    bit.bit_not("b", 0, 8),
    bit.bit_remove("b", 0, 1),
)


@given(
    before=st.sampled_from(VALUES),
    chosen=st.lists(st.sampled_from(OPERATIONS), min_size=1, max_size=4),
)
@settings(
    max_examples=150,
    deadline=PATIENCE_S * 1000,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_operations_of_one_call_take_place_one_after_another_or_not_at_all(
    client, key, before, chosen
):
    _write(client, key, before)
    expected, code = before, None
    for operation in chosen:
        code = _code(client, key, [operation])
        if code is not None:
            break
    if code is None:
        expected = _read(client, key)

    _write(client, key, before)
    assert _code(client, key, chosen) == code
    assert _read(client, key) == expected


def _write(client, key, bins):
    # The other bin keeps the record where an operation removes the bin.
    replace = {"exists": aerospike.POLICY_EXISTS_CREATE_OR_REPLACE}
    client.put(key, {**bins, "other": 1}, policy=replace)


def _read(client, key):
    return {name: value for name, value in client.get(key)[2].items() if name != "other"}


def _code(client, key, operations):
    try:
        client.operate(key, operations)
    except errors.AerospikeError as error:
        return error.code
    return None
