"""Attempt logs: OpenTelemetry log records of attempts, which take the place of events on spans."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from ..model.outcome import Outcome
from . import registry as names
from .providers import version
from .spans import attempt_attributes

if TYPE_CHECKING:
    from opentelemetry._logs import LoggerProvider
    from opentelemetry.trace import Span


@cache
def can_log() -> bool:
    """Return whether the API has log records with a context and an event's name (since 1.37)."""
    try:
        from opentelemetry._logs import LogRecord
    except ImportError:
        return False
    return {"context", "event_name"} <= inspect.signature(LogRecord).parameters.keys()


class AttemptLogs:
    """Emits a log record for each attempt of an operation that made several.

    Args:
        provider: None for the global one, as it is at the time.
    """

    __slots__ = ("_provider",)

    def __init__(self, provider: LoggerProvider | None) -> None:
        self._provider = provider

    def tell(self, span: Span | None, target: Mapping[str, Any], outcome: Outcome) -> None:
        """Emit the records of an operation that has ended, if it made more than one attempt.

        Args:
            span: the operation's span; None where it has none.
            target: what its duration sample has of names and server.
            outcome: how it ended.
        """
        if outcome.retries < 1:
            return
        from opentelemetry import trace
        from opentelemetry._logs import LogRecord, SeverityNumber, get_logger

        logger = get_logger(names.SCOPE, version(), self._provider, names.SCHEMA_URL)
        context = None if span is None else trace.set_span_in_context(span)
        for attempt in outcome.every_attempt:
            failed = attempt.failure is not None
            logger.emit(
                LogRecord(
                    context=context,
                    event_name=names.ATTEMPT_EVENT,
                    severity_number=SeverityNumber.WARN if failed else SeverityNumber.INFO,
                    attributes={**target, **attempt_attributes(attempt)},
                )
            )
