"""The wrapped client: behaves like the client, except for the methods that touch the database.

Those methods are in the proxy's own ``__dict__``, each bound to its operation once, so that a call needs
no ``__getattr__``. Everything else goes straight to the client.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any, Final

from .. import ambient
from ..clients import LazyMethod
from ..clients.shared.derived import native_method, stands_above
from ..concurrency.exiting import wait_at_exit_for_client_threads
from ..model.call import Call
from ..model.identity import ClientLog
from ..model.operation import Operation
from ..runtime.engine import Engine
from ..runtime.fast.blocking import fused
from ..runtime.fast.forms import form_of
from ..runtime.quiescing import (
    client_closing,
    client_closing_async,
    client_connecting,
    client_connecting_async,
)
from ..runtime.traceback import without_entry_frames, without_this_frame
from .derived import derived
from .invoke import invoke
from .queries import lazy_method
from .resilience import Resilience
from .stand_in import METHODS, StandIn, give, original

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
    adapter = engine.shared.adapter
    operations = [adapter.operations[name] for name in engine.runtime.plans]
    above = {
        operation.attribute
        for operation in operations
        if stands_above(client, operation, adapter.recognises)
    }
    log = engine.identity.log("aerospike_resilience")
    below = {one.attribute for one in operations} - above
    made = _proxy_type(client, adapter.recognises, below, log)
    wrapped = made(client)
    for operation in operations:
        give(wrapped, operation.attribute, _method(client, operation, engine))
    for name, spec in lazy.items():
        if hasattr(client, name):
            give(wrapped, name, lazy_method(getattr(client, name), spec, engine))
    for name, window in adapter.coalesced_methods.items():
        from .coalesced import coalesced_method  # for awaited methods only

        give(wrapped, name, coalesced_method(client, name, window, engine))
    for name in ("close", "close_blocking"):
        if hasattr(client, name):
            give(wrapped, name, _close(getattr(client, name), engine))
    give(wrapped, "resilience", Resilience(engine))
    for name in above:  # the type's override calls the wrapped method by super()
        del wrapped.__dict__[name]
    return wrapped


class _LikeTheClients(type):
    """The type of proxy types: passes on attributes that a proxy type lacks to the client's type.

    Some code reads the type on purpose, as `aerospike_sdk` does to learn whether a client can list its
    nodes. An attribute of an instance is never looked up here.
    """

    client_type: type[Any]

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):  # special methods are passed on one by one
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")
        return getattr(cls.client_type, name)


class _Proxy(StandIn):
    """The base of every proxy type; `_proxy_type` adds the client's own special methods."""

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), "resilience"})

    def __repr__(self) -> str:
        resilience = self.__dict__[METHODS]["resilience"]
        return f"<resilient {original(self)!r}, profile {resilience.profile.name!r}>"

    def __reduce__(self) -> Any:
        raise TypeError(
            "a wrapped client cannot be pickled or copied, as little as the client itself"
        )


def _proxy_type(
    client: Any,
    recognises: Callable[[object], bool],
    below: Collection[str],
    log: ClientLog,
) -> Any:
    cls = type(client)

    def passed_on(name: str) -> Callable[..., Any]:
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            return getattr(original(self), name)(*args, **kwargs)

        method.__name__ = name
        return method

    special = {
        name: passed_on(name)
        for name in _PASSED_ON
        if getattr(cls, name, None) not in (None, getattr(object, name, None))
    }
    for method in (__enter__, __exit__, __aenter__, __aexit__):
        if hasattr(cls, method.__name__):
            special[method.__name__] = method
    if hasattr(cls, "connect"):
        special["connect"] = _connect(cls)
    added = derived(client, recognises, special, below, log)
    namespace = {"__module__": __name__, **special, **added.methods}
    if added.cls is not cls:
        namespace["__class__"] = property(lambda _self: added.cls)
    made = _LikeTheClients(f"Resilient{cls.__name__}", (_Proxy,), namespace)
    made.client_type = cls
    return made


