"""What the C client's errors mean.

Only ``error.args == (code, msg, file, line, in_doubt)`` belongs to the instance: ``code``, ``msg`` and
the rest sit on the exception *class* and are overwritten by the next error of that class in any
thread.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from ...model.failure import Failure, FailureKind, Fault
from ...model.operation import Operation
from ..shared.addresses import address_in

_ITERATIONS: Final = re.compile(r"\biterations=(\d+)")


class _Meaning(NamedTuple):
    kind: FailureKind
    fault: Fault = Fault.NOBODY
    retryable: bool = False


_NODE: Final = Fault.NODE
_CONNECTION: Final = _Meaning(FailureKind.CONNECTION, _NODE, retryable=True)
_OVERLOAD: Final = _Meaning(FailureKind.OVERLOAD, _NODE, retryable=True)
_UNAVAILABLE: Final = _Meaning(FailureKind.UNAVAILABLE, _NODE, retryable=True)
_RECORD: Final = _Meaning(FailureKind.RECORD)
_CONFLICT: Final = _Meaning(FailureKind.CONFLICT)
_SECURITY: Final = _Meaning(FailureKind.SECURITY)
_CALLER: Final = _Meaning(FailureKind.CALLER)
_OTHER: Final = _Meaning(FailureKind.OTHER)

MEANINGS: Final[Mapping[int, _Meaning]] = {
    -16: _OTHER,  # BATCH_FAILED: the rows say why
    -15: _Meaning(FailureKind.TIMEOUT, _NODE, retryable=True),  # NO_RESPONSE: an unanswered row
    -14: _Meaning(FailureKind.NATIVE_BREAKER, Fault.LOCAL),
    -12: _CONNECTION,  # MAX_RETRIES_EXCEEDED
    -10: _CONNECTION,
    -9: _CONNECTION,  # TLS_ERROR
    -8: _Meaning(
        FailureKind.UNAVAILABLE, Fault.LOCAL, retryable=True
    ),  # INVALID_NODE: map is stale
    -7: _Meaning(FailureKind.POOL_EXHAUSTED, Fault.LOCAL, retryable=True),
    -5: _CALLER,  # CLIENT_ABORT
    -4: _CALLER,  # INVALID_HOST
    -2: _CALLER,  # PARAM
    2: _RECORD,
    3: _CONFLICT,
    5: _CONFLICT,
    6: _CONFLICT,
    7: _UNAVAILABLE,  # CLUSTER_CHANGE
    9: _Meaning(FailureKind.TIMEOUT, _NODE, retryable=True),
    11: _UNAVAILABLE,
    14: _Meaning(FailureKind.BUSY, retryable=True),  # never applied
    18: _OVERLOAD,
    24: _CONFLICT,  # ELEMENT_EXISTS
    28: _CONFLICT,  # LOST_CONFLICT
    152: _OVERLOAD,  # BATCH_QUEUES_FULL
    211: _OVERLOAD,  # QUERY_QUEUE_FULL
    212: _Meaning(FailureKind.SERVER_TIMEOUT, _NODE, retryable=True),  # QUERY_TIMEOUT
}
"""By result code, where it is not simply an answer about the record or the request."""

_NEVER_SENT: Final = frozenset({-14, -8, -7})
_NOT_CONNECTED: Final = "No connection to aerospike cluster"
_CALLBACK: Final = "Callback function contains an error"


def classify(error: BaseException, operation: Operation) -> Failure:
    """Say what an error of the client's means for an operation."""
    args = error.args
    if len(args) < 2 or not isinstance(args[0], int):
        return Failure(FailureKind.CALLER)  # TypeError and the like: the arguments
    code, text = args[0], str(args[1])
    kind, fault, retryable = _meaning(code, text)
    if kind is FailureKind.NATIVE_BREAKER:
        retryable = (
            not operation.writes
        )  # a read finds another replica; a write needs this very node
    in_doubt = (
        operation.writes
        and code not in _NEVER_SENT
        and (bool(args[4]) if len(args) >= 5 else kind is FailureKind.TIMEOUT)
    )
    iterations = _ITERATIONS.search(text)
    return Failure(
        kind,
        retryable=retryable,
        in_doubt=in_doubt,
        fault=fault,
        address=address_in(text),
        tries=int(iterations.group(1)) if iterations else None,
        code=code,
    )


def classify_code(code: int, *, in_doubt: bool) -> Failure:
    """Say what a batch row's result code means."""
    kind, fault, retryable = _meaning(code, "")
    return Failure(kind, retryable=retryable, in_doubt=in_doubt, fault=fault, code=code)


def _meaning(code: int, text: str) -> _Meaning:
    if code == 9 and text.startswith("Server timeout"):
        return _Meaning(FailureKind.SERVER_TIMEOUT, _NODE, retryable=True)
    if code == 11 and _NOT_CONNECTED in text:
        return _CALLER
    if code == -1 and _CALLBACK in text:
        return _CALLER
    if 51 <= code <= 83:
        return _SECURITY
    return MEANINGS.get(code, _RECORD if code > 0 else _OTHER)
