"""Runs the operations of a message on a record's bins, and collects their answers."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final, Protocol

from . import geo, values
from .errors import (
    ERR_BIN_NAME,
    ERR_INCOMPATIBLE_TYPE,
    ERR_PARAMETER,
    OpError,
)
from .records import Record
from .view import RecordView
from .wire import (
    BLOB,
    FLOAT,
    GEOJSON,
    INTEGER,
    LIST,
    MAP,
    NONE,
    OP_APPEND,
    OP_BITS_MODIFY,
    OP_BITS_READ,
    OP_CDT_MODIFY,
    OP_CDT_READ,
    OP_DELETE,
    OP_EXP_MODIFY,
    OP_EXP_READ,
    OP_HLL_MODIFY,
    OP_HLL_READ,
    OP_INCREMENT,
    OP_PREPEND,
    OP_READ,
    OP_TOUCH,
    OP_WRITE,
    PARTICLES,
    STRING,
    Bin,
    Op,
    encode_op,
)

MAX_BIN_NAME: Final = 15
Bins = dict[bytes, Bin]


class Seen(Protocol):
    """Creates the view in which an expression reads bins that are being changed."""

    def __call__(self, bins: Bins) -> RecordView:
        """Return the view."""


def read(
    record: Record, ops: list[Op], view: Seen, *, all_bins: bool, respond_all: bool
) -> tuple[bytes, int]:
    """Carry out the operations of a read.

    Args:
        record: The record to read.
        ops: Read operations only.
        view: How expressions see the record.
        all_bins: Whether a read without a name reads all bins.
        respond_all: Answer every operation, also those without a result.

    Returns:
        The answer's ops and their number.

    Raises:
        OpError: An operation failed.
    """
    parts: list[bytes] = []
    bins = record.bins
    for op, _, name, payload in ops:
        if op == OP_READ:
            parts += _read_bin(bins, name, all_bins=all_bins, respond_all=respond_all)
            continue
        if op not in _READERS:
            raise OpError(ERR_PARAMETER, "a write needs the write flag")
        value = _READERS[op](bins, name, payload, view)
        if value is not None or respond_all:
            parts.append(encode_op(op, name, value))
    return b"".join(parts), len(parts)


def write(
    bins: Bins, ops: list[Op], view: Seen, *, all_bins: bool, respond_all: bool
) -> tuple[bytes, int]:
    """Carry out the operations of a write.

    Args:
        bins: The bins, changed in place.
        ops: The operations.
        view: How expressions see the record.
        all_bins: Whether a read without a name reads all bins.
        respond_all: Answer every operation, also those without a result.

    Returns:
        The answer's ops and their number.

    Raises:
        OpError: An operation failed; what `bins` holds then is not to be used.
    """
    parts: list[bytes] = []
    for op, particle, name, payload in ops:
        if op == OP_WRITE:
            write_bin(bins, name, particle, payload)
            if respond_all:
                parts.append(encode_op(op, name, None))
        elif op == OP_READ:
            parts += _read_bin(bins, name, all_bins=all_bins, respond_all=respond_all)
        elif op == OP_TOUCH:
            continue
        elif op == OP_DELETE:
            bins.clear()
            if respond_all:
                parts.append(encode_op(op, b"", None))
        else:
            result = _change(bins, op, particle, name, payload, view)
            if result is not None or respond_all:
                parts.append(encode_op(op, name, result))
    return b"".join(parts), len(parts)


def _read_bin(bins: Bins, name: bytes, *, all_bins: bool, respond_all: bool) -> list[bytes]:
    if not name and all_bins:
        return [encode_op(OP_READ, each, value) for each, value in bins.items()]
    if len(name) > MAX_BIN_NAME:
        raise OpError(ERR_BIN_NAME)
    value = bins.get(name)
    return [encode_op(OP_READ, name, value)] if value is not None or respond_all else []


def write_bin(bins: Bins, name: bytes, particle: int, payload: bytes) -> None:
    """Set or delete one bin."""
    if particle == NONE:
        drop(bins, name)
        return
    bins[name] = (particle, _stored(particle, payload))


def drop(bins: Bins, name: bytes) -> None:
    """Delete a bin as the server does: the last one takes its place."""
    if name not in bins:
        return
    last, value = bins.popitem()
    if last == name:
        return
    items = [(last, value) if each == name else (each, kept) for each, kept in bins.items()]
    bins.clear()
    bins.update(items)


def _change(
    bins: Bins, op: int, particle: int, name: bytes, payload: bytes, view: Seen
) -> Bin | None:
    if op == OP_INCREMENT:
        bins[name] = _incremented(bins.get(name), particle, payload)
        return None
    if op in (OP_APPEND, OP_PREPEND):
        bins[name] = _joined(bins.get(name), op, particle, payload)
        return None
    if op in _READERS:
        return _READERS[op](bins, name, payload, view)
    if op == OP_EXP_MODIFY:
        return _expression_modify(bins, name, payload, view)
    if op not in _MODIFIERS:
        raise OpError(ERR_PARAMETER, "unknown op")
    kind, raw = bins.get(name, (None, None))
    changed, result = _MODIFIERS[op](kind, raw, payload)
    if changed is None:
        drop(bins, name)
    else:
        bins[name] = changed
    return result


def _stored(particle: int, payload: bytes) -> bytes:
    if particle == INTEGER:
        if len(payload) == 8:
            return payload
        if len(payload) not in (1, 2, 4):
            raise OpError(ERR_PARAMETER)
        return int.from_bytes(payload, signed=True).to_bytes(8, signed=True)
    if particle in (LIST, MAP):
        return values.storable(payload)
    if particle not in PARTICLES or (particle == FLOAT and len(payload) != 8):
        raise OpError(ERR_PARAMETER)
    if particle == GEOJSON:
        geo.parse(geo.text_of(payload))
    return payload


def _created(particle: int, payload: bytes) -> bytes:
    """Return what an increment, append or prepend makes of a bin that there is not: its own value."""
    if particle == NONE:
        raise OpError(ERR_PARAMETER)
    return _stored(particle, payload)


def _incremented(current: Bin | None, particle: int, payload: bytes) -> Bin:
    by = _created(particle, payload)
    if current is None:
        return particle, by
    if current[0] != particle or particle not in (INTEGER, FLOAT):
        raise OpError(ERR_INCOMPATIBLE_TYPE)
    if particle == FLOAT:
        total = struct.unpack(">d", current[1])[0] + struct.unpack(">d", by)[0]
        return FLOAT, struct.pack(">d", total)
    value = int.from_bytes(current[1]) + int.from_bytes(by) & 0xFFFFFFFFFFFFFFFF
    return INTEGER, value.to_bytes(8)


def _joined(current: Bin | None, op: int, particle: int, payload: bytes) -> Bin:
    joined = _created(particle, payload)
    if current is None:
        return particle, joined
    if current[0] != particle or particle not in (STRING, BLOB):
        raise OpError(ERR_INCOMPATIBLE_TYPE)
    text = current[1] + payload if op == OP_APPEND else payload + current[1]
    return particle, text


def _cdt_read(bins: Bins, name: bytes, payload: bytes, _: Seen) -> Bin | None:
    current = bins.get(name)
    return None if current is None else values.cdt_read(current[0], current[1], payload)


def _bits_read(bins: Bins, name: bytes, payload: bytes, _: Seen) -> Bin | None:
    current = bins.get(name)
    return None if current is None else values.bits_read(current[0], current[1], payload)


def _hll_read(bins: Bins, name: bytes, payload: bytes, _: Seen) -> Bin | None:
    current = bins.get(name)
    return None if current is None else values.hll_read(current[0], current[1], payload)


def _expression_read(bins: Bins, _name: bytes, payload: bytes, view: Seen) -> Bin | None:
    return values.expression_read(payload, view(bins))


def _expression_modify(bins: Bins, name: bytes, payload: bytes, view: Seen) -> Bin | None:
    changed = values.expression_modify(payload, view(bins), bins.get(name))
    if changed is None:
        drop(bins, name)
    else:
        bins[name] = changed
    return None


_READERS: Final[dict[int, Callable[[Bins, bytes, bytes, Seen], Bin | None]]] = {
    OP_CDT_READ: _cdt_read,
    OP_BITS_READ: _bits_read,
    OP_EXP_READ: _expression_read,
    OP_HLL_READ: _hll_read,
}
_MODIFIERS: Final[
    dict[int, Callable[[int | None, bytes | None, bytes], tuple[Bin | None, Bin | None]]]
] = {
    OP_CDT_MODIFY: values.cdt_modify,
    OP_BITS_MODIFY: values.bits_modify,
    OP_HLL_MODIFY: values.hll_modify,
}
