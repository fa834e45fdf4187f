"""Checking what a file says against the schema: every problem in one report."""

from __future__ import annotations

from typing import Any

from .errors import PolicyFileError, Problem
from .source import KeyPath, Source
from .suggest import nearest


def check_file(source: Source) -> Any:
    """Check a whole policy file; return it as a `schema.PolicyFile`.

    Raises:
        PolicyFileError: with everything that is wrong.
    """
    from . import schema  # pydantic takes its time; see there

    return _check(source, schema.PolicyFile)


def check_settings(source: Source) -> Any:
    """Check settings without a file's head: `overrides=`, or what a chain of files merges to.

    Raises:
        PolicyFileError: with everything that is wrong.
    """
    from . import schema

    return _check(source, schema.Settings)


def _check(source: Source, model: Any) -> Any:
    from pydantic import ValidationError

    if not isinstance(source.data, dict):
        message = f"a mapping in the shape of a policy file is needed, not {source.data!r}"
        raise PolicyFileError([source.problem((), message)])
    try:
        return model.model_validate(source.data)
    except ValidationError as error:
        problems = [_problem(source, model, details) for details in error.errors()]
        problems.sort(key=lambda problem: (problem.line, problem.column))
        raise PolicyFileError(list(dict.fromkeys(problems))) from None


def _problem(source: Source, model: Any, details: Any) -> Problem:
    from . import schema

    path: KeyPath = tuple(str(step) for step in details["loc"])
    kind, given = details["type"], details.get("input")
    match kind:
        case "extra_forbidden":
            known = schema.known_keys(path[:-1], model)
            right = nearest(path[-1], known) or f"; there are {', '.join(known)}"
            return source.problem(path, f"there is no key {path[-1]!r} here{right}")
        case "missing":
            needed = "1" if path == ("version",) else "a value"
            return source.problem(path, f"is missing; it must be {needed}")
        case "literal_error":
            words = details["ctx"]["expected"]
            known = [word.strip("' ") for word in words.replace(" or ", ", ").split(",")]
            return source.problem(path, f"{given!r} is none of {words}{nearest(given, known)}")
        case "value_error":
            return source.problem(path, str(details["ctx"]["error"]))
        case "model_type" | "dict_type":
            return source.problem(path, f"must be a mapping of keys to values, not {given!r}")
        case _:
            message = details["msg"][0].lower() + details["msg"][1:]
            return source.problem(path, f"{message}, not {given!r}")
