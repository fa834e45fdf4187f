"""A policy file's text: YAML, read safely."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, Final

import yaml

from ..errors import PolicyFileError, Problem
from .build import Builder
from .loader import LOADER, forbidden_character
from .source import MAX_DEPTH, PolicySource

KEPT: Final = 32
"""How many texts are kept with what they say. Each client reads its profile, and at each reload again."""


@functools.lru_cache(KEPT)
def parse(text: str, where: str, path: Path | None = None) -> PolicySource:
    """Read a policy file's text. See `read`. A text that is known is not read again."""
    forbidden = forbidden_character(text)
    if forbidden is not None:
        line, column, character = forbidden
        message = f"is no YAML: control characters are not allowed, and this is {character}"
        raise PolicyFileError([Problem(where, line, column, "", message)])
    try:
        _refuse_depths(text, where)
        node = _composed(text)
    except yaml.MarkedYAMLError as error:
        mark, message = _explained(error, text)
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise PolicyFileError([Problem(where, line, column, "", message)]) from None
    if node is None:
        raise PolicyFileError(
            [Problem(where, 1, 1, "", "is empty; a policy file begins with 'version: 1'")]
        )
    if not isinstance(node, yaml.MappingNode):
        raise PolicyFileError([Problem(where, 1, 1, "", "must be a mapping of keys to values")])
    builder = Builder(where, MAX_DEPTH)
    data = builder.build(node)
    return PolicySource(where, data, builder.places, path, tuple(builder.problems), builder.written)


def _refuse_depths(text: str, where: str) -> None:
    """Refuse a text that is nested too deep, before it is walked by recursion.

    A scanner reads up to 1,024 characters ahead, to find out whether a key begins here. A scanner with its
    own limit (libyaml in PyYAML 6.0.4: 1,000 levels) may reach it there, before it reports the level that
    is too deep for this library. So the text is cut before that place and scanned again.

    Raises:
        PolicyFileError: there are more than `MAX_DEPTH` levels.
        yaml.MarkedYAMLError: it is not YAML, for a reason other than its depth.
    """
    try:
        mark = _first_too_deep(text)
    except yaml.MarkedYAMLError as error:
        stop = error.problem_mark
        try:
            mark = _first_too_deep(text[: stop.index]) if stop else None
        except yaml.MarkedYAMLError:  # the shortened text is not YAML either
            mark = None
        if mark is None:
            raise
    if mark is not None:
        message = f"is nested deeper than {MAX_DEPTH} levels; no policy file is"
        raise PolicyFileError([Problem(where, mark.line + 1, mark.column + 1, "", message)])


def _first_too_deep(text: str) -> Any:
    """Return the mark of the first mapping or list that is nested too deep, or None."""
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


def _explained(error: yaml.MarkedYAMLError, text: str) -> tuple[yaml.Mark | None, str]:
    """Return the place of a mistake, and what it is.

    A bracket that is never closed is noticed far below, at the end of the file or at the next key. The
    place is then where the bracket begins.
    """
    problem = error.problem or "is no YAML"
    noticed = error.problem_mark
    lines = text.splitlines()
    if noticed is not None and noticed.line < len(lines) and "\t" in lines[noticed.line]:
        return noticed, "a tab is used for indentation; YAML takes spaces only"
    if "but found another document" in problem:
        return noticed, "holds several documents; one file is one profile"
    if "while scanning a quoted scalar" in (error.context or "") and "unexpected end" in problem:
        return error.context_mark, "the text that begins here has no closing quote"
    if isinstance(error, yaml.parser.ParserError) and (unclosed := _unclosed(text)):
        begins, message = unclosed
        if noticed is not None and begins.line < noticed.line < len(lines):
            message += f"; line {noticed.line + 1} does not belong in it"
        return begins, message
    return noticed or error.context_mark, problem


def _unclosed(text: str) -> tuple[yaml.Mark, str] | None:
    """Return place and kind of the innermost bracket that is not closed, or closed by the wrong one."""
    kinds = {
        yaml.FlowSequenceStartToken: ("[", yaml.FlowSequenceEndToken),
        yaml.FlowMappingStartToken: ("{", yaml.FlowMappingEndToken),
    }
    ends = tuple(end for _, end in kinds.values())
    opened: list[yaml.Token] = []
    try:
        for token in yaml.scan(text, LOADER):
            if type(token) in kinds:
                opened.append(token)
            elif isinstance(token, ends) and opened:
                if not isinstance(token, kinds[type(opened[-1])][1]):
                    break
                opened.pop()
    except yaml.YAMLError:  # the rest cannot be scanned, so it may be closed there
        return None
    if not opened:
        return None
    bracket = kinds[type(opened[-1])][0]
    what = "list" if bracket == "[" else "mapping"
    return opened[-1].start_mark, f"the {what} that begins here with {bracket} is not closed"
