"""What the errors of ``aerospike-py`` mean.

An error of the server carries ``result_code`` on the instance; its text has the address of the node and
says whether the write is in doubt. Errors of the client itself all have code -1 and differ by class and
text. Those say nothing about doubt, so a write that timed out is in doubt. A write on which the server
gave up (code 9) is in doubt too, whatever the text says: its master may have applied it and then lost its
replica.
"""

from __future__ import annotations

import re
from typing import Final

from ...model.failure import Failure, FailureKind, Fault
from ...model.operation import Operation, Shape
from ..shared.addresses import address_in
from ..shared.result_codes import failure_of_kind, kind_of_code

MAX_ERROR_RATE: Final = -12
"""The code that the client's core has for a tripped breaker. Rows that this library refuses get it."""

_NODE: Final = "Node: "
_IN_DOUBT: Final = re.compile(r"In Doubt: true|\[in_doubt\]")
_NOT_CONNECTED: Final = "Client is not connected"
_NOT_SENT: Final = "Could not open network connection"
_POOL: Final = "No more connections available"
_BREAKER: Final = "circuit breaker tripped"
_CLIENT_TIMEOUT: Final = "Client Timeout"
_NO_NODE: Final = ("Timeout: Timeout after", "Invalid node: Cannot get appropriate node")
"""The client found no node for the partition, try after try: the namespace does not exist, or the partition
map has holes, as when its tending finds no free connection."""
_WAITED: Final = "Command timed out after"
"""No node answered, or no connection became free. A node that was asked gives another text."""


def classify(error: BaseException, operation: Operation) -> Failure:
    """Return what an error of the client means for an operation."""
    names = {cls.__name__ for cls in type(error).__mro__ if cls.__module__ == "aerospike"}
    if "AerospikeError" not in names:
        return Failure(FailureKind.CALLER)  # TypeError and the like: the arguments
    text, writes = str(error), operation.writes
    code = getattr(error, "result_code", -1)
    if code is not None and code > 0:
        return _answered(
            code, text, in_doubt=writes and bool(_IN_DOUBT.search(text)), writes=writes
        )
    if _NOT_CONNECTED in text:
        return failure_of_kind(FailureKind.CALLER, code)
    if "BackpressureError" in names:
        return failure_of_kind(FailureKind.REFUSED, code)
    if _POOL in text:
        return failure_of_kind(FailureKind.POOL_EXHAUSTED, code)
    if _BREAKER in text:
        return failure_of_kind(FailureKind.NATIVE_BREAKER, code, reads=not writes)
    if text.startswith(_NO_NODE):
        # An earlier try may have been sent; but no node was too slow.
        return failure_of_kind(FailureKind.UNAVAILABLE, code, in_doubt=writes, fault=Fault.LOCAL)
    if "AerospikeTimeoutError" in names or text.startswith(_CLIENT_TIMEOUT):
        return failure_of_kind(FailureKind.TIMEOUT, code, in_doubt=writes, soft=_WAITED in text)
    if "ClusterError" in names:
        sent = _NOT_SENT not in text or operation.shape is Shape.BATCH
        return failure_of_kind(FailureKind.CONNECTION, code, in_doubt=writes and sent)
    return failure_of_kind(FailureKind.OTHER, code)


def classify_code(code: int, *, in_doubt: bool, writes: bool) -> Failure:
    """Return what a batch row's result code means.

    Args:
        code: the row's code, not 0.
        in_doubt: whether the row says that it is in doubt.
        writes: whether the batch writes.
    """
    if code > 0:
        return _answered(code, "", in_doubt=in_doubt, writes=writes)
    kind = FailureKind.NATIVE_BREAKER if code == MAX_ERROR_RATE else FailureKind.TIMEOUT
    return failure_of_kind(kind, code, in_doubt=in_doubt)


def _answered(code: int, text: str, *, in_doubt: bool, writes: bool) -> Failure:
    """Return what a code of the server means."""
    kind = kind_of_code(code)
    if kind is FailureKind.SECURITY:
        return failure_of_kind(kind, code)  # never applied
    return failure_of_kind(
        kind,
        code,
        in_doubt=in_doubt or (writes and kind is FailureKind.SERVER_TIMEOUT),
        address=address_in(text.partition(_NODE)[2]),
    )
