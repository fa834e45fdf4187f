"""Failures: what an attempt's error means, classified alike for every client."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final


class FailureKind(enum.StrEnum):
    """Why an attempt failed, classified alike for every client."""

    TIMEOUT = "timeout"
    """The client gave up waiting (its socket or total timeout)."""
    SERVER_TIMEOUT = "server_timeout"
    """The server answered that it gave up (result code 9)."""
    CONNECTION = "connection"
    """Refused, reset or closed: the node's socket is not serving."""
    OVERLOAD = "overload"
    """The server refused for load: ``DEVICE_OVERLOAD`` and full queues."""
    UNAVAILABLE = "unavailable"
    """The node does not hold the partition now (result code 11)."""
    BUSY = "busy"
    """The record is busy (``KEY_BUSY``): the write was not applied; it concerns the key, not the node."""
    POOL_EXHAUSTED = "pool_exhausted"
    """No free connection on our side."""
    NATIVE_BREAKER = "native_breaker"
    """The client's own error-rate breaker refused."""
    CONFLICT = "conflict"
    """A condition of the write did not hold: generation, create-only, replace-only."""
    RECORD = "record"
    """An answer about the record or the request: not found, wrong type, too big, filtered out."""
    SECURITY = "security"
    """Not authenticated, not permitted, over quota."""
    CALLER = "caller"
    """Bad arguments, or an exception of the application's own callback."""
    REFUSED = "refused"
    """This library refused: open node, full gate, spent deadline."""
    OTHER = "other"
    """None of these; it is charged to no node and not retried."""


# A module's name is read at once. Looking a member up in its enumeration takes a frame on Python 3.11.
RECORD: Final = FailureKind.RECORD
CONFLICT: Final = FailureKind.CONFLICT
BUSY: Final = FailureKind.BUSY
SECURITY: Final = FailureKind.SECURITY
CALLER: Final = FailureKind.CALLER
OVERLOAD: Final = FailureKind.OVERLOAD
NATIVE_BREAKER: Final = FailureKind.NATIVE_BREAKER
POOL_EXHAUSTED: Final = FailureKind.POOL_EXHAUSTED


class Fault(enum.StrEnum):
    """Whose fault a failure is, as far as the failure itself shows."""

    NODE = "node"
    """A node's: the breaker counts it, once the node is known."""
    LOCAL = "local"
    """The client side's: the pool, the native breaker, this library's own refusals."""
    NOBODY = "nobody"
    """No fault of a node or of the client: the database answered, or the application made a mistake."""


NODE: Final = Fault.NODE
LOCAL: Final = Fault.LOCAL
NOBODY: Final = Fault.NOBODY


@dataclass(frozen=True, slots=True)
class Failure:
    """What an attempt's error means. Built by an adapter's ``classify``.

    Attributes:
        kind: why it failed.
        retryable: whether sending it again could help at all.
        in_doubt: whether a write may have been applied.
        fault: whose fault it is.
        address: ``host:port`` of the node the error names, if it names one.
        node: the node's name, where the error or the address gives it.
        tries: requests on the wire that the native call made, if known.
        code: the client's result code, if it has one.
        soft: whether the node is asked and not charged: there was no connection, and the cause may be the
            client's own pool.
    """

    kind: FailureKind
    retryable: bool = False
    in_doubt: bool = False
    fault: Fault = Fault.NOBODY
    address: str | None = None
    node: str | None = None
    tries: int | None = None
    code: int | None = None
    soft: bool = False

    @property
    def answered(self) -> bool:
        """Whether it is an answer about the request, so that the answering node works."""
        kind = self.kind  # compared by identity: hashing a member of an enumeration takes a frame
        return kind is RECORD or kind is CONFLICT or kind is BUSY or kind is SECURITY
