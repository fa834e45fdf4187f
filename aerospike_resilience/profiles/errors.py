"""What is wrong with a policy file, all of it in one report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import ResilienceError
from ..model.wording import shown, suggestion
from .names import name_of


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        where: the file, or the name of what was given in code (``overrides=``).
        line: 1 for the first; 0 where there are no lines.
        column: 1 for the first; 0 where there are no lines.
        key: the path of keys, ``breaker.max_error_rate``; empty where it is the whole file.
        message: what is wrong, and what would be right.
    """

    where: str
    line: int
    column: int
    key: str
    message: str

    def __str__(self) -> str:
        place = f"{self.where}:{self.line}:{self.column}" if self.line else self.where
        return f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"


class PolicyFileError(ResilienceError, ValueError):
    """A policy file, or settings given in code, cannot be used. Nothing of it is in force.

    Attributes:
        problems: everything that is wrong, in the order of the file.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class UnknownProfileError(ResilienceError, LookupError):
    """There is no policy file of that name.

    Attributes:
        name: the name that was asked for.
        known: the names there are.
    """

    def __init__(self, name: str, known: Sequence[str], directories: Sequence[Path]) -> None:
        looked = ", ".join(name_of(directory) for directory in directories) or "nowhere"
        super().__init__(
            f"no profile is called {shown(name)}{suggestion(name, known)} (looked for in {looked})"
        )
        self.name = name
        self.known = tuple(known)
