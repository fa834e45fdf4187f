"""Lists and maps under contexts, their orders and borders, as the real clients see them on the wire.

Every row is one operation on a fresh record: what the bin holds before, the operation, and the bin after
it or the server's code. The rules are those of the server's public source; where the clients' own tests
show one, it is the same.
"""

import aerospike
import pytest
from aerospike import exception as errors
from aerospike_helpers import cdt_ctx as at
from aerospike_helpers.operations import list_operations as lists
from aerospike_helpers.operations import map_operations as maps

VALUE, INDEX, RANK = (
    aerospike.LIST_RETURN_VALUE,
    aerospike.LIST_RETURN_INDEX,
    aerospike.LIST_RETURN_RANK,
)
MAP_VALUE = aerospike.MAP_RETURN_VALUE
ORDERED = {"map_order": aerospike.MAP_KEY_ORDERED}
NESTED = {"a": {"b": [1, 2]}, "n": 5, "l": [[3], [1, 1], [2]]}


def append(value, *ctx):
    return lists.list_append("b", value, None, list(ctx) or None)


def make_key(key, order=aerospike.MAP_KEY_ORDERED):
    return at.cdt_ctx_map_key_create(key, order)


def make_index(index, *, pad=False, order=aerospike.LIST_UNORDERED):
    return at.cdt_ctx_list_index_create(index, order, pad)


CONTEXTS = [
    # Every kind of step leads somewhere.
    (NESTED, append(9, at.cdt_ctx_map_key("a"), at.cdt_ctx_map_key("b")), ("a", "b"), [1, 2, 9]),
    (NESTED, append(9, at.cdt_ctx_map_index(1), at.cdt_ctx_list_index(-1)), ("l", 2), [2, 9]),
    (NESTED, append(9, at.cdt_ctx_map_key("l"), at.cdt_ctx_list_rank(0)), ("l", 1), [1, 1, 9]),
    (NESTED, append(9, at.cdt_ctx_map_key("l"), at.cdt_ctx_list_value([2])), ("l", 2), [2, 9]),
    (NESTED, append(9, at.cdt_ctx_map_rank(1), at.cdt_ctx_list_rank(-1)), ("l", 0), [3, 9]),
    (
        NESTED,
        append(9, at.cdt_ctx_map_value({"b": [1, 2]}), at.cdt_ctx_map_key("b")),
        ("a", "b"),
        [1, 2, 9],
    ),
    # Nowhere, and through what is no collection or the other kind.
    (NESTED, append(9, at.cdt_ctx_map_key("z")), None, 26),
    (NESTED, append(9, at.cdt_ctx_map_index(7)), None, 26),
    (NESTED, append(9, at.cdt_ctx_map_rank(-4)), None, 26),
    (NESTED, append(9, at.cdt_ctx_map_value(7)), None, 26),
    (NESTED, append(9, at.cdt_ctx_map_key("n"), at.cdt_ctx_map_key("x")), None, 26),
    (NESTED, append(9, at.cdt_ctx_map_key("n"), at.cdt_ctx_list_index(0)), None, 26),
    (NESTED, append(9, at.cdt_ctx_map_key("l"), at.cdt_ctx_map_key("x")), None, 26),
    (NESTED, append(9, at.cdt_ctx_list_index(0)), None, 26),
    (NESTED, append(9, at.cdt_ctx_map_key("l"), at.cdt_ctx_list_index(3)), None, 26),
    # To what is no list.
    (NESTED, append(9, at.cdt_ctx_map_key("n")), None, 4),
    (NESTED, append(9, at.cdt_ctx_map_key("a")), None, 4),
    (NESTED, lists.list_size("b", [at.cdt_ctx_map_key("n")]), None, 12),
    (NESTED, lists.list_size("b", [at.cdt_ctx_map_key("n"), at.cdt_ctx_map_key("x")]), None, 26),
    (5, append(9, at.cdt_ctx_map_key("n")), None, 4),
    (5, lists.list_size("b", [at.cdt_ctx_map_key("n")]), None, 4),
    (5, append(9), None, 12),
    # What is missing is created where a flag allows it, and nothing else.
    (NESTED, append(9, make_key("z")), ("z",), [9]),
    (NESTED, append(9, make_key("z"), make_key("y")), ("z",), {"y": [9]}),
    (NESTED, append(9, make_key("z"), at.cdt_ctx_map_key("y")), ("z",), {"y": [9]}),
    (NESTED, append(9, make_key("z"), at.cdt_ctx_list_index(0)), ("z",), [[9]]),
    (NESTED, append(9, make_key("z"), at.cdt_ctx_list_index(1)), None, 26),
    (NESTED, append(9, make_key("z"), at.cdt_ctx_list_rank(0)), None, 26),
    (NESTED, append(9, make_key("z"), make_index(2, pad=True)), ("z",), [None, None, [9]]),
    (NESTED, append(9, make_key("n"), make_key("y")), None, 26),
    (NESTED, append(9, at.cdt_ctx_map_key("l"), make_index(3)), ("l", 3), [9]),
    (NESTED, append(9, at.cdt_ctx_map_key("l"), make_index(5)), None, 26),
    (
        NESTED,
        append(9, at.cdt_ctx_map_key("l"), make_index(5, pad=True)),
        ("l",),
        [[3], [1, 1], [2], None, None, [9]],
    ),
    ([], append(9, make_index(-1)), (), [[9]]),
    ([], append(9, make_index(-2)), None, 26),
    (None, append(9, make_key("z")), (), {"z": [9]}),
    (None, append(9, make_index(1)), None, 26),
    (None, append(9, make_index(1, pad=True)), (), [None, [9]]),
    (None, append(9, at.cdt_ctx_map_key("z")), None, 26),
    (None, maps.map_put("b", "k", 1, ORDERED, [make_key("z")]), (), {"z": {"k": 1}}),
    (NESTED, maps.map_increment("b", "k", 5, ORDERED, [make_key("z")]), ("z",), {"k": 5}),
    # A removal creates nothing.
    (NESTED, lists.list_clear("b", [make_key("z")]), (), NESTED),
    (NESTED, lists.list_pop("b", 0, [make_key("z")]), (), NESTED),
    (NESTED, maps.map_remove_by_key("b", "k", MAP_VALUE, [make_key("z")]), (), NESTED),
]


