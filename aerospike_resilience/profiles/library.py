"""Where profiles are found, and how a file and its parents become one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from .errors import PolicyFileError, UnknownProfileError
from .profile import Layer, Profile
from .source import Source, read
from .validate import check_file

Policies = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
"""Where an application says that its policy files are."""

ENVIRONMENT: Final = "AEROSPIKE_RESILIENCE_POLICIES"
"""Directories with policy files, separated as in ``PATH``."""


def shipped() -> Path:
    """Return the directory of the shipped profiles: in the package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "policies"
    return inside if inside.is_dir() else package.parent / "policies"


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
        }
        return tuple(sorted(found))

    def find(self, name: str) -> Path:
        """Return a profile's file.

        Raises:
            UnknownProfileError: there is none of that name.
        """
        if name and name == Path(name).name:
            for directory in self.directories:
                path = directory / f"{name}.yaml"
                if path.exists():
                    return path
        raise UnknownProfileError(name, self.names(), self.directories)

    def load(self, name: str) -> Profile:
        """Load a profile with its parents.

        Raises:
            UnknownProfileError: there is none of that name.
            PolicyFileError: a file of the chain is broken.
        """
        sources = self.chain(name)
        files = tuple(source.path for source in sources if source.path is not None)
        description = str(sources[0].data.get("description", ""))
        return Profile(name, description, files, (Layer(tuple(reversed(sources))),))

    def chain(self, name: str) -> list[Source]:
        """Return the checked sources of a profile, its own file first and then its parents'.

        Raises:
            UnknownProfileError: there is none of that name.
            PolicyFileError: a file of the chain is broken, or the chain has no end.
        """
        sources: list[Source] = []
        visited: list[str] = []
        path = self.find(name)
        while True:
            source = read(path)
            parent = check_file(source).extends
            sources.append(source)
            visited.append(path.stem)
            if parent is None:
                return sources
            if parent in visited:
                circle = " -> ".join([*visited[visited.index(parent) :], parent])
                message = f"the chain of parents has no end: {circle}"
                raise PolicyFileError([source.problem(("extends",), message)])
            try:
                path = self.find(parent)
            except UnknownProfileError as error:
                raise PolicyFileError([source.problem(("extends",), str(error))]) from None
