import contextlib
from collections.abc import Iterator

import aerospike
import pytest

from aerospike_resilience.testing import LocalCluster
from aerospike_resilience.testing.plugin import parse_hosts
from tests.conftest import QUIET
from tests.real import RealCluster

from .support import UNHURRIED, connect


@pytest.fixture(scope="session")
def shared_cluster(request: pytest.FixtureRequest) -> Iterator[LocalCluster | RealCluster]:
    """Three nodes that no test stops or kills; faults are cleared after each test."""
    if given := request.config.getoption("--aerospike"):
        yield RealCluster(parse_hosts(given))
        return
    with LocalCluster(namespaces=("test", "bar"), **QUIET) as cluster:
        yield cluster


@pytest.fixture
def cluster(shared_cluster: LocalCluster) -> Iterator[LocalCluster]:
    yield shared_cluster
    shared_cluster.clear_faults()


@pytest.fixture(scope="session")
def shared_client(shared_cluster: LocalCluster) -> Iterator[aerospike.Client]:
    with contextlib.closing(connect(shared_cluster, **UNHURRIED)) as client:
        yield client


@pytest.fixture
def client(cluster: LocalCluster, shared_client: aerospike.Client) -> aerospike.Client:
    return shared_client


@pytest.fixture
def key(request: pytest.FixtureRequest) -> tuple[str, str, str]:
    """A key that no other test uses."""
    return ("test", "kv", request.node.nodeid)
