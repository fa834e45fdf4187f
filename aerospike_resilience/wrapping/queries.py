"""Queries and scans: the client's objects that touch the database only when they execute."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, Final

from ..clients import LazyMethod
from ..clients.shared.statement import BUILDERS
from ..model.failure import Failure, FailureKind
from ..model.operation import Operation
from ..model.plan import Classify
from ..runtime.engine import Engine
from ..runtime.traceback import without_entry_frames
from .invoke import invoke
from .stand_in import StandIn, give, original

_BUILT: Final = "(built)"
"""The name under which a stand-in keeps its builders' arguments."""


def lazy_method(
    factory: Callable[..., Any], spec: LazyMethod, engine: Engine
) -> Callable[..., Any]:
    """Return a client's method whose result executes through the chain."""

    @functools.wraps(factory)
    def method(*args: Any, **kwargs: Any) -> Any:
        made = (*args, *kwargs.values())
        return LazyProxy(factory(*args, **kwargs), spec, engine, made)

    return method


class LazyProxy(StandIn):
    """A query or scan of the client's: builders stay chainable, execution goes through the chain."""

    def __init__(
        self, lazy: Any, spec: LazyMethod, engine: Engine, made: Sequence[Any] = ()
    ) -> None:
        super().__init__(lazy)
        built: list[tuple[str, tuple[Any, ...]]] = []
        self.__dict__[_BUILT] = built

        def text() -> str:
            return engine.shared.adapter.lazy_statement(made, built)

        for name, operation in spec.executing.items():
            if hasattr(lazy, name):
                give(self, name, _executing(getattr(lazy, name), operation, spec, engine, text))

    def __getattr__(self, name: str) -> Any:
        lazy = original(self)
        found = getattr(lazy, name)
        if not callable(found) or inspect.iscoroutinefunction(found):
            return found

        @functools.wraps(found)
        def builder(*args: Any, **kwargs: Any) -> Any:
            result = found(*args, **kwargs)
            if name in BUILDERS:
                self.__dict__[_BUILT].append((name, (*args, *kwargs.values())))
            return self if result is lazy else result

        return builder

    def __repr__(self) -> str:
        return f"<resilient {original(self)!r}>"


def _executing(
    method: Callable[..., Any],
    operation: Operation,
    spec: LazyMethod,
    engine: Engine,
    text: Callable[[], str],
) -> Callable[..., Any]:
    send = engine.sender(method, operation)
    names = operation.parameters
    place = names.index(spec.callback) if spec.callback in names else len(names)

    def begin(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Make the call with a callback that remembers its error; the other arguments stay as given."""
        callback = _Callback(args[place] if place < len(args) else kwargs.get(spec.callback))
        if not callback.is_one:
            return invoke(engine, operation, args, kwargs, send, text)
        if place < len(args):
            args = (*args[:place], callback, *args[place + 1 :])
        else:
            kwargs = {**kwargs, spec.callback: callback}
        return invoke(engine, operation, args, kwargs, send, text, callback.judge)

    @functools.wraps(method)
    def execute(*args: Any, **kwargs: Any) -> Any:
        try:
            return begin(args, kwargs)
        except BaseException as error:
            without_entry_frames(error)
            raise

    @functools.wraps(method)
    async def execute_async(*args: Any, **kwargs: Any) -> Any:
        try:
            return await begin(args, kwargs)
        except BaseException as error:
            without_entry_frames(error)
            raise

    return execute_async if operation.awaited else execute


class _Callback:
    """An application's callback, which remembers that it raised.

    The client's error is passed on as it is. But it counts as the application's error, whatever its
    result code.
    """

    def __init__(self, callback: Any) -> None:
        self._callback = callback
        self._raised = False

    @property
    def is_one(self) -> bool:
        """Whether it can be called; the client refuses it if not."""
        return callable(self._callback)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return self._callback(*args, **kwargs)
        except BaseException:
            self._raised = True
            raise

    def judge(self, classify: Classify) -> Classify:
        """Return a `Classify` that blames the application for errors after the callback has raised."""

        def judged(error: BaseException, operation: Operation) -> Failure:
            if self._raised:
                return Failure(FailureKind.CALLER)
            return classify(error, operation)

        return judged
