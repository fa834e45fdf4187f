"""Map operations and contexts, by the code each has on the wire."""

import pytest

from aerospike_resilience.testing.server import cdt, msgpack
from aerospike_resilience.testing.server.errors import OpError
from aerospike_resilience.testing.server.wire import MAP

from .dialect import INF, WILD, change, op, pack, read, stored, unbin

SET_ORDER, ADD, ADD_ITEMS, PUT, PUT_ITEMS, REPLACE, REPLACE_ITEMS = range(64, 71)
INCREMENT, DECREMENT, CLEAR, REMOVE_BY_KEY, REMOVE_BY_INDEX = range(73, 78)
REMOVE_BY_RANK, REMOVE_BY_KEY_LIST, REMOVE_BY_VALUE = 79, 81, 82
REMOVE_BY_KEY_INTERVAL = 84
SIZE, BY_KEY, BY_INDEX, BY_RANK, BY_VALUE, BY_KEY_INTERVAL = 96, 97, 98, 100, 102, 103
BY_INDEX_RANGE, BY_VALUE_INTERVAL, BY_RANK_RANGE, BY_KEY_LIST, BY_VALUE_LIST = range(104, 109)
BY_RELATIVE_INDEX, BY_RELATIVE_RANK = 109, 110
NONE, INDEX, REVERSE_INDEX, RANK, REVERSE_RANK, COUNT, KEY, VALUE, KEY_VALUE = range(9)
EXISTS, UNORDERED_MAP, ORDERED_MAP, INVERTED = 13, 16, 17, 0x10000
CREATE_ONLY, UPDATE_ONLY, NO_FAIL, PARTIAL = 1, 2, 4, 8

SCORES = {"ann": 30, "bob": 10, "cat": 20, "dan": 20}


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ((SIZE,), 4),
        ((BY_KEY, VALUE, "cat"), 20),
        ((BY_KEY, VALUE, "zoe"), None),
        ((BY_KEY, COUNT, "zoe"), 0),
        ((BY_KEY, INDEX, "zoe"), -1),
        ((BY_KEY, EXISTS, "zoe"), False),
        ((BY_KEY, KEY_VALUE, "zoe"), {}),
        ((BY_KEY, KEY_VALUE, "cat"), {"cat": 20}),
        ((BY_KEY, RANK, "ann"), 3),
        ((BY_INDEX, KEY, -1), "dan"),
        ((BY_RANK, KEY, 0), "bob"),
        ((BY_RANK, REVERSE_RANK, 0), 3),
        ((BY_VALUE, KEY, 20), ["cat", "dan"]),
        ((BY_VALUE, KEY, 25), []),
        ((BY_KEY_INTERVAL, KEY, "b", "d"), ["bob", "cat"]),
        ((BY_KEY_INTERVAL, KEY, "b"), ["bob", "cat", "dan"]),
        ((BY_KEY_INTERVAL, KEY, "d", "b"), []),
        ((BY_INDEX_RANGE, KEY, 1, 2), ["bob", "cat"]),
        ((BY_INDEX_RANGE, KEY, -1), ["dan"]),
        ((BY_VALUE_INTERVAL, KEY, 10, 30), ["bob", "cat", "dan"]),
        ((BY_VALUE_INTERVAL, KEY, 20, INF), ["ann", "cat", "dan"]),
        ((BY_RANK_RANGE, VALUE, -2), [20, 30]),
        ((BY_KEY_LIST, ORDERED_MAP, ["dan", "ann", "zoe"]), {"ann": 30, "dan": 20}),
        ((BY_KEY_LIST, KEY | INVERTED, ["dan", "ann"]), ["bob", "cat"]),
        ((BY_VALUE_LIST, COUNT, [20, 30]), 3),
        ((BY_RELATIVE_INDEX, KEY, "bob", -1, 2), ["ann", "bob"]),
        ((BY_RELATIVE_INDEX, KEY, "b", 1), ["cat", "dan"]),
        ((BY_RELATIVE_RANK, KEY, 15, 0), ["cat", "dan", "ann"]),
        ((BY_RELATIVE_RANK, REVERSE_INDEX, 15, 0, 1), [1]),
    ],
)
def test_a_read_answers_what_its_return_type_asks_for(operation, expected):
    assert read(SCORES, *operation) == expected


