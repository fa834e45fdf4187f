"""Spans: one for each operation, described at its end by the operation's outcome."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer

from ..model.attempt import Attempt
from ..model.call import Call
from ..model.outcome import Outcome, is_answer
from . import registry as names
from .current import detach, enter, suppressed

RequestHook: TypeAlias = Callable[[Span, Call], None]
"""An application's function that may add attributes to a span that was just started."""

ResponseHook: TypeAlias = Callable[[Span, Call, Outcome], None]
"""An application's function that may add attributes to a span that is about to end."""

NodeAddress: TypeAlias = Callable[[str], tuple[str, int] | None]
"""From a node's name to its host and port; None where they are unknown."""


def name_peer(span: Span, node: str | None, address: NodeAddress) -> None:
    """Set on a span the address of the node that was contacted last, where it is known."""
    if node is not None and (peer := address(node)) is not None:
        host, port = peer
        span.set_attribute(names.PEER_ADDRESS, host)  # two of these cost less than one for both
        span.set_attribute(names.PEER_PORT, port)


def error_attributes(outcome: Outcome) -> dict[str, Any]:
    """Return the attributes of an outcome's error, which span and sample share."""
    found: dict[str, Any] = {
        names.ERROR_TYPE: outcome.error_type,
        names.FAILURE: outcome.cause,
    }
    if outcome.code is not None:
        found[names.DB_STATUS_CODE] = str(outcome.code)
    return found


def describe(
    span: Span,
    outcome: Outcome,
    told: Mapping[str, Any],
    address: NodeAddress,
    *,
    rows: bool = False,
    events: bool = True,
) -> None:
    """Set on a span what is known at the end of its operation.

    Args:
        span: the span, which records.
        outcome: how the operation ended.
        told: the attributes that span and sample share at the end: those of the error.
        address: from a node's name to its host and port.
        rows: whether to set the number of returned rows.
        events: whether attempts are events of the span, if there was more than one.
    """
    found = dict(told)
    if outcome.kind != "ok":
        found[names.OUTCOME] = outcome.kind
    if outcome.node is not None and (peer := address(outcome.node)) is not None:
        found[names.PEER_ADDRESS], found[names.PEER_PORT] = peer
    if outcome.retries > 0:
        found[names.RETRIES] = outcome.retries
    if outcome.native_retries > 0:
        found[names.NATIVE_RETRIES] = outcome.native_retries
    if (refusal := outcome.refusal) is not None:
        found[names.REFUSAL_REASON] = refusal.reason
        if refusal.node is not None:
            found[names.NODE] = refusal.node
            found[names.REFUSAL_ROLE], found[names.NODE_STATE] = refusal.role, refusal.state
    if outcome.waited_s > 0:
        found[names.QUEUE_TIME] = outcome.waited_s
    if outcome.rows_failed > 0:
        found[names.FAILED_ROWS] = outcome.rows_failed
    if rows and outcome.rows is not None:
        found[names.DB_RETURNED_ROWS] = outcome.rows
    if outcome.fell_back:
        found[names.FALLBACK] = True
    if outcome.commit_master:
        found[names.COMMIT_MASTER] = True
    if found:
        span.set_attributes(found)
    if outcome.retries > 0 and events:
        for attempt in outcome.every_attempt:
            span.add_event(names.ATTEMPT_EVENT, attempt_attributes(attempt))
    if names.ERROR_TYPE in told:
        span.set_status(Status(StatusCode.ERROR, outcome.cause))


def attempt_attributes(attempt: Attempt) -> dict[str, Any]:
    """Return the attributes of one attempt."""
    found: dict[str, Any] = {
        names.ATTEMPT_NUMBER: attempt.number,
        names.ATTEMPT_DURATION: attempt.duration_s,
    }
    if attempt.failure is not None:
        found[names.ATTEMPT_TRIES] = attempt.tries
        found[names.FAILURE] = str(attempt.failure.kind)
    if attempt.slept_s:
        found[names.ATTEMPT_SLEEP] = attempt.slept_s
    if attempt.node is not None:
        found[names.NODE] = attempt.node
    return found


class AttemptSpan:
    """The span of one attempt. It is the current one while the client is called.

    Args:
        tracer: makes it.
        call: the call.
    """

    __slots__ = ("_call", "_number", "_span", "_token")

    def __init__(self, tracer: Tracer, call: Call) -> None:
        self._call = call
        self._number = len(call.attempts) + 1
        operation = call.plan.operation.name
        self._span = tracer.start_span(
            f"{operation} attempt",
            kind=SpanKind.CLIENT,
            attributes={
                names.DB_SYSTEM: "aerospike",
                names.DB_OPERATION: operation,
                names.ATTEMPT_NUMBER: self._number,
            },
        )
        self._token = enter(self._span)

    @classmethod
    def begin(cls, tracer: Tracer, call: Call) -> AttemptSpan | None:
        """Return the span of an attempt that begins now; None where none may be made, or none can be."""
        if call.inside or suppressed():
            return None
        try:
            return cls(tracer, call)
        except Exception:  # noqa: BLE001 - telemetry must not make a call fail; the operation's span says so
            return None

    def end(self, error: BaseException | None, address: NodeAddress) -> None:
        """End it as its attempt ended."""
        detach(self._token)
        with contextlib.suppress(Exception):  # telemetry must not make a call fail
            if self._span.is_recording():
                self._describe(error, address)
            self._span.end()

    def _describe(self, error: BaseException | None, address: NodeAddress) -> None:
        """Say how the attempt failed, if it did. An ordinary answer is no error."""
        call, span = self._call, self._span
        if len(call.attempts) < self._number:
            return
        attempt = call.attempts[self._number - 1]
        failure = attempt.failure
        told = attempt_attributes(attempt)
        if attempt.node is not None and (peer := address(attempt.node)) is not None:
            told[names.PEER_ADDRESS], told[names.PEER_PORT] = peer
        if failure is not None and failure.code is not None:
            told[names.DB_STATUS_CODE] = str(failure.code)
        if failure is None or is_answer(failure, writes=call.plan.writes):
            told.pop(names.FAILURE, None)
        else:
            told[names.ERROR_TYPE] = attempt.error if error is not None else str(failure.code)
            span.set_status(Status(StatusCode.ERROR, str(failure.kind)))
        span.set_attributes(told)
