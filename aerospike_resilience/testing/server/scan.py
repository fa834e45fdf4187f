"""Scans and queries: rows of the partitions asked for, then the end mark."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from ..counters import APPLIED, INDEX
from . import background, indexes, operate, udf, values
from .commands import View
from .errors import (
    ERR_NAMESPACE,
    ERR_PARAMETER,
    ERR_UNAVAILABLE,
    ERR_UNSUPPORTED_FEATURE,
    OpError,
)
from .lua import LuaError
from .partitions import MASTER
from .records import PARTITIONS, Record, partition_of
from .wire import (
    FIELD_BVALS,
    FIELD_DIGEST,
    FIELD_DIGESTS,
    FIELD_FILTER,
    FIELD_INDEX_RANGE,
    FIELD_KEY,
    FIELD_MAX_RECORDS,
    FIELD_NAMESPACE,
    FIELD_PARTITION_IDS,
    FIELD_QUERY_TEXT,
    FIELD_RECORDS_PER_SECOND,
    FIELD_SET,
    FIELD_TASK_ID,
    FIELD_UDF_OP,
    INFO1_NO_BINS,
    INFO2_WRITE,
    INFO3_LAST,
    INFO3_PARTITION_DONE,
    OP_READ,
    Request,
    answer,
    encode_field,
    frame,
    message,
)

if TYPE_CHECKING:
    from .connection import Connection
    from .node import Node

_FRAME: Final = 64 * 1024
_BUSY_S: Final = 0.002
_SCAN: Final = INDEX["scan"]
_QUERY: Final = INDEX["query"]
_BACKGROUND: Final = INDEX["background"]
_MALFORMED: Final = INDEX["malformed"]
_AGGREGATE: Final = b"\x01"


def classify(request: Request) -> int:
    """Return the index of the operation."""
    fields = request.fields
    if request.info2 & INFO2_WRITE and FIELD_TASK_ID in fields:
        return _BACKGROUND
    if FIELD_INDEX_RANGE in fields:
        return _QUERY
    if fields.keys() & {FIELD_PARTITION_IDS, FIELD_DIGESTS, FIELD_TASK_ID, FIELD_UDF_OP}:
        return _SCAN
    return _MALFORMED


def run(node: Node, number: int, request: Request, connection: Connection) -> None:
    """Carry out a scan, a query or a job in the background."""
    code = _refusal(node, request)
    if code:
        connection.reply(answer(code))
        return
    try:
        if number == _BACKGROUND:
            background.start(node, request)
            connection.reply(frame(message(0, info3=INFO3_LAST)))
            return
        scan = _Scan(node, request, connection)
    except OpError as error:
        connection.reply(answer(error.code))
        return
    node.words[APPLIED + number] += 1
    if request.fields.get(FIELD_UDF_OP) == _AGGREGATE:
        scan.aggregate()
    else:
        scan.step()


def _refusal(node: Node, request: Request) -> int:
    if request.namespace not in node.stores:
        return ERR_NAMESPACE
    if node.membership.view is None:
        return ERR_UNAVAILABLE
    if FIELD_QUERY_TEXT in request.fields:
        return ERR_UNSUPPORTED_FEATURE
    return 0


class _Scan:
    """A running scan or query."""

    def __init__(self, node: Node, request: Request, connection: Connection) -> None:
        self._node = node
        self._request = request
        self._connection = connection
        self._store = node.stores[request.namespace]
        self._set = request.set_name
        self._left = int.from_bytes(request.fields.get(FIELD_MAX_RECORDS, b"")) or 1 << 62
        self._per_second = int.from_bytes(request.fields.get(FIELD_RECORDS_PER_SECOND, b""))
        self._filter = request.fields.get(FIELD_FILTER)
        self._after: dict[int, bytes] = {}
        self._closed = node.strong.closed_for(request.namespace)
        self._partitions = deque(self._wanted(request))
        self._match = None
        if FIELD_INDEX_RANGE in request.fields:
            self._match = indexes.matcher(*indexes.find(node, request))
        if self._filter is not None:
            values.check_filter(self._filter)

    def _wanted(self, request: Request) -> list[int]:
        raw = request.fields.get(FIELD_PARTITION_IDS)
        digests = request.fields.get(FIELD_DIGESTS, b"")
        if request.fields.get(FIELD_UDF_OP) == _AGGREGATE and raw is None and not digests:
            return [pid for pid in range(PARTITIONS) if self._node.roles[pid] == MASTER]
        if not request.info3 & INFO3_PARTITION_DONE or (raw is None and not digests):
            raise OpError(ERR_UNSUPPORTED_FEATURE)
        raw = raw or b""
        if len(raw) % 2 or len(digests) % 20 or not (raw or digests):
            raise OpError(ERR_PARAMETER)
        wanted = [int.from_bytes(raw[n : n + 2], "little") for n in range(0, len(raw), 2)]
        if wanted and max(wanted) >= PARTITIONS:
            raise OpError(ERR_PARAMETER)
        for start in range(0, len(digests), 20):
            digest = digests[start : start + 20]
            pid = partition_of(digest)
            self._after[pid] = digest
            wanted.append(pid)
        return wanted

    def step(self) -> None:
        """Send a frame of rows, then serve other requests."""
        connection = self._connection
        if connection.closing:
            return
        if connection.transport.get_write_buffer_size() > 16 * _FRAME:
            self._node.loop.call_later(_BUSY_S, self.step)
            return
        parts: list[bytes] = []
        size = 0
        seen = 0
        left_before = self._left
        serving = self._node.membership.serving
        self._closed = self._node.strong.closed_for(self._request.namespace)
        paced = bool(self._per_second)
        while self._partitions and self._left and size < (1 if paced else _FRAME) and seen < 2000:
            pid = self._partitions.popleft()
            seen += 1
            if not serving or not self._node.roles[pid] or pid in self._closed:
                parts.append(message(ERR_UNAVAILABLE, pid, info3=INFO3_PARTITION_DONE))
                continue
            for row in self._rows(pid):
                parts.append(row)
                size += len(row)
                seen += 10
        rows = frame(b"".join(parts)) if parts else b""
        if self._partitions and self._left:
            if rows:
                connection.stream(rows)
            pause_s = (left_before - self._left) / self._per_second if self._per_second else 0.0
            self._node.loop.call_later(pause_s, self.step)
        else:
            connection.reply(rows + frame(message(0, info3=INFO3_LAST)))

    def aggregate(self) -> None:
        """Send what a stream of all records comes to."""
        node = self._node
        parts: list[bytes] = []
        records: list[Record] = []
        for pid in self._partitions:
            if node.membership.serving and node.roles[pid] and pid not in self._closed:
                records.extend(record for record, _ in self._found(pid))
            else:
                parts.append(message(ERR_UNAVAILABLE, pid, info3=INFO3_PARTITION_DONE))
        try:
            found = node.functions.aggregate(self._request, records, self._store.clock)
        except LuaError as error:
            text = udf.failure(str(error))
            parts.append(message(0, ops=text, op_count=1))
        else:
            parts += [message(0, ops=udf.success(value), op_count=1) for value in found]
        self._connection.reply(
            (frame(b"".join(parts)) if parts else b"") + frame(message(0, info3=INFO3_LAST))
        )

    def _rows(self, pid: int) -> list[bytes]:
        return [self._row(record, held) for record, held in self._found(pid)]

    def _found(self, pid: int) -> Iterator[tuple[Record, int | None]]:
        after = self._after.get(pid)
        if not self._store.partitions[pid]:
            return
        for record in self._store.live(pid):
            if not self._left:
                break
            if after is not None and record.digest <= after:
                continue
            if self._set and record.set_name != self._set:
                continue
            held = None
            if self._match is not None:
                held = self._match(record, self._store.clock)
                if held is None:
                    continue
            if self._filter is not None and not self._passes(record):
                continue
            self._left -= 1
            yield record, held

    def _passes(self, record: Record) -> bool:
        assert self._filter is not None
        view = View(record, record.bins, record.digest, self._store.clock)
        return values.matches(self._filter, view)

    def _row(self, record: Record, held: int | None) -> bytes:
        request = self._request
        fields = [
            encode_field(FIELD_NAMESPACE, request.namespace),
            encode_field(FIELD_DIGEST, record.digest),
        ]
        if record.set_name:
            fields.append(encode_field(FIELD_SET, record.set_name))
        if record.key:
            fields.append(encode_field(FIELD_KEY, record.key))
        if held is not None:
            fields.append(encode_field(FIELD_BVALS, held.to_bytes(8, "little", signed=True)))
        ops, count = b"", 0
        if not request.info1 & INFO1_NO_BINS:
            ops, count = self._bins(record)
        return message(
            0,
            record.generation,
            record.void_time,
            ops,
            count,
            info1=request.info1 & INFO1_NO_BINS,
            fields=b"".join(fields),
            field_count=len(fields),
        )

    def _bins(self, record: Record) -> tuple[bytes, int]:
        ops = self._request.ops
        if not ops:
            return record.image, record.bin_count
        clock = self._store.clock
        projected = any(op[0] != OP_READ for op in ops)
        return operate.read(
            record,
            ops,
            lambda bins: View(record, bins, record.digest, clock),
            all_bins=True,
            respond_all=projected,
        )