@pytest.mark.parametrize(
    ("before", "operation", "after", "answer"),
    [
        (None, (PUT, "a", 1, 1), {"a": 1}, 1),
        ({"a": 1}, (PUT, "a", 2, 0), {"a": 2}, 1),
        ({"a": 1}, (PUT, "a", 2, 0, CREATE_ONLY | NO_FAIL), {"a": 1}, 1),
        ({"a": 1}, (PUT_ITEMS, {"b": 1, "a": 2}, 0), {"a": 2, "b": 1}, 2),
        ({"a": 1}, (PUT_ITEMS, {"b": 1, "a": 2}, 0, CREATE_ONLY | NO_FAIL), {"a": 1}, 1),
        (
            {"a": 1},
            (PUT_ITEMS, {"b": 1, "a": 2}, 0, CREATE_ONLY | NO_FAIL | PARTIAL),
            {"a": 1, "b": 1},
            2,
        ),
        ({"a": 1}, (REPLACE, "a", 2), {"a": 2}, 1),
        ({"a": 1}, (ADD_ITEMS, {"b": 1}, 0), {"a": 1, "b": 1}, 2),
        ({"a": 1}, (INCREMENT, "a", 4, 0), {"a": 5}, 5),
        ({"a": 1}, (DECREMENT, "b", 4, 0), {"a": 1, "b": -4}, -4),
        (None, (INCREMENT, "a", 1.5, 0), {"a": 1.5}, 1.5),
        ({"a": 1}, (CLEAR,), {}, None),
        (dict(SCORES), (REMOVE_BY_KEY, VALUE, "cat"), {"ann": 30, "bob": 10, "dan": 20}, 20),
        ({"a": 1}, (REMOVE_BY_KEY, VALUE, "z"), {"a": 1}, None),
        ({"a": 1, "b": 2}, (REMOVE_BY_INDEX, KEY, 0), {"b": 2}, "a"),
        ({"a": 1, "b": 0}, (REMOVE_BY_RANK, KEY, 0), {"a": 1}, "b"),
        ({"a": 1, "b": 2}, (REMOVE_BY_KEY_LIST, COUNT, ["a", "z"]), {"b": 2}, 1),
        ({"a": 1, "b": 2}, (REMOVE_BY_VALUE, KEY | INVERTED, 2), {"b": 2}, ["a"]),
        (
            {"a": 1, "b": 2, "c": 3},
            (REMOVE_BY_KEY_INTERVAL, KEY_VALUE, "b", "z"),
            {"a": 1},
            {"b": 2, "c": 3},
        ),
        (None, (CLEAR,), None, None),
        (None, (REMOVE_BY_KEY, VALUE, "z"), None, None),
    ],
)
def test_a_change_leaves_the_map_and_answers(before, operation, after, answer):
    assert change(before, *operation) == (after, answer)


@pytest.mark.parametrize(
    ("before", "operation", "code"),
    [
        ({"a": 1}, (PUT, "a", 2, 0, CREATE_ONLY), 24),
        ({"a": 1}, (ADD, "a", 2, 0), 24),
        ({"a": 1}, (PUT, "b", 2, 0, UPDATE_ONLY), 23),
        ({"a": 1}, (REPLACE, "b", 2), 23),
        ({"a": 1}, (REPLACE_ITEMS, {"a": 2, "b": 2}), 23),
        ({"a": "x"}, (INCREMENT, "a", 1, 0), 4),
        ({"a": 1}, (REMOVE_BY_INDEX, KEY, 1), 26),
        ({"a": 1}, (PUT, "a"), 4),
        ({"a": 1}, (PUT_ITEMS, [1], 0), 4),
        ({"a": 1}, (95,), 4),
        ([1], (PUT, "a", 1, 0), 12),
    ],
)
def test_a_change_that_cannot_be_answers_the_servers_code(before, operation, code):
    with pytest.raises(OpError) as error:
        change(before, *operation)
    assert error.value.code == code


def test_a_wildcard_finds_the_values_that_begin_alike():
    changed, _ = cdt.modify(None, None, op(PUT, "x", [1, "a"], 1))
    changed, _ = cdt.modify(*changed, op(PUT, "y", [2, "a"], 1))
    assert cdt.read(*changed, op(BY_VALUE, COUNT, [1, WILD])) == (1, (1).to_bytes(8))


