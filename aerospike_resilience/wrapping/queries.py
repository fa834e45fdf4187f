"""Queries and scans: the client's objects that touch the database only when they execute."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from ..clients import Adapter, LazyMethod
from ..clients.shared.statement import BUILDERS
from ..model.failure import Failure, FailureKind
from ..model.operation import Operation
from ..model.plan import Classify, RaisedAs
from ..runtime.engine import Engine
from ..runtime.traceback import without_entry_frames
from .invoke import invoke
from .stand_in import StandIn, give, original

_BUILT: Final = "(built)"
"""The name under which a stand-in keeps its builders' arguments."""


_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


def lazy_method(
    factory: Callable[..., Any], spec: LazyMethod, engine: Engine
) -> Callable[..., Any]:
    """Return a client's method whose result executes through the chain."""

    @functools.wraps(factory)
    def method(*args: Any, **kwargs: Any) -> Any:
        return LazyProxy(factory(*args, **kwargs), spec, engine, args, kwargs)

    return method


class LazyProxy(StandIn):
    """A query or scan of the client's: builders stay chainable, execution goes through the chain."""

    def __init__(
        self,
        lazy: Any,
        spec: LazyMethod,
        engine: Engine,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] = _NOTHING,
    ) -> None:
        super().__init__(lazy)
        known = _Known(engine.shared.adapter, args, kwargs)
        self.__dict__[_BUILT] = known.built
        for name, operation in spec.executing.items():
            if hasattr(lazy, name):
                give(self, name, _executing(getattr(lazy, name), operation, spec, engine, known))

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


class _Known:
    """What is known of a lazy object: what it was created with, and what its builders were given."""

    def __init__(self, adapter: Adapter, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self.adapter = adapter
        self.args = args
        self.kwargs = kwargs
        self.built: list[tuple[str, tuple[Any, ...]]] = []


class _Query:
    """One query of a lazy object. See `LazyQuery`."""

    def __init__(self, known: _Known, callback: _Callback | None = None) -> None:
        self._known = known
        self._callback = callback

    @property
    def place(self) -> tuple[str, str] | None:
        """The namespace and the set."""
        known = self._known
        return known.adapter.lazy_place(known.args, known.kwargs)

    @property
    def procedure(self) -> str:
        """``module.function`` of the UDF that it calls; empty if it calls none."""
        calls = [args for name, args in self._known.built if name == "apply" and len(args) > 1]
        return f"{calls[-1][0]}.{calls[-1][1]}" if calls else ""

    @property
    def returned(self) -> int | None:
        """How many records the callback got; None without one."""
        return None if self._callback is None else self._callback.calls

    def text(self) -> str:
        """Return its text without values."""
        known = self._known
        made = (*known.args, *known.kwargs.values())
        return known.adapter.lazy_statement(made, known.built)


def _executing(
    method: Callable[..., Any],
    operation: Operation,
    spec: LazyMethod,
    engine: Engine,
    known: _Known,
) -> Callable[..., Any]:
    send = engine.shared.adapter.sender(method, operation)
    names = operation.parameters
    place = names.index(spec.callback) if spec.callback in names else len(names)

    def begin(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Make the call with a callback that remembers its error; the other arguments stay as given."""
        callback = _Callback(args[place] if place < len(args) else kwargs.get(spec.callback))
        if not callback.is_one:
            return invoke(engine, operation, args, kwargs, send, _Query(known))
        if place < len(args):
            args = (*args[:place], callback, *args[place + 1 :])
        else:
            kwargs = {**kwargs, spec.callback: callback}
        query = _Query(known, callback)
        return invoke(engine, operation, args, kwargs, send, query, callback)

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

    Attributes:
        calls: how often the client called it.
    """

    def __init__(self, callback: Any) -> None:
        self._callback = callback
        self._raised: type[BaseException] | None = None
        self.calls = 0

    @property
    def is_one(self) -> bool:
        """Whether it can be called; the client refuses it if not."""
        return callable(self._callback)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        try:
            return self._callback(*args, **kwargs)
        except BaseException as error:
            self._raised = type(error)
            raise

    def judge(self, classify: Classify) -> Classify:
        """Return a `Classify` that blames the application for errors after the callback has raised."""

        def judged(error: BaseException, operation: Operation) -> Failure:
            if self._raised is not None:
                return Failure(FailureKind.CALLER)
            return classify(error, operation)

        return judged

    def named(self, raised_as: RaisedAs) -> RaisedAs:
        """Return a `RaisedAs` that names the callback's own error, in which some clients wrap theirs."""
        return lambda error: self._raised or raised_as(error)
