"""Queries and scans: objects of the client's that touch the database when they execute."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from ..clients import LazyMethod
from ..clients.shared.statement import BUILDERS
from ..model.operation import Operation
from ..runtime.engine import Engine
from .invoke import invoke


def lazy_method(
    factory: Callable[..., Any], spec: LazyMethod, engine: Engine
) -> Callable[..., Any]:
    """Return a client's method whose result executes through the chain."""

    @functools.wraps(factory)
    def method(*args: Any, **kwargs: Any) -> Any:
        made = (*args, *kwargs.values())
        return LazyProxy(factory(*args, **kwargs), spec, engine, made)

    return method


class LazyProxy:
    """A query or scan of the client's: builders stay chainable, execution goes through the chain."""

    def __init__(
        self, lazy: Any, spec: LazyMethod, engine: Engine, made: Sequence[Any] = ()
    ) -> None:
        own = self.__dict__
        own["_lazy"] = lazy
        built: list[tuple[str, tuple[Any, ...]]] = []
        own["_built"] = built

        def text() -> str:
            return engine.shared.adapter.lazy_statement(made, built)

        for name, operation in spec.executing.items():
            if hasattr(lazy, name):
                own[name] = self._executing(getattr(lazy, name), operation, spec, engine, text)

    @property  # type: ignore[misc]  # what isinstance() asks; read-only on purpose
    def __class__(self) -> type:
        return type(self.__dict__["_lazy"])

    @staticmethod
    def _executing(
        method: Callable[..., Any],
        operation: Operation,
        spec: LazyMethod,
        engine: Engine,
        text: Callable[[], str],
    ) -> Callable[..., Any]:
        send = engine.sender(method, operation)
        takes_callback = spec.callback in operation.parameters

        def guarded(
            args: tuple[Any, ...], kwargs: dict[str, Any]
        ) -> tuple[_Guard, tuple[Any, ...], dict[str, Any]]:
            if not takes_callback:
                return _Guard(None), args, kwargs
            arguments = operation.bind(args, kwargs)
            guard = _Guard(arguments.get(spec.callback))
            return guard, (), {**arguments, spec.callback: guard}

        @functools.wraps(method)
        def execute(*args: Any, **kwargs: Any) -> Any:
            guard, args, kwargs = guarded(args, kwargs)
            with guard:
                return invoke(engine, operation, args, kwargs, send, text)

        @functools.wraps(method)
        async def execute_async(*args: Any, **kwargs: Any) -> Any:
            guard, args, kwargs = guarded(args, kwargs)
            with guard:
                return await invoke(engine, operation, args, kwargs, send, text)

        return execute_async if operation.awaited else execute

    def __getattr__(self, name: str) -> Any:
        lazy = self.__dict__["_lazy"]
        found = getattr(lazy, name)
        if not callable(found):
            return found

        @functools.wraps(found)
        def builder(*args: Any, **kwargs: Any) -> Any:
            result = found(*args, **kwargs)
            if name in BUILDERS:
                self.__dict__["_built"].append((name, (*args, *kwargs.values())))
            return self if result is lazy else result

        return builder

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.__dict__["_lazy"], name, value)

    def __repr__(self) -> str:
        return f"<resilient {self.__dict__['_lazy']!r}>"


class _Guard:
    """An application's callback; its own exception leaves the block, and not the client's for it."""

    def __init__(self, callback: Any) -> None:
        self._callback = callback
        self._error: BaseException | None = None

    def __call__(self, *args: Any) -> Any:
        try:
            return self._callback(*args)
        except BaseException as error:
            self._error = error
            raise

    def __enter__(self) -> None:
        return None

    def __exit__(self, _cls: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, Exception) and self._error is not None:
            raise self._error from None