@pytest.mark.parametrize(
    ("key", "value"),
    [([1], 1), ({"a": 1}, 1), (INF, 1), ("a", WILD), ("a", [INF]), ("a", {"b": WILD})],
)
def test_what_cannot_be_stored_is_a_parameter_error(key, value):
    for operation in (op(PUT, key, value, 1, 0), op(1, value)):
        if operation[2] == 1 and value == 1:
            continue
        with pytest.raises(OpError) as error:
            cdt.modify(None, None, operation)
        assert error.value.code == 4


@pytest.mark.parametrize(("order", "marker"), [(0, "80"), (1, "81c70001c0"), (3, "81c70003c0")])
def test_the_bytes_of_an_ordered_map_begin_with_its_marker(order, marker):
    changed, _ = cdt.modify(None, None, op(SET_ORDER, order))
    assert changed == (MAP, bytes.fromhex(marker))


def test_an_unordered_map_is_stored_in_key_order_too():
    assert stored({"a": 1, 2: "b"}) == (MAP, bytes.fromhex("8202a20362a2036101"))


def test_a_map_with_a_key_twice_is_refused():
    with pytest.raises(OpError) as error:
        cdt.canonical(bytes.fromhex("8201010102"))
    assert error.value.code == 4


LIST_INDEX, LIST_RANK, LIST_VALUE = 0x10, 0x11, 0x13
MAP_INDEX, MAP_RANK, MAP_KEY, MAP_VALUE = 0x20, 0x21, 0x22, 0x23
UNORDERED, KEY_ORDERED, PADDED = 0x40, 0x80, 0x80
LIST_SIZE, LIST_APPEND = 16, 1


@pytest.mark.parametrize(
    ("value", "ctx", "expected"),
    [
        ([[1], [1, 2]], [LIST_INDEX, -1], 2),
        ([[1, 2], [0]], [LIST_RANK, 0], 1),
        ([[1], [3, 3]], [LIST_VALUE, [3, 3]], 2),
        ({"a": [1], "b": [1, 2]}, [MAP_KEY, "b"], 2),
        ({"a": [1], "b": [1, 2]}, [MAP_INDEX, 0], 1),
        ({"a": [1], "b": [1, 2]}, [MAP_RANK, -1], 2),
        ({"a": [1], "b": [1, 2]}, [MAP_VALUE, [1]], 1),
        ({"a": [[1, 2, 3]]}, [MAP_KEY, "a", LIST_INDEX, 0], 3),
    ],
)
def test_a_context_leads_into_a_collection(value, ctx, expected):
    assert read(value, LIST_SIZE, ctx=ctx) == expected


@pytest.mark.parametrize(
    ("value", "ctx", "code"),
    [
        ([[1]], [LIST_INDEX, 1], 26),
        ({"a": [1]}, [MAP_KEY, "b"], 26),
        ([[1]], [MAP_KEY, "b"], 26),
        ({"a": 1}, [MAP_KEY, "a", LIST_INDEX, 0], 26),
        ({"a": 1}, [MAP_KEY, "a"], 12),
        ({"a": {}}, [MAP_KEY, "a"], 12),
        ({"a": 1}, [MAP_KEY], 4),
        ({"a": 1}, [0x99, 1], 26),
        ({"a": 1}, "x", 4),
    ],
)
def test_a_context_that_leads_nowhere_answers_the_servers_code(value, ctx, code):
    with pytest.raises(OpError) as error:
        read(value, LIST_SIZE, ctx=ctx)
    assert error.value.code == code


@pytest.mark.parametrize(
    ("value", "ctx", "code"),
    [
        ([[1]], [MAP_KEY, "b"], 26),
        ({"a": 1}, [MAP_KEY, "a"], 4),
        ({"a": {}}, [MAP_KEY, "a"], 4),
        ({"a": 1}, [MAP_KEY, "a", MAP_KEY, "b"], 26),
        ({"a": 1}, [MAP_KEY | 0x40, "a", MAP_KEY | 0x40, "b"], 26),
    ],
)
def test_a_change_of_what_is_no_list_inside_a_collection_answers_the_servers_code(value, ctx, code):
    with pytest.raises(OpError) as error:
        change(value, LIST_APPEND, 9, ctx=ctx)
    assert error.value.code == code


