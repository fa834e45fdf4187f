"""Where profiles are found, and how a file and its parents become one."""

from __future__ import annotations

import copy
import errno
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from ..errors import PolicyFileError, Problem, UnknownProfileError
from ..model.identity import ClientIdentity
from ..model.wording import shown, suggestion
from .names import from_here, name_of, shipped
from .profile import Layer, Profile
from .source import PolicySource, read
from .validate import problems_of

Policies = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
"""Where an application says that its policy files are."""

OnLook = Callable[[str], None]
"""Told of a profile's name before its file is looked for."""

ENVIRONMENT: Final = "AEROSPIKE_RESILIENCE_POLICIES"
"""Directories with policy files, separated as in ``PATH``."""


def is_name(name: str) -> bool:
    """Return whether a profile can be called so: one part of a path, and not hidden."""
    return bool(name) and name == Path(name).name and not name.startswith(".")


def check_name(name: object) -> None:
    """Refuse what can be no profile's name.

    Raises:
        TypeError: it is no text.
    """
    if not isinstance(name, str):
        raise TypeError(f'profile is a name, such as "latency", not {shown(name)}')


class PolicyLibrary:
    """Finds and loads profiles.

    Directories are made absolute here, so that they stay what was meant when the process changes its
    working directory later. One that is named and is not there is a warning in the log: what was meant to
    be in it is not in force.

    Args:
        policies: directories to look in first. After them come those of the environment variable
            ``AEROSPIKE_RESILIENCE_POLICIES`` and the shipped ones.
        local: directories that nobody named, to look in before the shipped ones.

    Attributes:
        directories: all of them, in the order of search.
        local: those of `local` that were not named otherwise.
        missing: who named a directory that holds no policy files, its name and what is wrong with it.
    """

    def __init__(
        self, policies: Sequence[Path] | None = None, *, local: Sequence[Path] = ()
    ) -> None:
        named = os.environ.get(ENVIRONMENT, "")
        given = [_absolute(directory) for directory in policies or ()]
        of_environment = [_absolute(part) for part in named.split(os.pathsep) if part]
        self.missing = tuple(
            (source, from_here(directory), problem)
            for source, directories in (("policies=", given), (ENVIRONMENT, of_environment))
            for directory in directories
            if (problem := _problem_of(directory))
        )
        there = {*given, *of_environment, shipped()}
        found = [_absolute(directory) for directory in local]
        self.local = tuple(directory for directory in found if directory not in there)
        self.directories: tuple[Path, ...] = (*given, *of_environment, *self.local, shipped())

    @classmethod
    def of(cls, policies: Policies | PolicyLibrary | None) -> PolicyLibrary:
        """Return a library that looks first where `policies` says: a directory or several.

        Raises:
            TypeError: `policies` is neither.
        """
        if isinstance(policies, PolicyLibrary):
            return policies
        if policies is None:
            return cls()
        several = [policies] if isinstance(policies, str | os.PathLike) else policies
        if isinstance(several, bytes) or not isinstance(several, Iterable):
            raise TypeError(f"policies= is a directory or a list of them, not {shown(several)}")
        found = []
        for directory in several:
            if not isinstance(directory, str | os.PathLike):
                raise TypeError(f"policies= names directories as text, not {shown(directory)}")
            found.append(Path(directory))
        return cls(found)

    def tell(self, identity: ClientIdentity) -> None:
        """Warn in a client's log of directories that are named and are not there."""
        log = identity.log("aerospike_resilience.profiles")
        for source, directory, problem in self.missing:
            log.warning(
                "%s names %s, which %s: its policy files are not in force; it is looked at again at every "
                "tend",
                *(source, directory, problem),
            )

    def beside(self, directory: Path) -> PolicyLibrary:
        """Return one that looks in another directory first."""
        found = copy.copy(self)
        first = _absolute(directory)
        found.directories = (first, *self.directories)
        found.local = tuple(local for local in self.local if local != first)
        return found

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

        A link that leads nowhere counts as found: who put it there did not mean the next directory's file.

        Raises:
            UnknownProfileError: there is none of that name.
        """
        for path in self.candidates(name):
            if is_there(path):
                return path
        known = self.names()
        looked = ", ".join(name_of(directory) for directory in self.directories) or "nowhere"
        raise UnknownProfileError(
            f"no profile is called {shown(name)}{suggestion(name, known)} (looked for in {looked})",
            name=name,
            known=known,
        )

    def name_of(self, path: Path) -> str:
        """Return one of this library's files as messages name it.

        A shipped one is named as a file of its own where the application names its directory.
        """
        own = path.parent in self.directories[:-1]
        return from_here(path) if own else name_of(path)

    def load(self, name: str, on_look: OnLook | None = None) -> Profile:
        """Load a profile with its parents.

        Args:
            name: the profile's name.
            on_look: told of every profile whose file is about to be looked for: its own name, then its
                parents', also where loading fails.

        Raises:
            UnknownProfileError: there is none of that name.
            PolicyFileError: files of the chain are broken, with every problem of every one.
            TypeError: the name is no text.
        """
        check_name(name)
        sources = self.chain(name, on_look)
        files = {source.where: source.path for source in sources if source.path is not None}
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
                source = read(path, self.name_of(path))
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


def is_there(path: Path) -> bool:
    """Return whether there is a file, or something that must be told of: a link to nowhere, a refusal."""
    try:
        path.lstat()
    except ValueError:  # a name with a null in it
        return False
    except OSError as error:
        return error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
    return True


def _absolute(directory: str | os.PathLike[str]) -> Path:
    return Path(os.path.abspath(directory))  # noqa: PTH100 - links are followed at each look, not now


def _problem_of(directory: Path) -> str:
    """Return why a directory that somebody names holds no policy files; empty if it may."""
    if directory.is_dir():
        return ""
    return "is no directory" if is_there(directory) else "does not exist"
