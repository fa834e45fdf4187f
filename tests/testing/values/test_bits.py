"""Bit operations and sketches, by the code each has on the wire."""

import pytest

from aerospike_resilience.testing.server import bits, hll, msgpack
from aerospike_resilience.testing.server.errors import OpError
from aerospike_resilience.testing.server.murmur import murmur3_128
from aerospike_resilience.testing.server.wire import BLOB, HLL, INTEGER

from .dialect import op, unbin

RESIZE, INSERT, REMOVE, SET, OR, XOR, AND, NOT, LSHIFT, RSHIFT, ADD, SUBTRACT, SET_INT = range(13)
GET, COUNT, LSCAN, RSCAN, GET_INT = range(50, 55)
CREATE_ONLY, UPDATE_ONLY, NO_FAIL, PARTIAL = 1, 2, 4, 8
FROM_FRONT, GROW_ONLY, SHRINK_ONLY = 1, 2, 4
SIGNED, SATURATE, WRAP = 1, 2, 4

DATA = bytes([0b00000001, 0b01000010, 0b00000011])


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ((GET, 4, 8), bytes([0b00010100])),
        ((GET, -8, 4), bytes([0])),
        ((GET, 5, 3), bytes([0b00100000])),
        ((COUNT, 0, 24), 5),
        ((LSCAN, 0, 24, True), 7),
        ((LSCAN, 7, 8, False), 1),
        ((LSCAN, 0, 7, True), -1),
        ((RSCAN, 0, 24, True), 23),
        ((RSCAN, 16, 8, False), 5),
        ((GET_INT, 8, 8), 0x42),
        ((GET_INT, 22, 2, SIGNED), -1),
    ],
)
def test_a_read_answers_the_bits(operation, expected):
    assert unbin(bits.read(BLOB, DATA, op(*operation))) == expected


@pytest.mark.parametrize(
    ("before", "operation", "after"),
    [
        (None, (RESIZE, 2, 0, 0), b"\x00\x00"),
        (b"\x01\x02", (RESIZE, 3, 0, 0), b"\x01\x02\x00"),
        (b"\x01\x02", (RESIZE, 3, 0, FROM_FRONT), b"\x00\x01\x02"),
        (b"\x01\x02", (RESIZE, 1, 0, FROM_FRONT), b"\x02"),
        (b"\x01\x02", (RESIZE, 3, 0, GROW_ONLY), b"\x01\x02\x00"),
        (b"\x01\x02", (RESIZE, 1, 0, SHRINK_ONLY), b"\x01"),
        (b"\x01\x02", (INSERT, 1, b"\xff", 0), b"\x01\xff\x02"),
        (None, (INSERT, 1, b"\xff", 0), b"\x00\xff"),
        (b"\x01\x02\x03", (REMOVE, 1, 1, 0), b"\x01\x03"),
        (b"\x01\x02\x03", (REMOVE, 1, 9, PARTIAL), b"\x01"),
        (b"\x00\x00", (SET, 4, 8, b"\xff", 0), b"\x0f\xf0"),
        (b"\x0f", (OR, 0, 4, b"\xa0", 0), b"\xaf"),
        (b"\xff", (XOR, 0, 8, b"\x0f", 0), b"\xf0"),
        (b"\xff", (AND, 0, 8, b"\x3c", 0), b"\x3c"),
        (b"\xf0", (NOT, 2, 4, 0), b"\xcc"),
        (b"\x0f", (LSHIFT, 0, 8, 2, 0), b"\x3c"),
        (b"\xf0", (RSHIFT, 0, 8, 9, 0), b"\x00"),
        (b"\xfe", (ADD, 0, 8, 1, 0, 0), b"\xff"),
        (b"\xff", (ADD, 0, 8, 2, 0, WRAP), b"\x01"),
        (b"\xff", (ADD, 0, 8, 2, 0, SATURATE), b"\xff"),
        (b"\x7f", (ADD, 0, 8, 2, 0, SATURATE | SIGNED), b"\x7f"),
        (b"\x01", (SUBTRACT, 0, 8, 2, 0, SATURATE), b"\x00"),
        (b"\x01", (SUBTRACT, 0, 8, 2, 0, SIGNED), b"\xff"),
        (b"\xff", (ADD, 0, 8, 2, NO_FAIL, 0), b"\xff"),
        (b"\x00\x00", (SET_INT, 4, 8, 0xAB, 0), b"\x0a\xb0"),
        (b"\x00", (SET, 4, 8, b"\xff", PARTIAL), b"\x0f"),
        (b"\x00", (RESIZE, 2, CREATE_ONLY | NO_FAIL, 0), b"\x00"),
    ],
)
def test_a_change_leaves_the_blob(before, operation, after):
    current = (None, None) if before is None else (BLOB, before)
    assert bits.modify(*current, op(*operation)) == ((BLOB, after), None)


