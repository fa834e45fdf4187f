"""Collections: the list and map operations of a bin.

`read` and `modify` take a bin and an operation's payload, `[code, arguments...]`, or
`[255, context, [code, arguments...]]` for a collection inside the collection; `at` follows a context
alone.
"""

from __future__ import annotations

from typing import Final

from .. import msgpack
from ..errors import ERR_INCOMPATIBLE_TYPE, ERR_OP_NOT_APPLICABLE, ERR_PARAMETER, OpError
from ..wire import LIST, MAP, Bin
from . import context, list_writes, lists, map_writes, maps, results, select
from .arguments import Arguments
from .lists import ListValue
from .maps import MapValue
from .order import canonical, storable

_FIRST_MAP_CODE: Final = 64
_SELECT: Final = 254
_NESTED: Final = 255


def read(particle: int, raw: bytes, payload: bytes) -> Bin | None:
    """Carry out an operation that reads.

    Args:
        particle: The bin's type.
        raw: The bin's bytes.
        payload: The operation.

    Returns:
        The answer, None if it is empty.

    Raises:
        OpError: The payload is malformed, or the bin of a context is no collection (4), the value is of
            the wrong type (12), or the operation does not apply or its context leads nowhere (26).
    """
    code, args, steps = _parse(payload)
    if particle not in (LIST, MAP):
        raise OpError(ERR_PARAMETER if steps else ERR_INCOMPATIBLE_TYPE)
    if code == _SELECT:
        return msgpack.to_bin(select.read(raw, args))
    data = context.find(raw, steps)
    answer = (
        _read_map(data, code, args) if code >= _FIRST_MAP_CODE else _read_list(data, code, args)
    )
    return None if answer is None else msgpack.to_bin(answer)


def modify(
    particle: int | None, raw: bytes | None, payload: bytes
) -> tuple[Bin | None, Bin | None]:
    """Carry out an operation that changes the bin.

    Args:
        particle: The bin's type, None if there is no such bin.
        raw: The bin's bytes, None if there is no such bin.
        payload: The operation.

    Returns:
        The changed bin, and the answer; None if there is none.

    Raises:
        OpError: As in `read`; also 23 and 24 where a write flag forbids the change.
    """
    code, args, steps = _parse(payload)
    if particle is None or raw is None:
        particle = raw = None
    elif particle not in (LIST, MAP):
        raise OpError(ERR_PARAMETER if steps else ERR_INCOMPATIBLE_TYPE)
    if code == _SELECT:
        if raw is None or particle is None:
            return None, None
        return (particle, select.modify(raw, args)), None
    change = _Change(code, args, nested=bool(steps))
    changed = context.change(raw, steps, change)
    if changed is None:
        return None, None
    answer = None if change.answer is None else msgpack.to_bin(change.answer)
    return (MAP if msgpack.is_map(changed) else LIST, changed), answer


def at(particle: int, raw: bytes, way: bytes) -> Bin | None:
    """Return the value at a context inside a bin, as a secondary index reads it.

    Args:
        particle: The bin's type.
        raw: The bin's bytes.
        way: The context.

    Returns:
        The value as a bin, None if the context leads nowhere or the bin is no collection.

    Raises:
        OpError: The context is malformed; code 4.
    """
    steps = context.parse(way)
    if particle not in (LIST, MAP):
        return None
    try:
        return msgpack.to_bin(context.find(raw, steps))
    except OpError as error:
        if error.code == ERR_OP_NOT_APPLICABLE:
            return None
        raise


def _parse(payload: bytes) -> tuple[int, Arguments, list[context.Step]]:
    if not payload:
        raise msgpack.malformed()
    if not msgpack.is_list(payload):
        raise msgpack.malformed()
    items = msgpack.elements(payload)[1]
    steps: list[context.Step] = []
    if items and msgpack.integer(items[0]) == _NESTED:
        if len(items) != 3 or not msgpack.is_list(items[2]):
            raise msgpack.malformed()
        steps = context.parse(items[1])
        items = msgpack.elements(items[2])[1]
    code = msgpack.integer(items[0]) if items else None
    if code is None:
        raise msgpack.malformed()
    return code, Arguments(items[1:]), steps


