"""Builds an expression that can run from its bytes, and checks the types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .. import msgpack
from ..cdt.order import canonical
from ..evaluation import (
    REMOVED,
    TYPE_ANY,
    TYPE_BLOB,
    TYPE_BOOL,
    TYPE_FLOAT,
    TYPE_GEOJSON,
    TYPE_INTEGER,
    TYPE_LIST,
    TYPE_MAP,
    TYPE_NIL,
    TYPE_STRING,
    UNKNOWN,
    Env,
    Node,
    Value,
)
from ..wire import GEOJSON, STRING

QUOTE: Final = 126


class Builder:
    """Builds one expression; knows the variables in scope.

    Attributes:
        scope: Name to number and type of the variables defined so far.
    """

    __slots__ = ("_defined", "scope")

    def __init__(self) -> None:
        self.scope: dict[bytes, tuple[int, int]] = {}
        self._defined = 0

    def build(self, data: bytes) -> Node:
        """Build a part.

        Raises:
            OpError: It cannot be built; code 4.
        """
        if not msgpack.is_list(data):
            return constant(data)
        items = msgpack.elements(data)[1]
        code = msgpack.integer(items[0]) if items else None
        builder = None if code is None else OPERATORS.get(code)
        if builder is None:
            raise msgpack.malformed()
        return builder(self, items[1:])

    def build_all(self, parts: list[bytes], *types: int) -> list[Node]:
        """Build several parts that must all be of one type, out of those allowed."""
        nodes = [self.build(part) for part in parts]
        same_type(nodes, *types)
        return nodes

    def define(self, name: bytes, kind: int) -> int:
        """Put a variable into scope and return its number."""
        self._defined += 1
        self.scope = {**self.scope, name: (self._defined, kind)}
        return self._defined


Operator = Callable[[Builder, list[bytes]], Node]
OPERATORS: Final[dict[int, Operator]] = {}
"""Code to its builder; the modules of this package fill it."""


def operator(*codes: int) -> Callable[[Operator], Operator]:
    """Register the builder of some codes."""

    def register(builder: Operator) -> Operator:
        OPERATORS.update(dict.fromkeys(codes, builder))
        return builder

    return register


def expect(args: list[bytes], count: int) -> None:
    """Refuse a wrong number of arguments."""
    if len(args) != count:
        raise msgpack.malformed()


def same_type(nodes: list[Node], *types: int) -> int:
    """Return the one type all parts have, and refuse a mixture or any other."""
    found = {node.type for node in nodes} - {TYPE_ANY}
    if len(found) > 1 or (types and not found <= set(types)):
        raise msgpack.malformed()
    return found.pop() if found else TYPE_ANY


def number(data: bytes) -> int:
    """Return an argument that must be an integer, not an expression."""
    value = msgpack.integer(data)
    if value is None:
        raise msgpack.malformed()
    return value


def bare_text(data: bytes) -> bytes:
    """Return an argument that must be a text without a type byte, such as a bin name."""
    value = msgpack.text(data)
    if value is None:
        raise msgpack.malformed()
    return value


def fixed(kind: int, value: Value) -> Node:
    """Return a part that is always the same."""
    return Node(kind, lambda _: value)


def constant(data: bytes) -> Node:
    """Build a value."""
    if data == msgpack.NIL:
        return fixed(TYPE_NIL, None)
    if data in (msgpack.TRUE, msgpack.FALSE):
        return fixed(TYPE_BOOL, data == msgpack.TRUE)
    whole = msgpack.integer(data)
    if whole is not None:
        return fixed(TYPE_INTEGER, whole - (1 << 64) if whole >= 1 << 63 else whole)
    real = msgpack.double(data)
    if real is not None:
        return fixed(TYPE_FLOAT, real)
    if msgpack.is_map(data):
        return fixed(TYPE_MAP, canonical(data))
    body = msgpack.text(data)
    if not body:
        raise msgpack.malformed()
    if body[0] == GEOJSON:
        return fixed(TYPE_GEOJSON, b"\x00\x00\x00" + body[1:])
    return fixed(TYPE_STRING if body[0] == STRING else TYPE_BLOB, body[1:])


@operator(0)
def _unknown(_: Builder, args: list[bytes]) -> Node:
    expect(args, 0)
    return fixed(TYPE_ANY, UNKNOWN)


@operator(100)
def _removed(_: Builder, args: list[bytes]) -> Node:
    expect(args, 0)
    return fixed(TYPE_ANY, REMOVED)


@operator(QUOTE)
def _quoted(_: Builder, args: list[bytes]) -> Node:
    expect(args, 1)
    if not msgpack.is_list(args[0]):
        raise msgpack.malformed()
    return fixed(TYPE_LIST, canonical(args[0]))


@operator(123)
def _cond(builder: Builder, args: list[bytes]) -> Node:
    """`[123, condition, value, ..., otherwise]`: the value of the first true condition."""
    if len(args) < 3 or len(args) % 2 == 0:
        raise msgpack.malformed()
    conditions = builder.build_all(args[:-1:2], TYPE_BOOL)
    values = [builder.build(part) for part in (*args[1:-1:2], args[-1])]
    kind = same_type(values)
    otherwise = values.pop().run
    cases = [(one.run, two.run) for one, two in zip(conditions, values, strict=True)]

    def run(env: Env) -> Value:
        for condition, value in cases:
            holds = condition(env)
            if holds is True:
                return value(env)
            if holds is not False:
                return UNKNOWN
        return otherwise(env)

    return Node(kind, run)


@operator(125)
def _let(builder: Builder, args: list[bytes]) -> Node:
    """`[125, name, value, ..., scope]`: the scope, with the names standing for the values."""
    if len(args) < 3 or len(args) % 2 == 0:
        raise msgpack.malformed()
    outer = builder.scope
    definitions: list[tuple[int, Callable[[Env], Value]]] = []
    for name, part in zip(args[:-1:2], args[1:-1:2], strict=True):
        node = builder.build(part)
        definitions.append((builder.define(bare_text(name), node.type), node.run))
    scope = builder.build(args[-1])
    builder.scope = outer

    def run(env: Env) -> Value:
        for slot, value in definitions:
            env.variables[slot] = value(env)
        return scope.run(env)

    return Node(scope.type, run)


@operator(124)
def _variable(builder: Builder, args: list[bytes]) -> Node:
    expect(args, 1)
    known = builder.scope.get(bare_text(args[0]))
    if known is None:
        raise msgpack.malformed()
    slot, kind = known
    return Node(kind, lambda env: env.variables[slot])
