"""Builds plain values from the nodes of composed YAML, and refuses what no policy file may contain."""

from __future__ import annotations

from typing import Any, Final

import yaml

from ..errors import PolicyFileError, Problem
from ..model.wording import redacted, shown
from .numbers import misread
from .source import KeyPath

MAX_NODES: Final = 20_000
"""Keys and values after aliases are followed: an alias that explodes ends here."""

MAX_NUMBER: Final = 64
"""Characters of a number. Turning a longer one into an int takes time, or is refused by Python."""

_YAML: Final = "tag:yaml.org,2002:"
_TEXT: Final = f"{_YAML}str"
_SCALARS: Final = frozenset(
    {_TEXT, *(f"{_YAML}{name}" for name in ("int", "float", "bool", "null", "timestamp"))}
)


class Builder:
    """Turns composed nodes into plain values, and records the place of each key.

    A value that cannot be built is left out and becomes a problem, so that the rest can be checked too.

    Args:
        where: the file as messages name it.
        max_depth: how deep mappings and lists may be nested, after aliases are followed.

    Attributes:
        places: line and column of every key, by path.
        written: the text in the file of each value that YAML does not read as text, by path.
        problems: what is wrong.
    """

    def __init__(self, where: str, max_depth: int) -> None:
        self.places: dict[KeyPath, tuple[int, int]] = {}
        self.written: dict[KeyPath, str] = {}
        self.problems: list[Problem] = []
        self._where = where
        self._max_depth = max_depth
        self._left = MAX_NODES
        self._open: set[int] = set()
        self._scalars = yaml.SafeLoader("")

    def build(self, node: yaml.MappingNode) -> dict[str, Any]:
        """Return the outermost mapping as plain values.

        Raises:
            PolicyFileError: an alias contains itself, or aliases make the file too large.
        """
        return self._mapping(node, ())

    def _value(self, node: yaml.Node, path: KeyPath) -> Any:
        """Return a node's plain value; `_NOTHING` if it has none."""
        self._left -= 1
        if self._left < 0 or len(path) > self._max_depth:
            raise PolicyFileError(
                [
                    *self.problems,
                    self._problem(node, path, "aliases make it grow beyond all measure"),
                ]
            )
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if id(node) in self._open:
            raise PolicyFileError(
                [*self.problems, self._problem(node, path, "holds an alias of itself")]
            )
        self._open.add(id(node))
        try:
            if node.tag not in (f"{_YAML}map", f"{_YAML}seq"):
                return self._refuse_tag(node, path)
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            items = [self._value(item, (*path, str(at))) for at, item in enumerate(node.value)]
            return [item for item in items if item is not _NOTHING]
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        found: dict[str, Any] = {}
        given: set[str] = set()
        for key_node, value_node in node.value:
            if (key := self._key(key_node, path)) is None:
                continue
            here = (*path, key)
            if key in given:
                line, _column = self.places[here]
                self._refuse(key_node, here, f"stands twice; it is given on line {line} already")
                continue
            given.add(key)
            mark = key_node.start_mark
            self.places[here] = (mark.line + 1, mark.column + 1)
            value = self._value(value_node, here)
            if value is not _NOTHING:
                found[key] = value
        return found

    def _key(self, node: yaml.Node, path: KeyPath) -> str | None:
        """Return a key that is text; None for any other."""
        if not isinstance(node, yaml.ScalarNode):
            self._refuse(node, path, "a key must be text, not a list or a mapping")
        elif node.tag == f"{_YAML}merge":
            message = "'<<' is not taken; write the values out, or have one profile extend another"
            self._refuse(node, path, message)
        elif node.tag != _TEXT:
            self._refuse(node, path, f"the key {shown(node.value)} must be text; quote it")
        else:
            return str(node.value)
        return None

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> Any:
        if node.tag not in _SCALARS:
            return self._refuse_tag(node, path)
        kind = node.tag.removeprefix(_YAML)
        try:
            if kind != "str" and len(node.value) > MAX_NUMBER:
                raise ValueError("too long")  # noqa: TRY301 - one answer to all that is no such value
            found = self._scalars.construct_object(node)
        except Exception:  # noqa: BLE001 - PyYAML lets through whatever int(), date() and its tables raise
            return self._refuse(
                node, path, f"{shown(node.value)} is no valid {kind}; quote it if it is text"
            )
        if kind in ("int", "float") and (message := misread(node.value, found)):
            return self._refuse(node, path, message)
        if kind != "str":
            self.written[path] = node.value
        return found

    def _refuse_tag(self, node: yaml.Node, path: KeyPath) -> Any:
        return self._refuse(
            node, path, f"the tag {shown(node.tag)} is not allowed; write a plain value"
        )

    def _refuse(self, node: yaml.Node, path: KeyPath, message: str) -> Any:
        self.problems.append(self._problem(node, path, message))
        return _NOTHING

    def _problem(self, node: yaml.Node, path: KeyPath, message: str) -> Problem:
        mark = node.start_mark
        key = redacted(".".join(path))
        return Problem(self._where, mark.line + 1, mark.column + 1, key, message)


_NOTHING: Final = object()
