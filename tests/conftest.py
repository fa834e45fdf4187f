"""What every test may use: a cluster that nobody harms, and one of its own to harm."""

from __future__ import annotations

import functools
import gc
import logging
import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, Final

os.environ["AEROSPIKE_NO_UVLOOP"] = "1"  # a test must not change the process's event loops

import aerospike
import pytest
from hypothesis import HealthCheck, settings

from aerospike_resilience import resilient
from aerospike_resilience.nodes import TEND_THREAD
from aerospike_resilience.testing import LocalCluster
from aerospike_resilience.testing.plugin import parse_hosts
from tests.costs import Costs
from tests.patience import NEVER_LATE
from tests.real import RealCluster

# How long an example takes, or is drawn for, tells of the machine and not of what is tested.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

# Clients of aerospike-py that a test dropped tell for minutes that their cluster is gone.
OF_THE_CLIENTS = logging.getLogger("aerospike_core")
OF_THE_CLIENTS.propagate = False
OF_THE_CLIENTS.addHandler(logging.NullHandler())

UNHURRIED = 400
"""Heartbeats that may be missed, a minute of them: a busy machine makes nobody evict a node."""

QUIET: Final[Any] = {"heartbeat_interval": "1s", "heartbeat_timeout": 60}
"""The same minute with few heartbeats, for clusters that stay well: they idle in every worker."""


@pytest.fixture(scope="session")
def healthy(request: pytest.FixtureRequest) -> Iterator[LocalCluster | RealCluster]:
    """Three nodes that stay well, or the cluster given with ``--aerospike``."""
    if given := request.config.getoption("--aerospike"):
        yield RealCluster(parse_hosts(given))
        return
    with LocalCluster(nodes=3, replication_factor=2, **QUIET) as cluster:
        cluster.wait_until_stable()
        yield cluster


@pytest.fixture(scope="session")
def spare(request: pytest.FixtureRequest) -> Iterator[LocalCluster]:
    """A second cluster that stays well."""
    if request.config.getoption("--aerospike"):
        pytest.skip("needs a second cluster")
    with LocalCluster(nodes=3, replication_factor=2, **QUIET) as cluster:
        cluster.wait_until_stable()
        yield cluster


@pytest.fixture
def cluster(request: pytest.FixtureRequest) -> Iterator[LocalCluster]:
    """Three nodes for one test to harm."""
    if request.config.getoption("--aerospike"):
        pytest.skip("harms nodes, which is not done to a real cluster")
    with LocalCluster(nodes=3, replication_factor=2) as cluster:
        cluster.wait_until_stable()
        yield cluster


@pytest.fixture
def unhurried_cluster(request: pytest.FixtureRequest) -> Iterator[LocalCluster]:
    """Three nodes for one test to harm, which wait a minute before they evict a silent one."""
    if request.config.getoption("--aerospike"):
        pytest.skip("harms nodes, which is not done to a real cluster")
    with LocalCluster(nodes=3, replication_factor=2, heartbeat_timeout=UNHURRIED) as cluster:
        cluster.wait_until_stable()
        yield cluster


@pytest.fixture
def connect() -> Iterator[Callable[..., Any]]:
    """Connect a bare client, closed when the test ends."""
    clients = []

    def connect_(cluster: LocalCluster, **config: Any) -> Any:
        client = aerospike.client({"hosts": cluster.hosts, "max_conns_per_node": 300, **config})
        clients.append(client)
        return client

    yield connect_
    for client in clients:
        end_protection(client)
        client.close()


def end_protection(client: Any) -> None:
    """End what protects a client that is closed as it is, and not through the wrapped one.

    The C client must not be closed while a thread of ours is inside it.
    """
    for one in list(TEND_THREAD._tended):
        if one.health.source._client is client:
            one.end()
            one.health.source.wait(60)


@pytest.fixture
def bare(healthy: LocalCluster, connect: Callable[..., Any]) -> Any:
    """A client of the healthy cluster as it comes."""
    return connect(healthy)


@pytest.fixture
def client(bare: Any) -> Iterator[Any]:
    """The same client, wrapped, with a profile that has all the time of a busy machine."""
    wrapped = resilient(bare, profile="latency", overrides=NEVER_LATE)
    yield wrapped
    wrapped.resilience.close()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--only`, by which `make test` makes two passes of the suite."""
    parser.addoption(
        "--only",
        choices=("together", "alone"),
        help="only the tests that run side by side, or only those marked alone",
    )
    parser.addoption("--costs", action="store_true", help="print what each test file cost")
    parser.addoption(
        "--costs-file", type=Path, help="append to it what each phase of each test cost"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Measure what tests cost, where that was asked for."""
    file = config.getoption("--costs-file")
    if config.getoption("--costs") or file:
        worker = hasattr(config, "workerinput")  # whose reports go to the process that prints
        config.pluginmanager.register(Costs(None if worker else file))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect thousands of tests without looking for garbage among them, now and later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Let `-n auto` start three workers a core, as most tests wait more than they compute.

    Of the tests marked `alone` each has a core: they load one, and wait for what they measure.
    """
    cores = len(os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else (0, 0))
    return min(cores, 2) if config.getoption("--only") == "alone" else 3 * cores


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Collect only files with such tests for the pass of those marked `alone`."""
    if config.getoption("--only") == "alone" and collection_path.suffix == ".py":
        return not has_alone(collection_path) or None
    return None


@functools.cache
def has_alone(path: Path) -> bool:
    """Return whether a file has tests of the pass of those marked `alone`."""
    return "mark.alone" in path.read_text()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the soak to `make soak`, and to each pass of the suite what is its own."""
    only = config.getoption("--only")

    def belongs(item: pytest.Item) -> bool:
        if item.get_closest_marker("soak") and "soak" not in config.option.markexpr:
            return False
        alone = item.get_closest_marker("alone") is not None
        if alone and only and not has_alone(item.path):
            raise pytest.UsageError(f"{item.path} must say pytest.mark.alone, or no pass runs it")
        return not only or alone == (only == "alone")

    left_out = [item for item in items if not belongs(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if belongs(item)]
