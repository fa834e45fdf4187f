"""Edits a policy file's text: comments and the order of lines stay as they are."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import yaml

from .loader import PurePythonLoader
from .parsing import parse
from .source import PolicySource
from .validate import check_file


def with_share(text: str, share: str, by: str = "hostname") -> str:
    """Return a policy file's text with another share of its rollout.

    Args:
        text: the file's text, which is a valid policy file.
        share: the new share, ``50%``.
        by: what distinguishes processes, where the file has no rollout yet.
    """
    root: Any = yaml.compose(text, Loader=PurePythonLoader)
    rollout = _value(root, "rollout")
    if isinstance(rollout, yaml.MappingNode):
        there = _value(rollout, "share")
        if there is not None:
            return text[: there.start_mark.index] + share + text[there.end_mark.index :]
        return _with_first_key(text, rollout, f"share: {share}")
    if rollout is not None:  # null
        raise ValueError(f"rollout: is no mapping; write rollout: {{share: {share}}}")
    line = f"rollout: {{share: {share}, by: {by}}}"
    if root.flow_style:
        return _with_first_key(text, root, line)
    after = _value(root, "extends") or _value(root, "version")
    return _with_line(text, after.end_mark.line, line)


def save(path: Path, text: str, where: str) -> None:
    """Replace a policy file's text in one step, if it is valid.

    Args:
        path: the file; if it is a link, the file behind it is replaced.
        text: the new text.
        where: how messages name the file.

    Raises:
        PolicyFileError: the text is no valid policy file.
        OSError: it cannot be written.
    """
    source: PolicySource = parse(text, where, path)
    check_file(source)
    real = path.resolve()
    fresh = real.with_name(f".{real.name}.new")  # beside it, so that replacing it is one step
    try:
        with fresh.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
        shutil.copymode(real, fresh)
        os.replace(fresh, real)  # noqa: PTH105 - as the standard library describes it
    finally:
        fresh.unlink(missing_ok=True)


def read_text(path: Path) -> str:
    """Return a file's text with its line ends as they are."""
    with path.open(encoding="utf-8", newline="") as file:
        return file.read()


def _value(mapping: Any, key: str) -> Any:
    """Return the node of a key's value; None if the mapping has no such key."""
    return next((value for name, value in mapping.value if name.value == key), None)


def _with_first_key(text: str, mapping: yaml.MappingNode, entry: str) -> str:
    """Return a text in which a mapping begins with another entry."""
    at = mapping.start_mark.index
    if mapping.flow_style:
        return f"{text[: at + 1]}{entry}{', ' if mapping.value else ''}{text[at + 1 :]}"
    return f"{text[:at]}{entry}{_line_end(text)}{' ' * mapping.start_mark.column}{text[at:]}"


def _with_line(text: str, number: int, line: str) -> str:
    """Return a text with another line after line `number`, counted from 0."""
    end = _line_end(text)
    lines = text.splitlines(keepends=True)
    if not lines[number].endswith(("\n", "\r")):
        lines[number] += end
    lines.insert(number + 1, line + end)
    return "".join(lines)


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
