"""Mistakes in arguments: unknown keywords, where a policy file's setting belongs into ``overrides=``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from ..model.wording import redacted, shown, suggestion
from ..profiles.overrides import path_of


def refuse_unknown(function: str, unknown: Mapping[str, Any], known: Iterable[str]) -> NoReturn:
    """Refuse keywords as Python does, and name ``overrides=`` for a policy file's settings.

    Args:
        function: what was called.
        unknown: the keywords, of which there is at least one, and their values.
        known: the keywords that there are.

    Raises:
        TypeError: always.
    """
    overrides: dict[str, Any] = {}
    for name, value in unknown.items():
        path = path_of(name)
        if path is None:
            raise TypeError(
                f"{function}() got an unexpected keyword argument {name!r}{suggestion(name, known)}"
            )
        inner = overrides
        for step in path[:-1]:
            inner = inner.setdefault(step, {})
        inner[path[-1]] = value
    names = " and ".join(repr(name) for name in unknown)
    argument = "argument" if len(unknown) == 1 else "arguments"
    raise TypeError(
        f"{function}() got an unexpected keyword {argument} {names}; did you mean "
        f"overrides={_code(overrides)}?"
    )


def _code(value: Any) -> str:
    """Return a value as Python code, with double quotes."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_code(key)}: {_code(one)}' for key, one in value.items())}}}"
    if isinstance(value, str):
        return json.dumps(redacted(value))
    return redacted(repr(value))


def checked_listeners(given: Iterable[Any]) -> tuple[Any, ...]:
    """Return listeners as a new tuple.

    Raises:
        TypeError: one of them is no listener: a class, a text, or what has no ``state_change``.
    """
    if not isinstance(given, Iterable):
        raise TypeError(f"listeners= takes a list of pybreaker's listeners, not {shown(given)}")
    found = tuple(given)
    for one in found:
        if isinstance(one, type) or not callable(getattr(one, "state_change", None)):
            name = one.__name__ if isinstance(one, type) else shown(one)
            raise TypeError(f"listeners= takes objects such as pybreaker's listeners, not {name}")
    return found
