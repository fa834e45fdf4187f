"""Finds profiles, and merges a file with its parents."""

from __future__ import annotations

import copy
import errno
import functools
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from ..errors import PolicyFileError, Problem, UnknownProfileError
from ..model.identity import ClientIdentity
from ..model.wording import shown, suggestion
from .layers import Layer
from .names import from_here, name_of, shipped
from .profile import Profile
from .rollout import Rollout, rollout_of
from .source import PolicySource, read
from .validate import problems_of

KEPT: Final = 32
"""How many profiles are kept, so that those whose files did not change are not merged again."""

Policies = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
"""The directories that an application names for its policy files."""

OnLook = Callable[[str], None]
"""Called with a profile's name before its file is searched."""

ENVIRONMENT: Final = "AEROSPIKE_RESILIENCE_POLICIES"
"""Directories with policy files, separated as in ``PATH``."""


def is_name(name: str) -> bool:
    """Return whether a text can be a profile's name: one part of a path, and not hidden."""
    return bool(name) and name == Path(name).name and not name.startswith(".")


def check_name(name: object) -> None:
    """Refuse a text that cannot be a profile's name.

    Raises:
        TypeError: it is no text.
    """
    if not isinstance(name, str):
        raise TypeError(f'profile is a name, such as "latency", not {shown(name)}')


