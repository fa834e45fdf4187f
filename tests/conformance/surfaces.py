"""Every way to use an Aerospike client from Python, spoken to in one language.

A surface opens a client of its own, wraps what an application would wrap, and does what the suite asks
in that client's own words. Awaited ones are driven from a loop in a thread of their own, so that a test
reads the same for all.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from typing import Any, ClassVar

os.environ["AEROSPIKE_NO_UVLOOP"] = "1"  # a test must not change the process's event loops

import aerospike
import aerospike_native as native
import aerospike_py
from aerospike import exception as c_errors
from aerospike_helpers.batch import records as c_rows
from aerospike_helpers.operations import operations as c_operations
from aerospike_sdk import ClusterDefinition, DataSet
from aerospike_sdk import exceptions as sdk_errors
from aerospike_sdk.sync import ClusterDefinition as SyncClusterDefinition

from aerospike_resilience import instrument, resilient, uninstrument

NAMESPACE, SET = "test", "conformance"


class Loop:
    """An event loop in a thread, for clients that are awaited."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine there and return its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    def stop(self) -> None:
        """End the loop and its thread."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


class Surface:
    """One way to use a client.

    Attributes:
        name: for test ids.
        awaited: whether its calls are awaited.
        missing: what reading a missing record raises.
        exists_already: what creating an existing record raises.
        error: the client's own base classes of errors.
        outlives_cancellation: whether a cancelled call goes on.
    """

    name: ClassVar[str]
    awaited: ClassVar[bool] = False
    missing: ClassVar[type[Exception]]
    exists_already: ClassVar[type[Exception]]
    error: ClassVar[type[Exception] | tuple[type[Exception], ...]]
    outlives_cancellation: ClassVar[bool] = False

    def __init__(self, cluster: Any) -> None:
        self.cluster = cluster
        self.bare: Any = None
        self.client: Any = None

    def open(self, **options: Any) -> None:
        """Connect, and wrap what was connected."""
        self.bare = self.connect()
        self.client = resilient(self.bare, **{"profile": "latency", **options})

    @property
    def resilience(self) -> Any:
        """What stands behind the wrapped client."""
        return self.client.resilience

    def connect(self) -> Any:
        """Return a bare client."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the wrapped client."""
        self.client.close()


class CClient(Surface):
    name = "aerospike"
    missing = c_errors.RecordNotFound
    exists_already = c_errors.RecordExistsError
    error = c_errors.AerospikeError

    @staticmethod
    def key(n: Any) -> tuple[Any, ...]:
        return (NAMESPACE, SET, n)

    def connect(self):
        return aerospike.client({"hosts": self.cluster.hosts, "max_conns_per_node": 300})

    def get(self, n, client=None):
        return (client or self.client).get(self.key(n))[2]

    def put(self, n, bins):
        self.client.put(self.key(n), bins)

    def create(self, n, bins):
        self.client.put(
            self.key(n), bins, policy={"exists": aerospike.POLICY_EXISTS_CREATE, "max_retries": 1}
        )

    def increment(self, n):
        self.client.increment(self.key(n), "n", 1)

    def operate_increment(self, n):
        self.client.operate(self.key(n), [c_operations.increment("n", 1)])

    def remove(self, n):
        try:
            self.client.remove(self.key(n))
        except self.missing:
            return False
        return True

    def batch_get(self, ns):
        rows = self.client.batch_read([self.key(n) for n in ns]).batch_records
        return [row.record[2] if row.result == 0 else None for row in rows]

    def batch_put(self, ns):
        rows = [c_rows.Write(self.key(n), [c_operations.write("n", n)]) for n in ns]
        found = self.client.batch_write(c_rows.BatchRecords(rows))
        return [row.result for row in found.batch_records]

    def scan(self, set_name):
        return len(self.client.query(NAMESPACE, set_name).results())

    def raw_get(self, n):
        return self.get(n, self.bare)


