"""Reads a policy file, and keeps the place of every key."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ..errors import PolicyFileError, Problem
from ..model.wording import redacted
from .names import name_of

KeyPath = tuple[str, ...]
"""The keys that lead to a value, outermost first."""

MAX_BYTES: Final = 1 << 20
MAX_DEPTH: Final = 32
"""How deep mappings and lists may be nested; a policy file needs five. Composing recurses, in C too."""


@dataclass(frozen=True, slots=True, eq=False)
class PolicySource:
    """The contents of one file, or of one mapping given in code. Nobody changes them.

    Attributes:
        where: the file as messages name it, or ``overrides=``.
        data: plain values, without those that have `problems`.
        places: line and column of every key, by path.
        path: the file; None for a mapping given in code.
        written: the text in the file of each value that YAML does not read as text, by path: ``0x10``.
        problems: errors in the YAML that do not prevent reading it (a duplicate key).
    """

    where: str
    data: Mapping[str, Any]
    places: Mapping[KeyPath, tuple[int, int]] = field(default_factory=dict)
    path: Path | None = None
    problems: tuple[Problem, ...] = ()
    written: Mapping[KeyPath, str] = field(default_factory=dict)

    def origin(self, path: KeyPath) -> str:
        """Return where a value is set: ``policies/latency.yaml:9``."""
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
        return Problem(self.where, line, column, redacted(".".join(path)), message)


def read(path: Path, where: str = "") -> PolicySource:
    """Read one file.

    Args:
        path: the file.
        where: the file as messages name it; `name_of` gives the default.

    Raises:
        PolicyFileError: it cannot be read, or is not YAML, or is not a mapping.
    """
    from .parsing import parse  # imports YAML, which is not needed before a file is read

    where = where or name_of(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would block until it is written
            raise PolicyFileError([Problem(where, 0, 0, "", "cannot be read: is no regular file")])
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