@pytest.mark.parametrize(
    ("before", "operation", "code"),
    [
        (b"\x00", (SET, 8, 1, b"\xff", 0), 26),
        (b"\x00", (SET, 0, 9, b"\xff\xff", 0), 26),
        (b"\x00", (REMOVE, 1, 1, 0), 4),
        (b"\x00", (REMOVE, 0, 2, 0), 4),
        (b"\x00\x00", (RESIZE, 1, 0, GROW_ONLY), 4),
        (b"\x00\x00", (RESIZE, 3, 0, SHRINK_ONLY), 4),
        (b"\x00\x00", (SET, 0, 9, b"\xff", 0), 4),
        (b"\x00", (NOT, 0, 0, 0), 4),
        (b"\x00", (RESIZE, 1 << 40, 0, 0), 4),
        (b"\x00", (INSERT, 1 << 40, b"\xff", 0), 4),
        (b"\x00" * 9, (SET_INT, 0, 65, 1, 0), 4),
        (b"\xff", (ADD, 0, 8, 1, 0, 0), 26),
        (b"\x00", (RESIZE, 2, CREATE_ONLY, 0), 6),
        (None, (RESIZE, 2, UPDATE_ONLY, 0), 17),
        (None, (SET, 0, 8, b"\xff", 0), 17),
        (b"\x00", (49,), 4),
    ],
)
def test_a_change_that_cannot_be_answers_the_servers_code(before, operation, code):
    current = (None, None) if before is None else (BLOB, before)
    with pytest.raises(OpError) as error:
        bits.modify(*current, op(*operation))
    assert error.value.code == code


@pytest.mark.parametrize("bin_", [(None, None), (INTEGER, bytes(8)), (BLOB, b"\x00\x00")])
@pytest.mark.parametrize(
    "operation",
    [
        (SET, 0, 0, b"\xff"),
        (SET, 0, 9, b"\xff", PARTIAL),
        (SET, 0, 9, b"\xff", NO_FAIL),
        (SET, 2_000_000_000, 8, b"\xff"),
        (NOT, 0, (1 << 30) + 1),
        (INSERT, 0, b""),
        (INSERT, (1 << 27) + 1, b"\xff"),
        (REMOVE, 0, 0),
        (RESIZE, -1),
        (LSHIFT, 0, 8, -1),
        (ADD, 0, 65, 1),
        (SET_INT, 0, 65, 1),
    ],
)
def test_arguments_that_fit_no_blob_answer_4_whatever_the_bin_is(bin_, operation):
    with pytest.raises(OpError) as error:
        bits.modify(*bin_, op(*operation))
    assert error.value.code == 4


@pytest.mark.parametrize("bin_", [(INTEGER, bytes(8)), (BLOB, b"\x00\x00")])
@pytest.mark.parametrize(
    "operation",
    [
        (GET, 0, 0),
        (GET, 2_000_000_000, 8),
        (COUNT, 0, 2_000_000_000),
        (LSCAN, 0, 99, 1),
        (GET_INT, 0, 65),
    ],
)
def test_a_read_whose_arguments_fit_no_blob_answers_4_whatever_the_bin_is(bin_, operation):
    with pytest.raises(OpError) as error:
        bits.read(*bin_, op(*operation))
    assert error.value.code == 4


def test_a_blob_larger_than_any_record_answers_13():
    for operation in ((RESIZE, 20 << 20), (INSERT, 20 << 20, b"\xff")):
        with pytest.raises(OpError) as error:
            bits.modify(BLOB, b"\x00", op(*operation))
        assert error.value.code == 13


def test_bits_of_an_integer_and_sketches_of_one_answer_12():
    for carry_out, *operation in (
        (bits.read, 50, 0, 8),
        (bits.modify, 7, 0, 8, NO_FAIL),
        (hll.read, 50),
        (hll.modify, 0, 0, 8, 0),
    ):
        with pytest.raises(OpError) as error:
            carry_out(INTEGER, bytes(8), op(*operation))
        assert error.value.code == 12


