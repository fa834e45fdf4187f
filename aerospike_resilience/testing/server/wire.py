"""Frames and data messages as bytes: parses requests and writes answers."""

from __future__ import annotations

from struct import Struct
from typing import Final

from .errors import ERR_PARAMETER, OpError

VERSION: Final = 2
TYPE_INFO: Final = 1
TYPE_ADMIN: Final = 2
TYPE_MESSAGE: Final = 3
TYPE_COMPRESSED: Final = 4
FRAME_HEADER: Final = 8
MAX_BODY: Final = 128 * 1024 * 1024
MESSAGE_HEADER: Final = 22

INFO1_READ: Final = 0x01
INFO1_ALL_BINS: Final = 0x02
INFO1_SHORT_QUERY: Final = 0x04
INFO1_BATCH: Final = 0x08
INFO1_NO_BINS: Final = 0x20
INFO2_WRITE: Final = 0x01
INFO2_DELETE: Final = 0x02
INFO2_GENERATION: Final = 0x04
INFO2_GENERATION_GT: Final = 0x08
INFO2_DURABLE_DELETE: Final = 0x10
INFO2_CREATE_ONLY: Final = 0x20
INFO2_RESPOND_ALL_OPS: Final = 0x80
INFO3_LAST: Final = 0x01
INFO3_COMMIT_MASTER: Final = 0x02
INFO3_PARTITION_DONE: Final = 0x04
INFO3_UPDATE_ONLY: Final = 0x08
INFO3_CREATE_OR_REPLACE: Final = 0x10
INFO3_REPLACE_ONLY: Final = 0x20
INFO3_SC_TYPE: Final = 0x40
"""Linearized; with `INFO3_SC_RELAXED`, also from unavailable partitions."""
INFO3_SC_RELAXED: Final = 0x80
"""A replica may answer."""

FIELD_NAMESPACE: Final = 0
FIELD_SET: Final = 1
FIELD_KEY: Final = 2
FIELD_DIGEST: Final = 4
FIELD_TRANSACTION: Final = 5
FIELD_TASK_ID: Final = 7
FIELD_SOCKET_TIMEOUT: Final = 9
FIELD_RECORDS_PER_SECOND: Final = 10
FIELD_PARTITION_IDS: Final = 11
FIELD_DIGESTS: Final = 12
FIELD_MAX_RECORDS: Final = 13
FIELD_BVALS: Final = 15
FIELD_INDEX_NAME: Final = 21
FIELD_INDEX_RANGE: Final = 22
FIELD_INDEX_CONTEXT: Final = 23
FIELD_INDEX_EXPRESSION: Final = 24
FIELD_INDEX_TYPE: Final = 26
FIELD_UDF_PACKAGE: Final = 30
FIELD_UDF_FUNCTION: Final = 31
FIELD_UDF_ARGUMENTS: Final = 32
FIELD_UDF_OP: Final = 33
FIELD_BATCH: Final = 41
FIELD_FILTER: Final = 43
FIELD_QUERY_TEXT: Final = 44

OP_READ: Final = 1
OP_WRITE: Final = 2
OP_CDT_READ: Final = 3
OP_CDT_MODIFY: Final = 4
OP_INCREMENT: Final = 5
OP_EXP_READ: Final = 7
OP_EXP_MODIFY: Final = 8
OP_APPEND: Final = 9
OP_PREPEND: Final = 10
OP_TOUCH: Final = 11
OP_BITS_READ: Final = 12
OP_BITS_MODIFY: Final = 13
OP_DELETE: Final = 14
OP_HLL_READ: Final = 15
OP_HLL_MODIFY: Final = 16

NONE: Final = 0
INTEGER: Final = 1
FLOAT: Final = 2
STRING: Final = 3
BLOB: Final = 4
BOOL: Final = 17
HLL: Final = 18
MAP: Final = 19
LIST: Final = 20
GEOJSON: Final = 23
PARTICLES: Final = frozenset((NONE, INTEGER, FLOAT, STRING, BLOB, BOOL, HLL, MAP, LIST, GEOJSON))

TTL_NEVER: Final = 0xFFFFFFFF
TTL_KEEP: Final = 0xFFFFFFFE

Bin = tuple[int, bytes]
"""A bin's value: particle type and its bytes as on the wire."""

Op = tuple[int, int, bytes, bytes]
"""One operation of a message: code, particle type, bin name, value."""

_REQUEST = Struct(">BBBBBBIIIHH")
_MESSAGE = Struct(">BBBBBBIIIHH")
_OP = Struct(">IBBBB")
_FIELD = Struct(">IB")


class Request:
    """A received data message.

    Attributes:
        info1: First flag byte.
        info2: Second flag byte.
        info3: Third flag byte.
        info4: Fourth flag byte.
        generation: The generation to compare with.
        ttl: Seconds to live, as in the header.
        timeout_ms: How long the client waits; 0 leaves it to the server.
        fields: Field type to bytes.
        ops: The operations, in order.
        raw: The message's bytes without the frame header, to send it on.
    """

    __slots__ = (
        *("info1", "info2", "info3", "info4", "generation", "ttl", "timeout_ms"),
        *("fields", "ops", "raw"),
    )

    def __init__(
        self,
        flags: tuple[int, int, int, int],
        generation: int,
        ttl: int,
        timeout_ms: int,
        fields: dict[int, bytes],
        ops: list[Op],
        raw: bytes,
    ) -> None:
        self.info1, self.info2, self.info3, self.info4 = flags
        self.generation = generation
        self.ttl = ttl
        self.timeout_ms = timeout_ms
        self.fields = fields
        self.ops = ops
        self.raw = raw

    @property
    def namespace(self) -> bytes:
        """The namespace, empty if the request names none."""
        return self.fields.get(FIELD_NAMESPACE, b"")

    @property
    def set_name(self) -> bytes:
        """The set, empty for none."""
        return self.fields.get(FIELD_SET, b"")


