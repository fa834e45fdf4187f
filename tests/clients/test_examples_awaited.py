"""What the documentation of the awaited clients shows, done bare and wrapped: the results are equal."""

from __future__ import annotations

import asyncio
import inspect

import pytest

from aerospike_resilience import resilient
from tests.clients.test_examples import told
from tests.conformance.surfaces import ClusterDefinition, DataSet, aerospike_py, native
from tests.patience import NEVER_LATE


async def outcome_async(act):
    """Return the same of what is awaited, with the records of a stream."""
    try:
        result = act()
        if inspect.isawaitable(result):
            result = await result
        if hasattr(result, "__aiter__"):
            return result.__class__, sorted([told(record) async for record in result])
    except Exception as error:
        result = error
    return result.__class__, told(result)


def native_examples_awaited(client, set_name):
    key = native.Key("test", set_name, "u1")
    none = native.Key("test", set_name, "none")
    statement = native.Statement("test", set_name)
    yield lambda: client.put(key, {"name": "Ann", "age": 31})
    yield lambda: bins_of(client.get(key))
    yield lambda: bins_of(client.get(key, ["name"]))
    yield lambda: bins_of(client.get(key, policy=native.ReadPolicy()))
    yield lambda: client.get(none)
    yield lambda: client.exists(key)
    yield lambda: client.exists(none)
    yield lambda: client.add(key, {"age": 1})
    yield lambda: client.append(key, {"name": "a"})
    yield lambda: client.prepend(key, {"name": "b"})
    yield lambda: bins_of(
        client.operate(key, [native.Operation.add("age", 2), native.Operation.get_bin("age")])
    )
    yield lambda: client.touch(key)
    yield lambda: codes_of(client.batch_read([key, none]))
    yield lambda: client.batch_exists([key, none])
    yield lambda: codes_of(client.batch_write([none], [{"n": 1}]))
    yield lambda: codes_of(client.batch_operate([key], [[native.Operation.add("age", 1)]]))
    yield lambda: codes_of(client.batch_delete([none]))
    yield lambda: bins_of(client.query(statement, native.PartitionFilter.all()))
    yield lambda: client.info("build")
    yield lambda: client.node_names()
    yield lambda: client.is_strong_consistency("test")
    yield lambda: client.execute_udf(key, "module", "function", [])
    yield lambda: client.delete(key)
    yield lambda: client.get(5)
    yield lambda: client.get(key, policy={})
    yield lambda: client.get()


async def bins_of(asked):
    found = await asked
    if hasattr(found, "__aiter__"):
        return found.__class__, [record.bins async for record in found]
    return found.__class__, found.bins


async def codes_of(asked):
    return [(row.__class__, row.result_code) for row in await asked]


def test_what_the_documentation_of_the_awaited_native_client_shows(healthy):
    async def outcomes(client):
        return [await outcome_async(act) for act in native_examples_awaited(client, "ex-awaited")]

    async def both():
        bare, given = [
            await native.new_client(native.ClientPolicy(), healthy.seeds) for _ in range(2)
        ]
        wrapped = resilient(given, profile="latency", overrides=NEVER_LATE)
        expected, found = await outcomes(bare), await outcomes(wrapped)
        await bare.close()
        await wrapped.close()
        return expected, found

    expected, found = asyncio.run(both())

    for number, (before, after) in enumerate(zip(expected, found, strict=True)):
        assert after == before, f"example {number}"


def test_what_the_documentation_of_the_awaited_ones_shows(healthy):
    key = ("test", "examples-async", 1)
    users = DataSet.of("test", "examples-async-sdk")

    async def examples():
        async with aerospike_py.AsyncClient({"hosts": healthy.hosts}) as bare:
            client = resilient(await bare.connect(), profile="latency", overrides=NEVER_LATE)
            await client.put(key, {"n": 1})
            many = await asyncio.gather(*(client.get(key) for _ in range(20)))
            assert {record.bins["n"] for record in many} == {1}
            query = client.query("test", "examples-async")
            query.select("n")
            assert [record.bins for record in await query.results()] == [{"n": 1}]
            with pytest.raises(KeyError):
                await query.foreach(lambda record: {}["mine"])
            client.resilience.close()

        host, port = healthy.hosts[0]
        async with await ClusterDefinition(host, port).connect() as bare:
            session = resilient(bare, profile="latency", overrides=NEVER_LATE).create_session()
            await asyncio.gather(*(session.put(users.id(n), {"n": n}) for n in range(30)))
            found = await session.get_many([users.id(n) for n in range(30)])
            assert [record.bins["n"] for record in found] == list(range(30))
            await session.put_many([users.id(n) for n in range(3)], {"n": 5})
            assert (await session.get(users.id(2))).bins == {"n": 5}
            missing = await session.get_many([users.id(0), users.id("none")])
            assert isinstance(missing[1], Exception)

    asyncio.run(examples())
