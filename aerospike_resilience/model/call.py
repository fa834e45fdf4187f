"""What travels through the chain: a call, its plan, and what became of its attempts."""

from __future__ import annotations

import asyncio
import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias

from .failure import Failure, FailureKind, Fault
from .operation import Criticality, Key, Operation

__all__ = [
    "Attempt",
    "BatchCall",
    "Call",
    "Classify",
    "ExpectedWrite",
    "Failure",
    "FailureKind",
    "Fault",
    "Plan",
    "Rows",
    "Send",
    "early_s",
]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One native call made for an operation, as ``error.attempts`` tells it.

    Attributes:
        number: 1 for the first.
        duration_s: from its start to its end, in seconds.
        tries: requests it may have made on the wire (native retries included).
        failure: why it failed. Of a batch it is the worst of its rows'. None for one that went well and
            was made again as the application's rule did not want its result.
        error: the class of what was raised, or how many rows of a batch failed; never a key or a value.
        nodes: names of the nodes that hold the record, master first; empty if unknown.
        slept_s: how long was slept after it, in seconds.
    """

    number: int
    duration_s: float
    tries: int = 1
    failure: Failure | None = None
    error: str = ""
    nodes: tuple[str, ...] = ()
    slept_s: float = 0.0

    @property
    def node(self) -> str | None:
        """The name of the node that the client said failed; None if it named none."""
        return self.failure.node if self.failure is not None else None


Send: TypeAlias = Callable[[tuple[Any, ...], Mapping[str, Any], Any], Any]
"""A client's method: ``send(args, kwargs, native policy)``."""

Classify: TypeAlias = Callable[[BaseException, Operation], Failure]
"""An adapter's word on what an error means."""


def early_s(socket_timeout_s: float) -> float:
    """Return from when on an answer came after a socket timeout of that many seconds.

    Clients count in whole milliseconds from a clock of whole milliseconds, so a timeout of 5 ms ends
    after 4 to 5.
    """
    return socket_timeout_s - 0.001


class ExpectedWrite(NamedTuple):
    """What a conditional write wants, as far as a later look at its record can tell.

    Attributes:
        generation: the generation it expects; 0 if it only creates.
        bins: what it writes.
    """

    generation: int
    bins: Mapping[str, Any]


class BatchCall(NamedTuple):
    """What the application called a batch with.

    Attributes:
        plan: the operation, resolved.
        args: positional arguments, without a policy.
        kwargs: keyword arguments, without a policy.
    """

    plan: Plan
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    @property
    def rows(self) -> Any:
        """The keys or records of all rows."""
        return self.arguments[self.plan.operation.rows]

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments by name."""
        return self.plan.operation.bind(self.args, self.kwargs)

    def with_arguments(
        self, changed: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """Return the arguments with some of them changed, by name."""
        names = self.plan.operation.parameters
        args = tuple(
            changed.get(name, value) for name, value in zip(names, self.args, strict=False)
        )
        return args, {name: changed.get(name, value) for name, value in self.kwargs.items()}


class Rows(Protocol):
    """An adapter's way to the rows of a batch call that fail one by one."""

    indivisible: bool
    """Whether failed rows can only be sent again with all others, as the client's result of a part could
    not be put into that of the whole."""

    def rows_in_error(self, error: Exception) -> Any:
        """Return the result that an error carries; None where it carries none."""
        ...

    def attach_rows(self, error: Exception, result: Any) -> None:
        """Have an error carry a result."""
        ...

    def keys(self, result: Any) -> Sequence[Key]:
        """Return the key of every row of a result."""
        ...

    def sent(self, batch: BatchCall) -> Sequence[Key]:
        """Return the key of every row that a call is about to send."""
        ...

    def with_refused_rows(
        self, batch: BatchCall, part: Any, kept: Sequence[int], refusal: Exception
    ) -> Any:
        """Return the rows of a whole batch: those that were sent, and those that were refused.

        Args:
            batch: the batch as it was called.
            part: the result of the rows that were sent.
            kept: their positions in the batch.
            refusal: why the others were not sent.
        """
        ...

    def finish_with_refused_rows(
        self, batch: BatchCall, part: Any, kept: Sequence[int], refusal: Exception
    ) -> Any:
        """Return `with_refused_rows` as the client returns a batch with failed rows, or raise."""
        ...

    def failures(self, result: Any) -> Mapping[int, Failure]:
        """Return what the failed rows' codes mean, by position; a missing record is an answer."""
        ...

    def whole(self, result: Any) -> Failure | None:
        """Return what the code of the batch as a whole means, where it says more than its rows' do."""
        ...

    def repeatable(self, batch: BatchCall, result: Any, index: int) -> bool:
        """Return whether a row may be applied twice."""
        ...

    def all_repeatable(self, batch: BatchCall) -> bool:
        """Return whether every row may be applied twice."""
        ...

    def narrowed(
        self, batch: BatchCall, result: Any, indexes: Sequence[int]
    ) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """Return the arguments of a call for some rows only; `result` may be the given rows themselves."""
        ...

    def merge(self, result: Any, part: Any, indexes: Sequence[int]) -> None:
        """Put the rows of a narrowed call's result in their places in the first result."""
        ...

    def mark_in_doubt(self, result: Any, index: int) -> None:
        """Say that a row may have been applied by an earlier attempt."""
        ...


