"""``aerospike-resilience policy rehearse``: shows what a changed policy file would do."""

from __future__ import annotations

import importlib.util
import json
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ..errors import ResilienceError
from ..model.traffic import Traffic, TrafficFileError
from ..profiles import PolicyFileError, PolicyLibrary, Profile
from ..rehearsal.faults import FAULTS, FaultName
from ..rehearsal.requirements import Requirement, RequirementError
from .policy_common import PolicyCommand, console, load, load_file

Command = TypeVar("Command", bound=Callable[..., Any])


def requirements_of(
    _context: click.Context, _option: click.Parameter, given: tuple[str, ...]
) -> tuple[Requirement, ...]:
    """Parse ``--require``."""
    try:
        return tuple(Requirement.parse(text) for text in given)
    except RequirementError as error:
        raise click.BadParameter(str(error)) from None


def traffic_of(
    _context: click.Context, _option: click.Parameter, path: Path | None
) -> Traffic | None:
    """Read ``--traffic``."""
    try:
        return None if path is None else Traffic.read(path)
    except (TrafficFileError, OSError) as error:
        raise click.BadParameter(str(error)) from None


def profile_of(library: PolicyLibrary, text: str) -> tuple[Profile, tuple[Path, ...]]:
    """Return a profile, given its name or its file, and where its chain of files is found."""
    path = Path(text)
    if path.suffix != ".yaml" and not path.exists():
        return load(library, text), library.directories
    try:
        return load_file(library, path), library.beside(path.parent).directories
    except PolicyFileError as error:
        raise click.ClickException(str(error)) from None


def named_profiles(
    library: PolicyLibrary, new: str, old: str | None
) -> list[tuple[str, str, Profile, tuple[Path, ...]]]:
    """Return role, label, profile and directories of OLD and NEW, in this order, as in a diff.

    The label is the profile's name, and where both have the same, what was typed.
    """
    given = [*([] if old is None else [("old", old)]), ("new", new)]
    found = [(role, text, *profile_of(library, text)) for role, text in given]
    alike = len({profile.name for _, _, profile, _ in found}) < len(found)
    return [
        (role, text if alike else profile.name, profile, directories)
        for role, text, profile, directories in found
    ]


