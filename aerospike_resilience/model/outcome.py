"""Outcome: how one operation ended, for spans, metrics, log lines, errors and `last_call()`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from .. import errors
from ..errors import (
    BackpressureError,
    CircuitOpenError,
    ClientClosedError,
    DeadlineExceededError,
    RefusedError,
)
from .attempt import Attempt
from .call import Call, LazyQuery
from .failure import RECORD, Failure, FailureKind
from .operation import Key, Kind, Shape
from .plan import Plan
from .rows import worst_of
from .stream import Reading

OutcomeKind: TypeAlias = Literal["ok", "miss", "failed", "partial", "refused", "cancelled"]
"""How an operation ended."""

NOT_FOUND: Final = 2
"""The server's result code for a missing record."""

FILTERED_OUT: Final = 27
"""The server's result code for a record that a filter expression leaves out."""

Owners: TypeAlias = Callable[[Key | None], tuple[str, ...]]
"""From a record's key to the names of the nodes that hold it, master first; empty where unknown."""


def _nobody(_key: Key | None) -> tuple[str, ...]:
    return ()


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
        kind: ``ok``; ``miss`` (a read found no record, or a filter expression left the record out, which
            is an answer); ``failed``; ``partial`` (a batch returned with failed rows); ``refused`` (by
            this library); ``cancelled`` (by the application).
        duration_s: from its start to its end, queueing and sleeping included, in seconds. A stream ends
            with its last record, with its error, or when it is closed.
        failure: what its error means, or the worst failed row of a batch; None where nothing failed.
        error: the class of the exception as the application got it. Of this library's own errors it is the
            name without the client's prefix: ``CircuitOpenError``. Empty on success.
        refusal: why this library refused it; None if it did not.
        attempts: the attempts that failed, in order; empty if the first succeeded.
        last: the attempt that succeeded after others had failed; None where none did.
        retries: attempts beyond the first.
        native_retries: tries on the wire that the client made by itself in the failed attempts.
        waited_s: how long it waited for permits, in seconds.
        rows: how many records a query returned; None for other operations.
        rows_failed: how many rows of a batch failed in the end.
        nodes: names of the nodes that hold the record, master first; empty if they were not looked up.
        node: the node that it contacted last; None if it contacted none, and if the client does not tell.
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
    last: Attempt | None = None
    retries: int = 0
    native_retries: int = 0
    waited_s: float = 0.0
    rows: int | None = None
    rows_failed: int = 0
    nodes: tuple[str, ...] = ()
    node: str | None = None
    commit_master: bool = False
    fell_back: bool = False

    @property
    def code(self) -> int | None:
        """The client's result code of the error or of the worst row, if it has one."""
        return None if self.failure is None else self.failure.code

    @property
    def every_attempt(self) -> tuple[Attempt, ...]:
        """`attempts`, and `last` where there is one."""
        return self.attempts if self.last is None else (*self.attempts, self.last)

    @property
    def error_type(self) -> str:
        """`error`, or the code of a partial batch's worst row as text; empty where nothing failed."""
        if self.kind != "partial":
            return self.error
        return "_OTHER" if self.code is None else str(self.code)

    @property
    def cause(self) -> str:
        """Why it failed, in the same words for every client; empty where nothing failed.

        The value of a `FailureKind`, or ``circuit_open``, ``gate`` or ``deadline`` where this library
        refused.
        """
        if self.refusal is not None:
            return _REFUSED.get(self.refusal.reason, "gate")
        if self.failure is not None and self.failure.kind is not FailureKind.REFUSED:
            return str(self.failure.kind)
        if self.kind == "cancelled":
            return str(FailureKind.CALLER)
        return "" if self.kind == "ok" else str(FailureKind.OTHER)

    @classmethod
    def of(
        cls,
        call: Call,
        error: BaseException | None,
        duration_s: float,
        *,
        owners: Owners = _nobody,
        rows: int | None = None,
    ) -> Outcome:
        """Return the outcome of a call that has ended.

        Args:
            call: the call.
            error: the exception; None if the call returned.
            duration_s: how long it took, in seconds.
            owners: which nodes hold a record, where the call did not look that up.
            rows: how many records a query returned.
        """
        attempts, refusal = call.attempts, refusal_of(error)
        failure = _failure(call, error)
        nodes = call.nodes or owners(call.key)
        return cls(
            operation=call.plan.operation.name,
            profile=call.plan.profile,
            kind=_kind(call, error, refusal, failure),
            duration_s=duration_s,
            failure=failure,
            error="" if error is None else _raised_as(call, error),
            refusal=refusal,
            attempts=attempts,
            last=_succeeded(call, error),
            retries=call.retries,
            native_retries=sum(max(attempt.tries - 1, 0) for attempt in attempts),
            waited_s=call.waited_s,
            rows=rows,
            rows_failed=call.rows_failed,
            nodes=nodes,
            node=_contacted(call, error, nodes),
            commit_master=call.commit_master,
            fell_back=call.fell_back,
        )