def parse_fields(data: bytes, pos: int, end: int, count: int) -> tuple[dict[int, bytes], int]:
    """Read fields.

    Args:
        data: Where they are.
        pos: Where the first begins.
        end: Where the message ends.
        count: How many there are.

    Returns:
        Field type to bytes, and the position after the last.

    Raises:
        OpError: They do not fit into the message.
    """
    fields: dict[int, bytes] = {}
    for _ in range(count):
        start = pos + 5
        pos += 4 + int.from_bytes(data[pos : pos + 4])
        if pos > end or pos < start:
            raise OpError(ERR_PARAMETER, "a field is cut short")
        fields[data[start - 1]] = data[start:pos]
    return fields, pos


def parse_ops(data: bytes, pos: int, end: int, count: int) -> tuple[list[Op], int]:
    """Read operations.

    Args:
        data: Where they are.
        pos: Where the first begins.
        end: Where the message ends.
        count: How many there are.

    Returns:
        The operations and the position after the last.

    Raises:
        OpError: They do not fit into the message.
    """
    ops: list[Op] = []
    for _ in range(count):
        if pos + 8 > end:
            raise OpError(ERR_PARAMETER, "an op is cut short")
        size, op, particle, _, name_size = _OP.unpack_from(data, pos)
        value = pos + 8 + name_size
        name = data[pos + 8 : value]
        pos += 4 + size
        if pos > end or value > pos:
            raise OpError(ERR_PARAMETER, "an op is cut short")
        ops.append((op, particle, name, data[value:pos]))
    return ops, pos


def parse_request(raw: bytes) -> Request:
    """Read one data message.

    Args:
        raw: The message without its frame header.

    Returns:
        The request.

    Raises:
        OpError: It is malformed; code 4, as the server answers.
    """
    end = len(raw)
    if end < MESSAGE_HEADER:
        raise OpError(ERR_PARAMETER, "the header is cut short")
    header = _REQUEST.unpack_from(raw)
    fields, pos = parse_fields(raw, MESSAGE_HEADER, end, header[9])
    ops: list[Op] = []
    if header[10]:
        ops, pos = parse_ops(raw, pos, end, header[10])
    if pos != end:
        raise OpError(ERR_PARAMETER, "bytes are left over")
    return Request(header[1:5], header[6], header[7], header[8], fields, ops, raw)


def encode_request(request: Request) -> bytes:
    """Write a data message, without its frame header."""
    parts = [
        _MESSAGE.pack(
            MESSAGE_HEADER,
            request.info1,
            request.info2,
            request.info3,
            request.info4,
            0,
            request.generation,
            request.ttl,
            request.timeout_ms,
            len(request.fields),
            len(request.ops),
        )
    ]
    parts += [encode_field(kind, data) for kind, data in request.fields.items()]
    parts += [encode_op(op, name, (particle, data)) for op, particle, name, data in request.ops]
    return b"".join(parts)


def encode_op(op: int, name: bytes, value: Bin | None) -> bytes:
    """Write one operation; no value is an empty one."""
    particle, data = value if value is not None else (NONE, b"")
    return _OP.pack(4 + len(name) + len(data), op, particle, 0, len(name)) + name + data


def decode_bins(image: bytes) -> dict[bytes, Bin]:
    """Read what `encode_op` wrote of each bin."""
    bins: dict[bytes, Bin] = {}
    pos, end = 0, len(image)
    while pos < end:
        size, _, particle, _, name_size = _OP.unpack_from(image, pos)
        value = pos + 8 + name_size
        following = pos + 4 + size
        bins[image[pos + 8 : value]] = (particle, image[value:following])
        pos = following
    return bins


def encode_field(kind: int, data: bytes) -> bytes:
    """Write one field."""
    return _FIELD.pack(len(data) + 1, kind) + data


def frame(body: bytes, kind: int = TYPE_MESSAGE) -> bytes:
    """Put the frame header before a body."""
    return (VERSION << 56 | kind << 48 | len(body)).to_bytes(8) + body


def message(
    code: int,
    generation: int = 0,
    void_time: int = 0,
    ops: bytes = b"",
    op_count: int = 0,
    *,
    row: int = 0,
    info1: int = 0,
    info3: int = 0,
    fields: bytes = b"",
    field_count: int = 0,
) -> bytes:
    """Write one answering message, without a frame header."""
    return (
        _MESSAGE.pack(
            MESSAGE_HEADER,
            info1,
            0,
            info3,
            0,
            code,
            generation,
            void_time,
            row,
            field_count,
            op_count,
        )
        + fields
        + ops
    )


def answer(
    code: int, generation: int = 0, void_time: int = 0, ops: bytes = b"", op_count: int = 0
) -> bytes:
    """Write a whole answering frame with one message."""
    return (
        (VERSION << 56 | TYPE_MESSAGE << 48 | MESSAGE_HEADER + len(ops)).to_bytes(8)
        + _MESSAGE.pack(MESSAGE_HEADER, 0, 0, 0, 0, code, generation, void_time, 0, 0, op_count)
        + ops
    )


def batch_end(code: int) -> bytes:
    """Write the frame that ends a batch; alone, with a code, it refuses the batch as a whole."""
    return frame(message(code, info3=INFO3_LAST))


def with_row(raw: bytes, row: int) -> bytes:
    """Return an answering frame's message with its batch row set, without the frame header."""
    return raw[8:22] + row.to_bytes(4) + raw[26:]
