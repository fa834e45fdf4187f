"""The wrapped client: looks and behaves like the client, but for the methods that touch the database.

Those live in the proxy's own ``__dict__``, each bound to its operation once, so that a call costs no
attribute magic. Everything else goes straight to the client.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from . import ambient
from .call import Call, Send
from .clients import Lazy
from .engine import Engine
from .handle import Resilience
from .operation import Operation

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})

_PASSED_ON: Final = (
    *("__iter__", "__next__", "__aiter__", "__anext__", "__len__", "__contains__", "__getitem__"),
    *("__bool__", "__str__"),
)
"""Special methods that are looked up on the type; passed on where the client's type has them."""


def proxy(client: Any, engine: Engine, lazy: Mapping[str, Lazy], close: Callable[[], Any]) -> Any:
    """Return a stand-in for `client` whose operations go through the chain.

    Args:
        client: the client.
        engine: what its operations run on; its `Resilience` becomes the attribute ``resilience``.
        lazy: its methods that return objects which touch the database later.
        close: what ``close()`` does.
    """
    wrapped = _proxy_type(type(client))(client)
    own = wrapped.__dict__
    for name in engine.runtime.plans:
        own[name] = _method(client, name, engine)
    for name, spec in lazy.items():
        if hasattr(client, name):
            own[name] = _lazy_method(getattr(client, name), spec, engine)
    own["close"] = (
        functools.update_wrapper(close, client.close) if hasattr(client, "close") else close
    )
    if hasattr(client, "connect"):
        own["connect"] = _connect(client.connect, wrapped, engine)
    own["resilience"] = Resilience(engine)
    return wrapped


class _Proxy:
    """What every proxy type has; the client's own special methods are added by `_proxy_type`."""

    def __init__(self, client: Any) -> None:
        self.__dict__["_client"] = client

    @property  # type: ignore[misc]  # what isinstance() asks; read-only on purpose
    def __class__(self) -> type:
        return type(self.__dict__["_client"])

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_client"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.__dict__["_client"], name, value)

    def __dir__(self) -> list[str]:
        return sorted({*dir(self.__dict__["_client"]), "resilience"})

    def __repr__(self) -> str:
        return f"<resilient {self.__dict__['_client']!r}, profile {self.resilience.profile.name!r}>"

    def __reduce__(self) -> Any:
        raise TypeError(
            "a wrapped client cannot be pickled or copied, as little as the client itself"
        )


def _proxy_type(cls: type[Any]) -> type[Any]:
    def passed_on(name: str) -> Callable[..., Any]:
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            return getattr(self.__dict__["_client"], name)(*args, **kwargs)

        method.__name__ = name
        return method

    def __enter__(self: Any) -> Any:  # noqa: N807 - becomes the type's special method
        self.__dict__["_client"].__enter__()
        return self

    def __exit__(self: Any, *error: Any) -> Any:  # noqa: N807
        self.resilience.close()
        return self.__dict__["_client"].__exit__(*error)

    async def __aenter__(self: Any) -> Any:  # noqa: N807
        await self.__dict__["_client"].__aenter__()
        return self

    async def __aexit__(self: Any, *error: Any) -> Any:  # noqa: N807
        self.resilience.close()
        return await self.__dict__["_client"].__aexit__(*error)

    special = {
        name: passed_on(name)
        for name in _PASSED_ON
        if getattr(cls, name, None) not in (None, getattr(object, name, None))
    }
    for method in (__enter__, __exit__, __aenter__, __aexit__):
        if hasattr(cls, method.__name__):
            special[method.__name__] = method
    return type(f"Resilient{cls.__name__}", (_Proxy,), {"__module__": __name__, **special})


def _connect(connect: Callable[..., Any], wrapped: Any, engine: Engine) -> Callable[..., Any]:
    """Keep ``client.connect()`` chainable, and protect again what `close` had left unprotected."""

    @functools.wraps(connect)
    def connected(*args: Any, **kwargs: Any) -> Any:
        result = connect(*args, **kwargs)
        engine.reopen()
        return wrapped if result is wrapped.__dict__["_client"] else result

    return connected


