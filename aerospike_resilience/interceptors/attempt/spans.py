"""Attempt spans: a child span of each attempt, with ``telemetry: {attempt_spans: true}``."""

from __future__ import annotations

from typing import Any

from opentelemetry.trace import Tracer

from ...model.call import Call
from ...telemetry.spans import AttemptSpan, NodeAddress
from ..base import Link, LinkedAsync, Proceed, ProceedAsync


class AttemptSpans(Link):
    """Make a span of each attempt. It is right around the attempt, so a client's own span is its child.

    Args:
        tracer: makes the spans.
        address: from a node's name to its host and port; None where they are unknown.
    """

    __slots__ = ("_address", "_tracer")

    def __init__(self, tracer: Tracer, address: NodeAddress) -> None:
        self._tracer = tracer
        self._address = address

    def link(self, proceed: Proceed) -> Proceed:
        """Open a span, proceed, close it."""

        def attempt_span(call: Call) -> Any:
            span = AttemptSpan.begin(self._tracer, call)
            if span is None:
                return proceed(call)
            try:
                result = proceed(call)
            except BaseException as error:
                span.end(error, self._address)
                raise
            span.end(None, self._address)
            return result

        return attempt_span

    def link_async(self, proceed: ProceedAsync) -> LinkedAsync:
        """Open a span, proceed, close it."""

        async def attempt_span(call: Call) -> Any:
            span = AttemptSpan.begin(self._tracer, call)
            if span is None:
                return await proceed(call)
            try:
                result = await proceed(call)
            except BaseException as error:
                span.end(error, self._address)
                raise
            span.end(None, self._address)
            return result

        return attempt_span
