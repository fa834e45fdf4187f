"""Blame: which nodes a failed attempt speaks against, and how strongly.

A write waits for its replica, so a stalled replica makes its healthy master look bad: the client's
error names the master. What tells them apart is life: a node that answered anything since the call
began is not the one that kept it waiting.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple, Protocol, TypeAlias

from ..model.call import Call
from ..model.failure import Failure, FailureKind, Fault

_SPOKEN = frozenset({FailureKind.CONNECTION, FailureKind.OVERLOAD, FailureKind.UNAVAILABLE})
"""Failures whose error names the very node that failed: it refused, reset or answered so itself."""


Inquiry: TypeAlias = tuple[tuple[str, ...], float, FailureKind]
"""A failure of which several nodes may be the cause: their names, when it began, and its kind."""


class AliveSince(Protocol):
    """Whether a node showed life after a time, of the kind that its part calls for."""

    def __call__(self, name: str, moment: float, *, as_replica: bool) -> bool: ...  # noqa: D102


class Evidence(NamedTuple):
    """What a failure says about nodes.

    Attributes:
        suspects: names of the nodes that may have caused it.
        hard: whether it may count against ``max_error_rate``; soft evidence only makes reads leave
            the node sooner.
        spoken: whether the node itself said so (it refused, reset or answered), which settles it.
    """

    suspects: tuple[str, ...]
    hard: bool
    spoken: bool = False


NOTHING = Evidence((), hard=False)


def weigh(
    call: Call,
    failure: Failure,
    owners: tuple[str, ...],
    began: float,
    alive_since: AliveSince,
    *,
    sure: bool = True,
) -> Evidence:
    """Weigh a failed attempt.

    Args:
        call: the call, with the clock read at the attempt's end.
        failure: what its error means.
        owners: the record's nodes, master first; empty if unknown.
        began: when the attempt began.
        alive_since: whether a node showed life after a time, and whether it is asked about as a replica.
        sure: whether those are all the nodes that the attempt may have needed, and the first is the master.
            Not while the map changes.
    """
    if failure.fault is not Fault.NODE:
        return NOTHING
    asked = tried(call, failure, owners) if sure else owners
    if failure.kind in _SPOKEN:
        if failure.node:
            return Evidence(
                (failure.node,), hard=failure.kind is not FailureKind.UNAVAILABLE, spoken=True
            )
        return Evidence(_silent(asked, began, alive_since), hard=True)
    hard = not failure.soft and (
        failure.kind is FailureKind.SERVER_TIMEOUT or _waited_in_full(call, began)
    )
    if call.plan.writes:
        # The server that answers "timeout" is alive: its replica kept it waiting.
        alive = owners[:1] if sure and failure.kind is FailureKind.SERVER_TIMEOUT else ()
        suspects = tuple(
            name
            for rank, name in enumerate(owners)
            if name not in alive and not alive_since(name, began, as_replica=rank > 0)
        )
        return Evidence(suspects, hard=hard)
    return Evidence(_silent(asked, began, alive_since), hard=hard)


def of_master(failure: Failure, owners: tuple[str, ...]) -> Failure:
    """Name the master as who gave the answer, where a failed row has one and does not say whose it is.

    Right for writes, and for rows that did not leave their master for a replica. Overload only: with it a
    server answers, while other failures of a row may be the client's own.
    """
    if failure.kind is not FailureKind.OVERLOAD or failure.node is not None or not owners:
        return failure
    return replace(failure, node=owners[0])


def accuse(
    accused: Mapping[Evidence, FailureKind], began: float
) -> tuple[dict[str, FailureKind], list[Inquiry]]:
    """Tell whom to charge for an attempt from whom to ask about it.

    Args:
        accused: hard evidence, of each of the attempt's rows, and the kind of failure.
        began: when the attempt began.

    Returns:
        The kind of failure by the node that is to blame, each once; and what is open between several,
        none of which is to blame already.
    """
    charged: dict[str, FailureKind] = {}
    for evidence, kind in accused.items():
        if evidence.spoken or len(evidence.suspects) == 1:
            charged.update(dict.fromkeys(evidence.suspects, kind))
    inquiries = [
        (evidence.suspects, began, kind)
        for evidence, kind in accused.items()
        if evidence.suspects and not charged.keys() & set(evidence.suspects)
    ]
    return charged, inquiries


def tried(call: Call, failure: Failure, owners: tuple[str, ...]) -> tuple[str, ...]:
    """Return which of a record's nodes an attempt asked, as far as it is known."""
    if not call.plan.failover:
        return owners if call.plan.writes else owners[:1]
    tries = failure.tries or call.plan.native_retries + 1
    return owners[: max(tries, 1)]


def _silent(names: tuple[str, ...], began: float, alive_since: AliveSince) -> tuple[str, ...]:
    return tuple(name for name in names if not alive_since(name, began, as_replica=False))


def _waited_in_full(call: Call, began: float) -> bool:
    # A timeout is real if it is the profile's own: one that adaptive timeouts, a deadline or a queue
    # made shorter says little. Clients count in whole milliseconds.
    plan = call.plan
    patience_s = min(plan.socket_timeout_s, plan.total_timeout_s)
    return call.now - began >= patience_s - 0.002