@pytest.mark.parametrize(
    ("value", "ctx", "expected"),
    [
        ({"a": [1, 2]}, [MAP_KEY, "a", LIST_INDEX, 1], 2),
        ({"a": [1, 2]}, [MAP_KEY, "a"], [1, 2]),
        ({"a": [1, 2]}, [MAP_KEY, "b"], None),
        ({"a": [1, 2]}, [LIST_INDEX, 0], None),
    ],
)
def test_an_index_sees_what_its_context_leads_to(value, ctx, expected):
    assert unbin(cdt.at(*stored(value), pack(ctx))) == expected


def test_an_index_with_a_context_sees_nothing_in_a_plain_bin():
    assert cdt.at(1, bytes(8), pack([LIST_INDEX, 0])) is None


@pytest.mark.parametrize(
    ("value", "ctx", "after"),
    [
        ({"a": [1]}, [MAP_KEY, "a"], {"a": [1, 9]}),
        ({}, [MAP_KEY | UNORDERED, "a"], {"a": [9]}),
        (None, [MAP_KEY | UNORDERED, "a", MAP_KEY | UNORDERED, "b"], {"a": {"b": [9]}}),
        ([[1]], [LIST_INDEX | UNORDERED, 1], [[1], [9]]),
        ([], [LIST_INDEX | PADDED, 2], [None, None, [9]]),
    ],
)
def test_a_context_can_create_what_is_missing(value, ctx, after):
    assert change(value, LIST_APPEND, 9, ctx=ctx)[0] == after


@pytest.mark.parametrize("ctx", [[MAP_KEY, "a"], [LIST_INDEX | UNORDERED, 5], [LIST_RANK, 0]])
def test_a_context_without_the_flag_creates_nothing(ctx):
    with pytest.raises(OpError) as error:
        change([] if ctx[0] & 0x10 else {}, LIST_APPEND, 9, ctx=ctx)
    assert error.value.code == 26


def test_a_context_creates_the_order_its_flags_name():
    payload = op(PUT, "k", 1, 0, ctx=[MAP_KEY | KEY_ORDERED, "sub"])
    changed, _ = cdt.modify(None, None, payload)
    assert changed == (MAP, bytes.fromhex("82c70001c0a40373756281a2036b01"))


ALL_CHILDREN, SELECT = 4, 254
TREE, VALUES, KEYS, BOTH, APPLY, SKIP = 0, 1, 2, 3, 4, 16
LARGE = b"\x93\x03\x93\x7a\x02\x01\x02"  # value > 2


def path(*parts):
    ctx = msgpack.pack_list([part if isinstance(part, bytes) else pack(part) for part in parts[0]])
    rest = [part if isinstance(part, bytes) else pack(part) for part in parts[1:]]
    return msgpack.pack_list([pack(SELECT), ctx, *rest])


@pytest.mark.parametrize(
    ("ctx", "flags", "expected"),
    [
        ([ALL_CHILDREN, True], VALUES, [[1, 5], [7]]),
        ([ALL_CHILDREN, True], KEYS, ["a", "b"]),
        ([MAP_KEY, "a", ALL_CHILDREN, LARGE], VALUES, [5]),
        ([ALL_CHILDREN, True, ALL_CHILDREN, LARGE], VALUES, [5, 7]),
        ([ALL_CHILDREN, True, ALL_CHILDREN, LARGE], TREE, {"a": [5], "b": [7]}),
        ([MAP_KEY, "a"], BOTH, ["a", [1, 5]]),
        ([MAP_KEY, "z"], VALUES | SKIP, []),
    ],
)
def test_a_path_selects_what_lies_at_its_end(ctx, flags, expected):
    assert unbin(cdt.read(*stored({"a": [1, 5], "b": [7]}), path(ctx, flags))) == expected


def test_a_path_changes_or_removes_what_lies_at_its_end():
    doubled = b"\x93\x16\x93\x7a\x02\x01\x02"  # value * 2
    removed = b"\x91\x64"
    bin_ = stored({"a": [1, 5], "b": [7]})
    changed, _ = cdt.modify(*bin_, path([ALL_CHILDREN, True, ALL_CHILDREN, LARGE], APPLY, doubled))
    assert unbin(changed) == {"a": [1, 10], "b": [14]}
    changed, _ = cdt.modify(*bin_, path([MAP_KEY, "a", ALL_CHILDREN, LARGE], APPLY, removed))
    assert unbin(changed) == {"a": [1], "b": [7]}
