"""Checks a file against the schema, and reports all problems together."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ..errors import PolicyFileError, Problem
from ..model.wording import shown, suggestion
from .complaints import problem_of
from .operation_names import OPERATION_NAMES
from .places import not_a_set, place_of
from .source import KeyPath, PolicySource
from .synonyms import canonical

KEPT: Final = 32
"""Of how many files it is kept what is wrong with them."""


def problems_of(source: PolicySource) -> list[Problem]:
    """Return everything that is wrong with a policy file, in the order of the file."""
    return [*_problems(source)]


@functools.lru_cache(KEPT)
def _problems(source: PolicySource) -> tuple[Problem, ...]:
    from . import schema  # importing pydantic is slow; see there

    return tuple(_checked(source, schema.PolicyFile)[1])


def check_file(source: PolicySource) -> None:
    """Check a whole policy file.

    Raises:
        PolicyFileError: with everything that is wrong.
    """
    if problems := problems_of(source):
        raise PolicyFileError(problems)


def check_settings(source: PolicySource, *, whole: bool = False) -> Any:
    """Check settings without a file's head; return them as `schema.Settings`.

    Args:
        source: `overrides=`, merged files, or merged layers.
        whole: whether they are all settings, so that keys which need each other must be present.

    Raises:
        PolicyFileError: with everything that is wrong.
    """
    from . import schema

    found, problems = _checked(source, schema.Settings, whole=whole)
    if problems:
        raise PolicyFileError(problems)
    return found


def _checked(source: PolicySource, model: Any, *, whole: bool = False) -> tuple[Any, list[Problem]]:
    from pydantic import ValidationError

    from .schema import WHOLE

    if not isinstance(source.data, Mapping):
        message = f"a mapping in the shape of a policy file is needed, not {shown(source.data)}"
        return None, [source.problem((), message)]
    problems = [*source.problems]
    unread = {problem.key for problem in problems}
    found = None
    try:
        found = model.model_validate(dict(source.data), context={WHOLE: whole})
    except ValidationError as error:
        of_shape = (problem_of(source, model, details) for details in error.errors())
        # A value that could not be read has its problem already; do not also report it as missing.
        problems += [problem for problem in of_shape if problem.key not in unread]
    problems += [*_said_twice(source), *_unknown_names(source), *_without_other(source)]
    problems.sort(key=lambda problem: (problem.line, problem.column))
    return found, list(dict.fromkeys(problems))


def _said_twice(source: PolicySource) -> Iterator[Problem]:
    """Yield fields that one mapping sets twice, under two names."""
    for path, section in _mappings(source.data):
        said: dict[str, str] = {}
        for name, value in section.items():
            means, _ = canonical((*path, str(name)), None if _is_nested(value) else value)
            if means in said:
                message = f"{said[means]!r} and {name!r} say the same; keep one of them"
                yield source.problem((*path, name), message)
            said.setdefault(means, str(name))


def _mappings(data: Mapping[str, Any], path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Yield every mapping that may hold policy fields or connection settings."""
    for name in data if path else ("connection", "policy", "operations", "sets"):
        section = data.get(name)
        if isinstance(section, Mapping):
            here = (*path, str(name))
            yield here, section
            yield from _mappings(section, here)


def _is_nested(value: Any) -> bool:
    return isinstance(value, Mapping | list | tuple)


def _without_other(source: PolicySource) -> Iterator[Problem]:
    """Yield a rollout that does not say what the other processes stay with."""
    rollout = source.data.get("rollout")
    if isinstance(rollout, Mapping) and not (source.data.get("extends") or rollout.get("previous")):
        message = (
            "needs a profile that the other processes stay with: previous:, or a parent (extends:)"
        )
        yield source.problem(("rollout",), message)


def _unknown_names(source: PolicySource) -> Iterator[Problem]:
    """Yield unknown operations, unknown finding ids, and keys of ``sets`` that are not names."""
    from .rules import RULES  # the rules import profiles, which import this module

    operations, lint = source.data.get("operations"), source.data.get("lint")
    ignored = lint.get("ignore") if isinstance(lint, Mapping) else None
    for name in operations if isinstance(operations, Mapping) else ():
        if name not in OPERATION_NAMES:
            message = f"no client has an operation {shown(name)}"
            message += suggestion(name, sorted(OPERATION_NAMES))
            yield source.problem(("operations", str(name)), message)
    for name in ignored if isinstance(ignored, Mapping) else ():
        if name not in RULES:
            message = f"lint has no finding {shown(name)}{suggestion(name, RULES)}"
            yield source.problem(("lint", "ignore", str(name)), message)
    sets = source.data.get("sets")
    for name in sets if isinstance(sets, Mapping) else ():
        if place_of(str(name)) is None:
            message = not_a_set(name)
            yield source.problem(("sets", str(name)), message)
