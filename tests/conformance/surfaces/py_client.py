"""`aerospike_py.Client` and `AsyncClient`."""

from __future__ import annotations

import aerospike_py

from .base import NAMESPACE, AwaitedSurface, Surface
from .c_client import CClient


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