def figures_options(condition: str) -> Callable[[Command], Command]:
    """Return what adds the options about figures to a command: ``--require``, ``--json``, ``--chart``.

    Args:
        condition: an example of one, for the help.
    """
    options = (
        click.option(
            "--require",
            "required",
            multiple=True,
            callback=requirements_of,
            metavar="CONDITION",
            help=f"A condition on NEW's figures, such as '{condition}'; again for more. Exits with 1 if "
            "one is not met.",
        ),
        click.option(
            "--json",
            "json_path",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Where to write the figures; - for the standard output, which then has nothing else.",
        ),
        click.option(
            "--chart",
            type=click.Path(file_okay=False, path_type=Path),
            help="A directory for a picture of each fault.",
        ),
    )

    def added(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return added


@click.command(cls=PolicyCommand)
@click.argument("new")
@click.option("--against", "old", help="The profile, or file, to compare with.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    type=click.Choice(FAULTS),
    help="What happens to one node of three; again for several in turn. [stall]",
)
@click.option(
    "--traffic",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=traffic_of,
    help="The shape of a service's traffic, as client.resilience.traffic() writes it.",
)
@click.option("--rate", type=click.FloatRange(1), help="Calls a second. [500, or the traffic's]")
@click.option(
    "--threads", type=click.IntRange(1, 256), help="Threads of the load. [16, or the traffic's]"
)
@click.option(
    "--seconds",
    default=3.0,
    show_default=True,
    type=click.FloatRange(0.2, 120),
    help="How long each fault lasts, and the time after it.",
)
@figures_options("reads.failed <= 0")
@click.pass_obj
def rehearse(
    library: PolicyLibrary,
    new: str,
    old: str | None,
    faults: tuple[FaultName, ...],
    traffic: Traffic | None,
    rate: float | None,
    threads: int | None,
    seconds: float,
    required: tuple[Requirement, ...],
    json_path: Path | None,
    chart: Path | None,
) -> None:
    """See what profile NEW does under load and faults, on an embedded cluster, and compare it with OLD.

    NEW and OLD are names of profiles or policy files. Each works through the same calls and the same
    faults with the real library and the C client. The load and the cluster share this machine: compare the
    profiles with each other, not with production.
    """
    if importlib.util.find_spec("aerospike") is None:
        raise click.ClickException(
            "a rehearsal needs the client: pip install 'aerospike-resilience[aerospike,cli]'"
        )
    if old is None and any(one.of_old for one in required):
        raise click.UsageError("a requirement names old: give --against")
    from ..rehearsal.rehearse import DEFAULT_TRAFFIC, Plan
    from ..rehearsal.subjects import Subject

    subjects = [Subject(*one) for one in named_profiles(library, new, old)]
    plan = Plan(
        *(subjects, faults or ("stall",), traffic or DEFAULT_TRAFFIC, rate, threads, seconds)
    )
    screen = output(json_path)
    with progress_on(plan.faults, [one.variant.title for one in subjects], screen) as progress:
        figures = _rehearsed(plan, progress)
    finish(figures, required, json_path, chart, screen)


def _rehearsed(plan: Any, progress: Any) -> dict[str, Any]:
    from ..rehearsal.rehearse import rehearse as work_through

    try:
        return work_through(plan, progress)
    except ResilienceError as error:
        raise click.ClickException(f"a profile cannot be rehearsed: {error}") from None


def output(json_path: Path | None) -> Console:
    """Return where tables go: to the standard error where the JSON goes to the standard output."""
    return Console(stderr=True, width=200) if json_path == Path("-") else console()


@contextmanager
def progress_on(faults: Sequence[str], titles: Sequence[str], screen: Console) -> Iterator[Any]:
    """Show the progress of every run: bars on a terminal, else a line for each."""
    if not screen.is_terminal:
        seen: set[tuple[str, str]] = set()

        def line(fault: str, title: str, _what: str, _share: float) -> None:
            if (fault, title) not in seen:
                seen.add((fault, title))
                screen.print(f"{fault}: {title} …", highlight=False, markup=False)

        yield line
        return
    with Progress(
        TextColumn("{task.fields[fault]:<9}{task.fields[title]:<34}", markup=False),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
        console=screen,
    ) as bars:
        tasks = {
            (fault, title): bars.add_task("", total=1.0, start=False, fault=fault, title=title)
            for fault in dict.fromkeys(faults)
            for title in titles
        }
        begun: set[Any] = set()

        def bar(fault: str, title: str, what: str, share: float) -> None:
            task = tasks[fault, title]
            if task not in begun:
                begun.add(task)
                bars.start_task(task)
            bars.update(task, completed=share, description=what)

        yield bar


def finish(
    figures: dict[str, Any],
    required: Sequence[Requirement],
    json_path: Path | None,
    chart: Path | None,
    screen: Console,
) -> None:
    """Print the tables, write what was asked for, and exit with 1 if a requirement is not met."""
    from ..rehearsal import report

    shortfalls = [one for requirement in required for one in requirement.check(figures)]
    figures["command"] = shlex.join(["aerospike-resilience", *sys.argv[1:]])
    figures["requirements"] = {
        "required": [one.text for one in required],
        "not_met": [str(one) for one in shortfalls],
    }
    for note in figures["notes"]:
        screen.print(f"note: {note}", highlight=False, markup=False)
    for one in figures["faults"]:
        screen.print(f"\nfault: {one['fault']}", style="bold", highlight=False)
        screen.print(report.table(one))
        for result in one["results"]:
            screen.print(report.facts(result), highlight=False, markup=False)
    if chart is not None:
        _draw(figures, chart, screen)
    if json_path is not None:
        _write(figures, json_path, screen)
    for shortfall in shortfalls:
        click.echo(str(shortfall), err=True)
    if required and not shortfalls:
        screen.print(f"all {len(required)} requirements are met", highlight=False)
    raise SystemExit(1 if shortfalls else 0)


def _write(figures: dict[str, Any], path: Path, screen: Console) -> None:
    text = json.dumps(figures, indent=1)
    if path == Path("-"):
        click.echo(text)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")
    screen.print(f"figures: {path}", highlight=False, markup=False)


def _draw(figures: dict[str, Any], directory: Path, screen: Console) -> None:
    if importlib.util.find_spec("matplotlib") is None:
        screen.print("no picture: pip install 'aerospike-resilience[demo]' brings matplotlib")
        return
    from ..rehearsal import chart

    directory.mkdir(parents=True, exist_ok=True)
    for one in figures["faults"]:
        picture = directory / f"{one['fault']}.png"
        chart.draw(one["results"], picture, where=figures.get("titles", {}).get(one["fault"], ""))
        screen.print(f"picture: {picture}", highlight=False, markup=False)