_REFUSED: Final = {"circuit_open": "circuit_open", "deadline": "deadline"}
"""The word for a refusal by its reason; ``gate`` for all others."""


def _succeeded(call: Call, error: BaseException | None) -> Attempt | None:
    """Return the attempt that succeeded after others had failed; a first one says nothing more."""
    number = len(call.attempts) + 1
    if error is not None or call.failure is not None or call.fell_back or number == 1:
        return None
    return Attempt(number, max(call.now - call.began, 0.0), nodes=call.nodes)


def _raised_as(call: Call, error: BaseException) -> str:
    """Return the name of the class of the error as the application gets it."""
    try:
        return _class_name(call.plan.raised_as(error))
    except Exception:  # noqa: BLE001 - the client's own conversion may raise anything
        return _class_name(type(error))


def _class_name(cls: type[BaseException]) -> str:
    """Return the name of an error's class; of a class combined from ours and a client's, that of ours."""
    if issubclass(cls, errors.ResilienceError):
        return next(one.__name__ for one in cls.__mro__ if one.__module__ == errors.__name__)
    return cls.__name__


def _failure(call: Call, error: BaseException | None) -> Failure | None:
    """Return what failed: the error, or the worst row of a batch that returned.

    What no attempt raised is classified here: a wrong argument, or the error of the fallback client.
    """
    if error is None:
        return call.worst_row if call.rows_failed else None
    if not isinstance(error, Exception):
        return None
    if call.owns(error):
        return call.failure
    if isinstance(error, errors.ResilienceError):
        return None
    try:
        return call.plan.classify(error, call.plan.operation)
    except Exception:  # noqa: BLE001 - an error of the application's own may be of any shape
        return None


def _kind(
    call: Call, error: BaseException | None, refusal: Refusal | None, failure: Failure | None
) -> OutcomeKind:
    if error is None:
        return "partial" if call.rows_failed else "ok"
    if not isinstance(error, Exception):
        return "cancelled"  # the task, the coroutine or the process was ended from outside
    if refusal is not None:
        return "refused"
    answered = failure is not None and is_answer(failure, writes=call.plan.writes)
    return "miss" if answered else "failed"


def is_eventful(call: Call) -> bool:
    """Return whether there is more to say of a call that returned than how long it took and where."""
    return bool(
        call.attempts
        or call.rows_failed
        or call.outcome is not None
        or call.fell_back
        or call.commit_master
        or call.waited_s
    )


def contacted(call: Call, owners: Owners) -> str | None:
    """Return the node that a plain success contacted."""
    return _contacted(call, None, call.nodes or owners(call.key))


