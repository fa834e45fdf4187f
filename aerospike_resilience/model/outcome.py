"""Outcome: how one operation ended, for spans, metrics, log lines, errors and `last_call()`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from ..errors import BackpressureError, CircuitOpenError, DeadlineExceededError, RefusedError
from .attempt import Attempt
from .call import Call
from .failure import Failure, FailureKind

OutcomeKind: TypeAlias = Literal["ok", "miss", "failed", "partial", "refused", "cancelled"]
"""How an operation ended."""

NOT_FOUND: Final = 2
"""The server's result code for a missing record."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why this library did not send an operation.

    Attributes:
        reason: ``circuit_open``, ``gate_timeout``, ``gate_deadline``, ``gate_shed``, ``closed`` or
            ``deadline``.
        node: the node that is open; None if no node was the reason.
        role: the role in which the operation needs that node: ``master`` or ``replica``; empty without a
            node.
        state: that node's state; empty without a node.
    """

    reason: str
    node: str | None = None
    role: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one operation ended.

    Attributes:
        operation: the method that was called.
        profile: the profile in force.
        kind: ``ok``; ``miss`` (a read found no record, which is an answer); ``failed``; ``partial`` (a
            batch returned with failed rows); ``refused`` (by this library); ``cancelled``.
        duration_s: from its start to its end, queueing and sleeping included, in seconds.
        failure: what its last attempt's error means; None on success, and if no attempt was made.
        error: the class of the exception; empty on success.
        refusal: why this library refused it; None if it did not.
        attempts: the attempts that failed, in order; empty if the first succeeded.
        retries: attempts beyond the first.
        native_retries: tries on the wire that the client made by itself in the failed attempts.
        waited_s: how long it waited for permits, in seconds.
        rows_failed: how many rows of a batch failed in the end.
        nodes: names of the nodes that hold the record, master first; empty if they were not looked up.
        commit_master: whether a write was committed on its master alone.
        fell_back: whether it was made on the fallback client.
    """

    operation: str
    profile: str
    kind: OutcomeKind
    duration_s: float
    failure: Failure | None = None
    error: str = ""
    refusal: Refusal | None = None
    attempts: tuple[Attempt, ...] = ()
    retries: int = 0
    native_retries: int = 0
    waited_s: float = 0.0
    rows_failed: int = 0
    nodes: tuple[str, ...] = ()
    commit_master: bool = False
    fell_back: bool = False

    @property
    def code(self) -> int | None:
        """The client's result code of the last attempt, if it has one."""
        return None if self.failure is None else self.failure.code

    @property
    def node(self) -> str | None:
        """The node that failed last; None if none failed, and if the client does not name it."""
        return self.attempts[-1].node if self.attempts else None

    @classmethod
    def of(cls, call: Call, error: BaseException | None, duration_s: float) -> Outcome:
        """Return the outcome of a call that has ended.

        Args:
            call: the call.
            error: the exception; None if the call returned.
            duration_s: how long it took, in seconds.
        """
        attempts, refusal = call.attempts, refusal_of(error)
        failed = error is not None
        return cls(
            operation=call.plan.operation.name,
            profile=call.plan.profile,
            kind=_kind(call, error, refusal),
            duration_s=duration_s,
            failure=call.failure if failed or call.rows_failed else None,
            error=type(error).__name__ if failed else "",
            refusal=refusal,
            attempts=attempts,
            retries=max(len(attempts) - (failed and refusal is None), 0),
            native_retries=sum(max(attempt.tries - 1, 0) for attempt in attempts),
            waited_s=call.waited_s,
            rows_failed=call.rows_failed,
            nodes=call.nodes,
            commit_master=call.commit_master,
            fell_back=call.fell_back,
        )


def _kind(call: Call, error: BaseException | None, refusal: Refusal | None) -> OutcomeKind:
    if error is None:
        return "partial" if call.rows_failed else "ok"
    asyncio = sys.modules.get("asyncio")  # if it was never imported, nothing was cancelled
    if asyncio is not None and isinstance(error, asyncio.CancelledError):
        return "cancelled"
    if refusal is not None:
        return "refused"
    failure = call.failure
    missed = (
        failure is not None and failure.kind is FailureKind.RECORD and failure.code == NOT_FOUND
    )
    return "miss" if missed and call.owns(error) and not call.plan.writes else "failed"


def refusal_of(error: BaseException | None) -> Refusal | None:
    """Return why an operation was refused, by the error it ended with; None if it was not."""
    match error:
        case CircuitOpenError():
            return Refusal("circuit_open", error.node, error.role, error.state)
        case BackpressureError(reason="closed"):
            return Refusal("closed")
        case BackpressureError():
            return Refusal(f"gate_{error.reason}")
        case DeadlineExceededError():
            return Refusal("deadline")
        case RefusedError():
            return Refusal("closed")
    return None