@pytest.mark.parametrize(
    ("before", "operation", "expected"),
    [
        (b"\x01", (SET, 0, 8, b"\xff", CREATE_ONLY), 4),
        (b"\x01", (INSERT, 0, b"\xff", PARTIAL), 4),
        (b"\x01", (RESIZE, 2, CREATE_ONLY | UPDATE_ONLY), 4),
        (b"\x01", (RESIZE, 2, 0, 8), 4),
        (b"\x01", (RESIZE, 2, 0, 6), 4),
        (b"\x01", (ADD, 0, 8, 1, PARTIAL, 0), 4),
        (b"\x01", (ADD, 0, 8, 1, 0, 6), 4),
        (b"\x01", (NOT, -16, 8, NO_FAIL), 4),
        (b"\x01", (NOT, 0, 0, NO_FAIL), 4),
        (b"\x01", (NOT, 0, 8, 0, 0), 4),
        (b"\x01", (RESIZE, 2, CREATE_ONLY), 6),
        (b"\x01", (RESIZE, 2, CREATE_ONLY | NO_FAIL), b"\x01"),
        (b"\x01\x02", (RESIZE, 0, 0), b""),
        (b"\x01\x02", (RESIZE, 1, 0, 2), 4),
        (b"\x01\x02", (RESIZE, 1, NO_FAIL, 2), b"\x01\x02"),
        (b"\xff", (ADD, 0, 8, 1, 0, 0), 26),
        (b"\xff", (ADD, 0, 8, 1, NO_FAIL, 0), b"\xff"),
        (None, (RESIZE, 0, 0), None),
        (None, (RESIZE, 2, UPDATE_ONLY), 17),
        (None, (NOT, 0, 8, NO_FAIL), None),
        (None, (INSERT, -1, b"\xff", 0), 4),
        (None, (INSERT, 2, b"\xff", 0), b"\x00\x00\xff"),
    ],
)
def test_each_operation_takes_its_flags_and_no_failure_forgives_what_the_bin_is(
    before, operation, expected
):
    current = (None, None) if before is None else (BLOB, before)
    if isinstance(expected, int):
        with pytest.raises(OpError) as error:
            bits.modify(*current, op(*operation))
        assert error.value.code == expected
        return
    changed, _ = bits.modify(*current, op(*operation))
    assert changed == (None if expected is None else (BLOB, expected))


INIT, UPDATE, SET_UNION, REFRESH, FOLD = range(5)
H_COUNT, UNION, UNION_COUNT, INTERSECT_COUNT, SIMILARITY, DESCRIBE, MAY_CONTAIN = range(50, 57)
ALLOW_FOLD = 8


def sketch(values, index_bits=12, minhash_bits=-1):
    changed, _ = hll.modify(None, None, op(UPDATE, values, index_bits, minhash_bits, 0))
    return changed


def held(*sketches):
    """Sketches as a list argument."""
    return msgpack.pack_list([msgpack.from_bin(*each) for each in sketches])


def hll_op(code, sketches, *rest):
    parts = [msgpack.pack_integer(code), held(*sketches)]
    return msgpack.pack_list(parts + [msgpack.pack_integer(part) for part in rest])


def test_the_hash_is_murmur3():
    assert murmur3_128(b"") == (0, 0)
    text = b"The quick brown fox jumps over the lazy dog"
    assert murmur3_128(text) == (0xE34BBC7BBC071B6C, 0x7A433CA9C49A9347)


def test_a_sketch_without_values_counts_none():
    bin_, _ = hll.modify(None, None, op(INIT, 8))
    assert unbin(hll.read(*bin_, op(H_COUNT))) == 0


@pytest.mark.parametrize("count", [1, 5, 500, 20_000])
def test_a_sketch_counts_nearly_right(count):
    kind, raw = sketch(list(range(count)))
    assert kind == HLL
    assert abs(unbin(hll.read(kind, raw, op(H_COUNT))) - count) <= 0.05 * count


@pytest.mark.parametrize("minhash_bits", [-1, 8])
def test_sketches_can_be_united_and_compared(minhash_bits):
    one = sketch(list(range(1000)), minhash_bits=minhash_bits)
    two = sketch(list(range(500, 1500)), minhash_bits=minhash_bits)
    assert 1400 < unbin(hll.read(*one, hll_op(UNION_COUNT, [two]))) < 1600
    assert 400 < unbin(hll.read(*one, hll_op(INTERSECT_COUNT, [two]))) < 600
    assert 0.25 < unbin(hll.read(*one, hll_op(SIMILARITY, [two]))) < 0.42
    union = hll.read(*one, hll_op(UNION, [two]))
    assert unbin(hll.read(*union, op(MAY_CONTAIN, [3, 1400]))) == 1
    assert hll.modify(*one, hll_op(SET_UNION, [two], 0))[0] == union