def master_answered(plan: Plan, took_s: float, early_s: float) -> bool:
    """Return whether a first attempt that succeeded was at the record's master; False if perhaps elsewhere.

    Args:
        plan: the call's plan.
        took_s: how long the attempt took, in seconds.
        early_s: from how many seconds on it may have left its first node.
    """
    return took_s < early_s and took_s < plan.at_master_s


def _contacted(call: Call, error: BaseException | None, nodes: tuple[str, ...]) -> str | None:
    """Return the node that a call contacted last: as its error says, or else the map and the time."""
    if call.fell_back:
        return None  # the other cluster's
    if error is None and call.failure is None:
        if call.leave_master:
            return None
        if nodes and master_answered(call.plan, call.now - call.began, call.early_s):
            return nodes[0]
        return None
    for attempt in reversed(call.attempts):
        if attempt.tries:
            return _asked(call, attempt)
    return None


def _asked(call: Call, attempt: Attempt) -> str | None:
    """Return the node that a failed attempt asked last."""
    failure = attempt.failure
    if failure is None or failure.node is not None or call.plan.rows is not None:
        return None if failure is None else failure.node
    begins_there = call.plan.at_master_s > 0 and (call.plan.writes or attempt.tries == 1)
    return attempt.nodes[0] if begins_there and attempt.nodes else None


def is_answer(failure: Failure, *, writes: bool) -> bool:
    """Return whether a failure is an ordinary answer: no such record, or one that was filtered out."""
    if failure.kind is not RECORD:
        return False
    return failure.code == FILTERED_OUT or (failure.code == NOT_FOUND and not writes)


def note_failed_rows(call: Call, result: Any) -> None:
    """Note on a call which rows of its batch failed, where the retry link did not.

    It does not where the profile has no options for batches, and where another client made the batch.
    """
    reader = call.plan.row_reader
    if reader is None or (call.plan.rows is not None and not call.fell_back):
        return
    try:
        failed = reader.failures(result)
    except Exception:  # noqa: BLE001 - a result of a shape that the adapter does not know
        return
    if failed:
        call.rows_failed, call.worst_row = len(failed), worst_of(failed.values())


def note_rows_in_error(call: Call, error: BaseException) -> None:
    """Note on a call the failed rows of a batch that its error carries, where the retry link did not."""
    reader = call.plan.row_reader
    if reader is None or call.rows_failed or not isinstance(error, Exception):
        return
    try:
        part = reader.rows_in_error(error)
        failed = {} if part is None else reader.failures(part)
    except Exception:  # noqa: BLE001 - as above
        return
    if failed:
        call.rows_failed, call.worst_row = len(failed), worst_of(failed.values())


def note_read_rows(call: Call, reading: Reading) -> None:
    """Note on a call which of the rows failed that were read from its stream."""
    if reading.failures:
        call.rows_failed, call.worst_row = len(reading.failures), worst_of(reading.failures)


def returned_rows(call: Call, result: Any) -> int | None:
    """Return how many records a query returned; None for other operations."""
    operation = call.plan.operation
    if operation.shape is not Shape.QUERY or operation.kind is not Kind.READ:
        return None
    query: LazyQuery | None = call.query
    if query is not None and query.returned is not None:
        return query.returned
    return len(result) if isinstance(result, list | tuple) else None


def refusal_of(error: BaseException | None) -> Refusal | None:
    """Return why an operation was refused, by the error it ended with; None if it was not."""
    match error:
        case CircuitOpenError():
            return _refusal("circuit_open", error.node, error.role, error.state)
        case BackpressureError(reason="closed"):
            return _refusal("closed")
        case BackpressureError():
            return _refusal(f"gate_{error.reason}")
        case DeadlineExceededError():
            return _refusal("deadline")
        case RefusedError() | ClientClosedError():
            return _refusal("closed")
    return None


_refusal: Final = functools.lru_cache(maxsize=256)(Refusal)
"""From the attributes of a `Refusal` to one. Kept, as many calls are refused for the same reason."""
