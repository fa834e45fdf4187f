"""Which operation a request is, for counters and faults."""

from __future__ import annotations

from typing import Final

from ..counters import INDEX
from . import batch, scan
from .wire import (
    FIELD_BATCH,
    FIELD_DIGEST,
    FIELD_UDF_PACKAGE,
    INFO1_ALL_BINS,
    INFO1_BATCH,
    INFO1_NO_BINS,
    INFO2_DELETE,
    INFO2_WRITE,
    OP_APPEND,
    OP_INCREMENT,
    OP_PREPEND,
    OP_READ,
    OP_TOUCH,
    OP_WRITE,
    Request,
)

_SINGLE_OP: Final = {
    OP_TOUCH: INDEX["touch"],
    OP_APPEND: INDEX["append"],
    OP_PREPEND: INDEX["prepend"],
    OP_INCREMENT: INDEX["increment"],
    OP_WRITE: INDEX["put"],
}
_GET: Final = INDEX["get"]
_EXISTS: Final = INDEX["exists"]
_SELECT: Final = INDEX["select"]
_REMOVE: Final = INDEX["remove"]
_PUT: Final = INDEX["put"]
_OPERATE: Final = INDEX["operate"]
_APPLY: Final = INDEX["apply"]


def classify(request: Request) -> int:
    """Return the index of the operation a request is."""
    info1, info2 = request.info1, request.info2
    fields, ops = request.fields, request.ops
    if info1 & INFO1_BATCH:
        return batch.classify(fields.get(FIELD_BATCH, b""))
    if FIELD_DIGEST not in fields:
        return scan.classify(request)
    if not info2 & INFO2_WRITE:
        if info1 & INFO1_NO_BINS:
            return _EXISTS
        if info1 & INFO1_ALL_BINS and not ops:
            return _GET
        return _SELECT if all(op[0] == OP_READ for op in ops) else _OPERATE
    if info2 & INFO2_DELETE:
        return _REMOVE
    if FIELD_UDF_PACKAGE in fields:
        return _APPLY
    if len(ops) == 1:
        return _SINGLE_OP.get(ops[0][0], _OPERATE)
    return _PUT if all(op[0] == OP_WRITE for op in ops) else _OPERATE
