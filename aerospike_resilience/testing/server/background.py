"""Jobs that change records in the background."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from ..counters import INDEX
from . import indexes, values
from .commands import View
from .errors import ERR_PARAMETER, OpError
from .jobs import Job
from .partitions import MASTER
from .records import PARTITIONS, Record
from .wire import (
    FIELD_DIGEST,
    FIELD_FILTER,
    FIELD_INDEX_RANGE,
    FIELD_NAMESPACE,
    FIELD_SET,
    FIELD_UDF_ARGUMENTS,
    FIELD_UDF_FUNCTION,
    FIELD_UDF_OP,
    FIELD_UDF_PACKAGE,
    Request,
)

if TYPE_CHECKING:
    from .metadata import Index
    from .node import Node

_AT_ONCE: Final = 64


def start(node: Node, request: Request, client: str) -> None:
    """Begin a job on the records this node is master of.

    Args:
        node: The node.
        request: What the job does.
        client: The address of the client that asked for it.

    Raises:
        OpError: The job is impossible.
    """
    udf = FIELD_UDF_OP in request.fields
    if not udf and not request.ops:
        raise OpError(ERR_PARAMETER)
    function = None
    if udf:
        module, name = (
            request.fields.get(kind, b"").decode("latin-1")
            for kind in (FIELD_UDF_PACKAGE, FIELD_UDF_FUNCTION)
        )
        function = (module, name)
    index = indexes.find(node, request) if FIELD_INDEX_RANGE in request.fields else None
    job = Job.of(
        request,
        "background-udf" if udf else "background-ops",
        node.loop.time(),
        index_name=index[0].name if index else "",
        client=client,
        function=function,
    )
    records = _records(node, request, job, index)
    node.jobs.add(request, job)
    _go_on(node, request, job, deque(records), len(records))


def _records(
    node: Node, request: Request, job: Job, index: tuple[Index, indexes.Range] | None
) -> list[Record]:
    match = indexes.matcher(*index) if index else None
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
            else:
                job.filtered += 1
    return found


def _go_on(node: Node, request: Request, job: Job, records: deque[Record], total: int) -> None:
    flags = (request.info1, request.info2, request.info3, request.info4)

    def count(answer: bytes) -> None:
        if answer[13]:
            job.failed += 1
        else:
            job.succeeded += 1
        done = job.succeeded + job.failed
        if done < total:
            job.progress = done / total
        else:
            job.finish(node.loop.time())

    if job.aborted or not records:
        job.finish(node.loop.time())
        return
    for _ in range(min(1 if job.per_second else _AT_ONCE, len(records))):
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
        pause_s = job.sleep_s(node.loop.time())
        node.loop.call_later(pause_s, _go_on, node, request, job, records, total)
