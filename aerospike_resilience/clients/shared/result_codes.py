"""The server's result codes, and what follows from a failure whichever client reports it.

All clients hand on the codes of the server, which are 0 and above. Codes below 0 are a client's own and
differ from client to client: each client's ``failures`` module has those, and passes them to the functions
here.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

from ...model.failure import Failure, FailureKind, Fault


class ServerCode(enum.IntEnum):
    """The codes that this library treats apart from all others."""

    OK = 0
    KEY_NOT_FOUND = 2
    GENERATION = 3
    KEY_EXISTS = 5
    BIN_EXISTS = 6
    CLUSTER_KEY_MISMATCH = 7
    TIMEOUT = 9
    PARTITION_UNAVAILABLE = 11
    KEY_BUSY = 14
    DEVICE_OVERLOAD = 18
    ELEMENT_EXISTS = 24
    LOST_CONFLICT = 28
    XDR_KEY_BUSY = 32
    BATCH_QUEUES_FULL = 152
    QUERY_QUEUE_FULL = 211
    QUERY_TIMEOUT = 212


SECURITY_CODES: Final = range(51, 84)
"""From ``SECURITY_NOT_SUPPORTED`` to ``QUOTA_EXCEEDED``."""

KINDS: Final[Mapping[int, FailureKind]] = {
    ServerCode.GENERATION: FailureKind.CONFLICT,
    ServerCode.KEY_EXISTS: FailureKind.CONFLICT,
    ServerCode.BIN_EXISTS: FailureKind.CONFLICT,
    ServerCode.CLUSTER_KEY_MISMATCH: FailureKind.UNAVAILABLE,
    ServerCode.TIMEOUT: FailureKind.SERVER_TIMEOUT,
    ServerCode.PARTITION_UNAVAILABLE: FailureKind.UNAVAILABLE,
    ServerCode.KEY_BUSY: FailureKind.BUSY,
    ServerCode.DEVICE_OVERLOAD: FailureKind.OVERLOAD,
    ServerCode.ELEMENT_EXISTS: FailureKind.CONFLICT,
    ServerCode.LOST_CONFLICT: FailureKind.CONFLICT,
    ServerCode.XDR_KEY_BUSY: FailureKind.BUSY,
    ServerCode.BATCH_QUEUES_FULL: FailureKind.OVERLOAD,
    ServerCode.QUERY_QUEUE_FULL: FailureKind.OVERLOAD,
    ServerCode.QUERY_TIMEOUT: FailureKind.SERVER_TIMEOUT,
    **dict.fromkeys(SECURITY_CODES, FailureKind.SECURITY),
}
"""What a code means. A code that is not listed is an answer about the record or the request."""

ANSWERED: Final = frozenset({ServerCode.OK, ServerCode.KEY_NOT_FOUND})
"""Codes of batch rows that did not fail: a missing record is an answer."""

NEVER_APPLIED: Final = frozenset({FailureKind.OVERLOAD, FailureKind.BUSY, FailureKind.UNAVAILABLE})
"""Failures with which the server says that it did not begin the operation."""

_FAULT_OF_NODE: Final = frozenset(
    {
        *(FailureKind.TIMEOUT, FailureKind.SERVER_TIMEOUT, FailureKind.CONNECTION),
        *(FailureKind.OVERLOAD, FailureKind.UNAVAILABLE),
    }
)
_FAULT_LOCAL: Final = frozenset(
    {FailureKind.NATIVE_BREAKER, FailureKind.POOL_EXHAUSTED, FailureKind.REFUSED}
)
_RETRYABLE: Final = _FAULT_OF_NODE | {FailureKind.BUSY, FailureKind.POOL_EXHAUSTED}


def kind_of_code(code: int) -> FailureKind:
    """Return what a code of the server means.

    Args:
        code: the code, above 0.
    """
    return KINDS.get(code, FailureKind.RECORD)


def failure_of_kind(
    kind: FailureKind,
    code: int | None,
    *,
    reads: bool = False,
    in_doubt: bool = False,
    fault: Fault | None = None,
    address: str | None = None,
    node: str | None = None,
    tries: int | None = None,
    soft: bool = False,
) -> Failure:
    """Return a failure whose fault and whose chance in a retry follow from its kind.

    Args:
        kind: why the attempt failed.
        code: the client's result code; None if it has none.
        reads: whether the operation reads. The native breaker refuses one node: a read finds another
            replica, and a write needs that very node.
        in_doubt: whether a write may have been applied.
        fault: whose fault it is, where it does not follow from the kind.
        address: ``host:port`` of the node that the error names; None if it names none.
        node: the node's name, where the error gives it.
        tries: requests on the wire that the native call made; None if unknown.
        soft: see `Failure`.
    """
    return Failure(
        kind,
        retryable=kind in _RETRYABLE or (reads and kind is FailureKind.NATIVE_BREAKER),
        in_doubt=in_doubt,
        fault=_fault_of(kind) if fault is None else fault,
        address=address,
        node=node,
        tries=tries,
        code=code,
        soft=soft,
    )


def _fault_of(kind: FailureKind) -> Fault:
    if kind in _FAULT_OF_NODE:
        return Fault.NODE
    return Fault.LOCAL if kind in _FAULT_LOCAL else Fault.NOBODY
