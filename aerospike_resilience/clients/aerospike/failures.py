"""What the C client's errors mean.

Only ``error.args == (code, msg, file, line, in_doubt)`` belongs to the instance. The attributes ``code``,
``msg`` and so on are on the exception *class*: the next error of that class overwrites them, in whichever
thread it is raised.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Final

from ...model.failure import Failure, FailureKind, Fault
from ...model.operation import Operation
from ..shared.addresses import address_in
from ..shared.result_codes import ServerCode, failure_of_kind, kind_of_code

_ITERATIONS: Final = re.compile(r"\biterations=(\d+)")

BATCH_FAILED: Final = -16
"""The code of a batch some of whose rows failed; the rows say why."""
MAX_ERROR_RATE: Final = -14
"""The code of a tripped breaker, in rows as in errors."""
CLIENT_ERROR: Final = -1
"""The code of errors that have no code of their own."""
_PARAM: Final = -2
"""An argument that the client refuses, so that nothing is sent."""
_INVALID_NODE: Final = -8
"""The client's partition map is stale: it names a node that is not in the cluster."""

CLIENT_CODES: Final[Mapping[int, FailureKind]] = {
    -15: FailureKind.TIMEOUT,  # NO_RESPONSE: a batch row without an answer
    MAX_ERROR_RATE: FailureKind.NATIVE_BREAKER,
    -12: FailureKind.CONNECTION,  # MAX_RETRIES_EXCEEDED
    -10: FailureKind.CONNECTION,
    -9: FailureKind.CONNECTION,  # TLS_ERROR
    _INVALID_NODE: FailureKind.UNAVAILABLE,
    -7: FailureKind.POOL_EXHAUSTED,
    -5: FailureKind.CALLER,  # CLIENT_ABORT
    -4: FailureKind.CALLER,  # INVALID_HOST
    _PARAM: FailureKind.CALLER,
}
"""What the client's own codes mean; those that are not listed are `FailureKind.OTHER`."""

_RETRIED_ANSWERS: Final = frozenset(
    {ServerCode.TIMEOUT, ServerCode.PARTITION_UNAVAILABLE, ServerCode.DEVICE_OVERLOAD}
)
"""The server's answers after which the client itself tries again; any other is the last word of its try."""

_NEVER_SENT: Final = frozenset({MAX_ERROR_RATE, _INVALID_NODE, -7})
_NOT_CONNECTED: Final = "No connection to aerospike cluster"
_CALLBACK: Final = "Callback function contains an error"
_SERVER_TIMEOUT: Final = "Server timeout"


def classify(error: BaseException, operation: Operation) -> Failure:
    """Return what an error of the client means for an operation."""
    args = error.args
    if len(args) < 2 or not isinstance(args[0], int):
        return Failure(FailureKind.CALLER)  # TypeError and the like: the arguments
    said_in_doubt = bool(args[4]) if len(args) >= 5 else None
    return _failure(args[0], str(args[1]), said_in_doubt, operation.writes)


@functools.lru_cache(maxsize=256)
def _failure(code: int, text: str, said_in_doubt: bool | None, writes: bool) -> Failure:
    """Return what an error of the client means. Kept, as most errors are the same few answers.

    Args:
        code: the client's result code.
        text: its message.
        said_in_doubt: whether the error said that the write may have been applied; None if it said nothing.
        writes: whether the operation writes.
    """
    kind = _kind(code, text)
    in_doubt = (
        writes
        and code not in _NEVER_SENT
        and (kind is FailureKind.TIMEOUT if said_in_doubt is None else said_in_doubt)
    )
    iterations = _ITERATIONS.search(text)
    return failure_of_kind(
        kind,
        code,
        reads=not writes,
        in_doubt=in_doubt,
        fault=_fault(code),
        address=address_in(text),
        tries=int(iterations.group(1)) if iterations else _tries_of(code),
    )


def _tries_of(code: int) -> int | None:
    """Return how many tries were made for an error without a count; None where that is unknown."""
    if code == _PARAM:
        return 0
    return 1 if code > 0 and code not in _RETRIED_ANSWERS else None


def classify_code(code: int, *, in_doubt: bool) -> Failure:
    """Return what a batch row's result code means."""
    return failure_of_kind(_kind(code, ""), code, in_doubt=in_doubt, fault=_fault(code))


def _kind(code: int, text: str) -> FailureKind:
    if code == ServerCode.TIMEOUT and not text.startswith(_SERVER_TIMEOUT):
        return FailureKind.TIMEOUT  # the client gave up, and says so with the server's code
    if code == ServerCode.PARTITION_UNAVAILABLE and _NOT_CONNECTED in text:
        return FailureKind.CALLER
    if code == CLIENT_ERROR and _CALLBACK in text:
        return FailureKind.CALLER
    return kind_of_code(code) if code > 0 else CLIENT_CODES.get(code, FailureKind.OTHER)


def _fault(code: int) -> Fault | None:
    """Return whose fault a code is, where that does not follow from what it means."""
    return Fault.LOCAL if code == _INVALID_NODE else None
