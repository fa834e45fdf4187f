"""``aerospike-resilience policy``: shows and checks policy files."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ..clients import ADAPTERS, Adapter, adapter_named, every_operation
from ..model.operation import Kind, Operation
from ..model.wording import counted, shown, suggestion
from ..profiles import PolicyFileError, PolicyLibrary
from ..profiles.explain import OWN
from ..profiles.lint import BROKEN, Finding, examine
from ..profiles.lint_code import examine_code
from ..profiles.lint_formats import FORMATS
from ..profiles.places import not_a_set, place_of
from ..profiles.spelling import field_text, public, written
from ..runtime.planner import Planner
from .policy_common import (
    DIRECTORY,
    PolicyCommand,
    add_row,
    broken,
    console,
    hint,
    load_file,
    table,
)
from .policy_diff import diff
from .policy_files import FILE_COMMANDS
from .policy_rollout import rollout
from .policy_sides import load_side
from .rehearse import rehearse
from .simulate import simulate

_CLIENTS = click.Choice([adapter.name for adapter in ADAPTERS])


@click.group()
@click.option(
    "--policies",
    multiple=True,
    type=DIRECTORY,
    help="Look here first; again for more. Every command takes it too.",
)
@click.pass_context
def policy(context: click.Context, policies: tuple[Path, ...]) -> None:
    """Show and check policy files.

    Searches --policies, then AEROSPIKE_RESILIENCE_POLICIES, then ./policies, then the shipped profiles.
    """
    here = Path("policies")
    context.obj = PolicyLibrary(
        list(policies), local=[here] if here.is_dir() else [], everywhere=True
    )
    for source, directory, problem in context.obj.missing:
        click.echo(f"warning: {source} names {directory}, which {problem}", err=True)


@policy.command("list", cls=PolicyCommand)
@click.pass_obj
def list_(library: PolicyLibrary) -> None:
    """List all profiles."""
    rows = table("profile", "file", "description")
    for name in library.names():
        path = library.find(name)
        where = library.name_of(path)
        try:
            add_row(rows, name, where, library.load(name).description)
        except PolicyFileError as error:
            add_row(rows, name, where, f"broken: {error.problems[0].message}")
    console().print(rows)
    hint(library, map(library.find, library.names()))


@policy.command(cls=PolicyCommand)
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Plain values for machines.")
@click.pass_obj
def show(library: PolicyLibrary, name: str, as_json: bool) -> None:
    """Show a profile merged with its parents: every value, and the line that sets it.

    NAME is a name, a file, or a file in a revision of git (HEAD:policies/checkout.yaml).
    """
    profile = load_side(library, name)
    values = profile.leaves()
    if as_json:
        told = {
            ".".join(path): [public(path, value), profile.origin(path)]
            for path, value in values.items()
        }
        click.echo(json.dumps(told, indent=1))
        return
    rows = table("key", "value", "from")
    for path, value in values.items():
        add_row(rows, ".".join(path), written(path, value), profile.origin(path))
    console().print(rows)


@policy.command(cls=PolicyCommand)
@click.argument("name")
@click.argument("operation")
@click.option("--set", "target", default="", help="namespace.set or namespace.")
@click.option("--client", "client_name", default="aerospike", show_default=True, type=_CLIENTS)
@click.option("--not-repeatable", is_flag=True, help="A write that must not be sent again.")
@click.option("--json", "as_json", is_flag=True, help="Plain values for machines.")
@click.pass_obj
def explain(
    library: PolicyLibrary,
    name: str,
    operation: str,
    target: str,
    client_name: str,
    not_repeatable: bool,
    as_json: bool,
) -> None:
    """Show the value of each policy field for an OPERATION, and what is sent to the client.

    NAME is a name, a file, or a file in a revision of git (HEAD:policies/checkout.yaml).

    The sent values are those of a first attempt: of max_retries only the native retries, because the chain
    makes the others itself. Fields that the client's operation does not take are shown as not sent.
    """
    adapter = adapter_named(client_name)
    found = _operation(adapter, operation)
    namespace, set_name = _place(target)
    profile = load_side(library, name)
    if namespace and namespace not in {(place_of(key) or ("",))[0] for key in profile.set_names()}:
        click.echo(
            f"note: no line of {name} is about namespace {namespace!r} or its sets", err=True
        )
    said = False if not_repeatable else None
    retryable = not not_repeatable and (found.kind is not Kind.WRITE or found.idempotent({}))
    settings = profile.settings(
        found, retryable=retryable, namespace=namespace or None, set_name=set_name or None
    )
    planner = Planner(adapter, None, profile)
    sent = planner.explained(found, (namespace, set_name) if namespace else None, idempotent=said)
    rows = [
        (field, one.value, sent.by_field.get(field), one.origin)
        for field, one in sorted(settings.items())
    ]
    rows += [(field, None, value, OWN) for field, value in sorted(sent.rest.items())]
    if as_json:
        keys = ("field", "value", "sent", "origin")
        click.echo(
            json.dumps([dict(zip(keys, row, strict=True)) for row in rows], indent=1, default=str)
        )
        return
    if not rows:
        click.echo(f"{operation}: everything as the client has it")
        return
    table_ = table("field", "value", f"sent to {client_name}", "from")
    for field, value, number, origin in rows:
        add_row(
            table_,
            *(field, field_text(field, value)),
            *("not sent" if number is None else str(number), origin),
        )
    console().print(table_)


@policy.command(cls=PolicyCommand)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.pass_obj
def check(library: PolicyLibrary, files: tuple[Path, ...]) -> None:
    """Check FILES, or all profiles. Exits with 1 if one is broken."""
    paths = files or tuple(library.find(name) for name in library.names())
    bad = 0
    for path in paths:
        try:
            load_file(library, path)
        except PolicyFileError as error:
            bad += 1
            click.echo(str(error), err=True)
    told = f"{bad} broken" if bad else "no problems"
    click.echo(f"{counted(len(paths), 'file')} checked, {told}")
    raise SystemExit(1 if bad else 0)


@policy.command(cls=PolicyCommand)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--client", "client_name", default="aerospike", show_default=True, type=_CLIENTS)
@click.option(
    "--format", "style", default="text", show_default=True, type=click.Choice(sorted(FORMATS))
)
@click.option("--strict", is_flag=True, help="Let warnings fail too.")
@click.pass_obj
def lint(
    library: PolicyLibrary, files: tuple[Path, ...], client_name: str, style: str, strict: bool
) -> None:
    """Find settings that are valid but will go wrong in production.

    Checks FILES, or all profiles. In Python FILES, and those in a directory, it checks the arguments of
    deadline(). Exits with 1 if there is an error (with --strict, a warning), and with 2 if a file is
    broken; its problems are AR000.
    """
    adapter = adapter_named(client_name)
    findings: list[Finding] = []
    for path in files or tuple(library.find(name) for name in library.names()):
        if path.suffix == ".py" or path.is_dir():
            findings += examine_code(path)
            continue
        try:
            findings += examine(load_file(library, path), adapter)
        except PolicyFileError as error:
            findings += broken(library, path, error)
    click.echo(FORMATS[style](findings))
    if any(finding.id == BROKEN for finding in findings):
        raise SystemExit(2)
    fatal = ("error", "warning") if strict else ("error",)
    raise SystemExit(1 if any(finding.severity in fatal for finding in findings) else 0)


@policy.command(cls=PolicyCommand)
def schema() -> None:
    """Print the JSON Schema of policy files."""
    from ..profiles.json_schema import json_schema

    click.echo(json.dumps(json_schema(), indent=2))


for _command in (*FILE_COMMANDS, diff, rollout, rehearse, simulate):
    policy.add_command(_command)


def _operation(adapter: Adapter, name: str) -> Operation:
    known = every_operation(adapter)
    if name not in known:
        told = f"{adapter.name} has no operation {shown(name)}{suggestion(name, known)}"
        raise click.ClickException(told)
    return known[name]


def _place(target: str) -> tuple[str, str]:
    if not target:
        return "", ""
    place = place_of(target)
    if place is None:
        raise click.BadParameter(
            not_a_set(target),
            param_hint="--set",
        )
    return place