def _method(client: Any, name: str, engine: Engine) -> Callable[..., Any]:
    """Return the wrapped method of one operation."""
    operation = engine.shared.adapter.operations[name]
    fewest, most, keyed = _plain_form(operation)
    current = ambient.current

    def method(*args: Any, **kwargs: Any) -> Any:
        runtime = engine.runtime
        if kwargs or not fewest <= len(args) <= most or not runtime.plain or current() is not None:
            return invoke(engine, operation, args, kwargs)
        return runtime.head(Call(runtime.plans[name], args, _NOTHING, args[0] if keyed else None))

    return functools.update_wrapper(method, getattr(client, name))


def _plain_form(operation: Operation) -> tuple[int, int, bool]:
    """Return between how many positional arguments a call is plain, and whether the first is a key.

    A plain call gives nothing that could change its policy or whether it may be sent again: it ends
    before the policy and before ``meta``, and its operation is not told from its arguments.
    """
    names = operation.parameters
    ends = [names.index(name) for name in (operation.policy, "meta") if name in names]
    most = min(ends, default=len(names))
    if operation.read_only is not None:
        most = -1
    return (1 if operation.key else 0), most, bool(operation.key)


def invoke(
    engine: Engine,
    operation: Operation,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    send: Send | None = None,
) -> Any:
    """Make a call of any form."""
    runtime, idempotent, criticality, around = engine.runtime, None, None, ambient.current()
    if around is not None and (using := around.using.get(id(engine))):
        runtime = engine.runtime_for(using)
        idempotent, criticality = using.idempotent, using.criticality
    call = runtime.planner.prepare(operation, args, kwargs, idempotent=idempotent, send=send)
    if around is not None:
        call.deadline = around.deadline
    if criticality is not None:
        call.criticality = criticality
    return runtime.head(call)


def _lazy_method(factory: Callable[..., Any], spec: Lazy, engine: Engine) -> Callable[..., Any]:
    @functools.wraps(factory)
    def method(*args: Any, **kwargs: Any) -> Any:
        return LazyProxy(factory(*args, **kwargs), spec, engine)

    return method


class LazyProxy:
    """A query or scan of the client's: builders stay chainable, execution goes through the chain."""

    def __init__(self, lazy: Any, spec: Lazy, engine: Engine) -> None:
        own = self.__dict__
        own["_lazy"] = lazy
        for name, operation in spec.executing.items():
            if hasattr(lazy, name):
                own[name] = self._executing(getattr(lazy, name), operation, spec, engine)

    @property  # type: ignore[misc]  # what isinstance() asks; read-only on purpose
    def __class__(self) -> type:
        return type(self.__dict__["_lazy"])

    @staticmethod
    def _executing(
        method: Callable[..., Any], operation: Operation, spec: Lazy, engine: Engine
    ) -> Callable[..., Any]:
        send = engine.sender(method, operation)
        takes_callback = spec.callback in operation.parameters

        @functools.wraps(method)
        def execute(*args: Any, **kwargs: Any) -> Any:
            if not takes_callback:
                return invoke(engine, operation, args, kwargs, send)
            arguments = operation.bind(args, kwargs)
            guard = _Guard(arguments.get(spec.callback))
            try:
                return invoke(engine, operation, (), {**arguments, spec.callback: guard}, send)
            except Exception:
                if guard.error is not None:
                    raise guard.error from None
                raise

        return execute

    def __getattr__(self, name: str) -> Any:
        lazy = self.__dict__["_lazy"]
        found = getattr(lazy, name)
        if not callable(found):
            return found

        @functools.wraps(found)
        def builder(*args: Any, **kwargs: Any) -> Any:
            result = found(*args, **kwargs)
            return self if result is lazy else result

        return builder

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.__dict__["_lazy"], name, value)

    def __repr__(self) -> str:
        return f"<resilient {self.__dict__['_lazy']!r}>"


class _Guard:
    """An application's callback; keeps its exception, which the client would replace by its own."""

    def __init__(self, callback: Any) -> None:
        self._callback = callback
        self.error: BaseException | None = None

    def __call__(self, *args: Any) -> Any:
        try:
            return self._callback(*args)
        except BaseException as error:
            self.error = error
            raise
