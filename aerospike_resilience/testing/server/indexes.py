"""Secondary indexes: which one a query uses, and which records it finds.

An index has no tree here: a query reads every record of its partitions.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from . import geo, msgpack, values
from .commands import View
from .errors import ERR_PARAMETER, ERR_SINDEX_NOT_FOUND, ERR_SINDEX_NOT_READABLE, OpError
from .metadata import Index
from .records import Clock, Record, Store
from .wire import (
    BLOB,
    FIELD_INDEX_CONTEXT,
    FIELD_INDEX_EXPRESSION,
    FIELD_INDEX_NAME,
    FIELD_INDEX_RANGE,
    FIELD_INDEX_TYPE,
    GEOJSON,
    INTEGER,
    LIST,
    MAP,
    STRING,
    Bin,
    Request,
)

if TYPE_CHECKING:
    from .node import Node

_KINDS: Final = {"numeric": INTEGER, "string": STRING, "blob": BLOB, "geo2dsphere": GEOJSON}
_ALL_PERCENT: Final = 100
_COLLECTIONS: Final = {0: "default", 1: "list", 2: "mapkeys", 3: "mapvalues"}

Matcher = Callable[[Record, Clock], int | None]
"""Returns the value under which the index holds the record, or None if it is not found."""


class Range:
    """The condition of an index query: a bin, and the values between two bounds."""

    __slots__ = ("begin", "bin_name", "end", "kind")

    def __init__(self, data: bytes) -> None:
        try:
            size = data[1]
            self.bin_name = data[2 : 2 + size]
            self.kind = data[2 + size]
            pos = 3 + size
            length = int.from_bytes(data[pos : pos + 4])
            begin, pos = data[pos + 4 : pos + 4 + length], pos + 4 + length
            length = int.from_bytes(data[pos : pos + 4])
            end = data[pos + 4 : pos + 4 + length]
        except IndexError as error:
            raise OpError(ERR_PARAMETER) from error
        if data[0] != 1 or len(end) != length:
            raise OpError(ERR_PARAMETER)
        self.begin = begin
        self.end = end
        if self.kind == GEOJSON:
            geo.parse(begin)

    def value_of(self, value: Bin) -> int | None:
        """Return what the index holds for a value within the range, else None."""
        kind, raw = value
        if kind != self.kind:
            return None
        if kind == INTEGER:
            number = int.from_bytes(raw, signed=True)
            low = int.from_bytes(self.begin, signed=True)
            high = int.from_bytes(self.end, signed=True)
            return number if low <= number <= high else None
        if kind == GEOJSON:
            return 0 if _in_place(raw, self.begin) else None
        return binascii.crc32(raw) if raw == self.begin else None


def find(node: Node, request: Request) -> tuple[Index, Range]:
    """Return the index that a query uses.

    Raises:
        OpError: There is none (201), or it is still being built (203).
    """
    index, wanted = _found(node, request)
    if node.metadata_store.built(index) < _ALL_PERCENT:
        raise OpError(ERR_SINDEX_NOT_READABLE)
    return index, wanted


def _found(node: Node, request: Request) -> tuple[Index, Range]:
    fields = request.fields
    wanted = Range(fields[FIELD_INDEX_RANGE])
    collection = _COLLECTIONS.get(fields.get(FIELD_INDEX_TYPE, b"\0")[0], "default")
    name = fields.get(FIELD_INDEX_NAME, b"").decode("latin-1")
    namespace = request.namespace.decode("latin-1")
    set_name = request.set_name.decode("latin-1") or None
    context = fields.get(FIELD_INDEX_CONTEXT)
    expression = fields.get(FIELD_INDEX_EXPRESSION)
    for index in node.metadata_store.indexes():
        if index.namespace != namespace or _KINDS.get(index.kind) != wanted.kind:
            continue
        if index.set_name is not None and index.set_name != set_name:
            continue
        if name:
            if index.name == name:
                return index, wanted
        elif expression is not None:
            if index.expression is not None and base64.b64decode(index.expression) == expression:
                return index, wanted
        elif (
            index.expression is None
            and index.bin_name.encode("latin-1") == wanted.bin_name
            and index.collection == collection
            and (base64.b64decode(index.context) if index.context else None) == context
        ):
            return index, wanted
    raise OpError(ERR_SINDEX_NOT_FOUND)


def _in_place(raw: bytes, wanted: bytes) -> bool:
    """Tell whether a stored point is in the wanted region, or a stored region contains the wanted point."""
    try:
        return geo.matches(geo.text_of(raw), wanted)
    except OpError:
        return False


def matcher(index: Index, wanted: Range) -> Matcher:
    """Return the function that decides whether a query finds a record."""
    values_of = _reader(index)

    def match(record: Record, clock: Clock) -> int | None:
        for each in values_of(record, clock):
            held = wanted.value_of(each)
            if held is not None:
                return held
        return None

    return match


def entries(index: Index, store: Store) -> int:
    """Return how many values of a namespace's records an index contains."""
    kind = _KINDS.get(index.kind)
    values_of = _reader(index)
    set_name = None if index.set_name is None else index.set_name.encode("latin-1")
    return sum(
        value[0] == kind
        for partition in store.partitions
        for record in partition.values()
        if set_name is None or record.set_name == set_name
        for value in values_of(record, store.clock)
    )


def _reader(index: Index) -> Callable[[Record, Clock], list[Bin]]:
    """Return the function that reads from a record what an index holds of it."""
    context = base64.b64decode(index.context) if index.context else None
    bin_name = index.bin_name.encode("latin-1")
    expression = base64.b64decode(index.expression) if index.expression else None

    def values_of(record: Record, clock: Clock) -> list[Bin]:
        if expression is not None:
            view = View(record, record.bins, record.digest, clock)
            try:
                value = values.expression_value(expression, view)
            except OpError:
                return []
        else:
            value = record.bins.get(bin_name)
        if value is not None and context is not None:
            value = values.cdt_at(*value, context)
        return [] if value is None else _indexed(value, index.collection)

    return values_of


def _indexed(value: Bin, collection: str) -> list[Bin]:
    kind, raw = value
    if collection == "default":
        return [value]
    if collection == "list":
        items = msgpack.elements(raw)[1] if kind == LIST else []
    elif kind == MAP:
        items = msgpack.elements(raw)[1][0 if collection == "mapkeys" else 1 :: 2]
    else:
        items = []
    return [each for each in map(msgpack.to_bin, items) if each is not None]
