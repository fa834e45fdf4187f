"""Telemetry of calls on the fused path, which does the success work of every link without going through it.

Where nobody keeps a span, a call has a target, which takes its duration. Where a span is to be started, it
has a `Traced`, which starts it when the client is called: whoever takes the general chain before that has
none yet.
"""

from __future__ import annotations

from collections.abc import Callable
from time import time_ns
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from opentelemetry.trace import Span, SpanKind

from ...model.call import Call
from ...model.failure import Failure
from ...model.operation import Key
from ...model.outcome import Outcome, master_answered
from ...model.plan import Plan
from ...model.stream import dropped, tell_dropped
from ...telemetry.current import detach, enter, get_current, suppressed
from ...telemetry.spans import name_peer
from ...telemetry.targets import KEPT, Add, Target, Targets
from .endings import Endings, UnderWay

StartSpan: TypeAlias = Callable[..., Span]
"""`Tracer.start_span`."""

CLIENT: Final = SpanKind.CLIENT
"""Looked up once: an enumeration's members are found by a search through its classes."""

Heard: TypeAlias = "tuple[Target | Traced | None, Traced | None]"
"""Where a call's duration goes, None where telemetry skips it; and the same if a span is to be started."""

UNHEARD: Final = (None, None)
"""Nobody listens to this call."""

_NOTHING: Final = MappingProxyType[str, Any]({})


class Traced:
    """A fused call for which a span is to be started. Made by `FusedTelemetry.listen`.

    It has no ``__init__``, which would take as long as the rest of `listen`.

    Attributes:
        plan: its plan.
        key: the record's key.
        early_s: from how many seconds on a success may have left its first node. Written again where the
            call turns out to be a patient one.
        target: what is known of it.
        span: its span; None before `begin`, and where it could not be started.
        started_ns: when it began, in nanoseconds of the wall clock.
        records: whether its span records.
        token: what `enter` returned while the span is the current one.
    """

    __slots__ = (
        *("_of", "early_s", "key", "plan"),
        *("records", "span", "started_ns", "target", "token"),
    )

    plan: Plan
    key: Key
    early_s: float
    target: Target
    started_ns: int
    span: Span | None
    records: bool
    token: Any
    _of: FusedTelemetry

    def begin(self) -> None:
        """Start the span, and make it the current one. Called right before the client."""
        start_span, target, here = self._of.start_span, self.target, get_current()
        try:  # by position, and with the context: the SDK would ask for it three times
            span = start_span(target.name, here, CLIENT, target.span, (), self.started_ns)
        except Exception as error:  # noqa: BLE001 - telemetry must not make a call fail
            self._of.endings.broken("a span could not be started", error)
            return
        self.span = span
        self.records = span.is_recording()
        self.token = enter(span, here)

    def leave(self) -> None:
        """Leave the span's context."""
        if self.token is not None:
            detach(self.token)
            self.token = None

    def add(self, duration_s: float) -> None:
        """End it as a success, after so many seconds."""
        add = self.target.add
        if add is not None:
            add(duration_s)
        span = self.span
        if self.records and span is not None:
            endings = self._of.endings
            try:
                if master_answered(self.plan, duration_s, self.early_s):
                    owners = endings.owners
                    if nodes := owners(self.key):
                        name_peer(span, nodes[0], endings.address)
                span.end(self.started_ns + round(duration_s * 1e9))
            except Exception as broken:  # noqa: BLE001 - telemetry must not make a call fail
                endings.broken("a span could not be ended", broken)
        if self.token is not None:
            detach(self.token)
            self.token = None


class FusedTelemetry:
    """Tells of fused calls what the link tells of others.

    Args:
        wants_span: whether a span is to be started for a call that begins here; None where nobody takes
            spans.
        start_span: the tracer's method; never called where nobody takes spans.
        targets: what is known of operations before they are made.
        endings: records how operations end.
        hooks: whether the application has hooks, which look at the call.

    Attributes:
        start_span: as above.
        endings: as above.
    """

    __slots__ = (
        *("_hooks", "_of_key", "_records", "_targets", "_wants_span"),
        *("endings", "start_span"),
    )

    def __init__(
        self,
        wants_span: Callable[[], bool] | None,
        start_span: StartSpan,
        targets: Targets,
        endings: Endings,
        *,
        hooks: bool,
    ) -> None:
        self._wants_span = wants_span
        self._targets = targets
        self._of_key = targets.of_key
        self._records = endings.record is not None
        self._hooks = hooks
        self.start_span = start_span
        self.endings = endings

    def listen(self, plan: Plan, key: Key, early_s: float) -> Heard | None:
        """Return who listens to a call that begins now; None where it needs the chain.

        So do a UDF's call, a call that cannot be described, which the link reports as broken, and one at
        which the application's hooks look.

        Args:
            plan: its plan.
            key: the record's key.
            early_s: from how many seconds on a success may have left its first node.
        """
        if dropped:
            tell_dropped()
        wants_span = self._wants_span
        if wants_span is not None and wants_span():
            starts = True
        elif self._records and not suppressed():
            starts = False
        else:
            return UNHEARD
        operation, of_key = plan.operation, self._of_key
        if operation.procedure[0] or (starts and self._hooks):
            return None
        try:
            target = of_key(operation.name, key)
        except Exception:  # noqa: BLE001 - a key of the application's own
            return None
        if (target.add is not None) is not self._records:
            return None
        if not starts:
            return target, None
        traced = Traced()
        traced._of, traced.target, traced.plan = self, target, plan  # noqa: SLF001 - made here alone
        traced.key, traced.early_s = key, early_s
        traced.span = traced.token = None
        traced.records = False
        traced.started_ns = time_ns()
        return traced, traced

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
        told = self.endings.judged(Outcome.of(call, error, 0.0))
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
                *(self.endings, call, target.target, target.span, call.started),
                *(target.started_ns, entered),
            )
        return UnderWay(self.endings, call, target, None, call.started, time_ns())


def _nowhere(_duration_s: float) -> None:
    return None
