"""Telemetry: one span and one duration sample for each operation, however many attempts it makes.

Both come from the operation's `Outcome`. Names follow OpenTelemetry's semantic conventions for
database clients (``telemetry/registry.py``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from opentelemetry.trace import Span, SpanKind, Tracer

from ..model.call import Call
from ..model.operation import POINT, QUERY, Key, Operation
from ..model.outcome import (
    FILTERED_OUT,
    Outcome,
    Owners,
    contacted,
    is_eventful,
    note_failed_rows,
    note_read_rows,
    note_rows_in_error,
    returned_rows,
)
from ..model.plan import Plan
from ..model.stream import Reading, Stream, dropped, tell_dropped
from ..telemetry import registry as names
from ..telemetry.listening import SpanFilter
from ..telemetry.spans import (
    NodeAddress,
    RequestHook,
    ResponseHook,
    describe,
    detach,
    enter,
    error_attributes,
    name_peer,
    suppressed,
)
from ..telemetry.targets import Target, Targets
from .attempt.spans import AttemptSpans
from .base import Link, LinkedAsync, Proceed, ProceedAsync

Record = Callable[[float, Mapping[str, Any]], None]
"""Takes a duration in seconds and the attributes of its sample, which it must not change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a profile and the application want of spans and samples.

    Attributes:
        errors: which ordinary ends count as errors: ``miss``, ``filtered``, ``cancelled``.
        returned_rows: whether the span of a query has the number of records that it returned.
        statement: from an operation and its arguments to the text of the query that it makes, without
            values; None where spans have no text.
        request_hook: called with every span that records, when its operation begins.
        response_hook: called with every span that records, when its operation has ended.
    """

    errors: Collection[str] = ()
    returned_rows: bool = False
    statement: Callable[[Operation, Mapping[str, Any]], str] | None = None
    request_hook: RequestHook | None = None
    response_hook: ResponseHook | None = None


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
    """

    def __init__(
        self,
        *,
        tracer: Tracer | None,
        record: Record | None,
        targets: Targets,
        wishes: Wishes = Wishes(),
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
        self._owners = owners
        self._clock = clock
        self._on_broken = on_broken
        self._looks_at_all = wishes.response_hook is not None

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
            told = _Told(self._end, self._clock, call, target, span, self._clock(), started_ns)
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
            told = _Told(self._end, self._clock, call, target, span, self._clock(), started_ns)
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
        try:
            add(max(self._clock() - started, 0.0))
        except Exception as broken:  # noqa: BLE001 - telemetry must not make a call fail
            self._on_broken("a duration could not be recorded", broken)
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
        try:
            add(max(self._clock() - started, 0.0))
        except Exception as broken:  # noqa: BLE001 - telemetry must not make a call fail
            self._on_broken("a duration could not be recorded", broken)
        return result

    def succeeded(self, plan: Plan, key: Key, duration_s: float) -> None:
        """Record a plain success on one record, for calls that do not come through this link.

        Only the sample: the span of a call that records needs the link.

        Args:
            plan: the call's plan.
            key: the record's key.
            duration_s: how long it took, in seconds.
        """
        if self._record is None:
            return
        try:
            target = self._targets.at(plan.operation.name, self._targets.place(key))
            if target.add is not None:
                target.add(duration_s)
        except Exception as error:  # noqa: BLE001 - telemetry must not make a call fail
            self._on_broken("a duration could not be recorded", error)

    def refused(self, call: Call, error: Exception) -> None:
        """Tell of a call that was refused before it entered the chain."""
        if self.wanted and not suppressed():
            target, started_ns = self._target(call), time.time_ns()
            span = self._span(call, target, started_ns) if self._wants_span() else None
            told = _Told(self._end, self._clock, call, target, span, self._clock(), started_ns)
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

    def _told(self, call: Call, target: Target, span: Span | None, started: float) -> _Told:
        return _Told(self._end, self._clock, call, target, span, started, time.time_ns())

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
            target.name, kind=SpanKind.CLIENT, attributes=attributes, start_time=started_ns
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

    def _end(
        self, told: _Told, error: BaseException | None, duration_s: float, rows: int | None
    ) -> None:
        """Record the duration and end the span, from one outcome."""
        call, span = told.call, told.span
        recording = span is not None and span.is_recording()
        try:
            sample, outcome = told.target.sample, None
            at_end: dict[str, Any] = {}
            if error is not None or rows is not None or self._looks_at_all or is_eventful(call):
                outcome = self._outcome(call, error, duration_s, rows, look_up=recording)
                duration_s = outcome.duration_s
                at_end = self._judged(outcome)
                if at_end:
                    sample = {**sample, **at_end}
            if self._record is not None:
                self._record(duration_s, sample)
            if span is not None and recording:
                if outcome is None:
                    name_peer(span, contacted(call, self._owners), self._address)
                else:
                    describe(span, outcome, at_end, self._address, rows=self._wishes.returned_rows)
                    self._respond(span, call, outcome)
        except Exception as broken:  # noqa: BLE001 - telemetry must not make a call fail
            self._on_broken("a span or a duration could not be recorded", broken)
        if span is not None:
            try:
                span.end(told.started_ns + round(duration_s * 1e9))
            except Exception as broken:  # noqa: BLE001
                self._on_broken("a span could not be ended", broken)

    def _outcome(
        self,
        call: Call,
        error: BaseException | None,
        duration_s: float,
        rows: int | None,
        *,
        look_up: bool,
    ) -> Outcome:
        """Return the call's outcome: the one that an inner link told, if it ended with the same error."""
        made = call.outcome
        if isinstance(made, Outcome) and (error is not None) == bool(made.error):
            return made
        owners = self._owners if look_up else _nobody
        return Outcome.of(call, error, duration_s, owners=owners, rows=rows)

    def _judged(self, outcome: Outcome) -> dict[str, Any]:
        """Return what span and sample share at the end: the error's attributes, or a miss' code."""
        kind = outcome.kind
        if kind == "ok":
            return {}
        if kind == "miss":
            filtered = outcome.code == FILTERED_OUT
            if ("filtered" if filtered else "miss") not in self._wishes.errors:
                return {names.DB_STATUS_CODE: str(outcome.code)}
        elif kind == "cancelled" and kind not in self._wishes.errors:
            return {}
        return error_attributes(outcome)

    def _respond(self, span: Span, call: Call, outcome: Outcome) -> None:
        hook = self._wishes.response_hook
        if hook is not None:
            try:
                hook(span, call, outcome)
            except Exception as error:  # noqa: BLE001
                self._on_broken("the response hook raised", error)


class _Told:
    """One operation under way: its span, its target, and when it began.

    Args:
        end: records its end: takes this object, the error, the duration in seconds, and the returned rows.
        clock: the chain's clock, in seconds.
        call: the call.
        target: what is known of it.
        span: its span; None where nobody takes it.
        started: when it began, on that clock.
        started_ns: the same in nanoseconds of the wall clock.
    """

    __slots__ = ("_clock", "_end", "_started", "_token", "call", "span", "started_ns", "target")

    def __init__(
        self,
        end: Callable[[_Told, BaseException | None, float, int | None], None],
        clock: Callable[[], float],
        call: Call,
        target: Target,
        span: Span | None,
        started: float,
        started_ns: int,
    ) -> None:
        self._end = end
        self._clock = clock
        self._started = started
        self.call = call
        self.target = target
        self.span = span
        self.started_ns = started_ns
        self._token = None if span is None else enter(span)
        if span is not None:
            call.span = span

    def leave(self) -> None:
        """Leave the span's context."""
        if self._token is not None:
            detach(self._token)

    def failed(self, error: BaseException) -> None:
        """End it with an error."""
        note_rows_in_error(self.call, error)
        self._end(self, error, max(self._clock() - self._started, 0.0), None)

    def returned(self, result: Any) -> None:
        """End it with a result; a stream ends when it was read."""
        call = self.call
        operation = call.plan.operation
        if operation.streams and isinstance(result, Stream):
            result.when_ended(self._stream_ended, self._clock)
            return
        duration_s, rows = max(self._clock() - self._started, 0.0), None
        if operation.shape is not POINT:
            note_failed_rows(call, result)
            rows = returned_rows(call, result)
        self._end(self, None, duration_s, rows)

    def _stream_ended(self, reading: Reading, error: BaseException | None, ended: float) -> None:
        call = self.call
        note_read_rows(call, reading)
        rows = reading.rows if call.plan.operation.shape is QUERY else None
        self._end(self, error, max(ended - self._started, 0.0), rows)


NO_TARGET: Final = Target("aerospike", {names.DB_SYSTEM: "aerospike"}, {})
"""For a call that could not be described."""


def _no_span() -> bool:
    return False


def _nobody(_key: Key | None) -> tuple[str, ...]:
    return ()
