"""Call: one operation on its way through the chain.

Its attributes have three lifetimes, one for each group:

* what the operation is and may use: set when the call is made, valid to its end;
* what the operation has come to: grows from attempt to attempt, valid to its end;
* what holds for one attempt: set by the links before or during the attempt, and reset by
  `Call.next_attempt` before the next one.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from .attempt import Attempt
from .failure import Failure, FailureKind, Fault
from .operation import Criticality, Key
from .plan import Plan

if TYPE_CHECKING:
    import asyncio


@functools.lru_cache(maxsize=256)
def _refused(node: str | None) -> Failure:
    """Return what a refusal means. Kept, as many calls are refused for one node."""
    return Failure(FailureKind.REFUSED, fault=Fault.LOCAL, node=node)


class LazyQuery(Protocol):
    """What is known of a query that an object of the client makes, and that no argument of the call holds.

    Attributes:
        place: the namespace and the set; the set is empty where the query is of all of them.
        procedure: ``module.function`` of the UDF that it calls; empty if it calls none.
        returned: how many records the application's callback got.
    """

    @property
    def place(self) -> tuple[str, str] | None: ...  # noqa: D102 - see above

    @property
    def procedure(self) -> str: ...  # noqa: D102

    @property
    def returned(self) -> int | None: ...  # noqa: D102

    def text(self) -> str:
        """Return its text without values."""
        ...


class Call:
    """One operation on its way through the chain. Lives as long as the operation.

    What the operation is, and what it may use:

    Attributes:
        plan: the operation, resolved.
        args: positional arguments, without a policy. A batch narrows them to the rows that are to be sent.
        kwargs: keyword arguments, without a policy.
        key: the record's key; None where the operation has no single one.
        given: the arguments as the application gave them, where a policy is among them.
        criticality: how important it is that the operation is not refused under pressure.
        query: the `LazyQuery` of a lazy object's call; None for all other calls.
        inside: whether it is a part of another operation, whose fallback this client is. That operation
            alone has a span and a sample.
        span: its span, where one is recorded.
        started: when the operation began, on the chain's clock, in seconds; 0 before.
        deadline: when it must have ended, on the same clock, in seconds; ``inf`` for no limit.

    What the operation has come to:

    Attributes:
        now: the last time read from the clock. When an attempt has ended, the time of its end.
        tries_left: requests on the wire that it may still make.
        attempts: the attempts that failed, in order.
        error: the error of the last failed attempt; None where it returned, or no attempt failed.
        began_anywhere: whether its last attempt might begin at any replica.
        gave_up: why no further attempt was made (see `Verdict.reason`); empty while that is open.
        retries: attempts beyond the first.
        waited_s: how long all its attempts together waited for permits, in seconds.
        rows_failed: how many rows of a batch failed in the end.
        worst_row: what the worst of those failures means.
        fell_back: whether it was made on the fallback client.
        outcome: its `Outcome`, once a link has told it; the links outside tell the same.

    What holds for one attempt:

    Attributes:
        failure: what this attempt's error means; None while it is under way and after a success. An
            interceptor that injects an error sets it too.
        raised: the error that `failure` classifies; None if none was raised yet.
        began: when the native call began, on the chain's clock, in seconds.
        tailored: whether the attempt needs a policy of its own: less time, fewer tries, another socket
            timeout. An ordinary first attempt uses the plan's policy unchanged.
        patience_s: how long it waits for its first node before it moves to another, in seconds: the
            socket timeout of a try.
        early_s: in seconds; a success that took at least this long left its first node early.
        steered: whether `patience_s` was chosen for the node's state, and must not be changed.
        scouts: whether it is a write that finds out whether the client has the new partition map.
        moves: whether it is a read that leaves a node which does not answer for a replica which does, or
            a write that leaves out a replica which does not. Its retries add no load to a node that
            serves, so the budget does not pay for them.
        frugal: whether it makes only one try, as the retry budget is spent.
        nodes: names of the nodes that hold the record, master first; empty until a link looks them up.
        leases: name and lease of each half-open node that it probes.
        commit_master: whether the write is to be committed on its master alone.
        leave_master: whether the read may begin at any replica, as its master is failing.
        held: how many permits of the main gate it holds.
        pending: the client's future of the attempt, where that outlives a cancellation.
    """

    # Defaults of attributes that few calls change are on the class, so a successful call does not pay for
    # them.
    given: tuple[tuple[Any, ...], Mapping[str, Any]] | None = None
    criticality: Criticality = "default"
    query: Any = None
    inside: bool = False
    span: Any = None

    attempts: tuple[Attempt, ...] = ()
    error: BaseException | None = None
    gave_up: str = ""
    began_anywhere: bool = False
    retries: int = 0
    waited_s: float = 0.0
    rows_failed: int = 0
    worst_row: Failure | None = None
    fell_back: bool = False
    outcome: object = None

    raised: BaseException | None = None
    tailored: bool = False
    steered: bool = False
    frugal: bool = False
    moves: bool = False
    scouts: bool = False
    nodes: tuple[str, ...] = ()
    leases: tuple[tuple[str, int], ...] = ()
    commit_master: bool = False
    leave_master: bool = False
    held: int = 1
    pending: asyncio.Future[Any] | None = None

    __slots__ = (
        "__dict__",
        "args",
        "began",
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
        self.started = self.now = self.began = 0.0
        self.tries_left = plan.max_tries
        self.patience_s = plan.patience_s
        self.early_s = plan.early_s
        self.failure: Failure | None = None

    def __repr__(self) -> str:
        """Return ``<Call put test.demo, attempt 2>``: no key and no value."""
        place = ""
        if isinstance(self.key, tuple):
            place = " " + ".".join(str(part) for part in self.key[:2] if part is not None)
        elif self.key is not None:
            names = (getattr(self.key, "namespace", None), getattr(self.key, "set_name", None))
            place = " " + ".".join(str(part) for part in names if part)
        return (
            f"<Call {self.plan.operation.name}{place.rstrip()}, attempt {len(self.attempts) + 1}>"
        )

    def next_attempt(self) -> None:
        """Reset what held for the previous attempt.

        Only a first attempt is shortened, and only a first attempt can use the plan's policy unchanged.
        """
        plan = self.plan
        self.failure = self.raised = self.pending = None
        self.tailored = True
        self.patience_s = plan.socket_timeout_s
        self.early_s = plan.early_s
        self.steered = self.frugal = self.commit_master = self.leave_master = False
        self.moves = self.scouts = False
        self.nodes = ()
        self.leases = ()
        self.held = 1

    def refuse(self, error: Exception, node: str | None = None) -> Exception:
        """Record that this library refuses the attempt, and return the error to raise.

        Args:
            error: the error to raise.
            node: the node that is the reason, if a node is.
        """
        self.failure = _refused(node)
        self.raised = error
        return error

    def owns(self, error: BaseException) -> bool:
        """Return whether the attempt just made raised an error, so that `failure` classifies it.

        True if the attempt raised it, or if an interceptor set `failure` and raised it. Any other error
        of an interceptor is the interceptor's own.
        """
        if self.failure is None:
            return False
        return self.raised is None or self.raised is error
