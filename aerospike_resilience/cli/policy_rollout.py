"""``aerospike-resilience policy rollout``: in which share of the processes a file is in force."""

from __future__ import annotations

from pathlib import Path

import click

from ..profiles import PolicyFileError, PolicyLibrary, Profile, UnknownProfileError
from ..profiles.edit import read_text, save, with_share
from ..profiles.names import from_here, shipped
from ..profiles.rollout import VARIABLE, has_it, identity_by
from ..profiles.units import share_of, share_text
from .policy_common import PolicyCommand, add_row, console, hint, load_file, table


@click.command(cls=PolicyCommand)
@click.argument("name")
@click.argument("share", required=False)
@click.option(
    "--by",
    default="hostname",
    show_default=True,
    help="What distinguishes processes, if the file has no rollout yet: hostname or env:NAME.",
)
@click.option(
    "--host",
    "identities",
    multiple=True,
    help="Say which group this host (or value of the variable) is in; again for more.",
)
@click.pass_obj
def rollout(
    library: PolicyLibrary, name: str, share: str | None, by: str, identities: tuple[str, ...]
) -> None:
    """Set in which SHARE of the processes a file is in force: 10%, 50%, 100%.

    NAME is a profile or its file. Edits the line `rollout:` of the file; its comments and the order of its
    lines stay. The other processes keep the parent, or the profile that `previous:` names. Without SHARE it
    shows the present one.
    """
    path = _file(library, name)
    if share is not None:
        _set(path, share, by)
    profile = _loaded(library, path)
    found = profile.rollout
    if found is None or found.profile != path.stem:
        click.echo(f"{from_here(path)} has no rollout: it is in force in all processes")
        return
    click.echo(
        f"{found.origin}: in force in {share_text(found.share)} of the processes, by {found.by}; "
        f"the others have {found.instead}"
    )
    if found.share >= 1:
        click.echo("it is rolled out; delete the line rollout: once it is to stay")
    own = identity_by(found.by)
    rows = table("host" if not found.by.startswith(VARIABLE) else found.by, "group")
    for identity in identities or ((own,) if own else ()):
        group = "new" if has_it(found.profile, identity, found.share) else "previous"
        add_row(rows, identity, group)
    if rows.row_count:
        console().print(rows)


def _set(path: Path, share: str, by: str) -> None:
    """Write another share into a file."""
    if path.parent == shipped():
        raise click.ClickException(
            f"{path.stem} is a shipped profile; write one of your own: "
            f"aerospike-resilience policy new NAME --from {path.stem}"
        )
    try:
        new = share_text(share_of(_as_in_a_file(share)))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="SHARE") from None
    where = from_here(path)
    try:
        save(path, with_share(read_text(path), new, by), where)
    except (PolicyFileError, ValueError) as error:
        raise click.ClickException(f"{where} is left as it is\n{error}") from None
    except OSError as error:
        raise click.ClickException(f"{where} cannot be written: {error.strerror}") from None


def _as_in_a_file(text: str) -> object:
    """Return a share as a file would have it: text, or a number."""
    try:
        return int(text) if text.isdigit() else float(text)
    except ValueError:
        return text


def _file(library: PolicyLibrary, name: str) -> Path:
    """Return the file of a profile that a command names by its name or its file; it must be good."""
    if "/" not in name and not name.endswith(".yaml"):
        try:
            path = library.find(name)
        except UnknownProfileError as error:
            raise click.ClickException(str(error)) from None
    else:
        path = Path(name)
    hint(library, _loaded(library, path).files)
    return path


def _loaded(library: PolicyLibrary, path: Path) -> Profile:
    try:
        return load_file(library, path)
    except PolicyFileError as error:
        raise click.ClickException(str(error)) from None
