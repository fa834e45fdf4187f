"""Path operations (code 254): the values at the end of a path that may branch.

The payload is `[254, context, flags]` to read and `[254, context, 4 | flags, expression]` to change.
Besides the ordinary context items the context may hold `4, expression`, which goes to every child
for which the expression is true, and `0x2A, keys`, which goes to those that a map has under these keys. The
expression sees the child through loop variables. Flags: 0 the
matching tree, 1 the values, 2 the keys, 3 keys and values in turn, 4 change, 16 skip what does not
fit instead of failing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from .. import msgpack
from ..errors import ERR_OP_NOT_APPLICABLE, OpError
from ..evaluation import REMOVED, Env, Loop, Node
from . import context, order
from .arguments import Arguments
from .lists import ListValue
from .maps import MapValue

ALL_CHILDREN: Final = 4
MAP_KEYS: Final = 0x2A
TREE: Final = 0
VALUES: Final = 1
KEYS: Final = 2
KEYS_AND_VALUES: Final = 3
CHANGE: Final = 4
NO_FAIL: Final = 0x10


class Keys(NamedTuple):
    """The branch to the children of a map that have one of some keys."""

    keys: list[bytes]


Branch = context.Step | Keys | Node
Leaf = Callable[[Loop], bytes | None]
"""Returns the replacement of an element, None to remove it."""


class _Way(NamedTuple):
    branches: list[Branch]
    flags: int
    expression: Node | None


def read(data: bytes, args: Arguments, env: Env | None = None) -> bytes:
    """Answer the values at the end of a path.

    Args:
        data: The collection.
        args: Context and flags.
        env: What expressions in the context may see besides the element.

    Raises:
        OpError: The way is malformed (4) or does not fit the collection (26).
    """
    way = _parse(args)
    what = way.flags & ~NO_FAIL
    env = env or Env(None)
    if what == TREE:
        tree = _rebuild(data, way.branches, env, way.flags, lambda loop: loop.value, prune=True)
        return tree if tree is not None else msgpack.pack_list([])
    if what not in (VALUES, KEYS, KEYS_AND_VALUES):
        raise msgpack.malformed()
    parts: list[bytes] = []
    for loop in _leaves(data, way.branches, env, way.flags):
        if what != VALUES:
            parts.append(msgpack.NIL if loop.key is None else loop.key)
        if what != KEYS:
            parts.append(loop.value)
    return msgpack.pack_list(parts)


def modify(data: bytes, args: Arguments, env: Env | None = None) -> bytes:
    """Return a collection in which an expression changed every element at the end of a path.

    Args:
        data: The collection.
        args: Context, flags, expression.
        env: What expressions may see besides the element.

    Raises:
        OpError: The way is malformed (4) or does not fit, or an element cannot be computed (26).
    """
    way = _parse(args)
    expression = way.expression
    if way.flags & ~NO_FAIL != CHANGE or expression is None:
        raise msgpack.malformed()
    inner = env or Env(None)

    def change(loop: Loop) -> bytes | None:
        result = expression.value_of(inner.at(loop))
        if result is REMOVED:
            return None
        if isinstance(result, bytes):
            return result
        if way.flags & NO_FAIL:
            return loop.value
        raise OpError(ERR_OP_NOT_APPLICABLE)

    changed = _rebuild(data, way.branches, inner, way.flags, change, prune=False)
    return data if changed is None else changed


def _parse(args: Arguments) -> _Way:
    # The two packages import each other: expressions call collections, paths hold expressions.
    from ..expressions import build

    items = args.values(0)
    flags = args.number(1)
    if len(items) % 2:
        raise msgpack.malformed()
    branches: list[Branch] = []
    for kind, value in zip(items[::2], items[1::2], strict=True):
        if msgpack.integer(kind) == ALL_CHILDREN:
            branches.append(build(value))
        elif msgpack.integer(kind) == MAP_KEYS:
            branches.append(Keys(Arguments([value]).values(0)))
        else:
            branches += context.parse(msgpack.pack_list([kind, value]))
    expression = args.given(2)
    return _Way(branches, flags, None if expression is None else build(expression))


def _children(data: bytes, branch: Branch, env: Env, flags: int) -> Iterator[Loop]:
    """Visit the children that a branch leads to."""
    if isinstance(branch, context.Step):
        yield from _named_child(data, branch, flags)
        return
    if isinstance(branch, Keys):
        yield from _keyed_children(data, branch, flags)
        return
    for loop in _all_children(data, flags):
        if branch.run(env.at(loop)) is True:
            yield loop


def _all_children(data: bytes, flags: int) -> Iterator[Loop]:
    if msgpack.is_list(data):
        for index, item in enumerate(msgpack.elements(data)[1]):
            yield Loop(None, item, index)
    elif msgpack.is_map(data):
        value = MapValue.decode(data)
        for index, (name, item) in enumerate(zip(value.names, value.values, strict=True)):
            yield Loop(name, item, index)
    elif not flags & NO_FAIL:
        raise OpError(ERR_OP_NOT_APPLICABLE)


def _named_child(data: bytes, step: context.Step, flags: int) -> Iterator[Loop]:
    try:
        collection, at = context.locate(data, step)
    except OpError:
        if not flags & NO_FAIL:
            raise
        return
    if at is not None:
        key = collection.names[at] if isinstance(collection, MapValue) else None
        yield Loop(key, collection.values_at([at])[0], at)


def _keyed_children(data: bytes, branch: Keys, flags: int) -> Iterator[Loop]:
    if msgpack.is_map(data):
        value = MapValue.decode(data)
        wanted = order.Wanted(branch.keys)
        for index, key in enumerate(value.keys):
            if key in wanted:
                yield Loop(value.names[index], value.values[index], index)
    elif not flags & NO_FAIL:
        raise OpError(ERR_OP_NOT_APPLICABLE)


def _leaves(data: bytes, branches: list[Branch], env: Env, flags: int) -> Iterator[Loop]:
    for loop in _children(data, branches[0], env, flags) if branches else ():
        if len(branches) == 1:
            yield loop
        else:
            yield from _leaves(loop.value, branches[1:], env, flags)


def _rebuild(
    data: bytes, branches: list[Branch], env: Env, flags: int, leaf: Leaf, *, prune: bool
) -> bytes | None:
    """Return the collection with its leaves replaced; if pruned, only the parts that lead to a leaf."""
    if not branches:
        raise msgpack.malformed()
    replaced: dict[int, bytes | None] = {}
    for loop in _children(data, branches[0], env, flags):
        if len(branches) == 1:
            replaced[loop.index] = leaf(loop)
        else:
            replaced[loop.index] = _rebuild(loop.value, branches[1:], env, flags, leaf, prune=prune)
    if prune and not replaced:
        return None
    return _assembled(data, replaced, prune=prune)


def _assembled(data: bytes, replaced: dict[int, bytes | None], *, prune: bool) -> bytes:
    if msgpack.is_map(data):
        value = MapValue.decode(data)
        dropped = [
            at for at in range(len(value)) if replaced.get(at, None if prune else b"") is None
        ]
        value.values = [replaced.get(at) or item for at, item in enumerate(value.values)]
        value.drop(dropped)
        return value.encode()
    if not msgpack.is_list(data):
        return data
    items = ListValue.decode(data)
    kept = [replaced.get(at, None if prune else item) for at, item in enumerate(items.items)]
    items.items = [item for item in kept if item is not None]
    if items.ordered:
        items.sort()
    return items.encode()


def check(args: Arguments) -> None:
    """Refuse a malformed path.

    Raises:
        OpError: It is; code 4.
    """
    _parse(args)
