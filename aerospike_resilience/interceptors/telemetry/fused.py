"""Telemetry of calls on the fused path, which does the success work of every link without going through it.

Where nobody keeps a span, a call has a target, which takes its duration. Where a span is to be started, it
has a `Traced`, which starts it when the client is called: whoever takes the general chain before that has
none yet.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from opentelemetry.trace import Span

from ...model.call import Call
from ...model.failure import Failure
from ...model.operation import Key, Operation
from ...model.outcome import Outcome, master_that_answered
from ...model.plan import Plan
from ...model.stream import dropped, tell_dropped
from ...telemetry.spans import detach, enter, suppressed
from ...telemetry.targets import KEPT, Add, Target, Targets
from .endings import Endings, UnderWay

Listens: TypeAlias = Target | Literal[False] | None
"""Where a call's duration goes; None where telemetry skips it; False where it needs a span."""

StartSpan: TypeAlias = Callable[[Target, int], Span | None]
"""From a call's target and its begin, in nanoseconds of the wall clock, to its span."""

_NOTHING: Final = MappingProxyType[str, Any]({})


class Traced:
    """A fused call for which a span is to be started.

    Attributes:
        target: what is known of it.
        span: its span; None before `begin`, and where it could not be started.
        started_ns: when it began, in nanoseconds of the wall clock.
        records: whether its span records.
        token: what `enter` returned while the span is the current one.
    """

    __slots__ = (
        *("_early_s", "_endings", "_key", "_plan", "_start"),
        *("records", "span", "started_ns", "target", "token"),
    )

    def __init__(
        self,
        start: StartSpan,
        endings: Endings,
        target: Target,
        plan: Plan,
        key: Key,
        early_s: float,
    ) -> None:
        self._start = start
        self._endings = endings
        self._plan = plan
        self._key = key
        self._early_s = early_s
        self.target = target
        self.started_ns = time.time_ns()
        self.span: Span | None = None
        self.records = False
        self.token: Any = None

    def begin(self) -> None:
        """Start the span, and make it the current one. Called right before the client."""
        span = self.span = self._start(self.target, self.started_ns)
        if span is not None:
            self.records = span.is_recording()
            self.token = enter(span)

    def leave(self) -> None:
        """Leave the span's context."""
        if self.token is not None:
            detach(self.token)
            self.token = None

    def add(self, duration_s: float) -> None:
        """End it as a success, after so many seconds."""
        target = self.target
        if target.add is not None:
            target.add(duration_s)
        if self.records and self.span is not None:
            self._endings.succeeded(self.span, self.started_ns, duration_s, self._node(duration_s))
        self.leave()

    def _node(self, duration_s: float) -> str | None:
        try:
            nodes = self._endings.owners(self._key)
        except Exception:  # noqa: BLE001 - a key of the application's own
            return None
        return master_that_answered(self._plan, nodes, duration_s, self._early_s)


class FusedTelemetry:
    """Tells of fused calls what the link tells of others.

    Args:
        wants_span: whether a span is to be started for a call that begins here; None where nobody takes
            spans.
        start: starts the span of a call on one record; None where its application has hooks, which look
            at the call.
        targets: what is known of operations before they are made.
        endings: records how operations end.
    """

    __slots__ = ("_endings", "_start", "_targets", "_wants_span")

    def __init__(
        self,
        wants_span: Callable[[], bool] | None,
        start: StartSpan | None,
        targets: Targets,
        endings: Endings,
    ) -> None:
        self._wants_span = wants_span
        self._start = start
        self._targets = targets
        self._endings = endings

    def listens(self, operation: Operation, key: Key) -> Listens:
        """Return who listens to a call that begins now.

        Args:
            operation: the operation.
            key: the record's key.
        """
        if dropped:
            tell_dropped()
        wants_span = self._wants_span
        if wants_span is not None and wants_span():
            return False
        if self._endings.record is None or suppressed():
            return None
        if operation.procedure[0]:
            return False
        target = self._target(operation, key)
        return target if target is not None and target.add is not None else False

    def traced(self, plan: Plan, key: Key, early_s: float) -> Traced | None:
        """Return a call for which a span is to be started; None where it needs the chain.

        Args:
            plan: its plan.
            key: the record's key.
            early_s: from how many seconds on a success may have left its first node.
        """
        operation = plan.operation
        if self._start is None or operation.procedure[0]:
            return None
        target = self._target(operation, key)
        if target is None or (target.add is None) != (self._endings.record is None):
            return None
        return Traced(self._start, self._endings, target, plan, key, early_s)

    def _target(self, operation: Operation, key: Key) -> Target | None:
        """Return a call's target; None if it cannot be described, which the link reports as broken."""
        try:
            return self._targets.at(operation.name, self._targets.place(key))
        except Exception:  # noqa: BLE001 - a key of the application's own
            return None

    def answered(
        self, target: Target | Traced, plan: Plan, failure: Failure, error: Exception, took_s: float
    ) -> None:
        """Record the duration of a call whose only try was answered about the record.

        Its span, if it has one, must not record.

        Args:
            target: its target.
            plan: its plan.
            failure: what the error means.
            error: what the client raised.
            took_s: how long it took, in seconds.
        """
        if isinstance(target, Traced):
            target.leave()
            target = target.target
        if target.add is None:
            return
        index = type(error), failure.code, plan.writes
        add = target.answers.get(index)
        if add is None:
            add = self._adding(target, plan, failure, error)
            if len(target.answers) < KEPT:
                target.answers[index] = add
        add(took_s)

    def _adding(self, target: Target, plan: Plan, failure: Failure, error: Exception) -> Add:
        call = Call(plan, (), _NOTHING, None)
        call.failure, call.raised = failure, error
        told = self._endings.judged(Outcome.of(call, error, 0.0))
        add = self._targets.adding({**target.sample, **told})
        return add or _nowhere

    def failed(self, target: Target | Traced, call: Call, error: BaseException) -> None:
        """Record the duration of a call that ended with an error.

        Args:
            target: its target.
            call: the call, as the chain left it.
            error: what it ended with.
        """
        under_way = self._under_way(target, call)
        under_way.failed(error)
        under_way.leave()

    def returned(self, target: Target | Traced, call: Call, result: Any) -> None:
        """Record the duration of a call that returned after a failed attempt.

        Args:
            target: its target.
            call: the call, as the chain left it.
            result: what it returned.
        """
        under_way = self._under_way(target, call)
        under_way.returned(result)
        under_way.leave()

    def _under_way(self, target: Target | Traced, call: Call) -> UnderWay:
        if isinstance(target, Traced):
            entered, target.token = target.token, None
            return UnderWay(
                *(self._endings, call, target.target, target.span, call.started),
                *(target.started_ns, entered),
            )
        return UnderWay(self._endings, call, target, None, call.started, time.time_ns())


def _nowhere(_duration_s: float) -> None:
    return None
