"""Invoking: sends a call of any form through the chain of its runtime."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from .. import ambient
from ..model.call import Call, LazyQuery
from ..model.operation import Operation
from ..model.plan import Classify, RaisedAs, Send
from ..runtime.compiled import Runtime
from ..runtime.engine import Engine


class Callback(Protocol):
    """An application's callback that the client calls, which may raise an error of its own."""

    def judge(self, classify: Classify) -> Classify:
        """Return the `Classify` that is used instead of the adapter's."""
        ...

    def named(self, raised_as: RaisedAs) -> RaisedAs:
        """Return the `RaisedAs` that is used instead of the adapter's."""
        ...


def invoke(
    engine: Engine,
    operation: Operation,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    send: Send | None = None,
    query: LazyQuery | None = None,
    callback: Callback | None = None,
) -> Any:
    """Make a call of any form. An awaited operation's result is awaitable.

    Args:
        engine: what the client's operations run on.
        operation: the method.
        args: positional arguments as given.
        kwargs: keyword arguments as given.
        send: the native call, where it is not the client's method of the operation's name.
        query: what is known of the query of a lazy object.
        callback: the application's callback, where it raises errors of its own; only with `send`, as the
            plan then belongs to this call alone.
    """
    runtime, call = prepared(engine, operation, args, kwargs, send)
    call.query = query
    if callback is not None:
        call.plan.classify = callback.judge(call.plan.classify)
        call.plan.raised_as = callback.named(call.plan.raised_as)
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
        call.inside = around.inside
    if criticality is not None:
        call.criticality = criticality
    return runtime, call
