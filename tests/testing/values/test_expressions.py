"""Expressions: what they compute, what they refuse, and the bytes the clients' builders write."""

import pytest

from aerospike_resilience.testing.server import expressions
from aerospike_resilience.testing.server.errors import OpError
from aerospike_resilience.testing.server.evaluation import UNKNOWN
from aerospike_resilience.testing.server.msgpack import pack_list

from .dialect import pack, stored, unbin

EQ, NE, GT, GE, LT, LE, REGEX, GEO = range(1, 9)
AND, OR, NOT, EXCLUSIVE, ADD, SUB, MUL, DIV, POW, LOG, MOD, ABS, FLOOR, CEIL = range(16, 30)
TO_INT, TO_FLOAT, I_AND, I_OR, I_XOR, I_NOT, LSHIFT, RSHIFT, ARSHIFT, BITS, LSCAN, RSCAN = range(
    30, 42
)
MIN, MAX, DIGEST_MODULO = 50, 51, 64
DEVICE_SIZE, LAST_UPDATE, SINCE_UPDATE, VOID_TIME, TTL, SET_NAME = range(65, 71)
KEY_EXISTS, IS_TOMBSTONE, MEMORY_SIZE, RECORD_SIZE = range(71, 75)
KEY, BIN, BIN_TYPE, COND, VAR, LET, QUOTE, CALL = 80, 81, 82, 123, 124, 125, 126, 127
BOOL, INT, STR, LIST, MAP, BLOB, FLOAT, GEOJSON = range(1, 9)
CDT, BIT, SKETCH, MODIFY = 0, 1, 2, 0x40


class Bare(str):
    """A text without a type byte, such as a bin name."""

    __slots__ = ()


class Record:
    """A record as expressions see it."""

    digest = bytes(16) + b"\x05\x01\x00\x00"
    set_name = b"demo"
    key = b"\x03k1"
    generation = 3
    void_time = 1_000
    last_update_ms = 900_000
    now_ms = 940_000
    size = 77

    def __init__(self):
        self.bins = {
            b"i": (1, (7).to_bytes(8)),
            b"n": (1, (-7).to_bytes(8, signed=True)),
            b"f": (2, pack(2.5)[1:]),
            b"s": (3, b"hello"),
            b"b": (4, b"\x0f\xf0"),
            b"t": (17, b"\x01"),
            b"l": stored([1, 5, 3]),
            b"m": stored({"a": 1, "b": [9]}),
        }


def raw(value):
    """Write an expression: a tuple is one, a list must be quoted."""
    if isinstance(value, Bare):
        return bytes((0xA0 | len(value),)) + value.encode()
    if isinstance(value, tuple):
        return pack_list([raw(part) for part in value])
    return pack(value)


def run(expression, record=None):
    node = expressions.build(raw(expression))
    found = node.bin_of(expressions.Env(record or Record()))
    return found if found is UNKNOWN else unbin(found)


def passes(expression):
    return expressions.compile(raw(expression))(Record()) is True


def bin_(name, kind=INT):
    return (BIN, kind, Bare(name))


