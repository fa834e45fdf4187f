"""Shared parts of the commands on policy files."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..profiles import PolicyFileError, PolicyLibrary, Problem, Profile, UnknownProfileError
from ..profiles.library import ENVIRONMENT, is_name
from ..profiles.lint import BROKEN, Finding
from ..profiles.names import from_here
from ..profiles.source import read
from ..profiles.units import share_text

DIRECTORY: Final = click.Path(exists=True, file_okay=False, path_type=Path)


class PolicyCommand(click.Command):
    """A command on policy files: it also takes ``--policies``, as the group does."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(
            click.Option(
                ["--policies"],
                multiple=True,
                expose_value=False,
                type=DIRECTORY,
                help="Look here first; again for more.",
                callback=_look_here_too,
            )
        )


def _look_here_too(
    context: click.Context, _option: click.Parameter, given: tuple[Path, ...]
) -> None:
    for directory in reversed(given):
        context.obj = context.obj.beside(directory)


def load(library: PolicyLibrary, name: str) -> Profile:
    """Load a profile; an error ends the command with its message."""
    try:
        found = library.load(name)
    except (PolicyFileError, UnknownProfileError) as error:
        raise click.ClickException(str(error)) from None
    hint(library, found.files)
    for rollout in found.rollouts:
        click.echo(
            f"note: {rollout.origin}: these values hold in {share_text(rollout.share)} of the processes, "
            f"by {rollout.by}; the others have {rollout.instead}",
            err=True,
        )
    return found


def hint(library: PolicyLibrary, files: Iterable[Path]) -> None:
    """Print how to configure a service for a file that this command found in ``./policies``."""
    for path in files:
        if path.parent in library.local:
            where = from_here(path.parent)
            click.echo(
                f"note: found {from_here(path)}; a service finds it with policies={where!r} or "
                f"{ENVIRONMENT}={where}",
                err=True,
            )
            return


def load_file(library: PolicyLibrary, path: Path) -> Profile:
    """Load the profile of one file; search its parents beside it, then in `library`.

    Raises:
        PolicyFileError: the file, or one of its parents, is broken.
    """
    if path.suffix != ".yaml" or not is_name(path.stem):
        message = f"a policy file is called by its profile's name and .yaml: {path.stem}.yaml"
        raise PolicyFileError([Problem(from_here(path), 0, 0, "", message)])
    read(path, from_here(path))  # the library would find another file of that name
    return library.beside(path.parent).load(path.stem)


def broken(library: PolicyLibrary, path: Path, error: PolicyFileError) -> list[Finding]:
    """Return the problems of a file and its parents, as findings."""
    library = library.beside(path.parent)
    files = {from_here(path): path}
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
            "repair the file; nothing of it is in force",
            str(files.get(one.where, path)),
            max(one.line, 1),
        )
        for one in error.problems
    ]


def write(path: Path, text: str) -> None:
    """Write a new file; an error ends the command with its reason."""
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


def add_row(rows: Table, *cells: str) -> None:
    """Add a row of plain text, in which brackets are not markup."""
    rows.add_row(*(escape(cell) for cell in cells))


def next_command(*words: str) -> None:
    """Print the command to type next."""
    click.echo(f"next: {shlex.join(['aerospike-resilience', 'policy', *words])}")


def console() -> Console:
    """Return the console; wide and plain if the output is piped."""
    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=200)
