"""Derived: classes that applications derive from a client's, with methods of their own."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Final

from ...model.operation import Operation

KEPT: Final = 32
"""Of how many classes the client's own class is kept."""


class _OfClass:
    """An object that says it is of a class; adapters go by that."""

    def __init__(self, cls: type) -> None:
        self._cls = cls

    @property  # type: ignore[misc]  # what isinstance() asks
    def __class__(self) -> type:
        return self._cls


def client_class(cls: type, recognises: Callable[[object], bool]) -> type | None:
    """Return the client's own class that a class is or is derived from; None if it is derived from none.

    Args:
        cls: the class of an object.
        recognises: tells whether an object is such a client.
    """
    return _client_class(cls.__mro__, recognises)


@functools.lru_cache(KEPT)  # asked several times of each method of a client that is wrapped
def _client_class(classes: tuple[type, ...], recognises: Callable[[object], bool]) -> type | None:
    known = [one for one in classes if recognises(_OfClass(one))]
    return known[-1] if known else None


def application_classes(cls: type, client: type | None) -> tuple[type, ...]:
    """Return the classes that stand before the client's own in the order of lookup."""
    return cls.__mro__[: cls.__mro__.index(client)] if client is not None else ()


def stands_above(client: Any, operation: Operation, recognises: Callable[[object], bool]) -> bool:
    """Return whether a method that the application put over one of the client's stands above the chain.

    One that takes the policy stands below and replaces the client's own: it gets what the chain sends.
    One that takes none cannot, so it stands above, and what it calls of the client goes down the chain.
    """
    cls, name = type(client), operation.attribute
    above = application_classes(cls, client_class(cls, recognises))
    if not operation.policy or not any(name in vars(one) for one in above):
        return False
    try:
        parameters = inspect.signature(getattr(client, name)).parameters
    except (TypeError, ValueError):  # it does not tell
        return False
    takes_all = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    return operation.policy not in parameters and not takes_all


def base_method(client: Any, name: str, recognises: Callable[[object], bool]) -> Any:
    """Return a method of the client's own class, whatever the application put over it."""
    cls = type(client)
    above = application_classes(cls, client_class(cls, recognises))
    return getattr(super(above[-1], client) if above else client, name)


def native_method(client: Any, operation: Operation, recognises: Callable[[object], bool]) -> Any:
    """Return the method that the chain of an operation ends at."""
    if stands_above(client, operation, recognises):
        return base_method(client, operation.attribute, recognises)
    return getattr(client, operation.attribute)
