"""A policy file's text: YAML, read safely."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

from ..errors import PolicyFileError, Problem
from .build import Builder
from .loader import LOADER, forbidden_character
from .source import PolicySource

MAX_DEPTH: Final = 32
"""Mappings and lists in each other; a policy file needs five. Composing recurses, in C too."""


def parse(text: str, where: str, path: Path | None = None) -> PolicySource:
    """Read a policy file's text. See `read`."""
    forbidden = forbidden_character(text)
    if forbidden is not None:
        line, column, character = forbidden
        message = f"is no YAML: control characters are not allowed, and this is {character}"
        raise PolicyFileError([Problem(where, line, column, "", message)])
    try:
        _refuse_depths(text, where)
        node = _composed(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise PolicyFileError([Problem(where, line, column, "", _explain(error, text))]) from None
    if node is None:
        raise PolicyFileError(
            [Problem(where, 1, 1, "", "is empty; a policy file begins with 'version: 1'")]
        )
    if not isinstance(node, yaml.MappingNode):
        raise PolicyFileError([Problem(where, 1, 1, "", "must be a mapping of keys to values")])
    builder = Builder(where, MAX_DEPTH)
    data = builder.build(node)
    return PolicySource(where, data, builder.places, path, tuple(builder.problems))


def _refuse_depths(text: str, where: str) -> None:
    """Refuse what is nested too deep, before anything walks it by recursion.

    A scanner reads up to 1,024 characters ahead, to see whether what begins here is a key. One
    that has a limit of its own (libyaml in PyYAML 6.0.4: 1,000 levels) may meet it there, before
    it has told of the level that is too deep for us. Without what it stumbled over it tells.

    Raises:
        PolicyFileError: there are more than `MAX_DEPTH` levels.
        yaml.MarkedYAMLError: it is no YAML, and not for its depth.
    """
    try:
        mark = _first_too_deep(text)
    except yaml.MarkedYAMLError as error:
        stop = error.problem_mark
        try:
            mark = _first_too_deep(text[: stop.index]) if stop else None
        except yaml.MarkedYAMLError:  # cut short it is no YAML either
            mark = None
        if mark is None:
            raise
    if mark is not None:
        message = f"is nested deeper than {MAX_DEPTH} levels; no policy file is"
        raise PolicyFileError([Problem(where, mark.line + 1, mark.column + 1, "", message)])


def _first_too_deep(text: str) -> Any:
    """Return the mark of the first mapping or list that is too deep in others, or None."""
    loader = LOADER(text)
    depth = 0
    try:
        while loader.check_event():
            event = loader.get_event()
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > MAX_DEPTH:
                    return event.start_mark
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
    finally:
        loader.dispose()
    return None


def _composed(text: str) -> yaml.Node | None:
    loader = LOADER(text)
    try:
        node: yaml.Node | None = loader.get_single_node()
        return node
    finally:
        loader.dispose()


def _explain(error: yaml.MarkedYAMLError, text: str) -> str:
    problem = error.problem or "is no YAML"
    mark = error.problem_mark
    lines = text.splitlines()
    if mark is not None and mark.line < len(lines) and "\t" in lines[mark.line]:
        return "a tab is used for indentation; YAML takes spaces only"
    if "but found another document" in problem:
        return "holds several documents; one file is one profile"
    return problem
