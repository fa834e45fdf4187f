"""Clusters with security and with TLS, which stay well, and every client that `connect()` makes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from aerospike_resilience import ClusterDefinition, connect
from aerospike_resilience.clients.connectors import KINDS
from aerospike_resilience.connection import mapping
from aerospike_resilience.testing import LocalCluster, TestAuthority
from tests.patience import NEVER_LATE

USERS = {"ann": "hunter2-secret", "eve": "hunter3-secret"}

WITH_TLS = [kind for kind in KINDS if not kind.startswith("aerospike_py")]


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a first contact a busy machine's time, where a test says nothing else."""
    monkeypatch.setattr(mapping, "TIMEOUT_MS", 20_000)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Each client that `connect()` makes."""
    return str(request.param)


@pytest.fixture(params=WITH_TLS)
def tls_kind(request: pytest.FixtureRequest) -> str:
    """Each client that has TLS."""
    return str(request.param)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> TestAuthority:
    """Who signs the encrypted cluster's certificate."""
    return TestAuthority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="session")
def secured() -> Iterator[LocalCluster]:
    """One node that wants a login."""
    with LocalCluster(nodes=1, users=USERS, cluster_name="shop") as cluster:
        cluster.wait_until_stable()
        yield cluster


@pytest.fixture(scope="session")
def encrypted(authority: TestAuthority) -> Iterator[LocalCluster]:
    """One node that wants a login, over TLS."""
    with LocalCluster(
        nodes=1, users=USERS, tls=authority.issue("db.test"), cluster_name="shop"
    ) as cluster:
        cluster.wait_until_stable()
        yield cluster


@pytest.fixture
def nobody() -> tuple[str, int]:
    """An address at which nothing listens."""
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        host, port = found.getsockname()
    return host, port


@pytest.fixture
def silent() -> Iterator[tuple[str, int]]:
    """An address that accepts connections and says nothing."""
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        found.listen(64)
        host, port = found.getsockname()
        yield host, port


def used(definition: Any, kind: str, use: Any = lambda client: None, **options: Any) -> Any:
    """Connect, call ``use(client)``, which may be awaited, close, and return what it returned.

    Calls have a busy machine's time, unless the test's own overrides say something else.
    """
    options["overrides"] = {**NEVER_LATE, **options.get("overrides", {})}
    connected = connect(definition, kind, **options)
    if not hasattr(connected, "__await__"):
        with connected as client:
            return use(client)

    async def awaited() -> Any:
        async with connect(definition, kind, **options) as client:
            found = use(client)
            return await found if hasattr(found, "__await__") else found

    return asyncio.run(awaited())


def defined(cluster: LocalCluster) -> ClusterDefinition:
    """Return the definition of a cluster without login and TLS."""
    return ClusterDefinition(hosts=cluster.hosts)


FEW = {"connection": {"min_conns_per_node": 0}}
"""Overrides for clusters with logins, each of which costs the native client a tenth of a second."""


def put_and_get(kind: str, number: int = 1) -> Any:
    """Return a function that writes a record with a client of a kind, and returns its bins."""

    def use(client: Any) -> Any:
        if kind.startswith("aerospike_sdk"):
            from aerospike_sdk import DataSet

            session, key = client.create_session(), DataSet.of("test", "connect").id(number)
            if kind.endswith(".sync"):
                session.put(key, {"n": number})
                return session.get(key).bins

            async def sdk() -> Any:
                await session.put(key, {"n": number})
                return (await session.get(key)).bins

            return sdk()
        if kind.startswith("aerospike_native"):
            import aerospike_native

            key = aerospike_native.Key("test", "connect", number)
            if not kind.endswith(".async"):
                client.put_blocking(key, {"n": number})
                return client.get_blocking(key).bins

            async def native() -> Any:
                await client.put(key, {"n": number})
                return (await client.get(key)).bins

            return native()
        key = ("test", "connect", number)
        if not kind.endswith(".async"):
            client.put(key, {"n": number})
            return client.get(key)[2]

        async def py() -> Any:
            await client.put(key, {"n": number})
            return (await client.get(key)).bins

        return py()

    return use