class PyClient(Surface):
    name = "aerospike-py"
    missing = aerospike_py.RecordNotFound
    exists_already = aerospike_py.RecordExistsError
    error = aerospike_py.AerospikeError
    key = staticmethod(CClient.key)

    def connect(self):
        return aerospike_py.client({"hosts": self.cluster.hosts}).connect()

    def get(self, n, client=None):
        return (client or self.client).get(self.key(n)).bins

    def put(self, n, bins):
        self.client.put(self.key(n), bins)

    def create(self, n, bins):
        policy = {"exists": aerospike_py.POLICY_EXISTS_CREATE_ONLY, "max_retries": 1}
        self.client.put(self.key(n), bins, policy=policy)

    def increment(self, n):
        self.client.increment(self.key(n), "n", 1)

    def operate_increment(self, n):
        ops = [{"op": aerospike_py.OPERATOR_INCR, "bin": "n", "val": 1}]
        self.client.operate(self.key(n), ops)

    def remove(self, n):
        try:
            self.client.remove(self.key(n))
        except self.missing:
            return False
        return True

    def batch_get(self, ns):
        rows = self.client.batch_read([self.key(n) for n in ns]).batch_records
        return [row.record[2] if row.result == 0 else None for row in rows]

    def batch_put(self, ns):
        found = self.client.batch_write([(self.key(n), {"n": n}) for n in ns])
        return [row.result for row in found.batch_records]

    def scan(self, set_name):
        return len(self.client.query(NAMESPACE, set_name).results())

    def raw_get(self, n):
        return self.get(n, self.bare)


class AwaitedSurface(Surface):
    """A surface whose calls are awaited, in a loop of its own."""

    awaited = True

    def __init__(self, cluster: Any) -> None:
        super().__init__(cluster)
        self.loop = Loop()

    def run(self, coroutine):
        return self.loop.run(coroutine)

    def open(self, **options: Any) -> None:
        async def opened() -> Any:
            self.bare = await self.connect_async()
            return resilient(self.bare, **{"profile": "latency", **options})

        self.client = self.run(opened())

    def close_client(self) -> None:
        async def closed() -> None:
            await self.client.close()

        self.run(closed())

    def close(self) -> None:
        self.close_client()
        self.loop.stop()

    def awaitable_get(self, n):
        """Return what an application awaits, or gives to ``asyncio.wait_for``. Called in the loop."""
        return self.client.get(self.key(n))


class PyAsyncClient(AwaitedSurface):
    name = "aerospike-py-async"
    missing = aerospike_py.RecordNotFound
    exists_already = aerospike_py.RecordExistsError
    error = aerospike_py.AerospikeError
    key = staticmethod(CClient.key)

    async def connect_async(self):
        return await aerospike_py.AsyncClient({"hosts": self.cluster.hosts}).connect()

    def get(self, n, client=None):
        return self.run((client or self.client).get(self.key(n))).bins

    def put(self, n, bins):
        self.run(self.client.put(self.key(n), bins))

    def create(self, n, bins):
        policy = {"exists": aerospike_py.POLICY_EXISTS_CREATE_ONLY, "max_retries": 1}
        self.run(self.client.put(self.key(n), bins, policy=policy))

    def increment(self, n):
        self.run(self.client.increment(self.key(n), "n", 1))

    def operate_increment(self, n):
        ops = [{"op": aerospike_py.OPERATOR_INCR, "bin": "n", "val": 1}]
        self.run(self.client.operate(self.key(n), ops))

    def remove(self, n):
        try:
            self.run(self.client.remove(self.key(n)))
        except self.missing:
            return False
        return True

    def batch_get(self, ns):
        rows = self.run(self.client.batch_read([self.key(n) for n in ns])).batch_records
        return [row.record[2] if row.result == 0 else None for row in rows]

    def batch_put(self, ns):
        found = self.run(self.client.batch_write([(self.key(n), {"n": n}) for n in ns]))
        return [row.result for row in found.batch_records]

    def scan(self, set_name):
        async def scanned():
            return len(await self.client.query(NAMESPACE, set_name).results())

        return self.run(scanned())

    def raw_get(self, n):
        return self.get(n, self.bare)


def write_policy(**fields):
    policy = native.WritePolicy()
    for name, value in fields.items():
        setattr(policy, name, value)
    return policy


