"""Invoking: sends a call of any form through the chain of its runtime."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from .. import ambient
from ..model.call import Call
from ..model.operation import Operation
from ..model.plan import Classify, Send
from ..runtime.compiled import Runtime
from ..runtime.engine import Engine

Judge: TypeAlias = Callable[[Classify], Classify]
"""From an adapter's `Classify` to the one that is used instead."""


def invoke(
    engine: Engine,
    operation: Operation,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    send: Send | None = None,
    text: Callable[[], str] | None = None,
    judge: Judge | None = None,
) -> Any:
    """Make a call of any form. An awaited operation's result is awaitable.

    Args:
        engine: what the client's operations run on.
        operation: the method.
        args: positional arguments as given.
        kwargs: keyword arguments as given.
        send: the native call, where it is not the client's method of the operation's name.
        text: returns the query's text, where the arguments do not hold it.
        judge: replaces the adapter's `Classify` for this call; only with `send`, as the plan then belongs
            to this call alone.
    """
    runtime, call = prepared(engine, operation, args, kwargs, send)
    if text is not None:
        call.text = text
    if judge is not None:
        call.plan.classify = judge(call.plan.classify)
    return runtime.head_async(call) if operation.awaited else runtime.head(call)


def prepared(
    engine: Engine,
    operation: Operation,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    send: Send | None = None,
) -> tuple[Runtime, Call]:
    """Return a call of any form, and its runtime."""
    return prepared_in(ambient.current(), engine, operation, args, kwargs, send)


def prepared_in(
    around: ambient.Ambient | None,
    engine: Engine,
    operation: Operation,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    send: Send | None = None,
) -> tuple[Runtime, Call]:
    """Return a call made under the ambient values `around`, and its runtime."""
    runtime, idempotent, criticality = engine.runtime, None, None
    if around is not None and (using := around.using.get(id(engine))):
        runtime = engine.runtime_for(using)
        idempotent, criticality = using.idempotent, using.criticality
    call = runtime.planner.prepare(operation, args, kwargs, idempotent=idempotent, send=send)
    if around is not None:
        call.deadline = ambient.on_clock(around.deadline, engine.shared.clock)
    if criticality is not None:
        call.criticality = criticality
    return runtime, call
