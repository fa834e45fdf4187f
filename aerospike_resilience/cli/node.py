"""`aerospike-resilience node`: isolate a node in every process of a service, and see who sees what."""

from __future__ import annotations

import getpass
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
from rich.table import Table

from ..errors import ResilienceError
from ..model.wording import redacted, suggestion
from ..nodes import fleet
from ..nodes.storages import redis_client
from .policy_common import add_row, console, table

if TYPE_CHECKING:
    import redis

F = TypeVar("F", bound=Callable[..., Any])

STORAGE: Final = "AEROSPIKE_RESILIENCE_STORAGE"

POLL_S: Final = 0.1


def _storage(command: F) -> F:
    return click.option(
        "--storage",
        required=True,
        envvar=STORAGE,
        show_envvar=True,
        help="The policy file's breaker.storage: redis://host:6379/0.",
    )(command)


def _wait(command: F) -> F:
    return click.option(
        "--wait",
        "wait_s",
        type=click.FloatRange(0.0),
        default=5.0,
        show_default=True,
        help="Seconds to wait for the workers to obey; 0 to return at once.",
    )(command)


@click.group()
def node() -> None:
    """Give orders about a node to every process of a service, through the breaker's storage.

    All processes whose policy file names the storage obey within two tends, and show the reason. An order
    holds until it is taken back, also if the processes or Redis start again.
    """


@node.command()
@click.argument("name")
@_storage
@click.option("--reason", required=True, help="Why; every process shows it.")
@click.option(
    "--force", is_flag=True, help="Also a node that no worker sees, or that has several addresses."
)
@_wait
def isolate(name: str, storage: str, reason: str, wait_s: float, *, force: bool) -> None:
    """Keep writes, and reads that only the master may answer, away from a node.

    NAME is the node's name, or NAME@HOST:PORT where several clusters that share a Redis have a node of
    that name. Exits with 1 if not every worker obeys in time.
    """
    client = _client(storage)
    _using(storage, lambda: _check_name(name, fleet.workers(client), force=force))
    _give(client, storage, name, wait_s, isolated=True, reason=reason)


@node.command()
@click.argument("name")
@_storage
@click.option("--reason", default="", help="Why it may serve again.")
@_wait
def release(name: str, storage: str, reason: str, wait_s: float) -> None:
    """Take the order to isolate a node back.

    Exits with 1 if there is no such order, or not every worker obeys in time.
    """
    client = _client(storage)
    given = _using(storage, lambda: fleet.orders(client))
    isolated = [order.target for order in given.values() if order.isolated]
    if name not in isolated:
        listed = suggestion(name, isolated) if isolated else "; no node is isolated for the fleet"
        raise click.ClickException(f"{name} is not isolated for the fleet{listed}")
    _give(client, storage, name, wait_s, isolated=False, reason=reason)


@node.command("list")
@_storage
@click.option("--workers", "each", is_flag=True, help="A line for each worker and node.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(storage: str, *, each: bool, as_json: bool) -> None:
    """Show every node: how many workers see it in which state, and the order about it."""
    client = _client(storage)
    seen = _using(storage, lambda: fleet.workers(client))
    orders = list(_using(storage, lambda: fleet.orders(client)).values())
    if as_json:
        found = {
            "workers": [asdict(worker) for worker in seen],
            "orders": [{**asdict(order), "at": order.at} for order in orders],
        }
        click.echo(json.dumps(found, indent=2))
        return
    in_force = [order for order in orders if order.isolated]
    if not seen:
        click.echo("no worker uses this storage now")
    console().print(_each(seen) if each else _by_node(seen, in_force))


def _client(storage: str) -> redis.Redis:
    try:
        return redis_client(storage, [])
    except (ResilienceError, ValueError) as error:
        raise click.ClickException(redacted(str(error))) from None


T = TypeVar("T")


def _using(storage: str, ask: Callable[[], T]) -> T:
    import redis

    try:
        return ask()
    except redis.RedisError as error:
        raise click.ClickException(
            f"{redacted(storage)} cannot be used: {redacted(str(error))}"
        ) from None


def _check_name(name: str, workers: Sequence[fleet.Worker], *, force: bool) -> None:
    known: dict[str, set[str]] = {}
    for worker in workers:
        for node_name, state in worker.nodes.items():
            known.setdefault(node_name, set()).add(state["address"])
    plain, _, address = name.partition("@")
    if force:
        return
    if plain not in known:
        seen = suggestion(plain, sorted(known)) if known else "; no worker uses this storage now"
        raise click.ClickException(
            f"no worker sees a node {plain}{seen}. --force orders it all the same"
        )
    if address and address not in known[plain]:
        there = ", ".join(sorted(known[plain]))
        raise click.ClickException(f"no worker sees {plain} at {address}, but at {there}")
    if not address and len(known[plain]) > 1:
        there = "\n".join(f"  {plain}@{one}" for one in sorted(known[plain]))
        raise click.ClickException(
            f"{plain} is seen at {len(known[plain])} addresses. Name one, or all with --force:\n{there}"
        )


def _give(
    client: redis.Redis, storage: str, name: str, wait_s: float, *, isolated: bool, reason: str
) -> None:
    by = f"{getpass.getuser()}@{os.uname().nodename}"
    order = _using(
        storage, lambda: fleet.give(client, name, isolated=isolated, reason=reason, by=by)
    )
    click.echo(f"{name} is {'isolated' if isolated else 'released'} for every worker, by {by}")
    ends = time.monotonic() + wait_s
    while True:
        workers = _using(storage, lambda: fleet.workers(client))
        late = [worker for worker in workers if worker.version < order.version]
        if not wait_s or not late or time.monotonic() >= ends:
            break
        time.sleep(POLL_S)
    click.echo(f"{len(workers) - len(late)} of {len(workers)} workers know it")
    if late and wait_s:
        for worker in late:
            click.echo(
                f"  not yet: {worker.client} on {worker.host}, process {worker.pid}", err=True
            )
        raise click.exceptions.Exit(1)


def _by_node(workers: Sequence[fleet.Worker], orders: Sequence[fleet.Order]) -> Table:
    states: dict[tuple[str, str], Counter[str]] = {}
    for worker in workers:
        for name, found in worker.nodes.items():
            states.setdefault((name, found["address"]), Counter())[found["state"]] += 1
    rows = table("node", "address", "workers see", "order", "by", "since")
    shown = set()
    for (name, address), counts in sorted(states.items()):
        order = next(
            (one for one in orders if one.target in (name, f"{name}@{address}")),
            None,
        )
        seen = ", ".join(f"{state} {count}" for state, count in sorted(counts.items()))
        if order is None:
            add_row(rows, name, address, seen, "", "", "")
        else:
            shown.add(order.target)
            add_row(rows, name, address, seen, f"isolated: {order.reason}", order.by, order.at)
    for order in orders:
        if order.target not in shown:
            add_row(
                *(rows, order.target, "", "nobody", f"isolated: {order.reason}", order.by, order.at)
            )
    return rows


def _each(workers: Sequence[fleet.Worker]) -> Table:
    rows = table("host", "process", "client", "profile", "node", "state", "why")
    for worker in workers:
        for name, found in sorted(worker.nodes.items()):
            add_row(
                *(rows, worker.host, str(worker.pid), worker.client, worker.profile),
                *(name, found["state"], found["reason"]),
            )
    return rows
