"""What a policy file says, with the place of every key remembered, and reading it."""

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
"""Mappings and lists in each other; a policy file needs five. Composing recurses, in C too."""


@dataclass(frozen=True, slots=True)
class PolicySource:
    """What one file, or one mapping given in code, says.

    Attributes:
        where: the file as messages name it, or ``overrides=``.
        data: plain values; what `problems` are about is left out.
        places: line and column of every key, by path.
        path: the file; None for what was given in code.
        written: what stands in the file for each value that is no text to YAML, by path: ``0x10``, ``on``.
        problems: what is wrong with it as YAML, though it can be read (a key that stands twice).
    """

    where: str
    data: Mapping[str, Any]
    places: Mapping[KeyPath, tuple[int, int]] = field(default_factory=dict)
    path: Path | None = None
    problems: tuple[Problem, ...] = ()
    written: Mapping[KeyPath, str] = field(default_factory=dict)

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
        return Problem(self.where, line, column, redacted(".".join(path)), message)


def read(path: Path, where: str = "") -> PolicySource:
    """Read one file.

    Args:
        path: the file.
        where: the file as messages name it; see `name_of` for how they do if not given.

    Raises:
        PolicyFileError: it cannot be read, or is no YAML, or is YAML that could hold no policies.
    """
    from .parsing import parse  # and with it YAML, which nobody needs before a file is read

    where = where or name_of(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for its writer
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
