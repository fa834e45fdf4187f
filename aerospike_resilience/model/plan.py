"""Plan: one operation under one profile, resolved."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from .failure import Failure
from .operation import Operation
from .rows import Rows

Send: TypeAlias = Callable[[tuple[Any, ...], Mapping[str, Any], Any], Any]
"""A client's method: ``send(args, kwargs, native policy)``."""

Classify: TypeAlias = Callable[[BaseException, Operation], Failure]
"""An adapter's function from an error and an operation to a `Failure`."""


RaisedAs: TypeAlias = Callable[[BaseException], type[BaseException]]
"""From an error of the client's to the class of the error that the application gets."""


Configured: TypeAlias = Callable[[Any], bool]
"""Whether the client does the same without a native policy."""


EVERY_OWNER: Final = slice(None)
"""Of a record's nodes, master first: all."""

MASTER: Final = slice(1)
"""Of a record's nodes, master first: the master alone."""


OnRefusal: TypeAlias = Callable[[str, str | None], None]
"""Called with the reason of a refusal, and the node that was the reason, if one was."""


def _uncounted(_reason: str, _node: str | None) -> None:
    return


def _never(_policy: Any) -> bool:
    return False


def early_s(socket_timeout_s: float) -> float:
    """Return the duration, in seconds, from which an answer must have come after that socket timeout.

    Clients count in whole milliseconds from a clock of whole milliseconds, so a timeout of 5 ms ends
    after 4 to 5.
    """
    return socket_timeout_s - 0.001


class Plan:
    """One operation under one profile, resolved: all that its calls read.

    Built at wrap and reload time. Calls only read it. The tend thread swaps three fields, each by one
    assignment.

    Attributes:
        operation: the method.
        writes: whether it may change a record.
        profile: the profile's name.
        total_timeout_s: the operation's time in seconds; ``inf`` for no limit.
        socket_timeout_s: the profile's socket timeout in seconds; ``inf`` for no limit.
        sleep_between_retries_s: the shortest sleep between attempts, in seconds: the
            ``sleep_between_retries`` of the caller, the profile or the client's own configuration.
        asked_for: whether the caller gave ``max_retries`` for this very call, so that no rule of this
            library lowers it.
        max_tries: requests on the wire that an operation may make, ``max_retries + 1``.
        native_retries: how many of them one native call may make beyond its first.
        idempotent: whether it may be sent again when it may have been applied. For a batch whose rows are
            decided one by one: whether any row may.
        said: what the application declared about that; None if it declared nothing.
        conditional: whether it has a condition (generation, create-only) that fails once the write was
            applied.
        commits_alone: whether a write is acknowledged by its master alone (``commit_level: master``), so
            that it needs no replica. A strongly consistent namespace commits on every replica all the same.
        answered_by: which of the record's nodes, master first, a success shows to be alive; None for a
            read, which may have left its master.
        failover: whether the client moves to another replica by itself when a try fails.
        single: whether the record's namespace has one copy of each record, so that there is no replica.
        rows: reads and merges the rows of a batch call; None if it is no batch, or one that fails whole.
        row_reader: the same also for a batch that is sent once, as the application made it.
        verification: how a write in doubt is verified; None if it is not.
        fields: Aerospike's policy fields in force; constants are the client's own numbers.
        send: the client's method: takes arguments, keyword arguments and a native policy.
        classify: from an error of the client's to what it means for this operation.
        raised_as: from an error of the client's to the class of the error that the application gets.
        at_master_s: an attempt that was answered in less than this many seconds was answered by the
            record's master; 0 where attempts may begin at another node.
        policy: the native policy for a first attempt. *Swapped by the tend thread.*
        configured: whether the client does the same without a native policy, as it was configured with it.
        first: what a first attempt sends: `policy`, or None where the client does the same without it.
            *Swapped by the tend thread.*
        shortened: policies for first attempts that have less time, by milliseconds; None while there are
            none. Whoever swaps `policy` sets it to None.
        patient: the native policy for a first attempt whose tries share all of the operation's time, while
            the application's own event loop is late, or so many calls are under way that their haste would
            have the client's own breaker shut nodes; None where that is no other.
        patient_early_s: as `early_s`, of `patient`.
        client_name: the wrapped client's name.
        on_refusal: called with the reason and the node of each operation that ends with a refusal.
        patience_s: the socket timeout inside `policy`, in seconds. *Swapped by the tend thread.*
        early_s: a success that took at least this long left its first node early, in seconds.
            *Swapped by the tend thread.*
    """

    __slots__ = (
        "answered_by",
        "asked_for",
        "at_master_s",
        "classify",
        "client_name",
        "commits_alone",
        "conditional",
        "configured",
        "declared_idempotent",
        "early_s",
        "failover",
        "fields",
        "first",
        "idempotent",
        "max_tries",
        "native_retries",
        "on_refusal",
        "operation",
        "patience_s",
        "patient",
        "patient_early_s",
        "policy",
        "profile",
        "raised_as",
        "row_reader",
        "rows",
        "send",
        "shortened",
        "single",
        "sleep_between_retries_s",
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
        configured: Configured = _never,
        total_timeout_s: float = math.inf,
        socket_timeout_s: float = math.inf,
        sleep_between_retries_s: float = 0.0,
        asked_for: bool = False,
        max_tries: int = 1,
        native_retries: int = 0,
        idempotent: bool = False,
        declared_idempotent: bool | None = None,
        conditional: bool = False,
        commits_alone: bool = False,
        failover: bool = False,
        single: bool = False,
        rows: Rows | None = None,
        verification: Any = None,
        client_name: str = "",
        on_refusal: OnRefusal = _uncounted,
        raised_as: RaisedAs = type,
        at_master_s: float = 0.0,
        row_reader: Rows | None = None,
    ) -> None:
        self.operation = operation
        self.writes = operation.writes
        self.profile = profile
        self.send = send
        self.classify = classify
        self.fields = fields
        self.policy = policy
        self.first = None if configured(policy) else policy
        self.configured = configured
        self.patient: Any = None
        self.patient_early_s = math.inf
        self.shortened: Any = None
        self.total_timeout_s = total_timeout_s
        self.socket_timeout_s = socket_timeout_s
        self.patience_s = socket_timeout_s
        self.early_s = early_s(socket_timeout_s)
        self.sleep_between_retries_s = sleep_between_retries_s
        self.asked_for = asked_for
        self.max_tries = max_tries
        self.native_retries = native_retries
        self.idempotent = idempotent
        self.declared_idempotent = declared_idempotent
        self.conditional = conditional
        self.commits_alone = commits_alone
        alone = MASTER if commits_alone else EVERY_OWNER
        self.answered_by = alone if operation.writes else None
        self.failover = failover
        self.single = single
        self.rows = rows
        self.row_reader = rows if row_reader is None else row_reader
        self.verification = verification
        self.client_name = client_name
        self.on_refusal = on_refusal
        self.raised_as = raised_as
        self.at_master_s = at_master_s

    def swap(self, policy: Any, patience_s: float, early_s: float) -> None:
        """Take another native policy for first attempts from now on. Called by the tend thread.

        Args:
            policy: the policy.
            patience_s: the socket timeout inside it, in seconds.
            early_s: from how many seconds on a success left its first node early.
        """
        self.policy = policy
        self.first = None if self.configured(policy) else policy
        self.shortened = None
        self.patience_s = patience_s
        self.early_s = early_s

    def sent_by(self, send: Send) -> Plan:
        """Return a copy of this plan with another `send`, for a short time."""
        other = copy.copy(self)
        other.send = send
        return other
