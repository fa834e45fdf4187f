"""``aerospike-resilience demo``: shows what the library does while a node is stalled."""

from __future__ import annotations

import importlib.util
import json
import shlex
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ..model.wording import suggestion
from ..rehearsal.experiment import Setup, run
from ..rehearsal.faults import FAULTS, FaultName


def _hosts(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> list[tuple[str, int]] | None:
    if text is None:
        return None
    hosts = []
    for part in text.split(","):
        host, _, port = part.strip().rpartition(":")
        if not host or not port.isdigit():
            raise click.BadParameter(f"{part.strip()!r} is not host:port")
        hosts.append((host, int(port)))
    return hosts


@click.command()
@click.option(
    "--threads",
    default=16,
    show_default=True,
    type=click.IntRange(1, 256),
    help="Threads of the load.",
)
@click.option(
    "--rate",
    default=2000.0,
    show_default=True,
    type=click.FloatRange(1),
    help="Calls a second, half reads.",
)
@click.option(
    "--fault",
    default="stall",
    show_default=True,
    type=click.Choice(FAULTS),
    help="What happens to one node.",
)
@click.option(
    "--seconds",
    default=3.0,
    show_default=True,
    type=click.FloatRange(0.2, 60),
    help="How long the fault lasts, and the time after it.",
)
@click.option(
    "--variants",
    default="bare,tuned,stack,resilient",
    show_default=True,
    help="Which ways to use the client.",
)
@click.option(
    "--hosts",
    callback=_hosts,
    metavar="HOST:PORT,…",
    help="A real cluster instead of the embedded one; only --fault none.",
)
@click.option(
    "--json",
    "json_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the figures [build/demo.json].",
)
@click.option(
    "--out",
    default=Path("build"),
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to write the picture and the page.",
)
def demo(
    threads: int,
    rate: float,
    fault: FaultName,
    seconds: float,
    variants: str,
    hosts: list[tuple[str, int]] | None,
    json_path: Path | None,
    out: Path,
) -> None:
    """Stall one node of three under a steady load, with four uses of the client in turn.

    Prints a table and writes demo.json, demo.png and demo.html.
    """
    if importlib.util.find_spec("aerospike") is None:
        raise click.ClickException(
            "the demo needs the client: pip install 'aerospike-resilience[demo]'"
        )
    if hosts and fault != "none":
        raise click.UsageError("a real cluster is not harmed: with --hosts use --fault none")
    chosen = _chosen(variants)
    setup = Setup(
        threads, rate, fault, hosts, before_s=min(2.0, seconds), during_s=seconds, after_s=seconds
    )
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)  # in a file or a pipe the table need not fit a screen
    results = _run_all(chosen, setup, console)
    out.mkdir(parents=True, exist_ok=True)
    json_path = json_path or out / "demo.json"
    json_path.parent.mkdir(parents=True, exist_ok=True)
    command = shlex.join(["aerospike-resilience", *sys.argv[1:]])
    setting = {"command": command, "threads": threads, "rate": rate, "results": results}
    json_path.write_text(json.dumps(setting, indent=1))
    _report(results, out, command, console)
    console.print(f"figures: {json_path}", highlight=False)


def _chosen(names: str) -> list[Any]:
    from ..demo.variants import VARIANTS

    known = {variant.name: variant for variant in VARIANTS}
    chosen = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in chosen if name not in known]
    if unknown or not chosen:
        raise click.BadParameter(
            f"{', '.join(unknown) or 'none given'}{suggestion(' '.join(unknown[:1]), known)}",
            param_hint="--variants",
        )
    return [known[name] for name in chosen]


def _run_all(chosen: list[Any], setup: Setup, console: Console) -> list[dict[str, Any]]:
    results = []
    if not console.is_terminal:
        for variant in chosen:
            console.print(f"{variant.title} …", highlight=False)
            results.append(run(variant, setup, lambda _what, _share: None))
        return results
    with Progress(
        TextColumn("{task.fields[title]:<34}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
        console=console,
    ) as bars:
        for variant in chosen:
            task = bars.add_task("starting", total=1.0, title=variant.title)
            results.append(
                run(
                    variant,
                    setup,
                    lambda what, share, task=task: bars.update(  # type: ignore[misc]
                        task, completed=share, description=what
                    ),
                )
            )
            bars.update(task, completed=1.0, description="done")
    return results


def _report(results: list[dict[str, Any]], out: Path, command: str, console: Console) -> None:
    from ..demo import report

    console.print()
    console.print(report.table(results))
    console.print()
    for result in results:
        console.print(report.facts(result), highlight=False)
    picture: Path | None = None
    if importlib.util.find_spec("matplotlib") is None:
        console.print("no picture: pip install 'aerospike-resilience[demo]' brings matplotlib")
    else:
        from ..rehearsal import chart

        picture = out / "demo.png"
        chart.draw(results, picture)
        console.print(f"picture: {picture}", highlight=False)
    page = out / "demo.html"
    page.write_text(report.page(results, picture, command))
    console.print(f"page: {page}", highlight=False)
