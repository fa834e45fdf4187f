"""Derived classes: an application's own subclass of the client's class, with helpers and overrides.

Its methods run with the wrapped client as ``self``. So the client's methods that they call go through the
chain, and ``super().put(…)`` does so too.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final, NamedTuple

from ..clients.shared.derived import application_classes, client_class
from ..model.identity import ClientLog
from .stand_in import METHODS, original

_FIXED: Final = frozenset(
    {
        *("__new__", "__init__", "__init_subclass__", "__del__", "__class__", "__class_getitem__"),
        *("__dict__", "__weakref__", "__slots__", "__doc__", "__module__", "__qualname__"),
        *("__getattr__", "__getattribute__", "__setattr__", "__delattr__", "__dir__", "__repr__"),
        *("__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__annotations__"),
        *("__hash__", "__eq__", "__ne__", "__subclasshook__", "__set_name__", "__sizeof__"),
    }
)
"""Special names that concern the object itself, and stay the client's or this library's."""

_WRAPPED: Final = frozenset({"query", "scan", "connect", "close", "close_blocking"})
"""Methods whose results or effects are wrapped, whoever wrote them; they run on the client itself."""

_NOT_BOUND: Final = (
    *(staticmethod, classmethod, type),
    *(types.MemberDescriptorType, types.GetSetDescriptorType, types.BuiltinFunctionType),
)


class Derived(NamedTuple):
    """The additions of an application's class to the client's class.

    Attributes:
        methods: its methods and properties by name, as they stand in the class.
        cls: the ``__class__`` of the wrapped client: the application's own class, or one derived from it
            in which ``super()`` finds the chain.
    """

    methods: Mapping[str, Any]
    cls: type


def derived(
    client: Any,
    recognises: Callable[[object], bool],
    special: Mapping[str, Any],
    below: Collection[str],
    log: ClientLog,
) -> Derived:
    """Return the additions of an application's class to the client's own class.

    Args:
        client: the client.
        recognises: whether an object is such a client.
        special: a wrapped client's special methods, which ``super()`` finds as well.
        below: operations. An application's override of one of them runs below the chain, so ``super()``
            in a method above skips it.
        log: gets the names of methods that run unprotected.
    """
    cls = type(client)
    base = client_class(cls, recognises)
    above = application_classes(cls, base)
    if not above or base is None:
        return Derived({}, cls)
    found: dict[str, Any] = {}
    for one in reversed(above):
        found.update(vars(one))
    own = getattr(client, "__dict__", {})
    kept = {*own, *below, *_WRAPPED}
    methods = {
        name: raw for name, raw in found.items() if name not in kept and _is_bound(name, raw)
    }
    past = sorted(name for name, raw in methods.items() if _names(raw, base))
    for name in past:
        _warn(log, cls, name, f"calls methods of {base.__name__} by the class's name")
        del methods[name]
    if not any(_calls_super(raw) for raw in methods.values()):
        return Derived(methods, cls)
    try:
        return Derived(methods, _with_chain(cls, base, special, set(found).intersection(below)))
    except TypeError as error:  # a metaclass or an __init_subclass__ that wants more than a name
        for name in sorted(name for name, raw in methods.items() if _calls_super(raw)):
            _warn(log, cls, name, f"calls super(), and no class can be derived from it ({error})")
            del methods[name]
        return Derived(methods, cls)


def _is_bound(name: str, raw: Any) -> bool:
    if name in _FIXED or isinstance(raw, _NOT_BOUND):
        return False
    return hasattr(type(raw), "__get__")


def _warn(log: ClientLog, cls: type, name: str, why: str) -> None:
    log.warning(
        "%s.%s runs on the client itself, unprotected: it %s; have it call self.…() instead",
        cls.__qualname__,
        name,
        why,
    )


def _with_chain(
    cls: type, base: type, special: Mapping[str, Any], passed_by: Collection[str]
) -> type:
    """Return a class with the wrapped client's methods between the application's and the client's."""
    namespace: dict[str, Any] = {"__slots__": (), "__module__": cls.__module__}
    for name in dir(base):
        if not name.startswith("__") and callable(getattr(base, name)):
            namespace[name] = _beneath(name, base, name in passed_by)
    chain = types.new_class(
        base.__name__, (base,), exec_body=lambda body: body.update({**namespace, **special})
    )
    about = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
    return types.new_class(cls.__name__, (cls, chain), exec_body=lambda body: body.update(about))


def _beneath(name: str, base: type, passed_by: bool) -> Callable[..., Any]:
    """Return ``super().name`` for the application's class: the wrapped method, or the client's own."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        own = self.__dict__[METHODS]
        bare = getattr(base, name).__get__(original(self))
        if passed_by:
            return own["resilience"]._through_chain(name, bare, args, kwargs)  # noqa: SLF001 - of this room
        return own.get(name, bare)(*args, **kwargs)

    method.__name__ = name
    return method


def _codes(raw: Any) -> Iterator[types.CodeType]:
    """Yield the code of a method, of a property's functions, of what a decorator wraps, and within."""
    parts = [raw]
    while parts:
        part = parts.pop()
        if isinstance(part, types.CodeType):
            yield part
            parts += part.co_consts
            continue
        inner = ("fget", "fset", "fdel", "func", "__func__", "__wrapped__", "__code__")
        parts += [getattr(part, name, None) for name in inner if part is not None]


def _calls_super(raw: Any) -> bool:
    return any("super" in code.co_names for code in _codes(raw))


def _names(raw: Any, base: type) -> bool:
    return any(base.__name__ in code.co_names for code in _codes(raw))
