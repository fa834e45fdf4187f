"""List operations, by the code each has on the wire."""

import pytest

from aerospike_resilience.testing.server import cdt
from aerospike_resilience.testing.server.errors import OpError
from aerospike_resilience.testing.server.wire import INTEGER, LIST

from .dialect import INF, WILD, Ordered, change, op, pack, read, stored

SET_ORDER, APPEND, APPEND_ITEMS, INSERT, INSERT_ITEMS, POP, POP_RANGE = range(7)
REMOVE, REMOVE_RANGE, SET, TRIM, CLEAR, INCREMENT, SORT = range(7, 14)
SIZE, GET, GET_RANGE, BY_INDEX, FIRST_BY_VALUE, BY_RANK, BY_VALUE, BY_VALUE_LIST = range(16, 24)
BY_INDEX_RANGE, BY_INTERVAL, BY_RANK_RANGE, BY_RELATIVE_RANK = range(24, 28)
REMOVE_BY_RANK, REMOVE_BY_VALUE, REMOVE_BY_VALUE_LIST = 34, 35, 36
REMOVE_BY_INDEX_RANGE, REMOVE_BY_RANK_RANGE = 37, 39
NONE, INDEX, REVERSE_INDEX, RANK, REVERSE_RANK, COUNT, VALUE, EXISTS = 0, 1, 2, 3, 4, 5, 7, 13
INVERTED = 0x10000
UNIQUE, BOUNDED, NO_FAIL, PARTIAL = 1, 2, 4, 8

NUMBERS = [1, 4, 7, 3, 9, 26, 11]


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ((SIZE,), 7),
        ((GET, 2), 7),
        ((GET, -2), 26),
        ((GET_RANGE, 1, 2), [4, 7]),
        ((GET_RANGE, 5), [26, 11]),
        ((GET_RANGE, -3, 10), [9, 26, 11]),
        ((GET_RANGE, -9, 3), [1]),
        ((GET_RANGE, 7, 3), []),
        ((BY_INDEX, RANK, 5), 6),
        ((BY_INDEX, REVERSE_INDEX, 5), 1),
        ((BY_INDEX, NONE, 5), None),
        ((BY_RANK, VALUE, 0), 1),
        ((BY_RANK, INDEX, -1), 5),
        ((BY_RANK, REVERSE_RANK, -1), 0),
        ((BY_VALUE, INDEX, 9), [4]),
        ((BY_VALUE, COUNT, 5), 0),
        ((BY_VALUE, RANK, 5), []),
        ((FIRST_BY_VALUE, INDEX, 9), 4),
        ((FIRST_BY_VALUE, INDEX, 5), -1),
        ((BY_VALUE_LIST, VALUE, [26, 1, 2]), [1, 26]),
        ((BY_VALUE_LIST, VALUE | INVERTED, [26, 1, 2]), [4, 7, 3, 9, 11]),
        ((BY_VALUE_LIST, EXISTS, [2]), False),
        ((BY_VALUE_LIST, INDEX, [26, 1]), [0, 5]),
        ((BY_VALUE_LIST, RANK, [26, 1]), [6, 0]),
        ((BY_VALUE_LIST, REVERSE_RANK, [26, 1]), [0, 6]),
        ((BY_VALUE_LIST, RANK | INVERTED, [26, 1]), [1, 2, 3, 4, 5]),
        ((BY_INDEX_RANGE, RANK | INVERTED, 0, 4), [4, 6, 5]),
        ((BY_INDEX_RANGE, COUNT | INVERTED, 1, 2), 5),
        ((BY_INTERVAL, VALUE, 4, 10), [4, 7, 9]),
        ((BY_INTERVAL, VALUE, 9, INF), [9, 26, 11]),
        ((BY_INTERVAL, VALUE, None, 4), [1, 3]),
        ((BY_INTERVAL, VALUE, 10), [26, 11]),
        ((BY_INTERVAL, VALUE, 10, 4), []),
        ((BY_RANK_RANGE, VALUE, 0, 3), [4, 3, 1]),
        ((BY_RANK_RANGE, INDEX, 0, 3), [0, 1, 3]),
        ((BY_RANK_RANGE, RANK, 0, 3), [0, 1, 2]),
        ((BY_RANK_RANGE, VALUE, -2), [11, 26]),
        ((BY_RELATIVE_RANK, VALUE, 5, 0), [7, 9, 11, 26]),
        ((BY_RELATIVE_RANK, VALUE, 5, -1, 2), [7, 4]),
        ((BY_RELATIVE_RANK, VALUE, 5, -9, 8), [3, 1]),
    ],
)
def test_a_read_answers_what_its_return_type_asks_for(operation, expected):
    assert read(NUMBERS, *operation) == expected


