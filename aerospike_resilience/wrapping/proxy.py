"""The wrapped client: looks and behaves like the client, but for the methods that touch the database.

Those live in the proxy's own ``__dict__``, each bound to its operation once, so that a call costs no
attribute magic. Everything else goes straight to the client.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from .. import ambient
from ..clients import LazyMethod
from ..model.call import Call
from ..model.operation import Operation
from ..runtime.engine import Engine
from .invoke import began, invoke
from .queries import lazy_method
from .resilience import Resilience

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})

_PASSED_ON: Final = (
    *("__iter__", "__next__", "__aiter__", "__anext__", "__len__", "__contains__", "__getitem__"),
    *("__bool__", "__str__"),
)
"""Special methods that are looked up on the type; passed on where the client's type has them."""


def proxy(client: Any, engine: Engine, lazy: Mapping[str, LazyMethod]) -> Any:
    """Return a stand-in for `client` whose operations go through the chain.

    Args:
        client: the client.
        engine: what its operations run on; its `Resilience` becomes the attribute ``resilience``.
        lazy: its methods that return objects which touch the database later.
    """
    wrapped = _proxy_type(type(client))(client)
    own = wrapped.__dict__
    for name in engine.runtime.plans:
        own[name] = _method(client, name, engine)
    for name, spec in lazy.items():
        if hasattr(client, name):
            own[name] = lazy_method(getattr(client, name), spec, engine)
    for name, window in engine.shared.adapter.coalesced_methods.items():
        from .coalesced import coalesced_method  # for awaited methods only

        own[name] = coalesced_method(client, name, window, engine)
    for name in ("close", "close_blocking"):
        if hasattr(client, name):
            own[name] = _close(getattr(client, name), engine)
    if hasattr(client, "connect"):
        own["connect"] = _connect(client.connect, wrapped, engine)
    own["resilience"] = Resilience(engine)
    return wrapped


class _LikeTheClients(type):
    """The type of proxy types: asked for what it lacks, a proxy type answers as the client's type.

    Some look there on purpose, as `aerospike_sdk` does to learn whether a client can list its nodes. An
    attribute of an instance is never looked up here.
    """

    client_type: type[Any]

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):  # special methods are passed on one by one
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")
        return getattr(cls.client_type, name)


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
    made = _LikeTheClients(
        f"Resilient{cls.__name__}", (_Proxy,), {"__module__": __name__, **special}
    )
    made.client_type = cls
    return made


def _close(close: Callable[..., Any], engine: Engine) -> Callable[..., Any]:
    """Have ``client.close()`` end every wait of ours first."""

    @functools.wraps(close)
    def closed(*args: Any, **kwargs: Any) -> Any:
        engine.close()
        return close(*args, **kwargs)

    return closed


def _connect(connect: Callable[..., Any], wrapped: Any, engine: Engine) -> Callable[..., Any]:
    """Keep ``client.connect()`` chainable, and protect from then on what it connected.

    Until then nothing may be asked of the client: some cannot be connected while another thread asks.
    """

    def itself(result: Any) -> Any:
        return wrapped if result is wrapped.__dict__["_client"] else result

    if inspect.iscoroutinefunction(connect):

        @functools.wraps(connect)
        async def connected_async(*args: Any, **kwargs: Any) -> Any:
            engine.close()
            try:
                return itself(await connect(*args, **kwargs))
            finally:
                engine.reopen()

        return connected_async

    @functools.wraps(connect)
    def connected(*args: Any, **kwargs: Any) -> Any:
        engine.close()
        try:
            return itself(connect(*args, **kwargs))
        finally:
            engine.reopen()

    return connected


def _method(client: Any, name: str, engine: Engine) -> Callable[..., Any]:
    """Return the wrapped method of one operation."""
    operation = engine.shared.adapter.operations[name]
    fewest, most, keyed = _plain_form(operation)
    current = ambient.current
    keywords_match_profile = engine.shared.adapter.keywords_match_profile

    def method(*args: Any, **kwargs: Any) -> Any:
        runtime = engine.runtime
        if (
            kwargs
            and keywords_match_profile is not None
            and keywords_match_profile(operation, kwargs)
        ):
            kwargs = {}
        if kwargs or not fewest <= len(args) <= most or not runtime.plain or current() is not None:
            return invoke(engine, operation, args, kwargs)
        return runtime.head(Call(runtime.plans[name], args, _NOTHING, args[0] if keyed else None))

    def awaitable(*args: Any, **kwargs: Any) -> Any:
        runtime = engine.runtime
        if (
            kwargs
            and keywords_match_profile is not None
            and keywords_match_profile(operation, kwargs)
        ):
            kwargs = {}
        if kwargs or not fewest <= len(args) <= most or not runtime.plain or current() is not None:
            return invoke(engine, operation, args, kwargs)
        return runtime.head_async(
            Call(runtime.plans[name], args, _NOTHING, args[0] if keyed else None)
        )

    async def coroutine(*args: Any, **kwargs: Any) -> Any:
        return await awaitable(*args, **kwargs)

    chosen: Callable[..., Any] = method
    if operation.awaited:
        chosen = began(awaitable, engine) if engine.shared.adapter.returns_futures else coroutine
    return functools.update_wrapper(chosen, getattr(client, name))


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