class NativeBlocking(Surface):
    name = "aerospike-native-blocking"
    missing = native.exceptions.RecordNotFound
    exists_already = native.exceptions.RecordExistsError
    error = (native.exceptions.AerospikeError, native.exceptions.ServerError)

    @staticmethod
    def key(n):
        return native.Key(NAMESPACE, SET, n)

    def connect(self):
        return native.new_client_blocking(native.ClientPolicy(), self.cluster.seeds)

    def close(self):
        self.client.close_blocking()

    def get(self, n, client=None):
        return (client or self.client).get_blocking(self.key(n)).bins

    def put(self, n, bins):
        self.client.put_blocking(self.key(n), bins)

    def create(self, n, bins):
        policy = write_policy(
            record_exists_action=native.RecordExistsAction.CREATE_ONLY,
            max_retries=1,
            socket_timeout=120,
            total_timeout=250,
        )
        self.client.put_blocking(self.key(n), bins, policy=policy)

    def increment(self, n):
        self.client.add_blocking(self.key(n), {"n": 1})

    def operate_increment(self, n):
        self.client.operate_blocking(self.key(n), [native.Operation.add("n", 1)])

    def remove(self, n):
        return self.client.delete_blocking(self.key(n))

    def batch_get(self, ns):
        rows = self.client.batch_read_blocking([self.key(n) for n in ns])
        return [row.record.bins if int(row.result_code) == 0 else None for row in rows]

    def batch_put(self, ns):
        rows = self.client.batch_write_blocking([self.key(n) for n in ns], [{"n": n} for n in ns])
        return [int(row.result_code) for row in rows]

    def scan(self, set_name):
        statement = native.Statement(NAMESPACE, set_name)
        return len(list(self.client.query_blocking(statement, native.PartitionFilter.all())))

    def raw_get(self, n):
        return self.get(n, self.bare)


class NativeAsync(AwaitedSurface):
    name = "aerospike-native"
    missing = native.exceptions.RecordNotFound
    exists_already = native.exceptions.RecordExistsError
    error = (native.exceptions.AerospikeError, native.exceptions.ServerError)
    outlives_cancellation = True
    key = staticmethod(NativeBlocking.key)

    async def connect_async(self):
        return await native.new_client(native.ClientPolicy(), self.cluster.seeds)

    def call(self, method, *args, client=None, **kwargs):
        async def called():
            return await getattr(client or self.client, method)(*args, **kwargs)

        return self.run(called())

    def get(self, n, client=None):
        return self.call("get", self.key(n), client=client).bins

    def put(self, n, bins):
        self.call("put", self.key(n), bins)

    def create(self, n, bins):
        policy = write_policy(
            record_exists_action=native.RecordExistsAction.CREATE_ONLY,
            max_retries=1,
            socket_timeout=120,
            total_timeout=250,
        )
        self.call("put", self.key(n), bins, policy=policy)

    def increment(self, n):
        self.call("add", self.key(n), {"n": 1})

    def operate_increment(self, n):
        self.call("operate", self.key(n), [native.Operation.add("n", 1)])

    def remove(self, n):
        return self.call("delete", self.key(n))

    def batch_get(self, ns):
        rows = self.call("batch_read", [self.key(n) for n in ns])
        return [row.record.bins if int(row.result_code) == 0 else None for row in rows]

    def batch_put(self, ns):
        rows = self.call("batch_write", [self.key(n) for n in ns], [{"n": n} for n in ns])
        return [int(row.result_code) for row in rows]

    def scan(self, set_name):
        async def scanned():
            statement = native.Statement(NAMESPACE, set_name)
            found = await self.client.query(statement, native.PartitionFilter.all())
            return len([record async for record in found])

        return self.run(scanned())

    def raw_get(self, n):
        return self.get(n, self.bare)


