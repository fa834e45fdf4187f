"""`aerospike.Client`, wrapped by hand and by instrumentation."""

from __future__ import annotations

from typing import Any

import aerospike
from aerospike import exception as c_errors
from aerospike_helpers.batch import records as c_rows
from aerospike_helpers.operations import operations as c_operations

from aerospike_resilience import instrument, uninstrument

from .base import NAMESPACE, SET, Surface


class CClient(Surface):
    name = "aerospike"
    missing = c_errors.RecordNotFound
    exists_already = c_errors.RecordExistsError
    error = c_errors.AerospikeError
    survives_fork = True

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
