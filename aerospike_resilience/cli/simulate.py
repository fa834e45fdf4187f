"""``aerospike-resilience policy simulate``: what hundreds of processes would do under a policy file."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import click

from ..model.traffic import Traffic
from ..profiles import PolicyLibrary
from ..rehearsal.faults import SIMULATED_FAULTS, SimulatedFault
from ..rehearsal.requirements import Requirement
from .policy_common import PolicyCommand
from .rehearse import figures_options, finish, named_profiles, output, progress_on, traffic_of

_MS = click.FloatRange(0, min_open=True)


@click.command(cls=PolicyCommand)
@click.argument("new")
@click.option("--against", "old", help="The profile, or file, to compare with.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    type=click.Choice(SIMULATED_FAULTS),
    help="What happens; again for several in turn. [stall]",
)
@click.option("--processes", default=1, show_default=True, type=click.IntRange(1, 10_000))
@click.option(
    "--threads",
    default=16,
    show_default=True,
    type=click.IntRange(1, 1000),
    help="Threads that call in each process.",
)
@click.option("--nodes", default=3, show_default=True, type=click.IntRange(1, 64))
@click.option("--replication-factor", default=2, show_default=True, type=click.IntRange(1, 8))
@click.option(
    "--rate",
    type=click.FloatRange(0.1),
    help="Calls a second of each process. [500, or the traffic's]",
)
@click.option(
    "--traffic",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=traffic_of,
    help="The shape of a process's traffic, as client.resilience.traffic() writes it.",
)
@click.option(
    "--service-ms",
    default=0.3,
    show_default=True,
    type=_MS,
    help="How long a node works on a request: the median.",
)
@click.option(
    "--service-p99-ms", type=_MS, help="99 of 100 take at most this long. [4 times the median]"
)
@click.option(
    "--concurrency",
    default=8,
    show_default=True,
    type=click.IntRange(1, 4096),
    help="Requests that a node works on at once.",
)
@click.option(
    "--queue-limit",
    default=10_000,
    show_default=True,
    type=click.IntRange(0),
    help="Requests that wait at a node; beyond, it answers DEVICE_OVERLOAD.",
)
@click.option("--round-trip-ms", default=0.2, show_default=True, type=_MS, help="On the network.")
@click.option(
    "--evict-ms",
    default=1750.0,
    show_default=True,
    type=_MS,
    help="After how long the others evict a silent node.",
)
@click.option(
    "--seconds",
    default=3.0,
    show_default=True,
    type=click.FloatRange(0.2, 600),
    help="How long each fault lasts.",
)
@click.option(
    "--after",
    "after_s",
    type=click.FloatRange(0.2, 600),
    help="How long the load goes on after it, in seconds. [as long as the fault]",
)
@click.option(
    "--factor",
    default=3.0,
    show_default=True,
    type=click.FloatRange(1, 1000),
    help="How many times the load (surge), or the work of a request (brownout, cold).",
)
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same figures.")
@figures_options("recovered_after_s <= 5")
@click.pass_obj
def simulate(
    library: PolicyLibrary,
    new: str,
    old: str | None,
    faults: tuple[SimulatedFault, ...],
    processes: int,
    threads: int,
    nodes: int,
    replication_factor: int,
    rate: float | None,
    traffic: Traffic | None,
    service_ms: float,
    service_p99_ms: float | None,
    concurrency: int,
    queue_limit: int,
    round_trip_ms: float,
    evict_ms: float,
    seconds: float,
    after_s: float | None,
    factor: float,
    seed: int,
    required: tuple[Requirement, ...],
    json_path: Path | None,
    chart: Path | None,
) -> None:
    """Simulate many processes under profile NEW against a model of a cluster, and compare it with OLD.

    NEW and OLD are names of profiles or policy files. Time is virtual. The library's own retry, budget,
    gate, adaptive limit and breaker decide; cluster, network and client are a model.
    """
    if importlib.util.find_spec("simpy") is None:
        raise click.ClickException(
            "a simulation needs simpy: pip install 'aerospike-resilience[simulate,cli]'"
        )
    if old is None and any(one.of_old for one in required):
        raise click.UsageError("a requirement names old: give --against")
    from ..rehearsal.rehearse import DEFAULT_TRAFFIC
    from ..simulation.node import ClusterModel
    from ..simulation.simulate import Scenario, Subject
    from ..simulation.simulate import simulate as run

    subjects = [Subject(*one[:3]) for one in named_profiles(library, new, old)]
    model = ClusterModel(
        nodes=nodes,
        replication_factor=min(replication_factor, nodes),
        service_ms=service_ms,
        service_p99_ms=service_p99_ms or 4 * service_ms,
        concurrency=concurrency,
        queue_limit=queue_limit,
        round_trip_ms=round_trip_ms,
        evict_ms=evict_ms,
    )
    scenario = Scenario(
        subjects,
        faults or ("stall",),
        processes,
        threads,
        rate,
        traffic or DEFAULT_TRAFFIC,
        model,
        seconds,
        after_s,
        factor,
        seed,
    )
    screen = output(json_path)
    titles = [f"{one.role}: {one.label}" for one in subjects]
    with progress_on(scenario.faults, titles, screen) as progress:
        figures = run(scenario, progress)
    finish(figures, required, json_path, chart, screen)
