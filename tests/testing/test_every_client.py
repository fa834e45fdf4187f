"""All four clients, alone and together, on one to five nodes."""

import contextlib
import os

import aerospike_py
import pytest

from aerospike_resilience.testing import LocalCluster
from tests.conftest import QUIET

from .support import UNHURRIED, connect, eventually

os.environ["AEROSPIKE_NO_UVLOOP"] = "1"  # a test must not change the process's event loops

import aerospike_native
from aerospike_sdk import ClusterDefinition, DataSet, Host
from aerospike_sdk.sync import ClusterDefinition as SyncClusterDefinition


@pytest.fixture(scope="module", params=[1, 2, 4, 5], ids=lambda n: f"{n}-nodes")
def sized(request):
    with LocalCluster(nodes=request.param, **QUIET) as cluster:
        yield cluster


def keys(name):
    return [("test", name, n) for n in range(30)]


def test_the_c_client(sized):
    with contextlib.closing(connect(sized, **UNHURRIED)) as client:
        assert len(client.get_nodes()) == len(sized.nodes)
        for key in keys("c"):
            client.put(key, {"n": key[2]})
        assert [row.record[2]["n"] for row in client.batch_read(keys("c")).batch_records] == [
            *range(30)
        ]


def test_aerospike_py(sized):
    config = {"hosts": sized.hosts, "policies": {"total_timeout": 20_000}}
    with aerospike_py.client(config).connect() as client:
        assert len(client.get_node_names()) == len(sized.nodes)
        for key in keys("py"):
            client.put(key, {"n": key[2]})
        client.increment(keys("py")[0], "n", 100)
        assert client.get(keys("py")[0]).bins == {"n": 100}
        assert client.batch_read(keys("py")).found_count() == 30
        assert len(client.query("test", "py").results()) == 30
        client.remove(keys("py")[1])
        assert client.exists(keys("py")[1]).meta is None


async def test_aerospike_py_async(sized):
    async with aerospike_py.AsyncClient({"hosts": sized.hosts}) as client:
        await client.connect()
        await client.put(("test", "pya", 1), {"n": 1})
        assert (await client.get(("test", "pya", 1))).bins == {"n": 1}


async def test_aerospike_native(sized):
    client = await aerospike_native.new_client(aerospike_native.ClientPolicy(), sized.seeds)
    try:
        key = aerospike_native.Key("test", "native", 1)
        await client.put(key, {"n": 1, "s": "text"})
        assert (await client.get(key)).bins == {"n": 1, "s": "text"}
        assert len(client.node_names()) == len(sized.nodes)
        assert await client.delete(key)
        assert not await client.exists(key)
    finally:
        await client.close()


async def test_the_sdk(sized):
    hosts = [Host(host, port) for host, port in sized.hosts]
    async with ClusterDefinition(hosts=hosts).connect() as cluster:
        session = cluster.create_session()
        records = DataSet.of("test", "sdk")
        await session.put(records.id(1), {"n": 1})
        assert (await session.get(records.id(1))).bins == {"n": 1}
        found = await session.get_many([records.id(1), records.id(2)])
        assert found[0].bins == {"n": 1}


def test_the_sync_sdk(sized):
    hosts = [Host(host, port) for host, port in sized.hosts]
    with SyncClusterDefinition(hosts=hosts).connect() as cluster:
        session = cluster.create_session()
        records = DataSet.of("test", "sdks")
        session.put(records.id(1), {"n": 1})
        assert session.get(records.id(1)).bins == {"n": 1}


async def test_all_clients_see_one_anothers_records_at_the_same_time(sized):
    native = await aerospike_native.new_client(aerospike_native.ClientPolicy(), sized.seeds)
    with (
        contextlib.closing(connect(sized, **UNHURRIED)) as c_client,
        aerospike_py.client({"hosts": sized.hosts}).connect() as py_client,
    ):
        c_client.put(("test", "shared", "k"), {"from": "c"})
        assert py_client.get(("test", "shared", "k")).bins == {"from": "c"}
        py_client.put(("test", "shared", "k"), {"from": "py"})
        key = aerospike_native.Key("test", "shared", "k")
        assert (await native.get(key)).bins == {"from": "py"}
        await native.put(key, {"from": "native"})
        assert c_client.get(("test", "shared", "k"))[2] == {"from": "native"}
    await native.close()


def test_aerospike_py_keeps_working_when_a_node_dies():
    with (
        LocalCluster(nodes=5) as cluster,
        aerospike_py.client({"hosts": cluster.hosts}).connect() as client,
    ):
        for key in keys("py2"):
            eventually(lambda key=key: _put(client, key))
        cluster.kill("A4")
        cluster.wait_until_stable()
        eventually(lambda: _found(client) == 30)
        cluster.restart("A4")
        cluster.wait_until_stable()


def _put(client, key):
    with contextlib.suppress(aerospike_py.AerospikeError):
        client.put(key, {"n": 1})
        return True
    return False


def _found(client):
    with contextlib.suppress(aerospike_py.AerospikeError):
        return client.batch_read(keys("py2")).found_count()
    return 0