W, N, F, S = bin_("i"), bin_("n"), bin_("f", FLOAT), bin_("s", STR)
L, M, B, T = bin_("l", LIST), bin_("m", MAP), bin_("b", BLOB), bin_("t", BOOL)
MISSING, X = bin_("zzz"), (VAR, Bare("x"))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ((EQ, W, 7), True),
        ((NE, W, 7), False),
        ((GT, W, N), True),
        ((GE, F, 2.5), True),
        ((LT, S, "help"), True),
        ((LE, B, b"\x0f"), False),
        ((EQ, L, (QUOTE, [1, 5, 3])), True),
        ((LT, L, (QUOTE, [1, 6])), True),
        ((EQ, M, {"b": [9], "a": 1}), True),
        ((EQ, T, True), True),
        ((EQ, None, None), True),
        ((REGEX, 0, Bare("^h.*o$"), S), True),
        ((REGEX, 2, Bare("HELL"), S), True),
        ((REGEX, 0, Bare("HELL"), S), False),
        ((REGEX, 1, Bare("l+o|x"), S), True),
        ((REGEX, 0, Bare("l+o"), S), False),
        ((REGEX, 0, Bare(r"l\+o"), S), True),
        ((REGEX, 1, Bare("^[[:alpha:]]{5}$"), S), True),
        ((REGEX, 0, Bare("[]x]"), S), False),
        ((AND, True, (GT, W, 1)), True),
        ((OR, False, (GT, W, 9)), False),
        ((NOT, T), False),
        ((EXCLUSIVE, True, False, False), True),
        ((EXCLUSIVE, True, True), False),
        ((ADD, W, N, 1), 1),
        ((SUB, W, 2, 1), 4),
        ((SUB, W), -7),
        ((MUL, F, 2.0), 5.0),
        ((DIV, N, 2), -3),
        ((DIV, F), 0.4),
        ((MOD, N, 4), -3),
        ((POW, F, 2.0), 6.25),
        ((LOG, 8.0, 2.0), 3.0),
        ((ABS, N), 7),
        ((FLOOR, F), 2.0),
        ((CEIL, F), 3.0),
        ((TO_INT, F), 2),
        ((TO_FLOAT, W), 7.0),
        ((MIN, W, N, 3), -7),
        ((MAX, F, 9.0), 9.0),
        ((ADD, (1 << 63) - 1, 1), -(1 << 63)),
        ((I_AND, W, 5), 5),
        ((I_OR, W, 8), 15),
        ((I_XOR, W, 1), 6),
        ((I_NOT, W), -8),
        ((LSHIFT, W, 2), 28),
        ((RSHIFT, N, 60), 15),
        ((ARSHIFT, N, 1), -4),
        ((BITS, N), 62),
        ((LSCAN, 1, True), 63),
        ((RSCAN, 1, True), 63),
        ((LSCAN, 0, True), -1),
        ((RSCAN, -1, False), -1),
        ((BIN_TYPE, Bare("l")), 20),
        ((NE, (BIN_TYPE, Bare("zzz")), 0), False),
        ((DIGEST_MODULO, 3), 0x105 % 3),
        ((LAST_UPDATE,), (1_262_304_000 + 900) * 10**9),
        ((SINCE_UPDATE,), 40_000),
        ((VOID_TIME,), (1_262_304_000 + 1_000) * 10**9),
        ((TTL,), 60),
        ((SET_NAME,), "demo"),
        ((KEY_EXISTS,), True),
        ((IS_TOMBSTONE,), False),
        ((DEVICE_SIZE,), 77),
        ((MEMORY_SIZE,), 77),
        ((RECORD_SIZE,), 77),
        ((KEY, STR), "k1"),
        ((COND, False, 1, (GT, W, 5), 2, 3), 2),
        ((COND, False, 1, False, 2, 3), 3),
        (
            (
                LET,
                Bare("x"),
                3,
                Bare("y"),
                (ADD, (VAR, Bare("x")), 1),
                (MUL, (VAR, Bare("x")), (VAR, Bare("y"))),
            ),
            12,
        ),
        ((CALL, INT, CDT, (16,), L), 3),
        ((CALL, INT, CDT, (19, 7, -1), L), 3),
        ((CALL, INT, CDT, (22, 5, 5), L), 1),
        ((CALL, INT, CDT, (23, 5, (QUOTE, [1, 3])), L), 2),
        ((CALL, INT, CDT, (97, 7, "a"), M), 1),
        ((CALL, INT, CDT, (255, (0x22, "b"), (17, 0)), M), 9),
        ((CALL, LIST, CDT | MODIFY, (1, W, 0, 0), L), [1, 5, 3, 7]),
        ((CALL, INT, CDT, (16,), (CALL, LIST, CDT | MODIFY, (1, (QUOTE, [2]), 0, 0), L)), 4),
        ((CALL, MAP, CDT | MODIFY, (67, "c", 1, 0), M), {"a": 1, "b": [9], "c": 1}),
        ((CALL, INT, BIT, (51, 0, 16), B), 8),
        ((CALL, BLOB, BIT | MODIFY, (3, 0, 8, b"\x01", 0), B), b"\x01\xf0"),
        ((CALL, LIST, CDT, (254, (4, (GT, (122, INT, 1), 1)), 1), L), [5, 3]),
        ((9, 5, L), True),
        ((101, M), ["a", "b"]),
        ((102, M), [1, [9]]),
    ],
)
def test_an_expression_computes_its_value(expression, expected):
    assert run(expression) == expected


