"""The same asked of a bare and of a wrapped client: answers made comparable, by type and by value."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

_CHANGES = re.compile(
    r"\d+\.\d+\.\d+\.\d+:\d+|0x[0-9a-f]+|\b(?:iterations|lastNode)=\S+|\bid[:=] ?\d+"
)
_PLAIN = (type(None), bool, int, float, complex, str, bytes, bytearray)

Act = Callable[[Any], Any]
"""What is asked: from a client to its answer."""

Case = tuple[str, Act]
"""A method, and what is asked of it."""


def parameters(cases: Sequence[Case]) -> list[Any]:
    """Return cases as parameters of a test, named by their methods."""
    numbers: dict[str, int] = {}
    found = []
    for method, act in cases:
        numbers[method] = numbers.get(method, 0) + 1
        found.append(pytest.param(act, id=f"{method}-{numbers[method]}"))
    return found


def methods(*tables: Iterable[Case]) -> set[str]:
    """Return the methods that tables ask."""
    return {method for table in tables for method, _act in table}


def answer(client: Any, act: Act) -> Any:
    """Return what a client answers, described; an error is an answer too."""
    try:
        return described(act(client))
    except Exception as error:
        return described(error)


async def answer_async(client: Any, act: Act) -> Any:
    """Return what a client answers when every awaitable on the way is awaited."""
    try:
        return described(await settled(act(client)))
    except Exception as error:
        return described(error)


async def settled(value: Any) -> Any:
    """Await what is to be awaited, and collect what is to be iterated."""
    while inspect.isawaitable(value):
        value = await value
    if hasattr(value, "__aiter__"):
        return value.__class__, _unordered([item async for item in value])
    return value


def then(value: Any, go_on: Callable[[Any], Any]) -> Any:
    """Go on with a value, which may have to be awaited."""

    async def awaited() -> Any:
        return go_on(await value)

    return awaited() if inspect.isawaitable(value) else go_on(value)


def in_turn(*acts: Act) -> Act:
    """Ask one thing after the other, whether the client is awaited or not."""

    def act(client: Any) -> Any:
        first = acts[0](client)
        if inspect.isawaitable(first):
            return awaited(first, client)
        return (first, *(ask(client) for ask in acts[1:]))

    async def awaited(first: Any, client: Any) -> Any:
        return (await settled(first), *[await settled(ask(client)) for ask in acts[1:]])

    return act


def described(value: Any, depth: int = 0) -> Any:
    """Return type and value all the way down, without addresses and identities."""
    name = value.__class__.__qualname__
    if isinstance(value, type):
        return value.__module__, value.__qualname__
    if isinstance(value, BaseException):
        return name, described(_code(value))
    if isinstance(value, str):
        return name, _CHANGES.sub("", value)
    if isinstance(value, _PLAIN):
        return name, value
    if depth > 8:
        return name, "…"
    if isinstance(value, np.ndarray | np.generic):
        if value.dtype.names and "ttl" in value.dtype.names:
            value = value.copy()
            value["ttl"] = [_lifetime_s(seconds) for seconds in value["ttl"].tolist()]
        return name, str(value.dtype), value.tolist()
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        told = {
            repr(key): _lifetime(item) if key == "ttl" else described(item, depth + 1)
            for key, item in value.items()
        }
        return name, told
    if isinstance(value, list | tuple | set | frozenset):
        return name, [described(item, depth + 1) for item in value]
    if isinstance(value, Iterator):
        return name, [described(item, depth + 1) for item in _unordered(list(value))]
    return name, _attributes(value, depth) or _CHANGES.sub("", repr(value))


def _unordered(items: list[Any]) -> list[Any]:
    """Return what a stream gave in an order of its own; nodes answer as they like."""
    return sorted(items, key=lambda item: repr(described(item)))


def _attributes(value: Any, depth: int) -> dict[str, Any]:
    found = {}
    for name in dir(value):
        if name.startswith("_"):
            continue
        try:
            item = getattr(value, name)
        except Exception as error:
            item = error
        if callable(item) or isinstance(item, value.__class__):  # methods, and members of an enum
            continue
        found[name] = _lifetime(item) if name == "ttl" else described(item, depth + 1)
    return found


def _code(error: BaseException) -> Any:
    code = getattr(error, "result_code", None)
    return str(code) if code is not None else (error.args or (None,))[0]


def _lifetime(seconds: Any) -> Any:
    """A record's time to live, without the second that may have passed between two looks."""
    return described(_lifetime_s(seconds))


def _lifetime_s(seconds: Any) -> Any:
    is_constant = not isinstance(seconds, int) or not 0 < seconds < 10**6
    return seconds if is_constant else round(seconds, -2)