class Plan:
    """One operation under one profile, resolved: all that a call of it needs to know.

    Built at wrap and reload time and only read by calls, but for the three fields that the tend thread
    swaps, each by one assignment.

    Attributes:
        operation: the method.
        writes: whether it may change a record.
        profile: the profile's name.
        total_timeout_s: the operation's time in seconds; ``inf`` for none.
        socket_timeout_s: the profile's socket timeout in seconds; ``inf`` for none.
        max_tries: requests on the wire that an operation may make, ``max_retries + 1``.
        native_retries: how many of them beyond the first one native call may make.
        idempotent: whether it may be sent again when it may have been applied. Of a batch whose rows go
            by their own right: whether any of them may.
        said: the application's word on that; None where it has none.
        conditional: whether it holds a condition (generation, create-only) that its own first
            application would make fail.
        failover: whether the client moves to another replica by itself when a try fails.
        rows: the way to the rows of a batch call; None where it is no batch, or one that fails whole.
        verification: how a write in doubt is looked up; None where it is not.
        fields: Aerospike's policy fields in force, constants in the client's own numbers.
        send: the client's method: takes arguments, keyword arguments and a native policy.
        classify: what an error of the client's means for this operation.
        policy: the native policy for a first attempt. *Swapped by the tend thread.*
        patience_s: the socket timeout inside `policy`, in seconds. *Swapped by the tend thread.*
        early_s: a success that took at least this long left its first node early, in seconds.
            *Swapped by the tend thread.*
    """

    __slots__ = (
        "classify",
        "conditional",
        "declared_idempotent",
        "early_s",
        "failover",
        "fields",
        "idempotent",
        "max_tries",
        "native_retries",
        "operation",
        "patience_s",
        "policy",
        "profile",
        "rows",
        "send",
        "socket_timeout_s",
        "total_timeout_s",
        "verification",
        "writes",
    )

    def __init__(
        self,
        operation: Operation,
        profile: str,
        *,
        send: Send,
        classify: Classify,
        fields: Mapping[str, Any],
        policy: Any,
        total_timeout_s: float = math.inf,
        socket_timeout_s: float = math.inf,
        max_tries: int = 1,
        native_retries: int = 0,
        idempotent: bool = False,
        declared_idempotent: bool | None = None,
        conditional: bool = False,
        failover: bool = False,
        rows: Rows | None = None,
        verification: Any = None,
    ) -> None:
        self.operation = operation
        self.writes = operation.writes
        self.profile = profile
        self.send = send
        self.classify = classify
        self.fields = fields
        self.policy = policy
        self.total_timeout_s = total_timeout_s
        self.socket_timeout_s = socket_timeout_s
        self.patience_s = socket_timeout_s
        self.early_s = early_s(socket_timeout_s)
        self.max_tries = max_tries
        self.native_retries = native_retries
        self.idempotent = idempotent
        self.declared_idempotent = declared_idempotent
        self.conditional = conditional
        self.failover = failover
        self.rows = rows
        self.verification = verification

    def sent_by(self, send: Send) -> Plan:
        """Return this plan with another way to send its calls, for a short while."""
        other = copy.copy(self)
        other.send = send
        return other


class Call:
    """One operation on its way through the chain. Lives as long as the operation.

    Attributes:
        plan: the operation, resolved.
        args: positional arguments, without a policy.
        kwargs: keyword arguments, without a policy.
        key: the record's key; None where the operation has no single one.
        started: when the operation began (the chain's clock, in seconds).
        deadline: when it must have ended, on the same clock.
        now: the last time read from the clock.
        tries_left: requests on the wire that it may still make.
        tailored: whether the next attempt needs a policy of its own: less time, fewer tries, another
            socket timeout. An ordinary first attempt uses the plan's as it is.
        patience_s: how long the next attempt waits for its first node before it leaves for another, in
            seconds: the socket timeout of a try.
        early_s: a success of the attempt that took at least this long left its first node early.
        steered: whether `patience_s` was chosen for the node's state, and so stands.
        frugal: whether an attempt makes one try only, as the retry budget is spent.
        fell_back: whether it was made on the fallback client.
        given: the arguments as the application gave them, where a policy is among them.
        nodes: names of the nodes that hold the record, master first; empty while nobody asked.
        leases: half-open nodes this call is a probe of: name and lease.
        commit_master: whether a write is to be committed on its master alone.
        leave_master: whether a read may begin at any replica, as its master ails.
        pending: the client's own future of the attempt under way, where it outlives a cancellation.
        criticality: how much the application minds that it is refused.
        held: permits of the gate for all operations that its attempt holds.
        waited_s: how long it has stood in line for permits, in seconds, all attempts together.
        failure: what the last attempt's error means; None after a success.
        attempts: what was tried so far; empty until something failed.
        text: the query's text without values, where the arguments do not tell it; None where they do.
    """

    # What few calls ever change stands here until it is changed; a call that goes well pays nothing
    # for it.
    tailored: bool = False
    steered: bool = False
    commit_master: bool = False
    leave_master: bool = False
    frugal: bool = False
    fell_back: bool = False
    given: tuple[tuple[Any, ...], Mapping[str, Any]] | None = None
    criticality: Criticality = "default"
    held: int = 1
    waited_s: float = 0.0
    nodes: tuple[str, ...] = ()
    leases: tuple[tuple[str, int], ...] = ()
    attempts: tuple[Attempt, ...] = ()
    pending: asyncio.Future[Any] | None = None
    text: Callable[[], str] | None = None

    __slots__ = (
        "__dict__",
        "args",
        "deadline",
        "early_s",
        "failure",
        "key",
        "kwargs",
        "now",
        "patience_s",
        "plan",
        "started",
        "tries_left",
    )

    def __init__(
        self,
        plan: Plan,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        key: Key | None,
        deadline: float = math.inf,
    ) -> None:
        self.plan = plan
        self.args = args
        self.kwargs = kwargs
        self.key = key
        self.deadline = deadline
        self.started = self.now = 0.0
        self.tries_left = plan.max_tries
        self.patience_s = plan.patience_s
        self.early_s = plan.early_s
        self.failure: Failure | None = None
