"""Calls: list, map, bit and sketch operations inside an expression.

`[127, type, system, [code, arguments...], value]`; the system is 0 for lists and maps, 1 for bits,
2 for sketches, and 0x40 is added where the operation changes the value: the result is then the
changed value and not the operation's answer. An argument that is a list is an expression; so a list
itself comes quoted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .. import bits, cdt, hll, msgpack
from ..cdt import select
from ..cdt.arguments import Arguments
from ..errors import OpError
from ..evaluation import (
    PARTICLE_OF_TYPE,
    TYPE_ANY,
    TYPE_BLOB,
    TYPE_HLL,
    TYPE_LIST,
    TYPE_MAP,
    TYPE_NIL,
    UNKNOWN,
    Env,
    Node,
    Unknown,
    Value,
    from_bin,
)
from ..wire import Bin
from .building import Builder, expect, number, operator

_MODIFY: Final = 0x40
_CONTEXT: Final = 255
_PATH: Final = 254

Reader = Callable[[int, bytes, bytes], Bin | None]
Modifier = Callable[[int | None, bytes | None, bytes], tuple[Bin | None, Bin | None]]

_SYSTEMS: Final[dict[int, tuple[Reader, Modifier, tuple[int, ...]]]] = {
    0: (cdt.read, cdt.modify, (TYPE_LIST, TYPE_MAP)),
    1: (bits.read, bits.modify, (TYPE_BLOB,)),
    2: (hll.read, hll.modify, (TYPE_HLL,)),
}


@operator(127)
def _call(builder: Builder, args: list[bytes]) -> Node:
    expect(args, 4)
    kind, system = number(args[0]), number(args[1])
    on = builder.build(args[3])
    if system & ~_MODIFY not in _SYSTEMS or (kind not in PARTICLE_OF_TYPE and kind != TYPE_NIL):
        raise msgpack.malformed()
    reader, modifier, types = _SYSTEMS[system & ~_MODIFY]
    if on.type not in (*types, TYPE_ANY):
        raise msgpack.malformed()
    modifies = bool(system & _MODIFY)
    if modifies:
        kind = on.type
    path = _path(args[2])
    if path is not None:
        return Node(kind, _along_path(on, path, kind, modifies=modifies))
    payload = _payload(builder, args[2])

    def run(env: Env) -> Value:
        found = on.bin_of(env)
        operation = payload(env)
        if found is None or isinstance(found, Unknown) or isinstance(operation, Unknown):
            return UNKNOWN
        try:
            if modifies:
                return from_bin(modifier(*found, operation)[0], kind)
            return from_bin(reader(*found, operation), kind)
        except OpError:
            return UNKNOWN

    return Node(kind, run)


def _path(data: bytes) -> Arguments | None:
    """Return the arguments of a path operation, None for any other."""
    if not msgpack.is_list(data):
        raise msgpack.malformed()
    items = msgpack.elements(data)[1]
    if not items or msgpack.integer(items[0]) != _PATH:
        return None
    return Arguments(items[1:])


def _along_path(on: Node, path: Arguments, kind: int, *, modifies: bool) -> Callable[[Env], Value]:
    select.check(path)

    def run(env: Env) -> Value:
        found = on.bin_of(env)
        if found is None or isinstance(found, Unknown):
            return UNKNOWN
        try:
            work = select.modify if modifies else select.read
            return from_bin(msgpack.to_bin(work(found[1], path, env)), kind)
        except OpError:
            return UNKNOWN

    return run


def _payload(builder: Builder, data: bytes) -> Callable[[Env], bytes | Unknown]:
    items = msgpack.elements(data)[1]
    context: bytes | None = None
    if items and msgpack.integer(items[0]) == _CONTEXT:
        expect(items, 3)
        context, data = items[1], items[2]
        if not msgpack.is_list(data):
            raise msgpack.malformed()
        items = msgpack.elements(data)[1]
    if not items:
        raise msgpack.malformed()
    parts = [builder.build(item) if msgpack.is_list(item) else item for item in items]

    def run(env: Env) -> bytes | Unknown:
        values: list[bytes] = []
        for part in parts:
            value = part if isinstance(part, bytes) else part.value_of(env)
            if isinstance(value, Unknown):
                return value
            values.append(value)
        operation = msgpack.pack_list(values)
        if context is None:
            return operation
        return msgpack.pack_list([msgpack.pack_integer(_CONTEXT), context, operation])

    if all(isinstance(part, bytes) for part in parts):
        fixed = run(Env(None))
        return lambda _: fixed
    return run
