"""The pytest plugin: an embedded cluster and a client on it, as fixtures.

`pytest --aerospike=host:port` runs the same tests against a real cluster. Tests with faults
need `aerospike_cluster`. A real cluster cannot get faults, so these tests are skipped by name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .cluster import LocalCluster

DEFAULT_PORT = 3000


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
    aerospike = pytest.importorskip(
        "aerospike", reason="pip install 'aerospike-resilience[aerospike]'"
    )
    client = aerospike.client({"hosts": aerospike_hosts}).connect()
    yield client
    client.close()
