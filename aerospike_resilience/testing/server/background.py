"""Jobs that change records in the background, and the answers of `query-show`."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..counters import INDEX
from . import indexes, values
from .commands import View
from .errors import ERR_PARAMETER, OpError
from .partitions import MASTER
from .records import PARTITIONS, Record
from .wire import (
    FIELD_DIGEST,
    FIELD_FILTER,
    FIELD_INDEX_RANGE,
    FIELD_NAMESPACE,
    FIELD_SET,
    FIELD_TASK_ID,
    FIELD_UDF_ARGUMENTS,
    FIELD_UDF_FUNCTION,
    FIELD_UDF_OP,
    FIELD_UDF_PACKAGE,
    Request,
)

if TYPE_CHECKING:
    from .node import Node

_KEPT: Final = 100
_AT_ONCE: Final = 64


@dataclass(slots=True)
class Job:
    """A job in the background.

    Attributes:
        namespace: The namespace it works on.
        set_name: The set it works on.
        kind: `background-ops` or `background-udf`.
        started_s: When it started, in seconds.
        total: How many records it must change.
        succeeded: Records changed.
        failed: Records that could not be changed.
        function: The module and the function of a job of that kind.
    """

    namespace: str
    set_name: str
    kind: str
    started_s: float
    total: int = 0
    succeeded: int = 0
    failed: int = 0
    function: tuple[str, str] | None = None

    @property
    def done(self) -> bool:
        """Whether it is over."""
        return self.succeeded + self.failed >= self.total

    def show(self, number: int, now_s: float) -> str:
        """Return its line of `query-show`."""
        progress = 100.0 * (self.succeeded + self.failed) / self.total if self.total else 100.0
        status = "done(ok)" if self.done else "active(ok)"
        return (
            f"trid={number}:ns={self.namespace}:set={self.set_name}:rps=10000:active-threads="
            f"{int(not self.done)}:status={status}:job-progress={progress:.2f}:run-time="
            f"{int((now_s - self.started_s) * 1000)}:time-since-done=0:recs-throttled=0:"
            f"recs-filtered-meta=0:recs-filtered-bins=0:recs-succeeded={self.succeeded}:"
            f"recs-failed={self.failed}:from=127.0.0.1+0:job-type={self.kind}:net-io-bytes=30:"
            "socket-timeout=10000" + self._shown_function()
        )

    def _shown_function(self) -> str:
        if self.function is None:
            return ""
        module, name = self.function
        return f":udf-filename={module}:udf-function={name}:udf-active={int(not self.done)}"


def start(node: Node, request: Request) -> None:
    """Begin a job on the records this node is master of.

    Raises:
        OpError: The job is impossible.
    """
    task = int.from_bytes(request.fields.get(FIELD_TASK_ID, b""))
    udf = FIELD_UDF_OP in request.fields
    if not udf and not request.ops:
        raise OpError(ERR_PARAMETER)
    records = _records(node, request)
    job = Job(
        request.namespace.decode("latin-1"),
        request.set_name.decode("latin-1"),
        "background-udf" if udf else "background-ops",
        node.loop.time(),
        len(records),
    )
    if udf:
        module, name = (
            request.fields.get(kind, b"").decode("latin-1")
            for kind in (FIELD_UDF_PACKAGE, FIELD_UDF_FUNCTION)
        )
        job.function = (module, name)
    while len(node.jobs) >= _KEPT:
        del node.jobs[next(iter(node.jobs))]
    node.jobs[task] = job
    _go_on(node, request, job, deque(records))


def _records(node: Node, request: Request) -> list[Record]:
    match = None
    if FIELD_INDEX_RANGE in request.fields:
        match = indexes.matcher(*indexes.find(node, request))
    wanted = request.fields.get(FIELD_FILTER)
    store = node.stores[request.namespace]
    found = []
    for pid in range(PARTITIONS):
        if node.roles[pid] != MASTER or not store.partitions[pid]:
            continue
        for record in store.live(pid):
            if request.set_name and record.set_name != request.set_name:
                continue
            if match is not None and match(record, store.clock) is None:
                continue
            view = View(record, record.bins, record.digest, store.clock)
            if wanted is None or values.matches(wanted, view):
                found.append(record)
    return found


def _go_on(node: Node, request: Request, job: Job, records: deque[Record]) -> None:
    flags = (request.info1, request.info2, request.info3, request.info4)

    def count(answer: bytes) -> None:
        if answer[13]:
            job.failed += 1
        else:
            job.succeeded += 1

    for _ in range(min(_AT_ONCE, len(records))):
        record = records.popleft()
        fields = {
            FIELD_NAMESPACE: request.fields[FIELD_NAMESPACE],
            FIELD_SET: record.set_name,
            FIELD_DIGEST: record.digest,
        }
        for kind in (FIELD_UDF_PACKAGE, FIELD_UDF_FUNCTION, FIELD_UDF_ARGUMENTS):
            if kind in request.fields:
                fields[kind] = request.fields[kind]
        one = Request(flags, 0, request.ttl, 0, fields, request.ops, b"")
        node.single(INDEX["background"], one, count)
    if records:
        node.loop.call_soon(_go_on, node, request, job, records)