def __enter__(self: Any) -> Any:  # noqa: N807 - becomes the type's special method
    original(self).__enter__()
    return self


def __exit__(self: Any, *error: Any) -> Any:  # noqa: N807
    with client_closing(_engine(self)):
        return original(self).__exit__(*error)


async def __aenter__(self: Any) -> Any:  # noqa: N807
    await original(self).__aenter__()
    return self


async def __aexit__(self: Any, *error: Any) -> Any:  # noqa: N807
    async with client_closing_async(_engine(self)):
        return await original(self).__aexit__(*error)


def _close(close: Callable[..., Any], engine: Engine) -> Callable[..., Any]:
    """Return a ``client.close()`` that also ends the protection, if it closes the client."""
    if inspect.iscoroutinefunction(close):

        @functools.wraps(close)
        async def closed_async(*args: Any, **kwargs: Any) -> Any:
            async with client_closing_async(engine):
                return await close(*args, **kwargs)

        return closed_async

    @functools.wraps(close)
    def closed(*args: Any, **kwargs: Any) -> Any:
        with client_closing(engine):
            return close(*args, **kwargs)

    return closed


def _connect(cls: type[Any]) -> Callable[..., Any]:
    """Return a ``client.connect()`` that stays chainable and then protects the connected client.

    It is a method of the type, as a method in the object's ``__dict__`` would make a reference cycle.
    """

    def itself(self: Any, result: Any) -> Any:
        return self if result is original(self) else result

    if inspect.iscoroutinefunction(cls.connect):

        @functools.wraps(cls.connect)
        async def connect_async(self: Any, *args: Any, **kwargs: Any) -> Any:
            async with client_connecting_async(_engine(self)):
                return itself(self, await original(self).connect(*args, **kwargs))

        return connect_async

    @functools.wraps(cls.connect)
    def connect(self: Any, *args: Any, **kwargs: Any) -> Any:
        with client_connecting(_engine(self)):
            return itself(self, original(self).connect(*args, **kwargs))

    return connect


def _engine(wrapped: Any) -> Engine:
    engine: Engine = wrapped.__dict__[METHODS]["resilience"]._engine  # noqa: SLF001 - both are parts of wrapping
    return engine


def _method(client: Any, operation: Operation, engine: Engine) -> Callable[..., Any]:
    """Return the wrapped method of one operation."""
    name = operation.attribute
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
            try:
                return invoke(engine, operation, args, kwargs)
            except BaseException as error:
                without_entry_frames(error)
                if form is not None:  # the fused method's frames show the way
                    without_this_frame(error)
                raise
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
        try:
            return await awaitable(*args, **kwargs)
        except BaseException as error:
            without_entry_frames(error)
            raise

    adapter = engine.shared.adapter
    native = native_method(client, operation, adapter.recognises)
    form = form_of(client, operation, adapter)
    chosen: Callable[..., Any] = method
    if not operation.awaited and form is not None:
        chosen = fused(engine, form, native, method)
    if operation.awaited:
        wait_at_exit_for_client_threads()
        chosen = coroutine
        if adapter.returns_futures:
            from .begun import begun  # for awaited methods only

            chosen = begun(awaitable, engine)
        if form is not None:
            from ..runtime.fast.awaited import fused_awaited

            chosen = fused_awaited(engine, form, native, chosen)
    return functools.update_wrapper(chosen, native)


def _plain_form(operation: Operation) -> tuple[int, int, bool]:
    """Return between how many positional arguments a call is plain, and whether the first is a key.

    A plain call gives nothing that could change its policy or whether it may be sent again: it ends
    before the policy and before ``meta``, and its operation does not depend on its arguments.
    """
    names = operation.parameters
    ends = [names.index(name) for name in (operation.policy, "meta") if name in names]
    most = min(ends, default=len(names))
    if operation.read_only is not None:
        most = -1
    return (1 if operation.key else 0), most, bool(operation.key)
