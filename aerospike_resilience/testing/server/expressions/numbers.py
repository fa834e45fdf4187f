"""Arithmetic and the bits of integers.

Integers are 64 bits and wrap; division and remainder round towards zero as in C. What has no result
(division of integers by zero, a float too large for an integer) is unknown.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from typing import Final

from .. import msgpack
from ..evaluation import (
    TYPE_ANY,
    TYPE_BOOL,
    TYPE_FLOAT,
    TYPE_INTEGER,
    UNKNOWN,
    Env,
    Node,
    Value,
)
from .building import OPERATORS, Builder, Operator, expect, same_type

_WORD: Final = 1 << 64
_HALF: Final = 1 << 63

Number = int | float
Function = Callable[..., Number | None]


def wrap(value: int) -> int:
    """Return an integer as 64 bits hold it."""
    return (value + _HALF) % _WORD - _HALF


def _divide(one: Number, two: Number) -> Number | None:
    if isinstance(one, float) or isinstance(two, float):
        if two:
            return one / two
        return (
            math.nan
            if not one or math.isnan(one)
            else math.copysign(math.inf, one) * (math.copysign(1.0, two))
        )
    if not two:
        return None
    quotient = abs(one) // abs(two)
    return quotient if (one < 0) == (two < 0) else -quotient


def _remainder(one: int, two: int) -> int | None:
    if not two:
        return None
    left = abs(one) % abs(two)
    return -left if one < 0 else left


def _subtract(one: Number, *others: Number) -> Number:
    return -one if not others else one - sum(others)


def _divided(one: Number, *others: Number) -> Number | None:
    if not others:
        return _divide(1.0 if isinstance(one, float) else 1, one)
    result: Number | None = one
    for other in others:
        result = None if result is None else _divide(result, other)
    return result


def _multiply(*values: Number) -> Number:
    result: Number = 1
    for value in values:
        result = result * value
        if isinstance(result, int):
            result = wrap(result)
    return result


def _power(one: float, two: float) -> float:
    try:
        return math.pow(one, two)
    except OverflowError:
        return math.inf
    except ValueError:
        return math.nan if one < 0 else math.inf


def _logarithm(value: float, base: float) -> float:
    try:
        return math.log(value) / math.log(base)
    except ValueError:
        return -math.inf if value == 0 else math.nan
    except ZeroDivisionError:
        return math.inf


def _whole(rounding: Callable[[float], int]) -> Function:
    def run(value: float) -> float:
        return float(rounding(value)) if math.isfinite(value) else value

    return run


def _to_integer(value: float) -> int | None:
    if not math.isfinite(value) or not -_HALF <= value < _HALF:
        return None
    return int(value)


def _shift_left(value: int, by: int) -> int | None:
    return value << by if 0 <= by < 64 else 0 if by >= 64 else None


def _shift_right(value: int, by: int) -> int | None:
    return value % _WORD >> by if by >= 0 else None


def _shift_arithmetic(value: int, by: int) -> int | None:
    return value >> min(by, 63) if by >= 0 else None


def _scan(value: int, search: object, order: range) -> int:
    wanted = 1 if search else 0
    for position in order:
        if value % _WORD >> 63 - position & 1 == wanted:
            return position
    return -1


def _any_number(function: Function, result: int | None = None) -> Operator:
    """Build an operator of one or more numbers, all integers or all floats."""
    return _checked(function, (TYPE_INTEGER, TYPE_FLOAT), result)


def _checked(
    function: Function, types: tuple[int, ...], result: int | None, count: int | None = None
) -> Operator:
    def build(builder: Builder, args: list[bytes]) -> Node:
        if not args:
            raise msgpack.malformed()
        if count is not None:
            expect(args, count)
        nodes = builder.build_all(args, *types)
        return _node(function, nodes, same_type(nodes) if result is None else result)

    return build


def _node(function: Function, nodes: list[Node], kind: int) -> Node:
    runs = [node.run for node in nodes]

    def run(env: Env) -> Value:
        values: list[Number] = []
        for one in runs:
            value = one(env)
            if not isinstance(value, (int, float)):
                return UNKNOWN
            values.append(value)
        number = function(*values)
        if number is None:
            return UNKNOWN
        return wrap(number) if isinstance(number, int) else number

    return Node(kind, run)


def _scanner(order: range) -> Operator:
    def build(builder: Builder, args: list[bytes]) -> Node:
        expect(args, 2)
        value, search = (builder.build(part) for part in args)
        if value.type not in (TYPE_INTEGER, TYPE_ANY) or search.type not in (TYPE_BOOL, TYPE_ANY):
            raise msgpack.malformed()
        return _node(
            lambda number, wanted: _scan(number, wanted, order), [value, search], TYPE_INTEGER
        )

    return build


_INTEGERS: Final = (TYPE_INTEGER,)
_FLOATS: Final = (TYPE_FLOAT,)

OPERATORS.update(
    {
        20: _any_number(lambda *values: sum(values[1:], values[0])),
        21: _any_number(_subtract),
        22: _any_number(_multiply),
        23: _any_number(_divided),
        24: _checked(_power, _FLOATS, TYPE_FLOAT, 2),
        25: _checked(_logarithm, _FLOATS, TYPE_FLOAT, 2),
        26: _checked(_remainder, _INTEGERS, TYPE_INTEGER, 2),
        27: _checked(abs, (TYPE_INTEGER, TYPE_FLOAT), None, 1),
        28: _checked(_whole(math.floor), _FLOATS, TYPE_FLOAT, 1),
        29: _checked(_whole(math.ceil), _FLOATS, TYPE_FLOAT, 1),
        30: _checked(_to_integer, _FLOATS, TYPE_INTEGER, 1),
        31: _checked(float, _INTEGERS, TYPE_FLOAT, 1),
        32: _checked(lambda *values: reduce(int.__and__, values), _INTEGERS, TYPE_INTEGER),
        33: _checked(lambda *values: reduce(int.__or__, values), _INTEGERS, TYPE_INTEGER),
        34: _checked(lambda *values: reduce(int.__xor__, values), _INTEGERS, TYPE_INTEGER),
        35: _checked(int.__invert__, _INTEGERS, TYPE_INTEGER, 1),
        36: _checked(_shift_left, _INTEGERS, TYPE_INTEGER, 2),
        37: _checked(_shift_right, _INTEGERS, TYPE_INTEGER, 2),
        38: _checked(_shift_arithmetic, _INTEGERS, TYPE_INTEGER, 2),
        39: _checked(lambda value: (value % _WORD).bit_count(), _INTEGERS, TYPE_INTEGER, 1),
        40: _scanner(range(64)),
        41: _scanner(range(63, -1, -1)),
        50: _any_number(lambda *values: min(values)),
        51: _any_number(lambda *values: max(values)),
    }
)