class SdkBlocking(Surface):
    name = "aerospike-sdk-sync"
    missing = sdk_errors.RecordNotFoundError
    exists_already = sdk_errors.RecordExistsError
    error = sdk_errors.AerospikeError
    records = DataSet.of(NAMESPACE, SET)

    def connect(self):
        host, port = self.cluster.hosts[0]
        return SyncClusterDefinition(host, port).connect()

    def open(self, **options):
        super().open(**options)
        self.session = self.client.create_session()

    def get(self, n):
        return self.session.get(self.records.id(n)).bins

    def put(self, n, bins):
        self.session.put(self.records.id(n), bins)

    def create(self, n, bins):
        self.session.insert(self.records.id(n)).put(bins).execute().first_or_raise()

    def increment(self, n):
        self.session.upsert(self.records.id(n)).add("n", 1).execute().first_or_raise()

    operate_increment = increment

    def remove(self, n):
        row = self.session.delete(self.records.id(n)).execute().first()
        return row is not None and row.is_ok

    def batch_get(self, ns):
        stream = self.session.query(*[self.records.id(n) for n in ns]).include_missing_keys()
        return [row.record.bins if row.is_ok else None for row in stream.execute()]

    def batch_put(self, ns):
        stream = self.session.upsert(*[self.records.id(n) for n in ns]).put({"n": 1}).execute()
        return [int(row.result_code) for row in stream]

    def scan(self, set_name):
        return len(list(self.session.query(DataSet.of(NAMESPACE, set_name)).execute()))

    def raw_get(self, n):
        return self.resilience_free().get_blocking(native.Key(NAMESPACE, SET, n)).bins

    def resilience_free(self):
        return self.client._sdk_client._client.__dict__["_client"]


class SdkAsync(AwaitedSurface):
    name = "aerospike-sdk"
    missing = sdk_errors.RecordNotFoundError
    exists_already = sdk_errors.RecordExistsError
    error = sdk_errors.AerospikeError
    outlives_cancellation = True
    records = DataSet.of(NAMESPACE, SET)

    async def connect_async(self):
        host, port = self.cluster.hosts[0]
        return await ClusterDefinition(host, port).connect()

    def open(self, **options):
        super().open(**options)
        self.session = self.client.create_session()

    def awaitable_get(self, n):
        return self.session.get(self.records.id(n))

    def get(self, n):
        return self.run(self.session.get(self.records.id(n))).bins

    def put(self, n, bins):
        self.run(self.session.put(self.records.id(n), bins))

    def _first(self, builder):
        async def executed():
            return await (await builder.execute()).first_or_raise()

        return self.run(executed())

    def create(self, n, bins):
        self._first(self.session.insert(self.records.id(n)).put(bins))

    def increment(self, n):
        self._first(self.session.upsert(self.records.id(n)).add("n", 1))

    operate_increment = increment

    def remove(self, n):
        async def removed():
            return await (await self.session.delete(self.records.id(n)).execute()).first()

        row = self.run(removed())
        return row is not None and row.is_ok

    def _rows(self, builder):
        async def collected():
            return [row async for row in await builder.execute()]

        return self.run(collected())

    def batch_get(self, ns):
        rows = self._rows(
            self.session.query(*[self.records.id(n) for n in ns]).include_missing_keys()
        )
        return [row.record.bins if row.is_ok else None for row in rows]

    def batch_put(self, ns):
        rows = self._rows(self.session.upsert(*[self.records.id(n) for n in ns]).put({"n": 1}))
        return [int(row.result_code) for row in rows]

    def scan(self, set_name):
        return len(self._rows(self.session.query(DataSet.of(NAMESPACE, set_name))))

    def raw_get(self, n):
        free = self.client._sdk_client._client.__dict__["_client"]

        async def got():
            return await free.get(native.Key(NAMESPACE, SET, n))

        return self.run(got()).bins


class Instrumented(CClient):
    """The C client of a program that knows nothing of this library."""

    name = "instrumented"

    def open(self, **options):
        instrument(**{"profile": "latency", **options})
        try:
            self.client = self.connect()
        finally:
            uninstrument()
        self.bare = self.connect()

    def close(self):
        self.client.close()
        self.bare.close()


SURFACES = (
    CClient,
    PyClient,
    PyAsyncClient,
    NativeAsync,
    NativeBlocking,
    SdkAsync,
    SdkBlocking,
    Instrumented,
)
