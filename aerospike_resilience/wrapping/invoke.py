"""Invoking: a call of any form, sent down the chain of the runtime that holds for it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from .. import ambient
from ..interceptors.recorder import caller
from ..model.call import Call
from ..model.operation import Operation
from ..model.plan import Send
from ..runtime.compiled import Runtime
from ..runtime.engine import Engine

if TYPE_CHECKING:
    import asyncio


def invoke(
    engine: Engine,
    operation: Operation,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    send: Send | None = None,
    text: Callable[[], str] | None = None,
) -> Any:
    """Make a call of any form. An awaited operation's result is awaitable.

    Args:
        engine: what the client's operations run on.
        operation: the method.
        args: positional arguments as given.
        kwargs: keyword arguments as given.
        send: the native call, where it is not the client's method of the operation's name.
        text: the query's text, where it is not told by the arguments.
    """
    runtime, call = prepared(engine, operation, args, kwargs, send)
    if text is not None:
        call.text = text
    return runtime.head_async(call) if operation.awaited else runtime.head(call)


def prepared(
    engine: Engine,
    operation: Operation,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    send: Send | None = None,
) -> tuple[Runtime, Call]:
    """Return a call of any form, and the runtime that holds for it."""
    runtime, idempotent, criticality, around = engine.runtime, None, None, ambient.current()
    if around is not None and (using := around.using.get(id(engine))):
        runtime = engine.runtime_for(using)
        idempotent, criticality = using.idempotent, using.criticality
    call = runtime.planner.prepare(operation, args, kwargs, idempotent=idempotent, send=send)
    if around is not None:
        call.deadline = ambient.on_clock(around.deadline, engine.shared.clock)
    if criticality is not None:
        call.criticality = criticality
    return runtime, call


def began(
    coroutine: Callable[..., Coroutine[Any, Any, Any]], engine: Engine
) -> Callable[..., asyncio.Future[Any]]:
    """Have a coroutine function begin when it is called and return a future, as some clients do."""
    import asyncio  # once a method: a client whose methods block does without it

    # From Python 3.12 on a task may run up to its first wait at once, as the client's own calls do.
    eager = getattr(asyncio, "eager_task_factory", None)

    def begin(*args: Any, **kwargs: Any) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        if engine.runtime.profile.telemetry.last_call:
            caller.set(asyncio.current_task())
        task: asyncio.Future[Any]
        if eager is None:
            task = loop.create_task(coroutine(*args, **kwargs))
        else:
            task = eager(loop, coroutine(*args, **kwargs))
        return task

    return begin