def test_a_sketch_can_be_initialised_described_folded_and_refreshed():
    bin_, answer = hll.modify(None, None, op(INIT, 8, 8, 0))
    assert answer is None
    assert unbin(hll.read(*bin_, op(DESCRIBE))) == [8, 8]
    bin_, answer = hll.modify(*sketch(list(range(50))), op(FOLD, 6))
    assert unbin(hll.read(*bin_, op(DESCRIBE))) == [6, 0]
    bin_, answer = hll.modify(*bin_, op(REFRESH))
    assert 35 < unbin(answer) < 65


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        (op(UPDATE, [1], -1, -1, 0), 26),
        (op(INIT, 3, -1, 0), 4),
        (op(INIT, 16, 52, 0), 4),
        (op(INIT, 8, -1, UPDATE_ONLY), 17),
        (op(REFRESH), 17),
        (op(UPDATE, [1], 8, -1, UPDATE_ONLY), 4),
        (op(UPDATE, [], 8), 4),
        (op(UPDATE, [[1]], 8), 4),
        (op(UPDATE, [1], 3, -1, NO_FAIL), 4),
        (op(UPDATE, [1], -1, -1, NO_FAIL), 26),
        (op(INIT, 8, 0, CREATE_ONLY | UPDATE_ONLY), 4),
        (op(INIT, 8, 0, ALLOW_FOLD), 4),
        (op(INIT, 8, 0, 0, 0), 4),
        (op(FOLD, 3), 4),
        (op(FOLD), 4),
        (op(FOLD, 8), 17),
        (op(REFRESH, 0), 4),
        (hll_op(SET_UNION, [], 0), 4),
        (op(99), 4),
    ],
)
def test_a_sketch_that_cannot_be_answers_the_servers_code(operation, code):
    with pytest.raises(OpError) as error:
        hll.modify(None, None, operation)
    assert error.value.code == code


@pytest.mark.parametrize(
    ("before", "operation", "code"),
    [
        ((14, 0), op(INIT, -1, 51), 26),
        ((8, 0), op(UPDATE, [1], 17), 4),
        ((8, 0), op(INIT, 8, 0, CREATE_ONLY), 6),
        ((8, 0), op(FOLD, 14), 26),
        ((8, 4), op(FOLD, 4), 26),
        ((8, 0), op(FOLD, -1), 26),
    ],
)
def test_a_sketch_that_cannot_become_what_is_asked_answers_the_servers_code(
    before, operation, code
):
    with pytest.raises(OpError) as error:
        hll.modify(*sketch([1], *before), operation)
    assert error.value.code == code


def test_no_failure_forgives_only_that_a_sketch_is_there_or_not():
    one = sketch([1], 8)
    assert hll.modify(*one, op(INIT, 8, 0, CREATE_ONLY | NO_FAIL)) == (one, None)
    assert hll.modify(None, None, op(INIT, 8, 0, UPDATE_ONLY | NO_FAIL)) == (None, None)
    with pytest.raises(OpError):
        hll.modify(*one, hll_op(SET_UNION, [sketch([2], 4)], NO_FAIL))


def test_a_union_makes_a_new_sketch_of_the_smallest_shape():
    changed, _ = hll.modify(None, None, hll_op(SET_UNION, [sketch([1], 12), sketch([2], 8)], 0))
    assert unbin(hll.read(*changed, op(DESCRIBE))) == [8, 0]


def test_a_union_that_would_lose_minhashes_needs_leave_to_fold():
    hashed, plain = sketch([1], 8, 4), sketch([2], 8)
    with pytest.raises(OpError) as error:
        hll.modify(*hashed, hll_op(SET_UNION, [plain], 0))
    assert error.value.code == 26
    changed, _ = hll.modify(*hashed, hll_op(SET_UNION, [plain], ALLOW_FOLD))
    assert unbin(hll.read(*changed, op(DESCRIBE))) == [8, 0]
    assert unbin(hll.read(*hll.modify(*plain, hll_op(SET_UNION, [hashed], 0))[0], op(H_COUNT))) == 2


def test_the_estimate_is_the_servers():
    keys = [f"key{number}" for number in range(100)]
    assert unbin(hll.read(*sketch(keys, 8), op(H_COUNT))) == 97
    few = [sketch(keys[: size + 1], 8) for size in range(5)]
    more = sketch(["key6", "key7", "key8", "key9", "key10"], 10)
    assert unbin(hll.read(*more, hll_op(UNION_COUNT, few))) == 10


def test_more_than_two_sketches_can_only_be_compared_by_their_minhashes():
    keys = [f"key{number}" for number in range(5)]
    hashed = [sketch(keys[: size + 1], 6, 12) for size in range(5)]
    assert unbin(hll.read(*hashed[4], hll_op(INTERSECT_COUNT, hashed[:4]))) == 1
    plain = [sketch(keys[: size + 1], 6) for size in range(3)]
    with pytest.raises(OpError) as error:
        hll.read(*plain[0], hll_op(SIMILARITY, plain[1:]))
    assert error.value.code == 4


def test_sketches_of_other_shapes_unite_only_where_folding_is_allowed():
    wide, narrow = sketch([1, 2], 12), sketch([3], 8)
    with pytest.raises(OpError) as error:
        hll.modify(*wide, hll_op(SET_UNION, [narrow], 0))
    assert error.value.code == 26
    changed, _ = hll.modify(*wide, hll_op(SET_UNION, [narrow], ALLOW_FOLD))
    assert unbin(hll.read(*changed, op(H_COUNT))) == 3