def _read_list(data: bytes, code: int, args: Arguments) -> bytes | None:
    if code not in lists.READERS and code not in lists.GETTERS:
        raise msgpack.malformed()
    value = _list(data)
    if code in lists.READERS:
        return lists.READERS[code](value, args)
    return_type = args.number(0)
    selection = lists.GETTERS[code](value, Arguments(args.items[1:]))
    selection = results.inverted(selection, return_type, len(value))
    return results.answer(value, selection, return_type & ~results.INVERTED)


def _read_map(data: bytes, code: int, args: Arguments) -> bytes | None:
    if code not in maps.READERS and code not in maps.GETTERS:
        raise msgpack.malformed()
    value = _map(data)
    if code in maps.READERS:
        return maps.READERS[code](value, args)
    return_type = args.number(0)
    selection = maps.GETTERS[code](value, Arguments(args.items[1:]))
    selection = results.inverted(selection, return_type, len(value))
    return results.answer(value, selection, return_type & ~results.INVERTED)


def _list(data: bytes) -> ListValue:
    if not msgpack.is_list(data):
        raise OpError(ERR_INCOMPATIBLE_TYPE)
    return ListValue.decode(data)


def _map(data: bytes) -> MapValue:
    if not msgpack.is_map(data):
        raise OpError(ERR_INCOMPATIBLE_TYPE)
    return MapValue.decode(data)


class _Change:
    """One changing operation; a call with the collection stores the answer.

    Attributes:
        answer: What the operation answers.
        creates: Whether it creates a collection that does not exist.
        in_map: Whether it is one on maps.
    """

    __slots__ = ("_args", "_code", "_wrong_type", "answer", "creates", "in_map")

    def __init__(self, code: int, args: Arguments, *, nested: bool) -> None:
        self._code = code
        self._args = args
        # As the C client's own tests expect of a server: 4 for a change, where a read is answered 12.
        self._wrong_type = ERR_PARAMETER if nested else ERR_INCOMPATIBLE_TYPE
        self.answer: bytes | None = None
        self.in_map = code >= _FIRST_MAP_CODE
        self.creates = code in list_writes.CREATING or code in map_writes.CREATING

    def __call__(self, data: bytes | None) -> bytes | None:
        if data is None:
            if not self.creates:
                self._check_missing()
                return None
            flags = _ORDER_ARGUMENT.get(self._code)
            wanted = 0 if flags is None else self._args.number(flags, 0)
            data = context.created(wanted, in_map=self.in_map)
        if not (msgpack.is_map(data) if self.in_map else msgpack.is_list(data)):
            raise OpError(self._wrong_type)
        if self.in_map:
            return self._on_map(MapValue.decode(data))
        return self._on_list(ListValue.decode(data))

    def _check_missing(self) -> None:
        if self._code == list_writes.SORT:
            raise OpError(ERR_INCOMPATIBLE_TYPE)
        if self._code not in _LEAVING:
            raise msgpack.malformed()

    def _on_list(self, value: ListValue) -> bytes:
        code, args = self._code, self._args
        if code in lists.REMOVERS:
            selection = lists.REMOVERS[code](value, Arguments(args.items[1:]))
            self.answer = list_writes.remove(value, selection, args.number(0))
        else:
            change = _LIST_CHANGES.get(code)
            if change is None:
                raise msgpack.malformed()
            self.answer = change(value, args)
        return value.encode()

    def _on_map(self, value: MapValue) -> bytes:
        code, args = self._code, self._args
        if code in maps.REMOVERS:
            selection = maps.REMOVERS[code](value, Arguments(args.items[1:]))
            self.answer = map_writes.remove(value, selection, args.number(0))
        else:
            change = _MAP_CHANGES.get(code)
            if change is None:
                raise msgpack.malformed()
            self.answer = change(value, args)
        return value.encode()


def _sorted(value: ListValue, args: Arguments) -> bytes | None:
    list_writes.sort(value, args)
    return None


_LIST_CHANGES: Final = {
    **list_writes.CREATING,
    **list_writes.REDUCING,
    list_writes.SORT: _sorted,
}
_MAP_CHANGES: Final = {**map_writes.CREATING, **map_writes.REDUCING}
_ORDER_ARGUMENT: Final = {**list_writes.ORDER_ARGUMENT, **map_writes.ORDER_ARGUMENT}
_LEAVING: Final = frozenset(
    (*list_writes.REDUCING, *map_writes.REDUCING, *lists.REMOVERS, *maps.REMOVERS)
)

__all__ = ["at", "canonical", "modify", "read", "storable"]
