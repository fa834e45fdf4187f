"""What the errors of ``aerospike-native`` mean.

Codes, node and tries are attributes of the instance. ``in_doubt`` is the client's own guess, which is
too careful: an error that the server itself answered, such as an overload, is wrapped in one that
says "in doubt" although nothing was applied.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from ...model.failure import Failure, FailureKind, Fault
from ...model.operation import Operation, Shape
from ..shared.addresses import address_in

_NAME: Final = re.compile(r"^([^\s:]+): ")
_BREAKER: Final = "Max error rate exceeded"
_CAUSE: Final = "caused by:"
_SERVER_SAID: Final = re.compile(r"caused by: Error \d+(, In Doubt: true)?, node=")

CODES: Final[Mapping[int, FailureKind]] = {
    -16: FailureKind.OTHER,  # BATCH_FAILED: the rows say why
    -15: FailureKind.TIMEOUT,  # NO_RESPONSE: an unanswered row
    -12: FailureKind.NATIVE_BREAKER,
    -11: FailureKind.TIMEOUT,  # MAX_RETRIES_EXCEEDED: the last try's socket timeout
    -8: FailureKind.CONNECTION,  # SERVER_NOT_AVAILABLE
    -7: FailureKind.POOL_EXHAUSTED,
    -3: FailureKind.UNAVAILABLE,  # INVALID_NODE_ERROR
    3: FailureKind.CONFLICT,
    5: FailureKind.CONFLICT,
    6: FailureKind.CONFLICT,
    7: FailureKind.UNAVAILABLE,
    9: FailureKind.TIMEOUT,
    11: FailureKind.UNAVAILABLE,
    14: FailureKind.BUSY,
    18: FailureKind.OVERLOAD,
    24: FailureKind.CONFLICT,
    28: FailureKind.CONFLICT,
    32: FailureKind.BUSY,  # XDR_KEY_BUSY
    152: FailureKind.OVERLOAD,
    211: FailureKind.OVERLOAD,
    212: FailureKind.SERVER_TIMEOUT,
}
"""By result code, where it is not simply an answer about the record or the request."""

_AT_NODE: Final = frozenset(
    {
        *(FailureKind.TIMEOUT, FailureKind.SERVER_TIMEOUT, FailureKind.CONNECTION),
        *(FailureKind.OVERLOAD, FailureKind.UNAVAILABLE),
    }
)
_LOCAL: Final = frozenset({FailureKind.NATIVE_BREAKER, FailureKind.POOL_EXHAUSTED})
_RETRYABLE: Final = _AT_NODE | {FailureKind.BUSY, FailureKind.POOL_EXHAUSTED}
_NEVER_APPLIED: Final = frozenset({FailureKind.OVERLOAD, FailureKind.BUSY, FailureKind.UNAVAILABLE})

_CONNECTION_CLASSES: Final = frozenset({"ConnectionError", "IoError", "RecvError"})


def classify(error: BaseException, operation: Operation) -> Failure:
    """Say what an error of the client's means for an operation."""
    code = _number(getattr(error, "result_code", None))
    if code is None:
        return Failure(FailureKind.CALLER)  # TypeError and the like: the arguments
    text = str(error)
    kind = _kind(code, text, type(error).__name__)
    iteration = getattr(error, "iteration", None)
    node = getattr(error, "node", None) or ""
    name = _NAME.match(node)
    return Failure(
        kind,
        retryable=kind in _RETRYABLE
        or (kind is FailureKind.NATIVE_BREAKER and not operation.writes),
        in_doubt=operation.writes and _in_doubt(error, kind, operation),
        fault=_fault(kind),
        address=address_in(node),
        node=name.group(1) if name else None,
        tries=iteration if isinstance(iteration, int) else None,
        code=code,
        soft=kind is FailureKind.TIMEOUT and iteration == 0,
    )


def _in_doubt(error: BaseException, kind: FailureKind, operation: Operation) -> bool:
    if operation.shape is Shape.BATCH:
        return True  # the error is one node's; what the others were sent may have been applied
    if kind is FailureKind.SERVER_TIMEOUT:
        return True  # its master may have applied it, and waited for the replica in vain
    return bool(getattr(error, "in_doubt", False)) and kind not in _NEVER_APPLIED


def classify_row(row: Any) -> Failure:
    """Say what a failed batch row means."""
    code = _number(row.result_code)
    if code is None:
        return Failure(FailureKind.TIMEOUT, retryable=True, fault=Fault.NODE, code=-15)
    kind = _kind(code, "", "")
    return Failure(
        kind,
        retryable=kind in _RETRYABLE,
        in_doubt=bool(row.in_doubt) and kind not in _NEVER_APPLIED,
        fault=_fault(kind),
        code=code,
    )


def _kind(code: int, text: str, name: str) -> FailureKind:
    if (
        _BREAKER in text.rpartition(_CAUSE)[2]
    ):  # the last try; earlier ones are among the sub-errors
        return FailureKind.NATIVE_BREAKER
    if code == 9 and _SERVER_SAID.search(text):
        return FailureKind.SERVER_TIMEOUT
    if name in _CONNECTION_CLASSES:
        return FailureKind.CONNECTION
    if 51 <= code <= 83:
        return FailureKind.SECURITY
    return CODES.get(code, FailureKind.RECORD if code > 0 else FailureKind.OTHER)


def _fault(kind: FailureKind) -> Fault:
    if kind in _AT_NODE:
        return Fault.NODE
    return Fault.LOCAL if kind in _LOCAL else Fault.NOBODY


def _number(code: Any) -> int | None:
    try:
        return int(code)
    except (TypeError, ValueError):
        return None