def key_of(number):
    return ("test", "contexts", number)


def outcome(client, number, before, operation):
    """Carry out an operation on a fresh record: its answer, or the code of its error."""
    bins = {"other": 1} if before is None else {"other": 1, "b": before}
    client.put(key_of(number), bins, policy={"exists": aerospike.POLICY_EXISTS_CREATE_OR_REPLACE})
    try:
        return client.operate(key_of(number), [operation])[2].get("b")
    except errors.AerospikeError as error:
        return f"code {error.code}"


def test_a_context_leads_creates_and_refuses_as_the_server_does(client):
    wrong = []
    for number, (before, operation, path, expected) in enumerate(CONTEXTS):
        answer = outcome(client, number, before, operation)
        if path is None:
            found, wanted = answer, f"code {expected}"
        else:
            found, wanted = client.get(key_of(number))[2].get("b"), expected
            if isinstance(answer, str):
                found = answer
            else:
                for step in path:
                    found = found[step]
        if found != wanted:
            wrong.append((operation, found, wanted))
    assert wrong == []


UNORDERED = [7, 6, 5, 8, 9, 10]
SOME_MAP = {"ann": 30, "bob": 10, "cat": 20, "dan": 20}
ANSWERS = [
    # The lower half of the ranks of an unordered list comes highest first, as off the server's heap.
    (UNORDERED, lists.list_remove_by_rank_range("b", 0, VALUE, count=3), [7, 6, 5]),
    (UNORDERED, lists.list_remove_by_rank_range("b", 0, INDEX, count=3), [0, 1, 2]),
    (UNORDERED, lists.list_remove_by_rank_range("b", 1, RANK, count=2), [1, 2]),
    (UNORDERED, lists.list_remove_by_rank_range("b", 3, VALUE), [8, 9, 10]),
    (UNORDERED, lists.list_get_by_rank_range("b", 0, VALUE, count=2), [6, 5]),
    (UNORDERED, lists.list_get_by_rank_range("b", 2, VALUE), [7, 8, 9, 10]),
    (UNORDERED, lists.list_get_by_rank_range("b", 0, VALUE, count=3, inverted=True), [8, 9, 10]),
    (UNORDERED, lists.list_remove_by_value_range("b", VALUE, 5, 8), [7, 6, 5]),
    (UNORDERED, lists.list_remove_by_value_range("b", INDEX, 5, 8), [0, 1, 2]),
    (UNORDERED, lists.list_get_by_value_range("b", RANK, 6, 9), [1, 2, 3]),
    (UNORDERED, lists.list_get_by_value_list("b", [9, 5], VALUE), [5, 9]),
    (UNORDERED, lists.list_get_by_value_list("b", [9, 5], RANK), [4, 0]),
    (UNORDERED, lists.list_get_by_value_rank_range_relative("b", 6, 0, VALUE, 2), [7, 6]),
    # In a map, values come in key order, ranges of ranks in rank order.
    (SOME_MAP, maps.map_get_by_value_range("b", 20, 99, MAP_VALUE), [30, 20, 20]),
    (SOME_MAP, maps.map_get_by_rank_range("b", 0, 3, MAP_VALUE), [10, 20, 20]),
    (SOME_MAP, maps.map_get_by_key_list("b", ["dan", "ann"], MAP_VALUE), [30, 20]),
    (SOME_MAP, maps.map_get_by_key_list("b", ["dan", "ann"], aerospike.MAP_RETURN_INDEX), [3, 0]),
    # Borders: a range may begin before or end after the list, one element may not be outside.
    (UNORDERED, lists.list_trim("b", -6, 6), 0),
    (UNORDERED, lists.list_trim("b", 1, -5), 1),
    (UNORDERED, lists.list_trim("b", 6, 1), 6),
    (UNORDERED, lists.list_trim("b", -9, 5), 4),
    (UNORDERED, lists.list_get_range("b", -9, 5), [7, 6]),
    (UNORDERED, lists.list_get_range("b", 6, 1), []),
    (UNORDERED, lists.list_pop_range("b", 4, 100), [9, 10]),
    (UNORDERED, lists.list_remove_range("b", 6, 1), 0),
    (UNORDERED, lists.list_get("b", 6), "code 26"),
    (UNORDERED, lists.list_get("b", -7), "code 26"),
    (UNORDERED, lists.list_get_by_rank("b", 6, VALUE), "code 26"),
    (UNORDERED, lists.list_set("b", -7, 1), "code 26"),
    # What cannot be stored, and values that are twice among the new ones.
    (UNORDERED, lists.list_append("b", aerospike.CDTInfinite()), "code 4"),
    (UNORDERED, lists.list_append("b", [1, [aerospike.CDTWildcard()]]), "code 4"),
    (
        UNORDERED,
        lists.list_append_items("b", [1, 1], {"write_flags": aerospike.LIST_WRITE_ADD_UNIQUE}),
        "code 26",
    ),
    (
        UNORDERED,
        lists.list_append_items("b", [1, 5], {"write_flags": aerospike.LIST_WRITE_ADD_UNIQUE}),
        "code 24",
    ),
    (SOME_MAP, maps.map_put("b", "k", aerospike.CDTWildcard()), "code 4"),
]


def test_answers_come_in_the_servers_order_and_borders_answer_its_codes(client):
    found = [
        (operation, outcome(client, number, before, operation), expected)
        for number, (before, operation, expected) in enumerate(ANSWERS)
    ]
    assert [each for each in found if each[1] != each[2]] == []


@pytest.mark.parametrize("policy", [ORDERED, {"map_order": aerospike.MAP_KEY_VALUE_ORDERED}])
def test_a_created_map_has_the_order_of_the_flag_and_of_the_operation(client, key, policy):
    ctx = [make_key("sub", aerospike.MAP_KEY_ORDERED)]
    operations = [
        maps.map_put("b", "z", 1, policy, ctx),
        maps.map_put("b", "a", 2, policy, ctx),
        maps.map_get_by_index_range("b", 0, 2, aerospike.MAP_RETURN_KEY, ctx=ctx),
    ]
    assert client.operate(key, operations)[2]["b"] == ["a", "z"]