@pytest.mark.parametrize(
    ("before", "operation", "after", "answer"),
    [
        ([1], (APPEND, 2), [1, 2], 2),
        (None, (APPEND, 2), [2], 1),
        (None, (APPEND_ITEMS, [3, 1], 1, 0), [1, 3], 2),
        (Ordered([1, 5]), (APPEND, 3), [1, 3, 5], 3),
        ([1, 2], (APPEND, 2, 0, UNIQUE | NO_FAIL), [1, 2], 2),
        ([1, 2], (APPEND_ITEMS, [2, 3], 0, UNIQUE | NO_FAIL), [1, 2], 2),
        ([1, 2], (APPEND_ITEMS, [2, 3], 0, UNIQUE | NO_FAIL | PARTIAL), [1, 2, 3], 3),
        ([1, 2], (INSERT, 1, 9), [1, 9, 2], 3),
        ([1, 2], (INSERT, 4, 9), [1, 2, None, None, 9], 5),
        ([1, 2], (INSERT, 4, 9, BOUNDED | NO_FAIL), [1, 2], 2),
        ([1, 2], (INSERT_ITEMS, -1, [8, 9]), [1, 8, 9, 2], 4),
        ([1, 2, 3], (POP, -1), [1, 2], 3),
        ([1, 2, 3], (POP_RANGE, 1), [1], [2, 3]),
        ([1, 2, 3], (REMOVE, 0), [2, 3], 1),
        ([1, 2, 3], (REMOVE_RANGE, 0, 2), [3], 2),
        ([1, 2, 3], (SET, 1, "x"), [1, "x", 3], None),
        ([1], (SET, 3, "x"), [1, None, None, "x"], None),
        ([1, 2, 3], (TRIM, 1, 1), [2], 2),
        ([1, 2, 3], (CLEAR,), [], None),
        ([1, 2], (INCREMENT, 1, 5), [1, 7], 7),
        ([1, 2], (INCREMENT, 1), [1, 3], 3),
        ([1.5], (INCREMENT, 0, 1), [2.5], 2.5),
        ([1], (INCREMENT, 2, 5), [1, None, 5], 5),
        (Ordered([1, 2]), (INCREMENT, 0, 5), [2, 6], 6),
        ([3, 1, 2], (SORT, 0), [1, 2, 3], None),
        ([3, 1, 2], (SORT, 1), [3, 2, 1], None),
        ([3, 1, 3], (SORT, 2), [1, 3], None),
        ([3, 1, 2], (SET_ORDER, 1), [1, 2, 3], None),
        ([3, 1, 2], (REMOVE_BY_RANK, VALUE, 0), [3, 2], 1),
        ([3, 1, 3], (REMOVE_BY_VALUE, COUNT, 3), [1], 2),
        ([3, 1, 3], (REMOVE_BY_VALUE_LIST, INDEX, [3]), [1], [0, 2]),
        ([3, 1, 3], (REMOVE_BY_INDEX_RANGE, NONE | INVERTED, 0, 1), [3], None),
        ([3, 1, 2], (REMOVE_BY_RANK_RANGE, VALUE, 1), [1], [2, 3]),
        (None, (POP, 0), None, None),
        (None, (CLEAR,), None, None),
        (None, (REMOVE_BY_VALUE, COUNT, 3), None, None),
    ],
)
def test_a_change_leaves_the_list_and_answers(before, operation, after, answer):
    assert change(before, *operation) == (after, answer)


