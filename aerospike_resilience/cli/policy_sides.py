"""Finds a profile that a command names: by name, by its file, or by its file in a revision of git."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from ..profiles import PolicyFileError, PolicyLibrary, Profile, UnknownProfileError
from ..profiles.names import shipped
from .policy_common import load, load_file

_REVISION: Final = re.compile(r"(?P<revision>[^:/][^:]*):(?P<path>.+\.ya?ml)")


def load_side(library: PolicyLibrary, given: str) -> Profile:
    """Load a profile by what a command was given.

    Args:
        library: where profiles come from.
        given: a profile's name (``checkout``), a file (``policies/checkout.yaml``), or a file in a revision
            of git (``HEAD:policies/checkout.yaml``), whose parents are then of that revision too.

    Raises:
        click.ClickException: there is no such profile, or its file is broken.
    """
    of_git = _REVISION.fullmatch(given)
    if of_git is not None and not Path(given).exists():
        return _of_git(library, of_git["revision"], of_git["path"])
    if "/" not in given and Path(given).suffix not in (".yaml", ".yml"):
        return load(library, given)
    try:
        return load_file(library, Path(given))
    except PolicyFileError as error:
        raise click.ClickException(str(error)) from None


def _of_git(library: PolicyLibrary, revision: str, path: str) -> Profile:
    """Load a file of a revision."""
    tree = _Tree(revision)
    whole = tree.whole(path)
    if whole.name not in tree.files(whole.parent):
        raise click.ClickException(f"git has no {path} in {revision}")
    directories = (whole.parent, *(one for one in library.directories if one != shipped()))
    with _checked_out(library, tree, directories) as found:
        try:
            return found.load(whole.stem)
        except (PolicyFileError, UnknownProfileError) as error:
            raise click.ClickException(str(error)) from None


@contextmanager
def _checked_out(
    library: PolicyLibrary, tree: _Tree, directories: tuple[Path, ...]
) -> Iterator[PolicyLibrary]:
    """Write the policy files of a revision to a place of their own for a while."""
    with tempfile.TemporaryDirectory(prefix="aerospike-resilience-") as home:
        instead: dict[Path, Path] = {}
        for number, directory in enumerate(dict.fromkeys(directories)):
            if not tree.holds(directory):
                continue
            written = instead[directory] = Path(home, str(number))
            written.mkdir()
            for name in tree.files(directory):
                (written / name).write_bytes(tree.text(directory / name))
        yield _LibraryOfRevision(library, tree.revision, directories[0], instead)


class _LibraryOfRevision(PolicyLibrary):
    """A library that reads another revision's files, and names them as git does."""

    def __init__(
        self, library: PolicyLibrary, revision: str, first: Path, instead: dict[Path, Path]
    ) -> None:
        super().__init__(everywhere=True)
        order = dict.fromkeys((first, *library.directories))
        self.directories = tuple(instead.get(one, one) for one in order)
        self.local = self.missing = ()
        self._revision = revision
        self._real = {written: directory for directory, written in instead.items()}

    def name_of(self, path: Path) -> str:
        real = self._real.get(path.parent)
        if real is None:
            return super().name_of(path)
        return f"{self._revision}:{super().name_of(real / path.name)}"


class _Tree:
    """The files of one revision of the repository around the working directory."""

    def __init__(self, revision: str) -> None:
        self.revision = revision
        self._root = Path(_git("rev-parse", "--show-toplevel").decode().strip())
        _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")

    def whole(self, path: str) -> Path:
        """Return the absolute path of a file as git takes it: from the root, or from here with ``./``."""
        from_here = path.startswith(("./", "../"))
        return ((Path.cwd() if from_here else self._root) / path).resolve()

    def holds(self, directory: Path) -> bool:
        """Return whether a directory is in the repository."""
        return directory.resolve().is_relative_to(self._root.resolve())

    def files(self, directory: Path) -> list[str]:
        """Return the names of the policy files in a directory; none if it is not there."""
        at = f"{self.revision}:{self._inside(directory)}"
        try:
            listed = _git("ls-tree", "--full-tree", "--name-only", "-z", at)
        except click.ClickException:
            return []
        return [name for name in listed.decode().split("\0") if name.endswith(".yaml")]

    def text(self, path: Path) -> bytes:
        """Return a file's contents."""
        return _git("show", f"{self.revision}:{self._inside(path)}")

    def _inside(self, path: Path) -> str:
        inside = path.resolve().relative_to(self._root.resolve()).as_posix()
        return "" if inside == "." else inside


def _git(*arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, check=False)
    except OSError as error:
        raise click.ClickException(f"git cannot be run: {error.strerror}") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().removeprefix("fatal: ")
        raise click.ClickException(f"git: {said or f'there is no revision {arguments[-1]!r}'}")
    return done.stdout
