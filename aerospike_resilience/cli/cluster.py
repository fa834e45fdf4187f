"""`aerospike-resilience cluster`: an embedded cluster from the shell."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import click

from ..testing import ClusterError, LocalCluster, Snapshot
from ..testing.console import HELP, Console


@click.command()
@click.option("--nodes", default=3, show_default=True, help="How many nodes.")
@click.option("--replication-factor", default=2, show_default=True, help="Copies of a record.")
@click.option(
    "--namespace",
    "namespaces",
    multiple=True,
    default=("test",),
    show_default=True,
    help="Again for more.",
)
@click.option(
    "--strong",
    multiple=True,
    metavar="NAMESPACE",
    help="Make this namespace strongly consistent; again for more.",
)
@click.option(
    "--port",
    type=int,
    help="The first node's port, the others' are those above it; by default the system chooses.",
)
@click.option(
    "--load",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Begin with the records of this file, which the command `save` wrote.",
)
@click.option(
    "--faults",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Carry out the lines of this file, then read the keyboard.",
)
def cluster(
    nodes: int,
    replication_factor: int,
    namespaces: tuple[str, ...],
    strong: tuple[str, ...],
    port: int | None,
    load: Path | None,
    faults: Path | None,
) -> None:
    """Run an embedded Aerospike cluster, and inject faults into it.

    Prints the seeds on the first line, once the nodes accept connections. Then reads commands from standard
    input, such as stall, resume, kill, restart, inject, clear, save and load; `help` lists all commands.
    After the end of the input it runs until Ctrl-C, so with --port it is a service for other processes of
    this machine.
    """
    try:
        local = LocalCluster(nodes, replication_factor, namespaces, strong=strong, port=port)
        snapshot = None if load is None else Snapshot.load(load)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    try:
        local.start()
    except ClusterError as error:
        raise click.ClickException(str(error)) from error
    with contextlib.closing(local):
        if snapshot is not None:
            local.restore(snapshot)
        click.echo(local.seeds)
        console = Console(local, time.sleep)
        try:
            if faults is not None and not _run_lines(console, faults.read_text().splitlines()):
                return
            if sys.stdin.isatty():
                click.echo(HELP, err=True)
            if not _run_lines(console, iter(sys.stdin.readline, "")):
                return
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            click.echo("stopping", err=True)


def _run_lines(console: Console, lines: Iterable[str]) -> bool:
    """Run commands from lines; return whether to go on after them."""
    for line in lines:
        try:
            shown = console.run(line)
        except (ValueError, KeyError, ClusterError, OSError) as error:
            said = str(error) if isinstance(error, OSError) else error.args[0]
            click.echo(f"error: {said}", err=True)
            continue
        if shown is None:
            return False
        if shown:
            click.echo(shown)
    return True
