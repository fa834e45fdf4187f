"""Endings: how an operation ends on its span and in its duration sample, both from one outcome."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from opentelemetry.trace import Span

from ...model.call import Call
from ...model.operation import POINT, QUERY, Key, Operation
from ...model.outcome import (
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
from ...model.stream import Reading, Stream
from ...telemetry import registry as names
from ...telemetry.attempt_logs import AttemptLogs
from ...telemetry.current import detach, enter
from ...telemetry.spans import (
    NodeAddress,
    RequestHook,
    ResponseHook,
    describe,
    error_attributes,
    name_peer,
)
from ...telemetry.targets import Target

Record: TypeAlias = Callable[[float, Mapping[str, Any]], None]
"""Takes a duration in seconds and the attributes of its sample, which it must not change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a profile and the application want of spans and samples.

    Attributes:
        errors: which ordinary ends count as errors: ``miss``, ``filtered``, ``cancelled``.
        returned_rows: whether the span of a query has the number of records that it returned.
        statement: from an operation and its arguments to the text of the query that it makes, without
            values; None where spans have no text.
        attempt_logs: emits a log record for each attempt; None where attempts are events of spans.
        request_hook: called with every span that records, when its operation begins.
        response_hook: called with every span that records, when its operation has ended.
    """

    errors: Collection[str] = ()
    returned_rows: bool = False
    statement: Callable[[Operation, Mapping[str, Any]], str] | None = None
    attempt_logs: AttemptLogs | None = None
    request_hook: RequestHook | None = None
    response_hook: ResponseHook | None = None


NO_WISHES: Final = Wishes()


class Endings:
    """Records how operations end.

    Args:
        record: takes duration samples; None where nobody takes them.
        wishes: what the profile and the application want.
        address: from a node's name to its host and port; None where they are unknown.
        owners: from a record's key to the names of the nodes that hold it.
        clock: seconds on the clock that the whole chain uses.
        on_broken: called with the step that an exporter or a processor made fail, and its exception.
    """

    __slots__ = ("_looks_at_all", "_wishes", "address", "broken", "clock", "owners", "record")

    def __init__(
        self,
        record: Record | None,
        wishes: Wishes,
        address: NodeAddress,
        owners: Owners,
        clock: Callable[[], float],
        on_broken: Callable[[str, Exception], None],
    ) -> None:
        self.record = record
        self.clock = clock
        self.broken = on_broken
        self._wishes = wishes
        self.address = address
        self.owners = owners
        self._looks_at_all = wishes.response_hook is not None

    def end(
        self, under_way: UnderWay, error: BaseException | None, duration_s: float, rows: int | None
    ) -> None:
        """Record the duration and end the span, from one outcome."""
        call, span = under_way.call, under_way.span
        recording = span is not None and span.is_recording()
        try:
            sample, outcome = under_way.target.sample, None
            at_end: dict[str, Any] = {}
            if error is not None or rows is not None or self._looks_at_all or is_eventful(call):
                outcome = self._outcome(call, error, duration_s, rows, look_up=recording)
                duration_s = outcome.duration_s
                at_end = self.judged(outcome)
                if at_end:
                    sample = {**sample, **at_end}
            if self.record is not None:
                self.record(duration_s, sample)
            logs = self._wishes.attempt_logs
            if span is not None and recording:
                if outcome is None:
                    name_peer(span, contacted(call, self.owners), self.address)
                else:
                    describe(
                        *(span, outcome, at_end, self.address),
                        rows=self._wishes.returned_rows,
                        events=logs is None,
                    )
                    self._respond(span, call, outcome)
            if logs is not None and outcome is not None:
                logs.tell(span, under_way.target.sample, outcome)
        except Exception as broken:  # noqa: BLE001 - telemetry must not make a call fail
            self.broken("a span or a duration could not be recorded", broken)
        if span is not None:
            try:
                span.end(under_way.started_ns + round(duration_s * 1e9))
            except Exception as broken:  # noqa: BLE001
                self.broken("a span could not be ended", broken)

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
        owners = self.owners if look_up else _nobody
        return Outcome.of(call, error, duration_s, owners=owners, rows=rows)

    def judged(self, outcome: Outcome) -> dict[str, Any]:
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
                self.broken("the response hook raised", error)


class UnderWay:
    """One operation under way: its span, its target, and when it began.

    Args:
        endings: records its end.
        call: the call.
        target: what is known of it.
        span: its span; None where nobody takes it.
        started: when it began, on that clock.
        started_ns: the same in nanoseconds of the wall clock.
        entered: what `enter` returned for the span, where it is the current one already.
    """

    __slots__ = ("_endings", "_started", "_token", "call", "span", "started_ns", "target")

    def __init__(
        self,
        endings: Endings,
        call: Call,
        target: Target,
        span: Span | None,
        started: float,
        started_ns: int,
        entered: Any = None,
    ) -> None:
        self._endings = endings
        self._started = started
        self.call = call
        self.target = target
        self.span = span
        self.started_ns = started_ns
        self._token = entered
        if span is not None:
            if entered is None:
                self._token = enter(span)
            call.span = span

    def leave(self) -> None:
        """Leave the span's context."""
        if self._token is not None:
            detach(self._token)

    def failed(self, error: BaseException) -> None:
        """End it with an error."""
        note_rows_in_error(self.call, error)
        self._endings.end(self, error, max(self._endings.clock() - self._started, 0.0), None)

    def returned(self, result: Any) -> None:
        """End it with a result; a stream ends when it was read."""
        call = self.call
        operation = call.plan.operation
        if operation.streams and isinstance(result, Stream):
            result.when_ended(self._stream_ended, self._endings.clock)
            return
        duration_s, rows = max(self._endings.clock() - self._started, 0.0), None
        if operation.shape is not POINT:
            note_failed_rows(call, result)
            rows = returned_rows(call, result)
        self._endings.end(self, None, duration_s, rows)

    def _stream_ended(self, reading: Reading, error: BaseException | None, ended: float) -> None:
        call = self.call
        note_read_rows(call, reading)
        rows = reading.rows if call.plan.operation.shape is QUERY else None
        self._endings.end(self, error, max(ended - self._started, 0.0), rows)


def _nobody(_key: Key | None) -> tuple[str, ...]:
    return ()
