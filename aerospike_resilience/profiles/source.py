"""Reading a policy file: YAML, safely, with the place of every key remembered."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from .errors import PolicyFileError, Problem

MAX_BYTES: Final = 1 << 20
MAX_NODES: Final = 20_000
"""Keys and values after aliases are followed: an alias that explodes ends here."""

KeyPath = tuple[str, ...]

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Source:
    """What one file, or one mapping given in code, says.

    Attributes:
        where: the file as messages name it, or ``overrides=``.
        data: plain values.
        places: line and column of every key, by path.
        path: the file; None for what was given in code.
    """

    where: str
    data: Mapping[str, Any]
    places: Mapping[KeyPath, tuple[int, int]] = field(default_factory=dict)
    path: Path | None = None

    def origin(self, path: KeyPath) -> str:
        """Return where a value comes from: ``policies/latency.yaml:9``."""
        line, _column = self.place(path)
        return f"{self.where}:{line}" if line else self.where

    def place(self, path: KeyPath) -> tuple[int, int]:
        """Return line and column of a key, or of the nearest one around it."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, (0, 0))

    def problem(self, path: KeyPath, message: str) -> Problem:
        """Return a problem at a key."""
        line, column = self.place(path)
        return Problem(self.where, line, column, ".".join(path), message)


def read(path: Path) -> Source:
    """Read one file.

    Raises:
        PolicyFileError: it cannot be read, is no YAML, or is YAML of a kind that invites mistakes.
    """
    where = f"{path.parent.name}/{path.name}"
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PolicyFileError(
            [Problem(where, 0, 0, "", f"cannot be read: {error.strerror}")]
        ) from None
    if len(raw) > MAX_BYTES:
        raise PolicyFileError([Problem(where, 0, 0, "", "is larger than 1 MiB; no policy file is")])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        message = f"byte {error.start} is not UTF-8; save the file as UTF-8"
        raise PolicyFileError([Problem(where, line, 1, "", message)]) from None
    return parse(text, where, path)


def parse(text: str, where: str, path: Path | None = None) -> Source:
    """Read a policy file's text. See `read`."""
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise PolicyFileError([Problem(where, line, column, "", _explain(error, text))]) from None
    except yaml.YAMLError as error:
        raise PolicyFileError([Problem(where, 0, 0, "", f"is no YAML: {error}")]) from None
    finally:
        loader.dispose()
    if node is None:
        raise PolicyFileError(
            [Problem(where, 1, 1, "", "is empty; a policy file begins with 'version: 1'")]
        )
    if not isinstance(node, yaml.MappingNode):
        raise PolicyFileError([Problem(where, 1, 1, "", "must be a mapping of keys to values")])
    builder = _Builder(where)
    data = builder.build(node, ())
    if builder.problems:
        raise PolicyFileError(builder.problems)
    return Source(where, data, builder.places, path)


def _explain(error: yaml.MarkedYAMLError, text: str) -> str:
    problem = error.problem or "is no YAML"
    mark = error.problem_mark
    lines = text.splitlines()
    if mark is not None and mark.line < len(lines) and "\t" in lines[mark.line]:
        return "a tab is used for indentation; YAML takes spaces only"
    if "but found another document" in problem:
        return "holds several documents; one file is one profile"
    return problem


class _Builder:
    """Turns composed nodes into plain values, and remembers where each key stands."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._left = MAX_NODES
        self.places: dict[KeyPath, tuple[int, int]] = {}
        self.problems: list[Problem] = []
        self._scalars = yaml.SafeLoader("")

    def build(self, node: yaml.Node, path: KeyPath) -> Any:
        self._left -= 1
        if self._left < 0:
            if self._left == -1:
                self._object(node, path, "aliases make it grow beyond all measure")
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, str(index))) for index, item in enumerate(node.value)]
        try:
            return self._scalars.construct_object(node)
        except yaml.YAMLError:
            self._object(node, path, f"the tag {node.tag!r} is not allowed; write a plain value")
            return None

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key: Hashable = self._scalars.construct_object(key_node)
            if not isinstance(key, str):
                self._object(key_node, path, f"the key {key!r} must be text; quote it")
                continue
            here = (*path, key)
            if key in found:
                line, _column = self.places[here]
                self._object(key_node, here, f"stands twice; it is given on line {line} already")
                continue
            mark = key_node.start_mark
            self.places[here] = (mark.line + 1, mark.column + 1)
            found[key] = self.build(value_node, here)
        return found

    def _object(self, node: yaml.Node, path: KeyPath, message: str) -> None:
        mark = node.start_mark
        self.problems.append(
            Problem(self._where, mark.line + 1, mark.column + 1, ".".join(path), message)
        )
