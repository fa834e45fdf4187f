"""Telemetry: one span and one duration sample for each operation, however many attempts it makes.

Both come from the operation's `Outcome`. Names follow OpenTelemetry's semantic conventions for
database clients (``telemetry/registry.py``).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from opentelemetry.trace import NoOpTracer, Span, Tracer

from ...model.call import Call
from ...model.operation import POINT, QUERY
from ...model.outcome import Owners, is_eventful
from ...model.stream import dropped, tell_dropped
from ...telemetry import registry as names
from ...telemetry.current import detach, enter, suppressed
from ...telemetry.listening import SpanFilter
from ...telemetry.spans import NodeAddress
from ...telemetry.targets import Target, Targets
from ..attempt.spans import AttemptSpans
from ..base import Link, LinkedAsync, Proceed, ProceedAsync
from .endings import NO_WISHES, Endings, Record, UnderWay, Wishes
from .fused import CLIENT, FusedTelemetry


class Telemetry(Link):
    """Trace and time operations.

    While no SDK is configured, the chain is built without it (`wanted`), so that it costs nothing. Under
    ``suppress_instrumentation`` it tells nothing, and so for calls that are a part of another operation.

    Args:
        tracer: makes spans; None where nobody takes them.
        record: takes duration samples; None where nobody takes them.
        targets: what is known of operations before they are made.
        wishes: what else the profile and the application want.
        address: from a node's name to its host and port; None where they are unknown.
        owners: from a record's key to the names of the nodes that hold it.
        clock: seconds on the clock that the whole chain uses.
        on_broken: called with the step that an exporter or a processor made fail, and its exception.

    Attributes:
        fused: tells of calls on the fused path, which do not come through this link.
    """

    def __init__(
        self,
        *,
        tracer: Tracer | None,
        record: Record | None,
        targets: Targets,
        wishes: Wishes = NO_WISHES,
        address: NodeAddress = lambda _name: None,
        owners: Owners = lambda _key: (),
        clock: Callable[[], float] = time.monotonic,
        on_broken: Callable[[str, Exception], None] = lambda _what, _error: None,
    ) -> None:
        self._tracer = tracer
        self._wants_span = _no_span if tracer is None else SpanFilter(tracer).wants
        self._record = record
        self._targets = targets
        self._wishes = wishes
        self._address = address
        self._clock = clock
        self._on_broken = on_broken
        self._endings = endings = Endings(record, wishes, address, owners, clock, on_broken)
        self.fused = FusedTelemetry(
            None if tracer is None else self._wants_span,
            NoOpTracer().start_span if tracer is None else tracer.start_span,
            targets,
            endings,
            hooks=wishes.request_hook is not None or wishes.response_hook is not None,
        )

    @property
    def listeners(self) -> tuple[bool, bool]:
        """Whether spans and whether metrics are taken."""
        return self._tracer is not None, self._record is not None

    @property
    def wanted(self) -> bool:
        """Whether anything listens."""
        return any(self.listeners)

    def look(self) -> None:
        """Look for what was not known yet. Called by the tend thread."""
        self._targets.look()

    def link(self, proceed: Proceed) -> Proceed:
        """Open a span, proceed, close it and record the duration."""
        timed = None if self._record is None else self._timed

        def telemetry(call: Call) -> Any:
            if call.inside or suppressed():
                return proceed(call)
            if not self._wants_span():
                target = self._target(call)
                return proceed(call) if timed is None else timed(call, proceed, target)
            target, started_ns = self._target(call), time.time_ns()
            span = self._span(call, target, started_ns)
            if span is None or not span.is_recording():
                token = None if span is None else enter(span)
                try:
                    return proceed(call) if timed is None else timed(call, proceed, target)
                finally:
                    if token is not None:
                        detach(token)
            told = UnderWay(self._endings, call, target, span, self._clock(), started_ns)
            try:
                result = proceed(call)
            except BaseException as error:
                told.failed(error)
                raise
            else:
                told.returned(result)
                return result
            finally:
                told.leave()

        return telemetry

    def link_async(self, proceed: ProceedAsync) -> LinkedAsync:
        """Open a span, proceed, close it and record the duration."""
        timed = None if self._record is None else self._timed_async

        async def telemetry(call: Call) -> Any:
            if call.inside or suppressed():
                return await proceed(call)
            if not self._wants_span():
                target = self._target(call)
                return await (proceed(call) if timed is None else timed(call, proceed, target))
            target, started_ns = self._target(call), time.time_ns()
            span = self._span(call, target, started_ns)
            if span is None or not span.is_recording():
                token = None if span is None else enter(span)
                try:
                    return await (proceed(call) if timed is None else timed(call, proceed, target))
                finally:
                    if token is not None:
                        detach(token)
            told = UnderWay(self._endings, call, target, span, self._clock(), started_ns)
            try:
                result = await proceed(call)
            except BaseException as error:
                told.failed(error)
                raise
            else:
                told.returned(result)
                return result
            finally:
                told.leave()

        return telemetry

    def _timed(self, call: Call, proceed: Proceed, target: Target) -> Any:
        """Proceed and record the duration: of a call whose span nobody would keep."""
        started = self._clock()
        try:
            result = proceed(call)
        except BaseException as error:
            self._told(call, target, None, started).failed(error)
            raise
        add = target.add
        if add is None or call.plan.operation.shape is not POINT or is_eventful(call):
            self._told(call, target, None, started).returned(result)
            return result
        add(max(self._clock() - started, 0.0))
        return result

    async def _timed_async(self, call: Call, proceed: ProceedAsync, target: Target) -> Any:
        """Proceed and record the duration: of a call whose span nobody would keep."""
        started = self._clock()
        try:
            result = await proceed(call)
        except BaseException as error:
            self._told(call, target, None, started).failed(error)
            raise
        add = target.add
        if add is None or call.plan.operation.shape is not POINT or is_eventful(call):
            self._told(call, target, None, started).returned(result)
            return result
        add(max(self._clock() - started, 0.0))
        return result

    def refused(self, call: Call, error: Exception) -> None:
        """Tell of a call that was refused before it entered the chain."""
        if self.wanted and not suppressed():
            target, started_ns = self._target(call), time.time_ns()
            span = self._span(call, target, started_ns) if self._wants_span() else None
            told = UnderWay(self._endings, call, target, span, self._clock(), started_ns)
            told.failed(error)
            told.leave()

    def attempt_spans(self) -> list[Link]:
        """Return the link that makes a span of each attempt; none where nobody takes spans."""
        return [] if self._tracer is None else [AttemptSpans(self._tracer, self._address)]

    def _target(self, call: Call) -> Target:
        """Return what is known of a call that begins."""
        if dropped:
            tell_dropped()
        try:
            return self._targets.of(call)
        except Exception as error:  # noqa: BLE001 - telemetry must not make a call fail
            self._on_broken("a call could not be described", error)
            return NO_TARGET

    def _told(self, call: Call, target: Target, span: Span | None, started: float) -> UnderWay:
        return UnderWay(self._endings, call, target, span, started, time.time_ns())

    def _span(self, call: Call, target: Target, started_ns: int) -> Span | None:
        """Start a call's span; None where nobody takes it, or it could not be started."""
        if self._tracer is None:
            return None
        try:
            return self._start(self._tracer, call, target, started_ns)
        except Exception as error:  # noqa: BLE001 - telemetry must not make a call fail
            self._on_broken("a span could not be started", error)
            return None

    def _start(self, tracer: Tracer, call: Call, target: Target, started_ns: int) -> Span:
        attributes = target.span
        if (text := self._text(call)) is not None:
            attributes = {**attributes, names.DB_QUERY_TEXT: text}
        span = tracer.start_span(
            target.name, kind=CLIENT, attributes=attributes, start_time=started_ns
        )
        hook = self._wishes.request_hook
        if hook is not None and span.is_recording():
            try:
                hook(span, call)
            except Exception as error:  # noqa: BLE001
                self._on_broken("the request hook raised", error)
        return span

    def _text(self, call: Call) -> str | None:
        """Return a query's text; None for other operations, and where the profile leaves it out."""
        statement, operation = self._wishes.statement, call.plan.operation
        if statement is None or operation.shape is not QUERY:
            return None
        if call.query is not None:
            return call.query.text() or None
        return statement(operation, operation.bind(call.args, call.kwargs)) or None


NO_TARGET: Final = Target("aerospike", {names.DB_SYSTEM: "aerospike"}, {})
"""For a call that could not be described."""


def _no_span() -> bool:
    return False
