"""Telemetry of calls on the fused path, which does the success work of every link without going through it.

Such a call has a duration sample and no span that records. A call that needs one takes the chain.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from ...model.call import Call
from ...model.failure import Failure
from ...model.operation import Key, Operation
from ...model.outcome import Outcome
from ...model.plan import Plan
from ...model.stream import dropped, tell_dropped
from ...telemetry.spans import suppressed
from ...telemetry.targets import KEPT, Add, Target, Targets
from .endings import Endings, UnderWay

Listens: TypeAlias = Target | Literal[False] | None
"""Where a call's duration goes; None where nothing is to be told of it; False where it needs the chain."""

_NOTHING: Final = MappingProxyType[str, Any]({})


class FusedTelemetry:
    """Tells of fused calls what the link tells of others.

    Args:
        wants_span: whether a span is to be started for a call that begins here.
        targets: what is known of operations before they are made.
        endings: records how operations end.
    """

    __slots__ = ("_endings", "_targets", "_wants_span")

    def __init__(self, wants_span: Callable[[], bool], targets: Targets, endings: Endings) -> None:
        self._wants_span = wants_span
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
        if suppressed():
            return None
        if self._wants_span() or operation.procedure[0]:
            return False
        if self._endings.record is None:
            return None
        try:
            target = self._targets.at(operation.name, self._targets.place(key))
        except Exception:  # noqa: BLE001 - a key of the application's own; the link says that it is broken
            return False
        return target if target.add is not None else False

    def answered(
        self, target: Target, plan: Plan, failure: Failure, error: Exception, took_s: float
    ) -> None:
        """Record the duration of a call whose only try was answered about the record.

        Args:
            target: its target.
            plan: its plan.
            failure: what the error means.
            error: what the client raised.
            took_s: how long it took, in seconds.
        """
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

    def failed(self, target: Target, call: Call, error: BaseException) -> None:
        """Record the duration of a call that ended with an error.

        Args:
            target: its target.
            call: the call, as the chain left it.
            error: what it ended with.
        """
        self._under_way(target, call).failed(error)

    def returned(self, target: Target, call: Call, result: Any) -> None:
        """Record the duration of a call that returned after a failed attempt.

        Args:
            target: its target.
            call: the call, as the chain left it.
            result: what it returned.
        """
        self._under_way(target, call).returned(result)

    def _under_way(self, target: Target, call: Call) -> UnderWay:
        return UnderWay(self._endings, call, target, None, call.started, time.time_ns())


def _nowhere(_duration_s: float) -> None:
    return None
