"""Telemetry: one span and one duration sample for each operation, however many attempts it makes.

Names follow OpenTelemetry's semantic conventions for database clients (``db.*``, stable since 1.33);
what they do not cover (retries, breaker, gate) is under ``aerospike.resilience.*``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sized
from typing import Any

from opentelemetry import context, metrics, trace
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, TracerProvider

from ..model.call import Call
from ..model.operation import Operation, Shape
from ..model.outcome import Outcome
from ..telemetry.board import board_of
from ..telemetry.durations import NamedSets
from ..telemetry.providers import tracer
from .base import Link, LinkedAsync, Proceed, ProceedAsync


class Telemetry(Link):
    """Trace and time operations.

    While no SDK is configured, the chain is built without it (`wanted`), so that it costs nothing.

    Args:
        spans: whether the profile wants spans.
        metrics_: whether the profile wants metrics.
        tracer_provider: None for the global one.
        meter_provider: None for the global one.
        node_address: from a node's name to its ``(host, port)``, None where unknown.
        place: from a record's key to its namespace and set.
        statement: from an operation and its arguments to the text of the query that it makes, without
            values; None where the profile does not want it in spans.
        on_broken: called with the step that an exporter or a processor made fail, and its exception.
        client_name: the wrapped client's name.
        sets: the sets that metrics name.
    """

    def __init__(
        self,
        *,
        spans: bool = True,
        metrics_: bool = True,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        node_address: Callable[[str], tuple[str, int] | None] = lambda _name: None,
        place: Callable[[Any], tuple[str, str] | None] = lambda _key: None,
        statement: Callable[[Operation, Mapping[str, Any]], str] | None = None,
        clock: Callable[[], float] = time.monotonic,
        client_name: str = "",
        on_broken: Callable[[str, Exception], None] = lambda _what, _error: None,
        sets: NamedSets | None = None,
    ) -> None:
        self._client_name = client_name
        tracer_provider = tracer_provider or trace.get_tracer_provider()
        meter_provider = meter_provider or metrics.get_meter_provider()
        self._tracer = tracer(tracer_provider) if spans else None
        board = board_of(meter_provider) if metrics_ else None
        self._durations = None if board is None else board.durations
        self._sets = sets or NamedSets()
        self._node_address = node_address
        self._place = place
        self._statement = statement
        self._clock = clock
        self._on_broken = on_broken

    @property
    def listeners(self) -> tuple[bool, bool]:
        """Whether spans and whether metrics are taken."""
        return self._tracer is not None, self._durations is not None

    @property
    def wanted(self) -> bool:
        """Whether anything listens."""
        return any(self.listeners)

    def link(self, proceed: Proceed) -> Proceed:
        """Open a span, proceed, close it and record the duration."""

        def telemetry(call: Call) -> Any:
            started = self._clock()
            attributes = self._attributes(call)
            span = self._start(call, attributes)
            token = context.attach(trace.set_span_in_context(span)) if span is not None else None
            try:
                result = proceed(call)
            except BaseException as error:
                self._end(call, span, attributes, started, error)
                raise
            else:
                self._end(call, span, attributes, started, None)
                return result
            finally:
                if token is not None:
                    context.detach(token)

        return telemetry

    def link_async(self, proceed: ProceedAsync) -> LinkedAsync:
        """Open a span, proceed, close it and record the duration."""

        async def telemetry(call: Call) -> Any:
            started = self._clock()
            attributes = self._attributes(call)
            span = self._start(call, attributes)
            token = context.attach(trace.set_span_in_context(span)) if span is not None else None
            try:
                result = await proceed(call)
            except BaseException as error:
                self._end(call, span, attributes, started, error)
                raise
            else:
                self._end(call, span, attributes, started, None)
                return result
            finally:
                if token is not None:
                    context.detach(token)

        return telemetry

    def _attributes(self, call: Call) -> dict[str, Any]:
        """Return the attributes of spans and metrics: names only, never an application's key or value."""
        operation = call.plan.operation
        attributes: dict[str, Any] = {
            "db.system.name": "aerospike",
            "db.operation.name": operation.name,
            "aerospike.resilience.client": self._client_name,
        }
        namespace, set_name = (call.key is not None and self._place(call.key)) or (None, None)
        if namespace:
            attributes["db.namespace"] = namespace
        if set_name:
            attributes["db.collection.name"] = set_name
        return attributes

    @staticmethod
    def _batch_size(call: Call) -> dict[str, int]:
        """Return the batch size, for spans only: on a metric it would make a series for every size."""
        operation = call.plan.operation
        if operation.shape is not Shape.BATCH:
            return {}
        rows = operation.bind(call.args, call.kwargs).get(operation.rows)
        return {"db.operation.batch.size": len(rows)} if isinstance(rows, Sized) else {}

    def _start(self, call: Call, attributes: dict[str, Any]) -> Span | None:
        """Start the call's span; None where spans are off, and where it cannot be started."""
        if self._tracer is None:
            return None
        try:
            return self._started(self._tracer, call, attributes)
        except Exception as error:  # noqa: BLE001 - telemetry must not make a call fail
            self._on_broken("a span could not be started", error)
            return None

    def _started(self, tracer: Tracer, call: Call, attributes: dict[str, Any]) -> Span:
        target = attributes.get("db.collection.name") or attributes.get("db.namespace")
        name = call.plan.operation.name
        described = {
            **attributes,
            **self._batch_size(call),
            "aerospike.resilience.profile": call.plan.profile,
        }
        if text := self._text(call):
            described["db.query.text"] = text
        return tracer.start_span(
            f"{name} {target}" if target else name, kind=SpanKind.CLIENT, attributes=described
        )

    def _text(self, call: Call) -> str:
        """Return a query's text; empty for other operations, and where the profile leaves it out."""
        operation = call.plan.operation
        if self._statement is None or operation.shape is not Shape.QUERY:
            return ""
        if call.text is not None:
            return call.text()
        return self._statement(operation, operation.bind(call.args, call.kwargs))

    def _end(
        self,
        call: Call,
        span: Span | None,
        attributes: dict[str, Any],
        started: float,
        error: BaseException | None,
    ) -> None:
        """Record the duration and end the span."""
        try:
            duration_s = self._clock() - started
            outcome = None
            if error is not None or _eventful(call):
                outcome = Outcome.of(call, error, duration_s)
            if error is not None:
                attributes["error.type"] = type(error).__qualname__
                if outcome is not None and outcome.code is not None:
                    attributes["db.response.status_code"] = str(outcome.code)
            if self._durations is not None:
                self._durations.add(duration_s, self._capped(attributes))
            if span is not None:
                self._close(call, span, outcome, attributes)
        except Exception as broken:  # noqa: BLE001 - telemetry must not make a call fail
            self._on_broken("a span or a duration could not be recorded", broken)

    def _capped(self, attributes: dict[str, Any]) -> Mapping[str, Any]:
        """Return the attributes of a sample, with the set as metrics name it."""
        named = attributes.get("db.collection.name")
        if named is None:
            return attributes
        set_name = self._sets.named(attributes["db.namespace"], named)
        return attributes if set_name == named else {**attributes, "db.collection.name": set_name}

    def _close(
        self, call: Call, span: Span, outcome: Outcome | None, attributes: dict[str, Any]
    ) -> None:
        """Describe how the call went, and end the span."""
        if span.is_recording():
            if call.nodes and (address := self._node_address(call.nodes[0])):
                span.set_attributes({"server.address": address[0], "server.port": address[1]})
            if outcome is not None:
                self._describe(outcome, span, attributes)
        span.end()

    @staticmethod
    def _describe(outcome: Outcome, span: Span, attributes: dict[str, Any]) -> None:
        for attempt in outcome.attempts:
            if attempt.failure is not None:
                span.add_event(
                    "aerospike.resilience.attempt_failed",
                    {
                        "number": attempt.number,
                        "failure": str(attempt.failure.kind),
                        "duration_s": attempt.duration_s,
                        "slept_s": attempt.slept_s,
                        "node": attempt.failure.node or "",
                    },
                )
        if outcome.retries > 0:
            span.set_attribute("aerospike.resilience.retries", outcome.retries)
        if outcome.fell_back:
            span.set_attributes({"aerospike.resilience.fallback": True})
        if outcome.commit_master:
            span.set_attributes({"aerospike.resilience.commit_master": True})
        if outcome.error:
            for name in ("error.type", "db.response.status_code"):
                if name in attributes:
                    span.set_attribute(name, attributes[name])
            span.set_status(Status(StatusCode.ERROR))


def _eventful(call: Call) -> bool:
    """Return whether there is more to say of a call that went well than how long and where."""
    return bool(call.attempts or call.rows_failed or call.commit_master or call.fell_back)
