"""`aerospike-resilience top`: what one wrapped client is doing, in the terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.live import Live

from ..errors import ResilienceError
from ..live.places import directory, served
from ..live.reading import Reading
from ..live.state import State
from .top_screen import Screen

FRAMES_PER_SECOND: Final = 10


@click.command()
@click.option(
    "--socket",
    type=click.Path(path_type=Path),
    help="The unix socket that client.resilience.serve() opened. [default: the only one of this user]",
)
@click.option("--url", help="A port instead: http://127.0.0.1:8300/, or with #TOKEN behind it.")
@click.option(
    "--token",
    envvar="AEROSPIKE_RESILIENCE_TOKEN",
    show_envvar=True,
    help="What the port asks for.",
)
@click.option(
    "--interval",
    type=click.FloatRange(0.05, 60.0),
    default=0.1,
    show_default=True,
    help="Seconds between two looks.",
)
@click.option("--once", is_flag=True, help="Print the state once and end.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, a line for each change.")
def top(
    socket: Path | None,
    url: str | None,
    token: str | None,
    interval: float,
    *,
    once: bool,
    as_json: bool,
) -> None:
    """Watch one wrapped client: nodes, latency, gate, retries, profile and recent changes.

    The client must serve it: client.resilience.serve(). Ctrl-C ends. If the output is piped, it prints the
    state once.
    """
    if socket is not None and url is not None:
        raise click.UsageError("give --socket or --url, not both")
    reading = Reading(url or socket or _only_one(), token)
    console = Console()
    once = once or not (as_json or console.is_terminal)
    try:
        if as_json:
            _print_json(iter([reading.snapshot()]) if once else reading.states(interval))
        elif once:
            wide = console if console.is_terminal else Console(width=120)
            wide.print(Screen().render(reading.snapshot()))
        else:
            _follow(console, reading, interval)
    except ResilienceError as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        return


def _only_one() -> Path:
    found = served()
    if len(found) == 1:
        return found[0]
    if not found:
        raise click.ClickException(
            f"no client is served in {directory()}: call client.resilience.serve() in the service, or give "
            "--socket or --url"
        )
    listed = "\n".join(f"  --socket {path}" for path in found)
    raise click.UsageError(f"{len(found)} clients are served; choose one:\n{listed}")


def _print_json(states: Iterator[State]) -> None:
    for state in states:
        click.echo(json.dumps(state, default=str))


def _follow(console: Console, reading: Reading, interval: float) -> None:
    screen = Screen()
    with Live(console=console, screen=True, auto_refresh=False) as live:
        for state in reading.states(max(interval, 1 / FRAMES_PER_SECOND)):
            live.update(screen.render(state, console.height), refresh=True)
    raise ResilienceError(f"{reading.at} has ended")