@pytest.mark.parametrize(
    ("before", "operation", "code"),
    [
        ([1, 2], (APPEND, 2, 0, UNIQUE), 24),
        ([1, 2], (INSERT, 4, 9, BOUNDED), 26),
        ([1, 2], (INSERT, -4, 9), 26),
        (Ordered([1, 2]), (INSERT, 0, 9), 26),
        (Ordered([1, 2]), (SET, 0, 9), 26),
        ([1, 2], (POP, 2), 26),
        ([1, 2], (REMOVE, 2), 26),
        ([1, 2], (REMOVE_BY_RANK, VALUE, 2), 26),
        (["a"], (INCREMENT, 0, 1), 4),
        ([1], (INCREMENT, 0, "a"), 4),
        (None, (SORT, 0), 12),
        (None, (63,), 4),
        ([1], (63,), 4),
        ([1], (APPEND,), 4),
        ([1], (APPEND_ITEMS, 3), 4),
    ],
)
def test_a_change_that_cannot_be_answers_the_servers_code(before, operation, code):
    with pytest.raises(OpError) as error:
        change(before, *operation)
    assert error.value.code == code


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ((GET, 7), 26),
        ((GET, -8), 26),
        ((BY_RANK, VALUE, 9), 26),
        ((BY_INDEX, 6, 0), 26),
        ((BY_INDEX, VALUE | INVERTED, 0), 26),
        ((BY_VALUE, 99, 1), 26),
        ((SIZE + 14,), 4),
        ((GET, "x"), 4),
    ],
)
def test_a_read_that_cannot_be_answers_the_servers_code(operation, code):
    with pytest.raises(OpError) as error:
        read(NUMBERS, *operation)
    assert error.value.code == code


def test_a_list_operation_on_another_type_answers_12():
    for bin_ in ((INTEGER, bytes(8)), stored({"a": 1})):
        with pytest.raises(OpError) as error:
            cdt.read(*bin_, op(SIZE))
        assert error.value.code == 12


def test_values_of_different_types_have_aerospikes_order():
    mixed = [1.0, b"b", {"a": 1}, [1], "s", 5, True, False, None]
    ordered, _ = change(mixed, SORT, 0)
    assert ordered == [None, False, True, 5, "s", [1], {"a": 1}, b"b", 1.0]


def test_lists_compare_by_element_then_by_length_and_maps_by_length_first():
    lists, _ = change([[2], [1, 2, 1], [1, 3], [1, 2]], SORT, 0)
    assert lists == [[1, 2], [1, 2, 1], [1, 3], [2]]
    maps, _ = change([{"b": 1}, {"a": 1, "b": 1}, {"a": 2}], SORT, 0)
    assert maps == [{"a": 2}, {"b": 1}, {"a": 1, "b": 1}]


def test_a_wildcard_stands_for_the_rest_of_a_list():
    pairs = [[1, "a"], [1, "b", 2], [2, "a"]]
    assert read(pairs, BY_VALUE, INDEX, [1, WILD]) == [0, 1]
    assert read(pairs, BY_VALUE, COUNT, WILD) == 3


def test_the_bytes_of_an_ordered_list_begin_with_its_marker():
    changed, _ = cdt.modify(None, None, op(APPEND, 3, 1, 0))
    assert changed == (LIST, bytes.fromhex("92c7000103"))
    changed, _ = cdt.modify(*changed, op(CLEAR))
    assert changed == (LIST, bytes.fromhex("91c70001"))


def test_nested_maps_are_stored_in_key_order():
    changed, _ = cdt.modify(None, None, op(APPEND, {"b": 1, "a": 2}))
    assert changed == (LIST, pack([{"a": 2, "b": 1}]))
