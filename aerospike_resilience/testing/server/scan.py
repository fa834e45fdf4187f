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
    ERR_SCAN_ABORT,
    ERR_UNAVAILABLE,
    ERR_UNSUPPORTED_FEATURE,
    OK,
    OpError,
)
from .jobs import DONE, LONGEST_SLEEP_S, RESPONSE_ERROR, Job
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
            background.start(node, request, connection.client_address)
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
        self._filter = request.fields.get(FIELD_FILTER)
        self._after: dict[int, bytes] = {}
        self._closed = node.strong.closed_for(request.namespace)
        self._partitions = deque(self._wanted(request))
        self._asked = len(self._partitions)
        self._unsent: list[bytes] = []
        self._unsent_size = 0
        self._resume_s = 0.0
        index = indexes.find(node, request) if FIELD_INDEX_RANGE in request.fields else None
        self._match = indexes.matcher(*index) if index else None
        if self._filter is not None:
            values.check_filter(self._filter)
        self._job = self._listed(index[0].name if index else "")

    def _listed(self, index_name: str) -> Job:
        request, node = self._request, self._node
        asked = None
        if FIELD_PARTITION_IDS in request.fields or self._after:
            asked = (self._asked - len(self._after), len(self._after))
        job = Job.of(
            request,
            "aggregation" if request.fields.get(FIELD_UDF_OP) == _AGGREGATE else "basic",
            node.loop.time(),
            index_name=index_name,
            client=self._connection.client_address,
            asked=asked,
        )
        node.jobs.add(request, job)
        return job

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
        """Collect rows, send them if they fill a frame, then serve other requests.

        With a limit of records per second it collects partition by partition, and sleeps in between. Also
        then it sends full frames only: a client sees no row earlier than it would from a server.
        """
        job, connection, loop = self._job, self._connection, self._node.loop
        slow = connection.transport.get_write_buffer_size() > 16 * _FRAME
        wait_s = _BUSY_S if slow and not connection.closing else self._resume_s - loop.time()
        if job.aborted:
            self._end(ERR_SCAN_ABORT)
        elif wait_s > 0:
            loop.call_later(min(wait_s, LONGEST_SLEEP_S), self.step)
        elif not (self._partitions and self._left):
            self._end(OK)
        elif self._unsent_size < _FRAME:
            self._collect()
            loop.call_soon(self.step)
        elif connection.closing:
            job.finish(loop.time(), RESPONSE_ERROR)
        else:
            job.sent_bytes += self._unsent_size
            connection.stream(self._take())
            loop.call_soon(self.step)

    def _collect(self) -> None:
        """Collect a frame of rows, or one partition's with a limit; other requests wait meanwhile."""
        job = self._job
        serving = self._node.membership.serving
        self._closed = self._node.strong.closed_for(self._request.namespace)
        enough = self._unsent_size + 1 if job.per_second else _FRAME
        seen = rows = 0
        while self._partitions and self._left and self._unsent_size < enough and seen < 2000:
            pid = self._partitions.popleft()
            seen += 1
            if not serving or not self._node.roles[pid] or pid in self._closed:
                self._unsent.append(message(ERR_UNAVAILABLE, pid, info3=INFO3_PARTITION_DONE))
                continue
            for record, held in self._found(pid):
                row = self._row(record, held)
                self._unsent.append(row)
                self._unsent_size += len(row)
                rows += 1
                seen += 10
        job.succeeded += rows
        job.progress = 1 - len(self._partitions) / self._asked
        now_s = self._node.loop.time()
        self._resume_s = now_s + job.sleep_s(now_s, rows)

    def _end(self, code: int) -> None:
        """Send what is left of the rows, and the end mark."""
        connection = self._connection
        self._job.sent_bytes += self._unsent_size
        result = RESPONSE_ERROR if connection.closing else DONE
        self._job.finish(self._node.loop.time(), result)
        connection.reply(self._take() + frame(message(code, info3=INFO3_LAST)))

    def _take(self) -> bytes:
        rows, self._unsent, self._unsent_size = self._unsent, [], 0
        return frame(b"".join(rows)) if rows else b""

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
        self._job.succeeded = len(records)
        self._unsent = parts
        self._end(OK)

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
                self._job.filtered += 1
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
