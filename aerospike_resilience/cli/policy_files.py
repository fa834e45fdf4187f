"""The commands that write policy files and the clients' own files."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click
import yaml

from ..profiles import PolicyFileError, PolicyLibrary, Profile, interchange_c, interchange_sdk
from ..profiles.interchange import Exported, Left
from ..profiles.library import is_name
from ..profiles.names import shipped
from ..profiles.source import PolicySource, read
from ..profiles.validate import check_file
from .policy_common import PolicyCommand, load, next_command, write
from .policy_sides import load_side

_EXPORTS: Final[Mapping[str, Callable[[Profile], Exported]]] = {
    "aerospike": interchange_c.export,
    "aerospike-sdk": interchange_sdk.export,
}
"""The function that writes a client's own file, by the client's name."""


@click.command(cls=PolicyCommand)
@click.argument("name")
@click.option(
    "--from", "parent", default="default", show_default=True, help="The profile to build on."
)
@click.option(
    "--into",
    default=Path("policies"),
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The directory to write to.",
)
@click.pass_obj
def new(library: PolicyLibrary, name: str, parent: str, into: Path) -> None:
    """Write a new policy file that extends another.

    Also writes the schema beside it, for editors, if there is none yet.
    """
    load(library, parent)
    path = into / f"{_file_name(name)}.yaml"
    if path.exists():
        raise click.ClickException(f"{path} exists already; it is left as it is")
    write(path, _NEW.format(parent=parent))
    _write_schema(into)
    next_command("explain", name, "get", *_where(library, into))


def _write_schema(into: Path) -> None:
    """Write the schema to the path that the head of a policy file names."""
    path = into / "schema.json"
    if not path.exists():
        write(path, (shipped() / "schema.json").read_text())


def _where(library: PolicyLibrary, into: Path) -> list[str]:
    """Return the option with which a command finds the files of a directory."""
    whole = Path(os.path.abspath(into))  # noqa: PTH100 - as the library has it
    found = whole in library.directories or whole == Path.cwd() / "policies"
    return [] if found else ["--policies", str(into)]


_NEW: Final = """\
# yaml-language-server: $schema=schema.json
version: 1
description: ""
extends: {parent}

# What differs from {parent}, each value with a comment that says why:
# policy:
#   reads: {{total_timeout: 200ms}}
"""


@click.command("import", cls=PolicyCommand)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", default=None, help="The profile's name; that of the file if not given.")
@click.option("--extends", default=None, help="A profile for all that the file does not say.")
@click.option(
    "--into",
    default=Path("policies"),
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The directory to write to.",
)
@click.pass_obj
def import_(
    library: PolicyLibrary, file: Path, name: str | None, extends: str | None, into: Path
) -> None:
    """Convert a client's own configuration FILE to policy files.

    Accepts the C client's dynamic configuration (AEROSPIKE_CLIENT_CONFIG_URL) and the SDK's file with
    `system` and `behaviors` (AEROSPIKE_SDK_CONFIG_URL); each behavior becomes a profile. Prints one line on
    standard error for each setting that cannot be converted. Exits with 1 if nothing was written.
    """
    if extends is not None:
        load(library, extends)
    try:
        source = read(file)
        if source.problems:
            raise PolicyFileError(source.problems)  # noqa: TRY301 - as what read() raises
    except PolicyFileError as error:
        raise click.ClickException(str(error)) from None
    if {"system", "behaviors"} & source.data.keys():
        found = interchange_sdk.take(source.data, name or file.stem)
    elif {"static", "dynamic"} & source.data.keys():
        found = interchange_c.take(source.data, name or file.stem)
    else:
        raise click.ClickException(
            f"{file} is neither of the C client (static, dynamic) nor of the SDK (system, behaviors)"
        )
    files = {into / f"{_file_name(profile)}.yaml": said for profile, said in found.files.items()}
    for path, said in files.items():
        if path.exists():
            raise click.ClickException(f"{path} exists already; it is left as it is")
        if extends is not None:
            said["extends"] = extends
        try:
            check_file(PolicySource(str(file), said))
        except PolicyFileError as error:
            raise click.ClickException(f"{path} would be broken\n{error}") from None
    for path, said in files.items():
        write(path, _IMPORTED.format(file=file.name, body=yaml.safe_dump(said, sort_keys=False)))
    _write_schema(into)
    _tell(found.left)
    next_command("check", *map(str, files))


@click.command("export", cls=PolicyCommand)
@click.argument("name")
@click.option("--to", "client_name", required=True, type=click.Choice(sorted(_EXPORTS)))
@click.pass_obj
def export(library: PolicyLibrary, name: str, client_name: str) -> None:
    """Print the profile NAME as a client's own configuration file.

    For the C client that is its dynamic configuration, for the SDK a behavior of the profile's name. Prints
    one line on standard error for each setting that cannot be converted.
    """
    found = _EXPORTS[client_name](load_side(library, name))
    click.echo(yaml.safe_dump(_plain(found.data), sort_keys=False), nl=False)
    _tell(found.left)


FILE_COMMANDS: Final = (new, import_, export)

_IMPORTED: Final = """\
# yaml-language-server: $schema=schema.json
# Imported from {file}; see docs/policies.md for what else a policy file may say.
{body}"""


def _file_name(profile: str) -> str:
    if not is_name(profile):
        raise click.ClickException(f"{profile!r} cannot be the name of a file, and so of a profile")
    return profile


def _plain(value: Any) -> Any:
    """Return values without shared objects, because YAML would write those as aliases."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return value


def _tell(left: Sequence[Left]) -> None:
    for one in left:
        click.echo(f"not carried over: {one}", err=True)
