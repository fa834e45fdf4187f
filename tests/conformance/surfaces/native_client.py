"""`aerospike_native.Client`, blocking and awaited."""

from __future__ import annotations

import aerospike_native as native

from .base import NAMESPACE, SET, AwaitedSurface, Surface


def write_policy(**fields):
    policy = native.WritePolicy()
    for name, value in fields.items():
        setattr(policy, name, value)
    return policy


def code_of(row):
    """Return a row's code; that of a row without an answer is -15, for which the client has none."""
    return -15 if row.result_code is None else int(row.result_code)


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
            socket_timeout=1000,
            total_timeout=60_000,
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
        return [code_of(row) for row in rows]

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
            socket_timeout=1000,
            total_timeout=60_000,
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
        return [code_of(row) for row in rows]

    def scan(self, set_name):
        async def scanned():
            statement = native.Statement(NAMESPACE, set_name)
            found = await self.client.query(statement, native.PartitionFilter.all())
            return len([record async for record in found])

        return self.run(scanned())

    def raw_get(self, n):
        return self.get(n, self.bare)