@pytest.mark.parametrize(
    "expression",
    [
        MISSING,
        bin_("s", INT),
        (KEY, INT),
        (DIV, W, 0),
        (MOD, W, 0),
        (TO_INT, 1e300),
        (ADD, MISSING, 1),
        (EQ, MISSING, 1),
        (AND, True, (EQ, MISSING, 1)),
        (OR, False, (EQ, MISSING, 1)),
        (NOT, (EQ, MISSING, 1)),
        (COND, (EQ, MISSING, 1), 1, 2),
        (0,),
        (CALL, INT, CDT, (19, 7, 99), L),
        (CALL, STR, CDT, (19, 7, 0), L),
        (CALL, INT, CDT, (97, 7, "zzz"), M),
        (CALL, INT, CDT, (19, 7, MISSING), L),
        (122, INT, 1),
    ],
)
def test_what_cannot_be_computed_is_unknown(expression):
    assert run(expression) is UNKNOWN


def test_one_decisive_condition_is_enough_beside_an_unknown_one():
    unknown = (EQ, MISSING, 1)
    assert run((AND, unknown, False)) is False
    assert run((OR, unknown, True)) is True
    assert not passes(unknown)
    assert not passes((NOT, unknown))


@pytest.mark.parametrize(
    "expression",
    [
        (EQ, W, "x"),
        (EQ, W),
        (AND, 1),
        (AND,),
        (ADD, W, 1.0),
        (ADD, S, "x"),
        (POW, W, 2),
        (TO_INT, W),
        (REGEX, 0, Bare("x"), W),
        (REGEX, 1, Bare("("), S),
        (REGEX, 0, Bare("[a"), S),
        (REGEX, 0, Bare("[[:nope:]]"), S),
        (COND, True, 1),
        (COND, True, 1, "x"),
        (COND, 1, 1, 2),
        (VAR, Bare("x")),
        (LET, Bare("x"), 1),
        (BIN, 42, Bare("i")),
        (BIN, INT, 3),
        (KEY, LIST),
        (DIGEST_MODULO, 0),
        (CALL, INT, CDT, (16,), W),
        (CALL, INT, 9, (16,), L),
        (CALL, INT, CDT, 16, L),
        (QUOTE, 1),
        (200, 1),
        ("x",),
        (),
        (MOD, 1.0, 2.0),
    ],
)
def test_an_expression_that_does_not_fit_together_is_refused_with_4(expression):
    with pytest.raises(OpError) as error:
        expressions.build(raw(expression))
    assert error.value.code == 4


def test_a_filter_must_be_a_condition():
    with pytest.raises(OpError) as error:
        expressions.compile(raw((ADD, W, 1)))
    assert error.value.code == 4


