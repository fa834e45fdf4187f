"""The pytest plugin: an embedded cluster and a client on it, as fixtures.

`pytest --aerospike=host:port` runs the same tests against a real cluster. Tests with faults
need `aerospike_cluster`. A real cluster cannot get faults, so these tests are skipped by name.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pytest

if TYPE_CHECKING:
    from .cluster import LocalCluster

DEFAULT_PORT = 3000

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _async_fixture(function: _Function) -> _Function:
    """Make a fixture of an asynchronous generator function.

    pytest-asyncio runs those of its own kind in both of its modes. Without it, anyio's plugin runs fixtures
    that are made like any other.
    """
    try:
        from pytest_asyncio import fixture as awaited_fixture
    except ModuleNotFoundError:
        return cast("_Function", pytest.fixture(function))
    return cast("_Function", awaited_fixture(function))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--aerospike`."""
    group = parser.getgroup("aerospike")
    group.addoption(
        "--aerospike",
        metavar="HOST:PORT[,HOST:PORT]",
        default=None,
        help="use this cluster instead of an embedded one; tests that need faults are skipped",
    )


def parse_hosts(text: str) -> list[tuple[str, int]]:
    """Parse the value of `--aerospike`.

    Args:
        text: Hosts with or without port, separated by commas.

    Returns:
        Host and port of each.

    Raises:
        pytest.UsageError: It is not of that form.
    """
    hosts = []
    for part in text.split(","):
        host, colon, port = part.strip().rpartition(":")
        if not colon:
            host, port = port, str(DEFAULT_PORT)
        if not host or not port.isdigit():
            raise pytest.UsageError(f"--aerospike takes host:port[,host:port], not {text!r}")
        hosts.append((host, int(port)))
    return hosts


@pytest.fixture(scope="session")
def _embedded_cluster() -> Iterator[LocalCluster]:
    from .cluster import LocalCluster

    with LocalCluster(nodes=3, replication_factor=2, namespaces=("test",)) as cluster:
        yield cluster


@pytest.fixture
def aerospike_cluster(request: pytest.FixtureRequest) -> Iterator[LocalCluster]:
    """An embedded cluster of three nodes; faults of a test are undone after it."""
    if request.config.getoption("--aerospike"):
        pytest.skip(f"{request.node.name} needs faults, which a real cluster cannot be given")
    cluster: LocalCluster = request.getfixturevalue("_embedded_cluster")
    yield cluster
    cluster.clear_faults()
    disturbed = [node for node in cluster.nodes if node.state != "running"]
    for node in disturbed:
        if node.state == "stalled":
            cluster.resume(node)
        else:
            cluster.restart(node)
    if disturbed:
        cluster.wait_until_stable()


@pytest.fixture(scope="session")
def aerospike_hosts(request: pytest.FixtureRequest) -> list[tuple[str, int]]:
    """The addresses of the cluster given with `--aerospike`, else of the embedded one."""
    given = request.config.getoption("--aerospike")
    if given:
        return parse_hosts(given)
    cluster: LocalCluster = request.getfixturevalue("_embedded_cluster")
    return cluster.hosts


@pytest.fixture
def aerospike_client(aerospike_hosts: list[tuple[str, int]]) -> Iterator[Any]:
    """A connected `aerospike.Client`."""
    client = _package("aerospike", "aerospike").client({"hosts": aerospike_hosts}).connect()
    yield client
    client.close()


@pytest.fixture
def aerospike_py_client(aerospike_hosts: list[tuple[str, int]]) -> Iterator[Any]:
    """A connected `aerospike_py.Client`."""
    client = _package("aerospike_py", "aerospike-py").client({"hosts": aerospike_hosts}).connect()
    yield client
    client.close()


@_async_fixture
async def aerospike_py_async_client(
    aerospike_hosts: list[tuple[str, int]],
) -> AsyncIterator[Any]:
    """A connected `aerospike_py.AsyncClient`."""
    client = _package("aerospike_py", "aerospike-py").AsyncClient({"hosts": aerospike_hosts})
    await client.connect()
    yield client
    await client.close()


@_async_fixture
async def aerospike_native_client(aerospike_hosts: list[tuple[str, int]]) -> AsyncIterator[Any]:
    """A connected `aerospike_native.Client`, for its awaited and its blocking methods."""
    native = _native()
    seeds = ",".join(f"{host}:{port}" for host, port in aerospike_hosts)
    client = await native.new_client(native.ClientPolicy(), seeds)
    yield client
    await client.close()


@_async_fixture
async def aerospike_sdk_cluster(aerospike_hosts: list[tuple[str, int]]) -> AsyncIterator[Any]:
    """A connected `aerospike_sdk.Cluster`; `create_session()` makes sessions."""
    _native()
    sdk = _package("aerospike_sdk", "sdk")
    hosts = [sdk.Host(host, port) for host, port in aerospike_hosts]
    async with sdk.ClusterDefinition(hosts=hosts).connect() as cluster:
        yield cluster


def _package(name: str, extra: str) -> Any:
    """Return a client's package; skip the test where it is not installed."""
    return pytest.importorskip(name, reason=f"pip install 'aerospike-resilience[{extra}]'")


def _native() -> Any:
    """Return `aerospike_native`, which would change the event loops of the process at its import."""
    os.environ.setdefault("AEROSPIKE_NO_UVLOOP", "1")
    return _package("aerospike_native", "sdk")
