"""What holds for any value and any payload, hostile ones included."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aerospike_resilience.testing.server import bits, cdt, expressions, hll, msgpack
from aerospike_resilience.testing.server.cdt import order
from aerospike_resilience.testing.server.errors import OpError
from aerospike_resilience.testing.server.wire import BLOB, HLL, LIST, MAP

from .dialect import Ordered, op, pack, stored, unbin, unpack
from .test_expressions import Record

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(max_size=40),
    st.binary(max_size=40),
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=3), inner, max_size=6)
    ),
    max_leaves=20,
)
quick = settings(max_examples=150, deadline=None)
payloads = st.one_of(
    st.binary(max_size=60),
    st.lists(values, min_size=1, max_size=6).map(pack),
    st.builds(
        lambda code, args: op(code, *args),
        st.integers(0, 127) | st.just(254),
        st.lists(st.integers(-9, 9) | values, max_size=5),
    ),
    st.builds(
        lambda code, args, ctx: op(code, *args, ctx=ctx),
        st.integers(0, 110),
        st.lists(st.integers(-3, 9) | values, max_size=5),
        st.lists(st.integers(0, 0xFF) | values, max_size=4),
    ),
)


def outcome(carry_out, *args):
    """Carry out an operation; returns what it answers and the code it fails with."""
    try:
        return carry_out(*args), None
    except OpError as error:
        return None, error.code


@quick
@given(values)
def test_a_value_survives_being_written_and_read(value):
    data = pack(value)
    assert msgpack.skip(data) == len(data)
    assert unpack(data) == value


@quick
@given(values)
def test_taking_a_collection_apart_and_joining_it_keeps_every_byte(value):
    data = cdt.canonical(pack(value))
    assert cdt.canonical(data) == data
    if msgpack.is_list(data):
        assert msgpack.pack_list(msgpack.elements(data)[1]) == data
    if msgpack.is_map(data):
        assert msgpack.pack_map(msgpack.elements(data)[1]) == data


@quick
@given(scalars)
def test_a_bin_survives_the_way_through_a_collection(value):
    found = msgpack.to_bin(pack(value))
    assert (msgpack.NIL if found is None else msgpack.from_bin(*found)) == pack(value)


@quick
@given(st.lists(values, max_size=8), st.lists(values, max_size=8))
def test_an_ordered_list_stays_sorted(before, added):
    kind, raw = stored(Ordered(before))
    changed, _ = cdt.modify(kind, raw, op(2, added, 1, 0))
    keys = [order.key(item) for item in msgpack.elements(changed[1])[1]]
    assert keys == sorted(keys)
    assert len(keys) == len(before) + len(added)


@quick
@given(st.dictionaries(st.text(max_size=3), values, max_size=8), st.text(max_size=3), values)
def test_a_map_stays_in_key_order_and_holds_what_was_put(before, key, value):
    changed, size = cdt.modify(*stored(before), op(67, key, value, 0))
    assert unbin(changed) == {**before, key: value}
    assert unbin(size) == len({**before, key: value})
    keys = [order.key(name) for name in msgpack.elements(changed[1])[1][::2]]
    assert keys == sorted(keys)


@quick
@given(st.lists(st.integers(0, 20), max_size=12), st.integers(-15, 15), st.integers(0, 15))
def test_a_removed_range_and_what_stays_make_the_list_again(before, index, count):
    changed, gone = cdt.modify(*stored(before), op(37, 7, index, count))
    rest, stayed = (
        unbin(changed),
        unbin(cdt.read(*stored(before), op(24, 7 | 0x10000, index, count))),
    )
    assert rest == stayed
    assert sorted(rest + unbin(gone)) == sorted(before)


@quick
@given(st.lists(st.integers(0, 9), max_size=12), st.integers(-1, 10), st.integers(-1, 10))
def test_an_interval_holds_just_what_lies_in_it(before, low, high):
    found = unbin(cdt.read(*stored(before), op(25, 7, low, high)))
    assert found == [item for item in before if low <= item < high]


@settings(max_examples=300, deadline=None)
@given(st.none() | values, payloads)
def test_any_payload_changes_a_collection_or_answers_a_code(value, payload):
    current = (None, None)
    if isinstance(value, (list, dict)):
        current = stored(value)
    result, code = outcome(cdt.modify, *current, payload)
    assert code in (None, 4, 12, 13, 16, 23, 24, 26)
    changed, answer = result or (None, None)
    if changed is not None:
        assert changed[0] in (LIST, MAP)
        msgpack.check(changed[1])
    unbin(answer)


@settings(max_examples=300, deadline=None)
@given(values, payloads)
def test_any_payload_reads_a_collection_or_answers_a_code(value, payload):
    current = stored(value) if isinstance(value, (list, dict)) else (BLOB, b"x")
    answer, code = outcome(cdt.read, *current, payload)
    assert code in (None, 4, 12, 16, 26)
    unbin(answer)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=40), payloads, st.sampled_from([bits, hll]))
def test_any_payload_works_on_a_blob_or_answers_a_code(data, payload, module):
    for kind in (BLOB, HLL):
        for carry_out in (module.read, module.modify):
            assert outcome(carry_out, kind, data, payload)[1] in (None, 4, 6, 12, 17, 26)


parts = st.one_of(
    st.sampled_from(
        [pack(0), pack(1), pack("x"), msgpack.TRUE, pack(2.5), pack({"a": 1}), b"\xa1i"]
    ),
    values.map(pack),
)
trees = st.recursive(
    parts,
    lambda inner: st.builds(
        lambda code, args: msgpack.pack_list([pack(code), *args]),
        st.integers(0, 127),
        st.lists(inner, max_size=4),
    ),
    max_leaves=12,
)


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=40) | trees)
def test_any_expression_computes_or_answers_a_code(expression):
    def compute():
        return expressions.build(expression).bin_of(expressions.Env(Record()))

    assert outcome(compute)[1] in (None, 4, 16)


HOSTILE = {
    "a list of four billion": b"\xdd\xff\xff\xff\xff",
    "a map of four billion": b"\xdf\xff\xff\xff\xff\x01",
    "a text of four billion": b"\xdb\xff\xff\xff\xff",
    "a hundred thousand lists in each other": b"\x91" * 100_000,
    "many lists that promise many": b"\xdc\xff\xff" * 10_000,
    "an expression nested a hundred thousand times": b"\x92\x12" * 100_000 + b"\xc3",
    "a context nested as deep": b"\x93\xcc\xff" * 50_000,
    "an index far away": op(3, 1 << 40, 1),
    "an index farther away": op(9, (1 << 62), 1),
}


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE)
def test_hostile_lengths_and_nesting_cost_nothing(payload):
    started = time.thread_time()
    for carry_out in (
        lambda: cdt.modify(None, None, payload),
        lambda: cdt.read(LIST, b"\x90", payload),
        lambda: cdt.read(LIST, payload, op(16)),
        lambda: bits.modify(None, None, payload),
        lambda: hll.modify(None, None, payload),
        lambda: expressions.build(payload),
        lambda: cdt.canonical(payload),
    ):
        assert outcome(carry_out)[1] in (None, 4, 12, 13, 17)
    assert time.thread_time() - started < 1


def test_a_deeply_nested_value_within_the_limit_works():
    value = 1
    for _ in range(msgpack.MAX_DEPTH - 1):
        value = [value]
    assert cdt.read(*stored(value), op(22, 5, 1)) is not None


def test_a_large_list_takes_its_time_only_once():
    items = list(range(20_000))
    started = time.thread_time()
    kind, raw = stored(items)
    changed, size = cdt.modify(kind, raw, op(2, items, 0, 1 | 4 | 8))
    assert unbin(size) == len(items)
    assert unbin(cdt.read(*changed, op(23, 5, items))) == len(items)
    assert time.thread_time() - started < 5
