"""Where profiles are found, and how a file and its parents become one."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from ..errors import PolicyFileError, Problem, UnknownProfileError
from .profile import Layer, Profile
from .source import PolicySource, read
from .suggest import nearest, shown
from .validate import problems_of

Policies = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
"""Where an application says that its policy files are."""

OnLook = Callable[[str], None]
"""Told of a profile's name before its file is looked for."""

ENVIRONMENT: Final = "AEROSPIKE_RESILIENCE_POLICIES"
"""Directories with policy files, separated as in ``PATH``."""


def shipped() -> Path:
    """Return the directory of the shipped profiles: in the package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "policies"
    return inside if inside.is_dir() else package.parent / "policies"


def is_name(name: str) -> bool:
    """Return whether a profile can be called so: one part of a path, and not hidden."""
    return bool(name) and name == Path(name).name and not name.startswith(".")


class PolicyLibrary:
    """Finds and loads profiles.

    Args:
        policies: directories to look in first. After them come those of the environment variable
            ``AEROSPIKE_RESILIENCE_POLICIES`` and the shipped ones.

    Attributes:
        directories: all of them, in the order of search.
    """

    def __init__(self, policies: Sequence[Path] | None = None) -> None:
        named = os.environ.get(ENVIRONMENT, "")
        self.directories: tuple[Path, ...] = (
            *(policies or ()),
            *(Path(directory) for directory in named.split(os.pathsep) if directory),
            shipped(),
        )

    @classmethod
    def of(cls, policies: Policies | None) -> PolicyLibrary:
        """Return a library that looks first where `policies` says: a directory or several."""
        if policies is None:
            return cls()
        if isinstance(policies, str | os.PathLike):
            return cls([Path(policies)])
        return cls([Path(directory) for directory in policies])

    def names(self) -> tuple[str, ...]:
        """Return the name of every profile there is."""
        found = {
            path.stem
            for directory in self.directories
            if directory.is_dir()
            for path in directory.glob("*.yaml")
            if is_name(path.stem)
        }
        return tuple(sorted(found))

    def candidates(self, name: str) -> tuple[Path, ...]:
        """Return every file that could be a profile, in the order of search; empty for a path."""
        if not is_name(name):
            return ()
        return tuple(directory / f"{name}.yaml" for directory in self.directories)

    def find(self, name: str) -> Path:
        """Return a profile's file.

        Raises:
            UnknownProfileError: there is none of that name.
        """
        for path in self.candidates(name):
            if os.path.exists(path):  # noqa: PTH110 - Path.exists() raises for a name that is too long
                return path
        known = self.names()
        looked = ", ".join(map(str, self.directories)) or "nowhere"
        raise UnknownProfileError(
            f"no profile is called {shown(name)}{nearest(name, known)}; there are "
            f"{', '.join(known) or 'none'} (looked for in {looked})",
            name=name,
            known=known,
        )

    def load(self, name: str, on_look: OnLook | None = None) -> Profile:
        """Load a profile with its parents.

        Args:
            name: the profile's name.
            on_look: told of every profile whose file is about to be looked for: its own name, then its
                parents', also where loading fails.

        Raises:
            UnknownProfileError: there is none of that name.
            PolicyFileError: files of the chain are broken, with every problem of every one.
        """
        sources = self.chain(name, on_look)
        files = tuple(source.path for source in sources if source.path is not None)
        description = str(sources[0].data.get("description", ""))
        return Profile(name, description, files, (Layer(tuple(reversed(sources))),))

    def chain(self, name: str, on_look: OnLook | None = None) -> list[PolicySource]:
        """Return the checked sources of a profile, its own file first and then its parents'.

        Raises:
            UnknownProfileError: there is none of that name.
            PolicyFileError: files of the chain are broken, or the chain has no end.
        """
        looked = on_look or (lambda _name: None)
        looked(name)
        path, visited = self.find(name), [name]
        sources: list[PolicySource] = []
        problems: list[Problem] = []
        while True:
            try:
                source = read(path)
            except PolicyFileError as error:  # nothing of it can be read, its parent least of all
                raise PolicyFileError([*problems, *error.problems]) from None
            sources.append(source)
            found, parent = problems_of(source), source.data.get("extends")
            if isinstance(parent, str) and parent not in visited:
                looked(parent)
                try:
                    path = self.find(parent)
                except UnknownProfileError as error:
                    found.append(source.problem(("extends",), str(error)))
                    parent = None
            elif isinstance(parent, str):
                circle = " -> ".join([*visited[visited.index(parent) :], parent])
                message = f"the chain of parents has no end: {circle}"
                found.append(source.problem(("extends",), message))
                parent = None
            problems += sorted(found, key=lambda problem: (problem.line, problem.column))
            if not isinstance(parent, str):
                break
            visited.append(parent)
        if problems:
            raise PolicyFileError(problems)
        return sources
