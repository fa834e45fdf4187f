"""What the commands on policy files have in common."""

from __future__ import annotations

import click
from rich.console import Console
from rich.table import Table

from ..profiles import PolicyFileError, PolicyLibrary, Profile, UnknownProfileError


def load(library: PolicyLibrary, name: str) -> Profile:
    """Load a profile; what is wrong with it ends the command with its message."""
    try:
        return library.load(name)
    except (PolicyFileError, UnknownProfileError) as error:
        raise click.ClickException(str(error)) from None


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