class PolicyLibrary:
    """Finds and loads profiles.

    Directories are made absolute here, so a later change of the working directory does not matter. A named
    directory that does not exist is logged as a warning, because its files are not in force.

    Args:
        policies: directories to look in first. After them come those of the environment variable
            ``AEROSPIKE_RESILIENCE_POLICIES`` and the shipped ones.
        local: directories that are searched before the shipped ones without being named.
        everywhere: whether a file's values are wanted although its rollout leaves out this process.

    Attributes:
        directories: all of them, in the order of search.
        local: those of `local` that are not also named.
        missing: for each named directory without policy files: who named it, its name, and the problem.
    """

    def __init__(
        self,
        policies: Sequence[Path] | None = None,
        *,
        local: Sequence[Path] = (),
        everywhere: bool = False,
    ) -> None:
        self._everywhere = everywhere
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
        """Return a library that searches `policies` first: a directory or several.

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
        """Log a warning for each named directory that does not exist, with the client's name."""
        log = identity.log("aerospike_resilience.profiles")
        for source, directory, problem in self.missing:
            log.warning(
                "%s names %s, which %s: its policy files are not in force; it is looked at again at every "
                "tend",
                *(source, directory, problem),
            )

    def beside(self, directory: Path) -> PolicyLibrary:
        """Return a library that searches another directory first."""
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

        A broken link counts as found: whoever made it did not mean the file of the next directory.

        Raises:
            UnknownProfileError: there is none of that name.
        """
        for path in self.candidates(name):
            if is_there(path):
                return path
        known = self.names()
        looked = ", ".join(name_of(directory) for directory in self.directories) or "nowhere"
        here = Path("policies", f"{name}.yaml")
        hint = (
            f'; {here} is not looked at: pass policies="policies", or set {ENVIRONMENT}=policies'
            if is_name(name) and is_there(here)
            else ""
        )
        raise UnknownProfileError(
            f"no profile is called {shown(name)}{suggestion(name, known)} (looked for in {looked}){hint}",
            name=name,
            known=known,
        )

    def _problems_of_compared(self, source: PolicySource, looked: OnLook) -> list[Problem]:
        """Return what is wrong with the name of the profile that a file compares itself with."""
        section = source.data.get("telemetry")
        name = section.get("would_have") if isinstance(section, dict) else None
        if not isinstance(name, str):
            return []
        looked(name)
        try:
            self.find(name)
        except UnknownProfileError as error:
            return [source.problem(("telemetry", "would_have"), str(error))]
        return []

    def name_of(self, path: Path) -> str:
        """Return the name of one of this library's files for messages.

        A shipped file gets an ordinary path if the application names its directory.
        """
        own = path.parent in self.directories[:-1]
        return from_here(path) if own else name_of(path)

    def load(self, name: str, on_look: OnLook | None = None) -> Profile:
        """Load a profile with its parents.

        Args:
            name: the profile's name.
            on_look: called with the name of each profile before its file is searched: its own, then its
                parents', even if loading fails.

        Raises:
            UnknownProfileError: there is none of that name.
            PolicyFileError: files of the chain are broken; it lists every problem of every file.
            TypeError: the name is no text.
        """
        check_name(name)
        sources = self.chain(name, on_look)
        in_force, rollouts = self._in_force(sources)
        return _merged(name, tuple(sources), tuple(in_force), rollouts)

    def _in_force(
        self, sources: Sequence[PolicySource]
    ) -> tuple[list[PolicySource], tuple[Rollout, ...]]:
        """Return those of a chain's files that are in force in this process, and their rollouts."""
        kept: list[PolicySource] = []
        rollouts: list[Rollout] = []
        for source in sources:
            name = source.path.stem if source.path is not None else ""
            rollout = rollout_of(source, name, everywhere=self._everywhere)
            if rollout is not None:
                rollouts.append(rollout)
            if rollout is None or rollout.group == "new":
                kept.append(source)
            elif source.data["rollout"].get("previous"):
                rest, further = self._in_force(self.chain(rollout.instead))
                return [*kept, *rest], (*rollouts, *further)
        return kept, tuple(rollouts)

    def chain(self, name: str, on_look: OnLook | None = None) -> list[PolicySource]:
        """Return the checked sources of a profile, its own file first and then its parents'.

        Raises:
            UnknownProfileError: there is none of that name.
            PolicyFileError: files of the chain are broken, or the chain has no end.
        """
        return self._chain(name, on_look or (lambda _name: None), ())

    def _chain(self, name: str, looked: OnLook, before: tuple[str, ...]) -> list[PolicySource]:
        """Do as `chain`, for a profile that stands in for files of the chain `before`."""
        looked(name)
        path, visited = self.find(name), [*before, name]
        sources: list[PolicySource] = []
        problems: list[Problem] = []
        while True:
            try:
                source = read(path, self.name_of(path))
            except PolicyFileError as error:  # without its text its parent is unknown
                raise PolicyFileError([*problems, *error.problems]) from None
            sources.append(source)
            found, parent = problems_of(source), source.data.get("extends")
            found += self._problems_of_previous(source, looked, visited)
            found += self._problems_of_compared(source, looked)
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

    def _problems_of_previous(
        self, source: PolicySource, looked: OnLook, visited: Sequence[str]
    ) -> list[Problem]:
        """Return what is wrong with the profile that other processes stay with, wherever this is."""
        rollout = source.data.get("rollout")
        name = rollout.get("previous") if isinstance(rollout, Mapping) else None
        if not isinstance(name, str):
            return []
        if name in visited:
            message = (
                f"{shown(name)} leads back to this file; name a profile that does not build on it"
            )
            return [source.problem(("rollout", "previous"), message)]
        try:
            self._chain(name, looked, tuple(visited))
        except UnknownProfileError as error:
            return [source.problem(("rollout", "previous"), str(error))]
        except PolicyFileError as error:
            return list(error.problems)
        return []


@functools.lru_cache(KEPT)  # unchanged files are the same sources, and a profile is immutable
def _merged(
    name: str,
    sources: tuple[PolicySource, ...],
    in_force: tuple[PolicySource, ...],
    rollouts: tuple[Rollout, ...],
) -> Profile:
    """Return the profile of checked files, of which some are in force in this process."""
    every = (*sources, *in_force)
    files = {source.where: source.path for source in every if source.path is not None}
    description = str(sources[0].data.get("description", ""))
    return Profile(name, description, files, (Layer(tuple(reversed(in_force))),), rollouts)


def is_there(path: Path) -> bool:
    """Return whether there is a file, or an error to report: a broken link, a missing permission."""
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
    """Return why a named directory cannot hold policy files; empty if it can."""
    if directory.is_dir():
        return ""
    return "is no directory" if is_there(directory) else "does not exist"
