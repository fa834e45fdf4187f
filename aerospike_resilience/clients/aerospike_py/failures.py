"""What the errors of ``aerospike-py`` mean.

Errors of the server carry ``result_code`` on the instance, and in their text whether the write is in
doubt and the address of the node. Errors of the client itself all have code -1 and differ by class
and text; they say nothing about doubt, so a write that timed out is in doubt. So is one on which the
server gave up (9), whatever the text says: its master may have applied it, and lost its replica.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from ...model.failure import Failure, FailureKind, Fault
from ...model.operation import Operation, Shape
from ..shared.addresses import address_in

_NODE: Final = "Node: "
_IN_DOUBT: Final = re.compile(r"In Doubt: true|\[in_doubt\]")

_TIMED_OUT: Final = frozenset({"AerospikeTimeoutError"})
_CALLER_TEXTS: Final = ("Client is not connected",)
_NOT_SENT: Final = "Could not open network connection"
_POOL: Final = "No more connections available"
_NO_NODE: Final = ("Timeout: Timeout after", "Invalid node: Cannot get appropriate node")
"""The client knew no node for the partition, try after try: no such namespace, or a map with holes, as when
its own tending finds no free connection. What was waited for in vain reads otherwise."""
_WAITED: Final = "Command timed out after"
"""No answer, and perhaps no free connection either. From a node that was asked it reads otherwise."""
_BREAKER: Final = "circuit breaker tripped"

_ONE_NODE: Final = (FailureKind.OVERLOAD, FailureKind.UNAVAILABLE)

MAX_ERROR_RATE: Final = -12
"""What the core calls a tripped breaker; rows that this library refuses have it."""

CODES: Final[Mapping[int, FailureKind]] = {
    MAX_ERROR_RATE: FailureKind.NATIVE_BREAKER,
    3: FailureKind.CONFLICT,
    5: FailureKind.CONFLICT,
    6: FailureKind.CONFLICT,
    7: FailureKind.UNAVAILABLE,
    9: FailureKind.SERVER_TIMEOUT,
    11: FailureKind.UNAVAILABLE,
    14: FailureKind.BUSY,
    18: FailureKind.OVERLOAD,
    24: FailureKind.CONFLICT,
    28: FailureKind.CONFLICT,
    152: FailureKind.OVERLOAD,
    211: FailureKind.OVERLOAD,
    212: FailureKind.SERVER_TIMEOUT,
}
"""Server result codes, where they are not simply an answer about the record or the request."""

_AT_NODE: Final = frozenset({*_ONE_NODE, FailureKind.SERVER_TIMEOUT, FailureKind.TIMEOUT})
_RETRYABLE: Final = _AT_NODE | {FailureKind.BUSY}


def classify(error: BaseException, operation: Operation) -> Failure:
    """Say what an error of the client's means for an operation."""
    names = {cls.__name__ for cls in type(error).__mro__ if cls.__module__ == "aerospike"}
    if "AerospikeError" not in names:
        return Failure(FailureKind.CALLER)  # TypeError and the like: the arguments
    text = str(error)
    code = getattr(error, "result_code", -1)
    if code is not None and code > 0:
        return _answered(code, text, in_doubt=bool(_IN_DOUBT.search(text)), operation=operation)
    if any(phrase in text for phrase in _CALLER_TEXTS):
        return Failure(FailureKind.CALLER, code=code)
    if "BackpressureError" in names:
        return Failure(FailureKind.REFUSED, fault=Fault.LOCAL, code=code)
    if _POOL in text:
        return Failure(FailureKind.POOL_EXHAUSTED, retryable=True, fault=Fault.LOCAL, code=code)
    if _BREAKER in text:
        # A read finds another replica; a write needs this very node.
        return Failure(
            FailureKind.NATIVE_BREAKER,
            retryable=not operation.writes,
            fault=Fault.LOCAL,
            code=code,
        )
    if text.startswith(_NO_NODE):
        # Whether it was sent before, nobody can tell; that no node was too slow is certain.
        return Failure(
            FailureKind.UNAVAILABLE,
            retryable=True,
            in_doubt=operation.writes,
            fault=Fault.LOCAL,
            code=code,
        )
    if names & _TIMED_OUT or text.startswith("Client Timeout"):
        return Failure(
            FailureKind.TIMEOUT,
            retryable=True,
            in_doubt=operation.writes,
            fault=Fault.NODE,
            code=code,
            soft=_WAITED in text,
        )
    if "ClusterError" in names:
        return Failure(
            FailureKind.CONNECTION,
            retryable=True,
            in_doubt=operation.writes and (_NOT_SENT not in text or operation.shape is Shape.BATCH),
            fault=Fault.NODE,
            code=code,
        )
    return Failure(FailureKind.OTHER, code=code)


def classify_code(code: int, *, in_doubt: bool, writes: bool) -> Failure:
    """Say what a batch row's result code means."""
    return _failure(code, "", in_doubt=in_doubt, writes=writes)


def _answered(code: int, text: str, *, in_doubt: bool, operation: Operation) -> Failure:
    return _failure(code, text, in_doubt=in_doubt and operation.writes, writes=operation.writes)


def _failure(code: int, text: str, *, in_doubt: bool, writes: bool) -> Failure:
    if 51 <= code <= 83:
        return Failure(FailureKind.SECURITY, code=code)
    fallback = FailureKind.RECORD if code > 0 else FailureKind.TIMEOUT
    kind = CODES.get(code, fallback)
    node = text.partition(_NODE)[2]
    return Failure(
        kind,
        retryable=kind in _RETRYABLE,
        in_doubt=in_doubt or (writes and kind is FailureKind.SERVER_TIMEOUT),
        fault=Fault.NODE if kind in _AT_NODE else Fault.NOBODY,
        address=address_in(node),
        code=code,
    )