def test_a_region_is_compared_with_a_point_and_with_nothing_else():
    record = Record()
    circle = b'{"type": "AeroCircle", "coordinates": [[2.0, 48.0], 1000]}'
    for name, text in {
        b"region": circle,
        b"inside": b'{"type": "Point", "coordinates": [2.005, 48.0]}',
        b"outside": b'{"type": "Point", "coordinates": [2.05, 48.0]}',
    }.items():
        record.bins[name] = (23, b"\0\0\0" + text)
    region, inside, outside = (bin_(name, GEOJSON) for name in ("region", "inside", "outside"))
    assert run((GEO, inside, region), record) is True
    assert run((GEO, region, inside), record) is True
    assert run((GEO, outside, region), record) is False
    assert run((GEO, inside, outside), record) is False
    with pytest.raises(OpError) as error:
        expressions.build(raw((GEO, region, S)))
    assert error.value.code == 4


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("9301935102a16907", True),
        ("940700a3682e2a935103a173", True),
        ("9314935102a16901", 8),
        ("9318935107a166cb4000000000000000", 6.25),
        ("9324935102a16902", 28),
        ("9328935102a169c3", 61),
        ("967bc201c30302", 3),
        ("947da178039314927ca178927ca178", 6),
        ("9100", UNKNOWN),
        ("c0", None),
        ("924003", 0x105 % 3),
        ("9146", "demo"),
        ("925003", "k1"),
        ("93029252a17a00", False),
        ("927e9301a203619102", [1, "a", [2]]),
        ("82c70001c0a2036101", {"a": 1}),
        ("957f02009110935104a16c", 3),
        ("957f020093130701935104a16c", 5),
        ("957f020093ccff9222a20362931307 00935105a16d", 9),
        ("957f0200931605 05935104a16c", 1),
        ("957f0200931705927e920103935104a16c", 2),
        ("957f04409401030000935104a16c", [1, 5, 3, 3]),
        ("957f04409402927e9103 0000935104a16c", [1, 5, 3, 3]),
        ("957f0440920d00935104a16c", [1, 3, 5]),
        ("957f0200936107a20361935105a16d", 1),
        ("957f0200936b05927e91a20361935105a16d", 1),
        ("957f0540934482c70001c0a2036b0100935105a16d", {"a": 1, "b": [9], "k": 1}),
        ("957f0540934c00a20361935105a16d", {"b": [9]}),
        ("957f060193320008935106a162", b"\x0f"),
        ("957f064195030008a204ff00935106a162", b"\xff\xf0"),
        ("957f040093ccfe92049303937a02010301935104a16c", [5]),
        ("957f044094ccfe9204c3049314937a020101935104a16c", [2, 6, 4]),
        ("957f044094ccfe9204c3049164935104a16c", []),
        ("930905935104a16c", True),
        ("9265935105a16d", ["a", "b"]),
    ],
)
def test_an_expression_as_a_client_writes_it(written, expected):
    found = expressions.build(bytes.fromhex(written)).bin_of(expressions.Env(Record()))
    assert (found if found is UNKNOWN else unbin(found)) == expected


CREATE_ONLY, UPDATE_ONLY, ALLOW_DELETE, POLICY_NO_FAIL, EVAL_NO_FAIL = 1, 2, 4, 8, 16
CURRENT = (1, (1).to_bytes(8))


def operation(expression, flags=0):
    return pack_list([raw(expression), pack(flags)])


@pytest.mark.parametrize(
    ("expression", "flags", "current", "expected"),
    [
        ((ADD, W, 1), 0, None, 8),
        ((ADD, W, 1), CREATE_ONLY | POLICY_NO_FAIL, CURRENT, 1),
        ((ADD, W, 1), UPDATE_ONLY, CURRENT, 8),
        (MISSING, EVAL_NO_FAIL, CURRENT, 1),
        (None, ALLOW_DELETE, CURRENT, None),
        (T, 0, None, True),
        (S, 0, CURRENT, "hello"),
    ],
)
def test_an_operation_writes_the_value(expression, flags, current, expected):
    assert unbin(expressions.modify(operation(expression, flags), Record(), current)) == expected


@pytest.mark.parametrize(
    ("expression", "flags", "current", "code"),
    [
        ((ADD, W, 1), CREATE_ONLY, CURRENT, 6),
        ((ADD, W, 1), UPDATE_ONLY, None, 17),
        (MISSING, 0, None, 26),
        (None, 0, CURRENT, 26),
    ],
)
def test_an_operation_that_may_not_write_answers_the_servers_code(expression, flags, current, code):
    with pytest.raises(OpError) as error:
        expressions.modify(operation(expression, flags), Record(), current)
    assert error.value.code == code


def test_an_operation_that_reads_answers_the_value_or_26():
    assert unbin(expressions.read(operation((ADD, W, 1)), Record())) == 8
    assert expressions.read(operation(MISSING, EVAL_NO_FAIL), Record()) is None
    with pytest.raises(OpError) as error:
        expressions.read(operation(MISSING), Record())
    assert error.value.code == 26
