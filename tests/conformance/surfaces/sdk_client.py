"""Clusters of `aerospike_sdk`, blocking and awaited."""

from __future__ import annotations

import aerospike_native as native
from aerospike_sdk import ClusterDefinition, DataSet
from aerospike_sdk import exceptions as sdk_errors
from aerospike_sdk.sync import ClusterDefinition as SyncClusterDefinition

from .base import NAMESPACE, SET, AwaitedSurface, Surface


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
        return self.client._sdk_client._client.__dict__["(original)"]


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
        free = self.client._sdk_client._client.__dict__["(original)"]

        async def got():
            return await free.get(native.Key(NAMESPACE, SET, n))

        return self.run(got()).bins
