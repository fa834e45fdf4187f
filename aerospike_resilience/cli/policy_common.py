"""What the commands on policy files have in common."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.table import Table

from ..profiles import PolicyFileError, PolicyLibrary, Problem, Profile, UnknownProfileError
from ..profiles.library import is_name
from ..profiles.lint import Finding
from ..profiles.source import name_of, read

BROKEN: Final = "AR000"
"""The id of what is no finding of a rule: a file that is broken."""


def load(library: PolicyLibrary, name: str) -> Profile:
    """Load a profile; what is wrong with it ends the command with its message."""
    try:
        return library.load(name)
    except (PolicyFileError, UnknownProfileError) as error:
        raise click.ClickException(str(error)) from None


def load_file(library: PolicyLibrary, path: Path) -> Profile:
    """Load the profile of one file; its parents are looked for beside it, then where `library` looks.

    Raises:
        PolicyFileError: the file, or one of its parents, is broken.
    """
    if path.suffix != ".yaml" or not is_name(path.stem):
        message = f"a policy file is called by its profile's name and .yaml: {path.stem}.yaml"
        raise PolicyFileError([Problem(name_of(path), 0, 0, "", message)])
    read(path)  # the library would find a file of that name elsewhere
    return PolicyLibrary([path.parent, *library.directories]).load(path.stem)


def broken(library: PolicyLibrary, path: Path, error: PolicyFileError) -> list[Finding]:
    """Return what is wrong with a file and its parents, as findings."""
    library = PolicyLibrary([path.parent, *library.directories])
    files = {name_of(path): path}
    for where in {problem.where for problem in error.problems} - files.keys():
        with suppress(UnknownProfileError):
            files[where] = library.find(Path(where).stem)
    return [
        Finding(
            BROKEN,
            "error",
            path.stem,
            f"{one.where}:{one.line}" if one.line else one.where,
            f"{one.key}: {one.message}" if one.key else one.message,
            "mend the file; nothing of it is in force",
            str(files.get(one.where, path)),
            max(one.line, 1),
        )
        for one in error.problems
    ]


def write(path: Path, text: str) -> None:
    """Write a new file; what prevents it ends the command with its reason."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from None
    click.echo(f"written to {path}")


def table(*columns: str) -> Table:
    """Return an empty table."""
    found = Table(show_edge=False, pad_edge=False)
    for column in columns:
        found.add_column(column, overflow="fold")
    return found


def console() -> Console:
    """Return the terminal; wide and plain where the output is piped."""
    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=200)
