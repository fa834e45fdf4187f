"""The current OpenTelemetry context, read and replaced at the price of a context variable.

The API's own functions go through three frames and two copies for it, several times a call. Its `attach`
returns a token, and the token knows the variable. Where the application runs on another kind of context
(``OTEL_PYTHON_CONTEXT``), or the token is of another kind, the API's functions do it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar, Token
from typing import Any, Final

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.context.contextvars_context import ContextVarsRuntimeContext
from opentelemetry.trace import Span
from opentelemetry.trace.propagation import _SPAN_KEY

SPAN_KEY: Final = _SPAN_KEY
"""Under which a context has its span."""

SUPPRESSED: Final = tuple(
    key
    for key in (
        "suppress_instrumentation",
        getattr(context, "_SUPPRESS_INSTRUMENTATION_KEY", None),
    )
    if key
)
"""Under which a context says that instrumentations are to be silent."""


def variable() -> ContextVar[Context] | None:
    """Return the variable that holds the current context; None where only the API's functions know."""
    if type(getattr(context, "_RUNTIME_CONTEXT", None)) is not ContextVarsRuntimeContext:
        return None
    token: object = context.attach(context.get_current())
    if not isinstance(token, Token):
        return None
    token.var.reset(token)
    found: ContextVar[Context] = token.var
    return found


_VARIABLE: Final = variable()

get_current: Final[Callable[[], Context]] = (
    context.get_current if _VARIABLE is None else _VARIABLE.get
)
"""Returns the current context."""


def suppressed() -> bool:
    """Return whether the application asked instrumentations to be silent here."""
    here = get_current()
    return bool(here) and is_suppressed(here)


def is_suppressed(here: Mapping[str, Any]) -> bool:
    """Return whether a context says that instrumentations are to be silent."""
    for key in SUPPRESSED:  # noqa: SIM110 - a generator costs more than the question
        if here.get(key):
            return True
    return False


def enter(span: Span, here: Context | None = None) -> Any:
    """Make a span the current one, and return the token for `detach`.

    Args:
        span: the span.
        here: the current context, where the caller has it already.
    """
    if _VARIABLE is None:
        return context.attach(trace.set_span_in_context(span))
    if here is None:
        here = _VARIABLE.get()
    return _VARIABLE.set(Context({**here, SPAN_KEY: span}))


def detach(token: Any) -> None:
    """Leave a span's context, quietly too where the call is ended in another context than it was begun.

    An event loop that ends closes coroutines like that. OpenTelemetry logs an error for it.
    """
    if _VARIABLE is None:
        context.detach(token)
        return
    try:
        _VARIABLE.reset(token)
    except ValueError:  # the token belongs to another context, which is gone with its coroutine
        return
