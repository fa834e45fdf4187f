"""Batch requests: parses the rows, and runs each as a single-record request."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from ..counters import INDEX
from .errors import ERR_BATCH_MAX_REQUESTS, ERR_FILTERED_OUT, ERR_NOT_FOUND, ERR_PARAMETER, OpError
from .wire import (
    FIELD_BATCH,
    FIELD_DIGEST,
    FIELD_FILTER,
    FIELD_KEY,
    FIELD_NAMESPACE,
    FIELD_UDF_PACKAGE,
    INFO1_READ,
    INFO2_DELETE,
    INFO2_WRITE,
    OP_WRITE,
    Request,
    batch_end,
    frame,
    parse_fields,
    parse_ops,
    with_row,
)

if TYPE_CHECKING:
    from .connection import Connection
    from .node import Node

_FRAME: Final = 128 * 1024
_ROW_REPEAT: Final = 0x01
_ROW_FLAGS: Final = 0x02
_ROW_GENERATION: Final = 0x04
_ROW_TTL: Final = 0x08
_ROW_INFO4: Final = 0x10
_ANSWER_ALL: Final = 0x04
_READ: Final = INDEX["batch_read"]
_WRITE: Final = INDEX["batch_write"]
_REMOVE: Final = INDEX["batch_remove"]
_OPERATE: Final = INDEX["batch_operate"]
_APPLY: Final = INDEX["batch_apply"]

Row = tuple[int, Request]


def classify(data: bytes) -> int:
    """Return the index of the batch operation, from the first row that determines it."""
    try:
        rows = parse_rows(data, None, 0)
    except OpError:
        return _READ
    kinds = {_kind(request) for _, request in rows}
    return kinds.pop() if len(kinds) == 1 else _OPERATE if kinds else _READ


def _kind(request: Request) -> int:
    if not request.info2 & INFO2_WRITE:
        return _READ
    if request.info2 & INFO2_DELETE:
        return _REMOVE
    if FIELD_UDF_PACKAGE in request.fields:
        return _APPLY
    return _WRITE if all(op[0] == OP_WRITE for op in request.ops) else _OPERATE


def parse_rows(data: bytes, filter_: bytes | None, timeout_ms: int, limit: int = 0) -> list[Row]:
    """Parse a batch.

    Args:
        data: The batch field.
        filter_: The filter of the whole batch, for rows that have none.
        timeout_ms: The batch's timeout.
        limit: How many rows it may have; 0 is no limit.

    Returns:
        Each row's index and its request.

    Raises:
        OpError: It is malformed (4) or too long (151).
    """
    end = len(data)
    if end < 5:
        raise OpError(ERR_PARAMETER)
    count = int.from_bytes(data[:4])
    if limit and count > limit:
        raise OpError(ERR_BATCH_MAX_REQUESTS)
    pos = 5
    rows: list[Row] = []
    previous: Request | None = None
    for _ in range(count):
        if pos + 25 > end:
            raise OpError(ERR_PARAMETER)
        index = int.from_bytes(data[pos : pos + 4])
        digest = data[pos + 4 : pos + 24]
        kind = data[pos + 24]
        pos += 25
        if kind & _ROW_REPEAT:
            if previous is None or FIELD_KEY in previous.fields:
                raise OpError(ERR_PARAMETER)
            fields = {**previous.fields, FIELD_DIGEST: digest}
            request = _like(previous, fields)
        else:
            request, pos = _full_row(data, pos, end, kind, timeout_ms)
            if filter_ is not None:
                request.fields.setdefault(FIELD_FILTER, filter_)
            request.fields[FIELD_DIGEST] = digest
            previous = request
        rows.append((index, request))
    if pos != end or not rows:
        raise OpError(ERR_PARAMETER)
    return rows


def _like(previous: Request, fields: dict[int, bytes]) -> Request:
    flags = (previous.info1, previous.info2, previous.info3, previous.info4)
    generation, ttl, timeout_ms = previous.generation, previous.ttl, previous.timeout_ms
    return Request(flags, generation, ttl, timeout_ms, fields, previous.ops, b"")


def _full_row(data: bytes, pos: int, end: int, kind: int, timeout_ms: int) -> tuple[Request, int]:
    flags = [0, 0, 0, 0]
    generation = ttl = 0
    try:
        wide = 3 if kind & _ROW_FLAGS else 1
        flags[:wide] = data[pos : pos + wide]
        pos += wide
        if kind & _ROW_INFO4:
            flags[3] = data[pos]
            pos += 1
        if kind & _ROW_GENERATION:
            generation = int.from_bytes(data[pos : pos + 2])
            pos += 2
        if kind & _ROW_TTL:
            ttl = int.from_bytes(data[pos : pos + 4])
            pos += 4
        field_count = int.from_bytes(data[pos : pos + 2])
        op_count = int.from_bytes(data[pos + 2 : pos + 4])
        if len(flags) != 4 or data[pos + 8] != FIELD_NAMESPACE:
            raise OpError(ERR_PARAMETER)
    except IndexError as error:
        raise OpError(ERR_PARAMETER) from error
    fields, pos = parse_fields(data, pos + 4, end, field_count)
    ops, pos = parse_ops(data, pos, end, op_count)
    info1, info2, info3, info4 = flags
    return Request((info1, info2, info3, info4), generation, ttl, timeout_ms, fields, ops, b""), pos


class _Batch:
    """A running batch: collects the rows' answers."""

    __slots__ = ("answer_all", "code", "connection", "left", "parts", "size")

    def __init__(self, connection: Connection, rows: int, *, answer_all: bool) -> None:
        self.connection = connection
        self.left = rows
        self.answer_all = answer_all
        self.parts: list[bytes] = []
        self.size = 0
        self.code = 0

    def done(self, index: int, raw: bytes) -> None:
        code = raw[13]
        if code and not self.answer_all and code not in (ERR_NOT_FOUND, ERR_FILTERED_OUT):
            self.code = self.code or code
        row = with_row(raw, index)
        self.parts.append(row)
        self.size += len(row)
        self.left -= 1
        if not self.left:
            end = batch_end(self.code)
            self.connection.reply(frame(b"".join(self.parts)) + end)
        elif self.size >= _FRAME:
            self.connection.stream(frame(b"".join(self.parts)))
            self.parts.clear()
            self.size = 0


def run(node: Node, number: int, request: Request, connection: Connection) -> None:
    """Carry out a batch."""
    data = request.fields.get(FIELD_BATCH, b"")
    try:
        limit = node.config.batch_max_rows
        rows = parse_rows(data, request.fields.get(FIELD_FILTER), request.timeout_ms, limit)
    except OpError as error:
        connection.reply(batch_end(error.code))
        return
    if any(row.namespace not in node.stores for _, row in rows):
        connection.reply(batch_end(ERR_PARAMETER))
        return
    batch = _Batch(connection, len(rows), answer_all=bool(data[4] & _ANSWER_ALL))
    for index, row in rows:
        if not row.info1 & INFO1_READ and not row.info2 & INFO2_WRITE:
            row.info1 |= INFO1_READ
        node.single(number, row, partial(batch.done, index))
