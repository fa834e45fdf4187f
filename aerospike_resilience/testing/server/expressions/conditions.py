"""Comparisons, regular expressions and the boolean operators, with three truth values."""

from __future__ import annotations

import operator as python
import re
from collections.abc import Callable
from typing import Any, Final

from .. import geo, msgpack
from ..cdt import order
from ..errors import OpError
from ..evaluation import (
    TYPE_ANY,
    TYPE_BOOL,
    TYPE_GEOJSON,
    TYPE_HLL,
    TYPE_LIST,
    TYPE_MAP,
    TYPE_STRING,
    UNKNOWN,
    Env,
    Node,
    Run,
    Unknown,
    Value,
)
from .building import OPERATORS, Builder, Operator, bare_text, expect, number, operator, same_type
from .regex import translate

Comparable = Callable[[Env], Any]
"""Computes what Python compares as the server compares the values."""

_COMPARISONS: Final[dict[int, Callable[[Any, Any], Any]]] = {
    1: python.eq,
    2: python.ne,
    3: python.gt,
    4: python.ge,
    5: python.lt,
    6: python.le,
}


def _comparison(compare: Callable[[Any, Any], Any]) -> Operator:
    def build(builder: Builder, args: list[bytes]) -> Node:
        expect(args, 2)
        left, right = nodes = [builder.build(part) for part in args]
        kind = same_type(nodes)
        if kind in (TYPE_GEOJSON, TYPE_HLL):
            raise msgpack.malformed()
        comparable = _keyed if kind in (TYPE_LIST, TYPE_MAP) else _plain
        one, two = comparable(left.run), comparable(right.run)

        def run(env: Env) -> Value:
            first = one(env)
            if isinstance(first, Unknown):
                return UNKNOWN
            second = two(env)
            if isinstance(second, Unknown):
                return UNKNOWN
            return bool(compare(first, second))

        return Node(TYPE_BOOL, run)

    return build


def _plain(run: Run) -> Comparable:
    def plain(env: Env) -> Any:
        value = run(env)
        return 0 if value is None else value

    return plain


def _keyed(run: Run) -> Comparable:
    def keyed(env: Env) -> Any:
        value = run(env)
        return order.key(value) if isinstance(value, bytes) else value

    return keyed


OPERATORS.update({code: _comparison(compare) for code, compare in _COMPARISONS.items()})


@operator(7)
def _regex(builder: Builder, args: list[bytes]) -> Node:
    """`[7, flags, pattern, text]`: whether a POSIX regular expression is found in the text."""
    expect(args, 3)
    text = builder.build(args[2])
    same_type([text], TYPE_STRING)
    try:
        pattern = re.compile(*translate(bare_text(args[1]), number(args[0])))
    except (re.error, OverflowError, RecursionError):
        raise msgpack.malformed() from None

    def run(env: Env) -> Value:
        value = text.run(env)
        return pattern.search(value) is not None if isinstance(value, bytes) else UNKNOWN

    return Node(TYPE_BOOL, run)


@operator(8)
def _geo(builder: Builder, args: list[bytes]) -> Node:
    """`[8, place, place]`: whether one of them is a region that contains the other, a point."""
    expect(args, 2)
    nodes = [builder.build(part) for part in args]
    same_type(nodes, TYPE_GEOJSON)
    one, two = (node.run for node in nodes)

    def run(env: Env) -> Value:
        first, second = one(env), two(env)
        if not isinstance(first, bytes) or not isinstance(second, bytes):
            return UNKNOWN
        try:
            return geo.matches(geo.text_of(first), geo.text_of(second))
        except OpError:
            return UNKNOWN

    return Node(TYPE_BOOL, run)


def _conditions(builder: Builder, args: list[bytes]) -> list[Run]:
    if not args:
        raise msgpack.malformed()
    return [node.run for node in builder.build_all(args, TYPE_BOOL)]


@operator(16)
def _and(builder: Builder, args: list[bytes]) -> Node:
    return Node(TYPE_BOOL, _until(_conditions(builder, args), decisive=False))


@operator(17)
def _or(builder: Builder, args: list[bytes]) -> Node:
    return Node(TYPE_BOOL, _until(_conditions(builder, args), decisive=True))


def _until(conditions: list[Run], *, decisive: bool) -> Run:
    """Return what is `decisive` as soon as one condition is, else unknown if one of them is."""

    def run(env: Env) -> Value:
        unknown = False
        for condition in conditions:
            value = condition(env)
            if value is decisive:
                return value
            unknown = unknown or isinstance(value, Unknown)
        return UNKNOWN if unknown else not decisive

    return run


@operator(18)
def _not(builder: Builder, args: list[bytes]) -> Node:
    expect(args, 1)
    (condition,) = _conditions(builder, args)

    def run(env: Env) -> Value:
        value = condition(env)
        return value if isinstance(value, Unknown) else not value

    return Node(TYPE_BOOL, run)


@operator(19)
def _exclusive(builder: Builder, args: list[bytes]) -> Node:
    """Whether exactly one condition is true."""
    conditions = _conditions(builder, args)

    def run(env: Env) -> Value:
        values = [condition(env) for condition in conditions]
        if any(isinstance(value, Unknown) for value in values):
            return UNKNOWN
        return sum(value is True for value in values) == 1

    return Node(TYPE_BOOL, run)


@operator(9)
def _in_list(builder: Builder, args: list[bytes]) -> Node:
    """`[9, value, list]`: whether the list holds the value."""
    expect(args, 2)
    value, items = (builder.build(part) for part in args)
    same_type([items], TYPE_LIST)

    def run(env: Env) -> Value:
        wanted, held = value.value_of(env), items.run(env)
        if not isinstance(wanted, bytes) or not isinstance(held, bytes):
            return UNKNOWN
        keys = (order.key(item) for item in msgpack.elements(held)[1])
        return order.key(wanted) in keys

    return Node(TYPE_BOOL, run)


def _part_of_map(first: int) -> Operator:
    def build(builder: Builder, args: list[bytes]) -> Node:
        expect(args, 1)
        node = builder.build(args[0])
        same_type([node], TYPE_MAP)

        def run(env: Env) -> Value:
            value = node.run(env)
            if not isinstance(value, bytes):
                return UNKNOWN
            return msgpack.pack_list(msgpack.elements(value)[1][first::2])

        return Node(TYPE_LIST if node.type != TYPE_ANY else TYPE_ANY, run)

    return build


OPERATORS.update({101: _part_of_map(0), 102: _part_of_map(1)})
