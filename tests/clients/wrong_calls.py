"""Calls that a client refuses: made for every method from its table, for a bare and a wrapped client.

A wrong call has no right answer but the client's own: class, text, cause and context of the error, raised
at the same moment, and nothing on the wire that the bare client would not send.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from aerospike_resilience.model.operation import Operation, Shape

_CHANGES = re.compile(
    r"\d+\.\d+\.\d+\.\d+:\d+|0x[0-9a-f]+|\b(?:iterations|lastNode|elapsed)[=:] ?\S+|\b[A-F]\d\b"
)


class WrongCall(NamedTuple):
    """One call: what is wrong with it, and its arguments. Made anew for each client by `make`."""

    label: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


def nothing(*_args: Any) -> None:
    """A callback."""


def wrong_values() -> list[tuple[str, Any]]:
    """Return values of types that few parameters take; new ones each time."""
    return [
        ("None", None),
        ("a number", 5),
        ("a negative", -1),
        ("a float", 1.5),
        ("a boolean", True),
        ("a text", "text"),
        ("bytes", b"bytes"),
        ("a list", ["text"]),
        ("a list of numbers", [5]),
        ("an empty list", []),
        ("a tuple", (1,)),
        ("a dict", {"n": 1}),
        ("a dict of numbers", {1: 2}),
        ("an object", object()),
        ("a class", object),
        ("a callback", nothing),
        ("a view of a dict", MappingProxyType({"n": 1})),
    ]


def wrong_keys() -> list[tuple[str, Any]]:
    """Return tuples that are no keys."""
    return [
        ("a namespace that cannot be hashed", (["test"], "wrong", 1)),
        ("a set that cannot be hashed", ("test", ["wrong"], 1)),
        ("a namespace that is a dict", ({}, "wrong", 1)),
        ("a namespace of None", (None, "wrong", 1)),
        ("a set of None", ("test", None, 1)),
        ("a namespace that is a number", (1, "wrong", 1)),
        ("a set that is a number", ("test", 1, 1)),
        ("a boolean user key", ("test", "wrong", True)),
        ("a float user key", ("test", "wrong", 1.5)),
        ("a user key of None", ("test", "wrong", None)),
        ("a list as user key", ("test", "wrong", [1])),
        ("no user key", ("test", "wrong")),
        ("a namespace alone", ("test",)),
        ("an empty tuple", ()),
        ("a list for a key", ["test", "wrong", 1]),
        ("a digest that is none", ("test", "wrong", None, "digest")),
        ("an unknown namespace", ("nowhere", "wrong", 1)),
        ("a namespace too long", ("n" * 40, "wrong", 1)),
        ("an integer too large", ("test", "wrong", 2**70)),
    ]


def wrong_policies() -> list[tuple[str, Any]]:
    """Return dicts that are no policies."""
    return [
        ("a timeout in words", {"total_timeout": "soon"}),
        ("a timeout of None", {"total_timeout": None}),
        ("a negative timeout", {"total_timeout": -1}),
        ("a timeout with a fraction", {"socket_timeout": 1.5}),
        ("retries in words", {"max_retries": "many"}),
        ("a timeout in words", {"timeout": "soon"}),
        ("a replica in words", {"replica": "sequence"}),
        ("a replica that cannot be hashed", {"replica": []}),
        ("a list for a condition", {"exists": [], "gen": []}),
        ("a generation in words", {"gen": "eq"}),
        ("numbers for names", {1: 2}),
        ("expressions that are none", {"expressions": 5}),
    ]


def wrong_calls(
    operation: Operation, good: Mapping[str, Callable[[], Any]], keys: bool = False
) -> Iterator[WrongCall]:
    """Yield the wrong calls of a method, and some that may be right.

    Args:
        operation: the method.
        good: makes a right value, by the parameter's name.
        keys: whether keys are tuples.
    """
    positional = operation.parameters

    def value(name: str) -> Any:
        return good[name]()

    def right(count: int) -> tuple[Any, ...]:
        return tuple(value(name) for name in positional[:count])

    for count in range(len(positional)):
        yield WrongCall(f"{count} arguments", right(count), {})
        yield WrongCall(f"{count} arguments, one unknown", right(count), {"nonsense": 1})
    yield WrongCall("one too many", (*right(len(positional)), "more"), {})
    yield WrongCall("three too many", (*right(len(positional)), 1, 2, 3), {})
    for index, name in enumerate(positional):
        for count in (index + 1, len(positional)):
            yield WrongCall(f"{name} twice, {count}", right(count), {name: value(name)})
    yield WrongCall("all by keyword, one unknown", (), {n: value(n) for n in positional} | {"x": 1})
    for name in operation.keywords:
        yield WrongCall(
            f"{name} unknown beside", right(len(positional)), {name: value(name), "x": 1}
        )

    required = right(_before_options(operation))
    for index, name in enumerate(positional):
        for label, wrong in _wrong(operation, name, keys):
            args = list(right(max(index + 1, len(required))))
            args[index] = wrong
            yield WrongCall(f"{label} for {name}", tuple(args), {})
            if index >= len(required):
                yield WrongCall(f"{name}={label}", required, {name: wrong})
    for name in operation.keywords:
        for label, wrong in _wrong(operation, name, keys):
            yield WrongCall(f"{name}={label}", required, {name: wrong})


def _before_options(operation: Operation) -> int:
    names = operation.parameters
    ends = [names.index(name) for name in (operation.policy, "meta") if name in names]
    return min(ends, default=len(names))


def _wrong(operation: Operation, name: str, keys: bool) -> list[tuple[str, Any]]:
    found = wrong_values()
    if keys and name == operation.key:
        found += wrong_keys()
    if keys and name == "keys":
        found += [(f"a list with {label}", [key]) for label, key in wrong_keys()]
    if keys and name.startswith("policy"):
        found += wrong_policies()
    return found


def told(error: BaseException | None, depth: int = 0) -> Any:
    """Return an error's class and text, and those of its cause and context, without addresses."""
    if error is None or depth > 4:
        return None
    return (
        f"{type(error).__module__}.{type(error).__qualname__}",
        _CHANGES.sub("", str(error)),
        error.__suppress_context__,
        told(error.__cause__, depth + 1),
        told(error.__context__, depth + 1),
    )


def outcome(method: Callable[..., Any], call: WrongCall) -> Any:
    """Return how a call ends: its error and the moment it is raised; nothing where it is right."""
    try:
        result = method(*call.args, **call.kwargs)
    except Exception as error:
        return "at the call", told(error)
    if inspect.isawaitable(result):
        raise AssertionError("this is for methods that block")
    return "right", None


async def outcome_async(method: Callable[..., Any], call: WrongCall) -> Any:
    """Return the same of a method that is awaited."""
    try:
        waiting = method(*call.args, **call.kwargs)
    except Exception as error:
        return "at the call", told(error)
    try:
        await waiting
    except Exception as error:
        return "when awaited", told(error)
    return "right", None


def is_told(operation: Operation, call: WrongCall) -> bool:
    """Return whether a call is worth making: of what goes to the cluster as a whole, those about its form.

    Every one of those takes a round trip to all nodes, and what their other arguments are is the server's.
    """
    return (
        operation.shape in (Shape.POINT, Shape.BATCH)
        or "a timeout in words" in call.label
        or not (" for " in call.label or "=" in call.label)
    )
