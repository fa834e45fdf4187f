"""First attempts: what becomes of one that was slow or failed, and where it enters the general chain."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ...interceptors.retry.error_notes import annotate_answer
from ...model.attempt import Attempt
from ...model.call import Call
from ...model.failure import NOBODY, RECORD
from ...model.operation import Criticality, Key
from ...model.outcome import refusal_of
from ...model.plan import Plan
from ..chain import end_operation
from ..traceback import without_this_frame
from .links import Links

if TYPE_CHECKING:
    from ...interceptors.telemetry.fused import Traced
    from ...telemetry.targets import Target

NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
DEFAULT: Final[Criticality] = "default"

Listener: TypeAlias = "Target | Traced"
"""Where telemetry takes the duration of a fused call."""

Fit: TypeAlias = (
    "tuple[Any, Plan, Any, float, float, float, Criticality, Listener | None, Traced | None]"
)
"""How a call of another form is made: its lane, its plan, the native policy to send (None for none), from
how many seconds on a success is slow, the socket timeout of one try in seconds, when the call must have
ended on the chain's clock (``inf`` for the plan's own timeout), how much it matters that it is not
refused, where telemetry takes its duration (None where it skips the call), and the same if a span is to
be started for it."""


class FirstAttempt:
    """A failed first attempt on its way into the general chain. Its permit is yet to be released.

    Attributes:
        call: the call, with the failed attempt recorded and the node charged.
        errors: the error alone, until it is raised again. No frame may keep it: a traceback that leads to
            a frame that holds its error is a reference cycle.
        target: where telemetry takes its duration; None where it skips the call.
    """

    __slots__ = ("call", "errors", "target")

    def __init__(
        self,
        call: Call,
        error: BaseException,
        target: Listener | None = None,
    ) -> None:
        self.call = call
        self.target = target
        self.errors = [error]

    def leave(self) -> None:
        """Leave the context of its span, if it has one: another task goes on with it."""
        if self.target is not None:
            self.target.leave()

    def again(self, _call: Call) -> Any:
        """Raise the error. The chain gets it instead of the first attempt."""
        raise self.errors.pop()

    async def again_async(self, _call: Call) -> Any:
        """Raise the error, for awaited calls."""
        raise self.errors.pop()


class FirstAttempts:
    """Accounts for first attempts that did not succeed at once, and goes on with those that failed.

    Args:
        links: the links that they stand for.
        recent: takes the answers: key, begin, end, whether it writes.
    """

    __slots__ = (
        *("_attempt", "_breaker", "_budget", "_gate", "_recent"),
        *("_retry", "_retry_async", "_telemetry"),
    )

    def __init__(self, links: Links, recent: deque[Any]) -> None:
        self._attempt, self._breaker, self._recent = links.attempt, links.breaker, recent
        self._gate, self._budget = links.gate, links.retry.budget
        self._telemetry = links.telemetry
        inner, inner_async = links.attempt.end(), links.attempt.end_async()
        for link in reversed(links.inside_retry):
            inner, inner_async = link.link(inner), link.link_async(inner_async)
        self._retry = links.retry.link(inner)
        self._retry_async = links.retry.link_async(inner_async)

    def refused(
        self, fit: Fit | None, target: Listener | None, plan: Plan, key: Key, began: float
    ) -> list[Exception]:
        """Return the error with which the general chain would refuse a call at once; empty if it may not.

        Called for a call that may not take the fused path, before it takes the general chain.

        Args:
            fit: how it was to be made; None for a plain call.
            target: where its duration goes; None where telemetry skips it.
            plan: its plan.
            key: the record's key.
            began: when it began, on the chain's clock.

        Returns:
            The error alone, counted as the chain counts it. No frame may keep it, as in `FirstAttempt`.
        """
        budget, gate, breaker = self._budget, self._gate, self._breaker
        error: Exception | None = None
        if budget is not None and budget.spent:
            return []
        if gate is not None and (gate.gate.waiting or not gate.gate.permits):
            criticality = DEFAULT if fit is None else fit[6]
            if (reason := gate.gate.refuses_at_once(criticality)) is not None:
                error = gate.refusal(plan, reason, 0.0)
        elif breaker is not None and not breaker.health.calm:
            error = breaker.refused_at_once(plan, key)
        if error is None:
            return []
        if budget is not None:
            budget.operations += 1
        if (refusal := refusal_of(error)) is not None:
            plan.on_refusal(refusal.reason, refusal.node)
        if target is not None:
            target.begin()
            self.ended(target, fit, plan, key, began, error)
        return [error]

    def ended(
        self,
        target: Listener | None,
        fit: Fit | None,
        plan: Plan,
        key: Key,
        began: float,
        error: BaseException,
    ) -> None:
        """Tell telemetry of a call that ended without an answer of the client: refused, or interrupted.

        Args:
            target: where its duration goes; None where telemetry skips the call.
            fit: how it was made; None for a plain call.
            plan: its plan.
            key: the record's key.
            began: when it began, on the chain's clock.
            error: what it ended with.
        """
        if target is not None and self._telemetry is not None:
            self._telemetry.failed(target, _call(fit, plan, (), key, began), error)

    def answered(
        self,
        target: Listener | None,
        plan: Plan,
        key: Key,
        began: float,
        ended: float,
        early_s: float,
        error: Exception,
    ) -> bool:
        """Note an error that answers about the record, on which no link has anything to decide.

        It does what `failed` and `resume` do for such an error, and makes no `Call` for it.

        Args:
            target: where telemetry takes its duration; None where it skips the call.
            plan: the call's plan.
            key: the record's key.
            began: when it began, on the chain's clock.
            ended: when it ended.
            early_s: from how many seconds on a first try may have failed before.
            error: what the client raised.

        Returns:
            Whether it is such an error, and is to be raised as it is. If not, `failed` has to look.
        """
        if target is not None and target.records:
            return False  # the span is described as every other
        failure = plan.classify(error, plan.operation)
        if (
            failure.kind is not RECORD
            or failure.tries != 1
            or failure.retryable
            or failure.address is not None
            or failure.fault is not NOBODY
            or ended - began >= early_s
            or plan.verification is not None
        ):
            return False
        self._recent.append((key, began, ended, None))  # of the master, without its replica
        took_s = max(ended - began, 0.0)
        if target is not None and self._telemetry is not None:
            self._telemetry.answered(target, plan, failure, error, took_s)
        annotate_answer(error, plan, Attempt(1, took_s, 1, failure, type(error).__name__))
        return True

    def failed(
        self,
        fit: Fit | None,
        target: Listener | None,
        plan: Plan,
        args: tuple[Any, ...],
        key: Key,
        began: float,
        error: Exception,
    ) -> FirstAttempt:
        """Record a first attempt that raised, as the chain's inner links do. Called before its release.

        Args:
            fit: how the call was made; None for a plain call.
            target: where telemetry takes its duration; None where it skips the call.
            plan: its plan.
            args: its positional arguments, without a policy.
            key: the record's key.
            began: when it began, on the chain's clock.
            error: what the client raised.
        """
        call = _call(fit, plan, args, key, began)
        if target is not None and target.records:
            call.span = target.span  # for what is logged of it
        self._attempt.failed(call, error)
        if self._breaker is not None:
            self._breaker.report_error(call, error)
        return FirstAttempt(call, error, target)

    def slow(
        self,
        fit: Fit | None,
        plan: Plan,
        args: tuple[Any, ...],
        key: Key,
        began: float,
        ended: float,
    ) -> None:
        """Report a success that was slow to come. Called before its permit is released."""
        if self._breaker is not None:
            call = _call(fit, plan, args, key, began)
            call.now = ended
            self._breaker.health.calls.answered(call, began, ended)

    def resume(self, first: FirstAttempt) -> Any:
        """Return what the operation comes to in the general chain. Called after the permit is released.

        The chain neither begins the operation again nor counts it again: it decides about the failed
        attempt, and what follows is an ordinary second attempt.
        """
        call = first.call
        try:
            if _final(call):  # noqa: SIM108 - as its awaited twin
                result = first.again(call)
            else:
                result = self._retry(call, first.again)
        except BaseException as error:
            self._failed(first, error)
            without_this_frame(error)  # the fused method's show the way
            raise
        return self._returned(first, result)

    async def resume_async(self, first: FirstAttempt) -> Any:
        """Do as `resume` does, for awaited calls."""
        call = first.call
        try:
            if _final(call):
                result = first.again(call)
            else:
                result = await self._retry_async(call, first.again_async)
        except BaseException as error:
            self._failed(first, error)
            raise
        return self._returned(first, result)

    def _failed(self, first: FirstAttempt, error: BaseException) -> None:
        if first.target is not None and self._telemetry is not None:
            self._telemetry.failed(first.target, first.call, error)
        end_operation(first.call, error)

    def _returned(self, first: FirstAttempt, result: Any) -> Any:
        if first.target is not None and self._telemetry is not None:
            self._telemetry.returned(first.target, first.call, result)
        return result


def _call(fit: Fit | None, plan: Plan, args: tuple[Any, ...], key: Key, began: float) -> Call:
    """Return the call of a first attempt, as the chain's outer links leave it."""
    call = Call(plan, args, NOTHING, key, began + plan.total_timeout_s)
    call.started = call.now = call.began = began
    if fit is not None:
        _lane, _plan, _policy, call.early_s, call.patience_s, deadline, criticality, _, _ = fit
        if deadline < math.inf:
            call.deadline = min(deadline, call.deadline)
            call.tailored = True
        if criticality != DEFAULT:
            call.criticality = criticality
    return call


def _final(call: Call) -> bool:
    """Return whether an only try was answered about the record: the retry link has nothing to decide."""
    failure = call.failure
    if (
        failure is None
        or failure.kind is not RECORD
        or failure.retryable
        or call.attempts[0].tries != 1
        or call.plan.verification is not None
    ):
        return False
    call.gave_up = "failure"
    return True
