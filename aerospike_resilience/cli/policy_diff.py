"""``aerospike-resilience policy diff``: how two profiles differ in effect."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

import click

from ..clients import ADAPTERS, adapter_named
from ..profiles import PolicyLibrary
from .policy_common import PolicyCommand, add_row, console, table
from .policy_compare import Row, compare
from .policy_sides import load_side

_CLIENTS = click.Choice([adapter.name for adapter in ADAPTERS])


@click.command(cls=PolicyCommand)
@click.argument("first")
@click.argument("second")
@click.option("--client", "client_name", default="aerospike", show_default=True, type=_CLIENTS)
@click.option(
    "--format",
    "style",
    default="text",
    show_default=True,
    type=click.Choice(["text", "markdown", "json"]),
    help="markdown is for a comment on a pull request.",
)
@click.pass_obj
def diff(library: PolicyLibrary, first: str, second: str, client_name: str, style: str) -> None:
    """Show how two profiles differ in effect, by operation. Exits with 1 if they differ, with 2 on errors.

    FIRST and SECOND are names, files, or files in a revision of git: HEAD:policies/checkout.yaml. Parents
    of the last come from the same revision.
    """
    try:
        before, after = load_side(library, first), load_side(library, second)
    except click.ClickException as error:
        error.exit_code = 2  # type: ignore[misc]  # as diff has it: 1 is a difference
        raise
    rows = compare(before, after, adapter_named(client_name))
    _SHOW[style](rows, first, second)
    raise SystemExit(1 if rows else 0)


def _as_text(rows: Sequence[Row], first: str, second: str) -> None:
    if not rows:
        click.echo("no difference in effect")
        return
    told = table("operations", "field", first, second, "from")
    for row in rows:
        add_row(told, ", ".join(row.operations), *row[1:])
    console().print(told)


def _as_markdown(rows: Sequence[Row], first: str, second: str) -> None:
    click.echo(f"### Policy: `{first}` → `{second}`\n")
    if not rows:
        click.echo("No difference in effect.")
        return
    click.echo("| operations | field | before | after | set in |\n|---|---|---|---|---|")
    for row in rows:
        operations = ", ".join(_code(name) for name in row.operations)
        cells = (operations, _code(row.field), row.before, f"**{row.after}**", _code(row.origin))
        click.echo(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")


def _code(text: str) -> str:
    return f"`{text}`"


def _as_json(rows: Sequence[Row], _first: str, _second: str) -> None:
    click.echo(json.dumps([row._asdict() for row in rows], indent=1))


_SHOW: Final = {"text": _as_text, "markdown": _as_markdown, "json": _as_json}
