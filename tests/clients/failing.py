"""Three clients in one language: what is made to fail, and classified (`test_failures`)."""

from __future__ import annotations

from aerospike_helpers.batch import records as rows
from aerospike_helpers.operations import operations

from tests.conformance.surfaces import aerospike, aerospike_py, native, write_policy

KEY = ("test", "failures", 1)
NATIVE_KEY = native.Key(*KEY)
PATIENT = {"total_timeout": 60_000, "socket_timeout": 10_000, "max_retries": 0, "timeout_delay": 0}
HASTY = {**PATIENT, "total_timeout": 600, "socket_timeout": 100}
"""Where no answer comes."""


class C:
    """The C client."""

    name = "aerospike"

    def __init__(self, cluster, **config):
        self.client = aerospike.client({"hosts": cluster.hosts, **config})

    def get(self, key=KEY, **policy):
        return self.client.get(key, {**PATIENT, **policy})

    def put(self, key=KEY, **policy):
        return self.client.put(key, {"n": 1}, policy={**PATIENT, **policy})

    def create(self):
        self.client.put(KEY, {"n": 1}, policy={**PATIENT, "exists": aerospike.POLICY_EXISTS_CREATE})

    def increment(self, **policy):
        self.client.increment(KEY, "n", 1, policy={**PATIENT, **policy})

    def batch(self):
        found = self.client.batch_write(
            rows.BatchRecords([rows.Write(KEY, [operations.write("n", 1)])]), PATIENT
        )
        return found, "batch_write"

    def remove_batch(self):
        return self.client.batch_remove([KEY]), "batch_remove"

    def close(self):
        self.client.close()


class Py(C):
    """aerospike-py."""

    name = "aerospike-py"

    def __init__(self, cluster, **config):
        self.client = aerospike_py.client({"hosts": cluster.hosts, **config}).connect()

    def create(self):
        policy = {**PATIENT, "exists": aerospike_py.POLICY_EXISTS_CREATE_ONLY}
        self.client.put(KEY, {"n": 1}, policy=policy)

    def batch(self):
        return self.client.batch_write([(KEY, {"n": 1})], PATIENT), "batch_write"


class Native(C):
    """aerospike-native."""

    name = "aerospike-native"

    def __init__(self, cluster, **config):
        policy = native.ClientPolicy()
        for name, value in config.items():
            setattr(policy, name, value)
        self.client = native.new_client_blocking(policy, cluster.seeds)

    def get(self, key=KEY, **fields):
        policy = native.ReadPolicy()
        for name, value in {**PATIENT, **fields}.items():
            setattr(policy, name, value)
        return self.client.get_blocking(native.Key(*key), policy=policy)

    def put(self, key=KEY, **fields):
        return self.client.put_blocking(
            native.Key(*key), {"n": 1}, policy=write_policy(**{**PATIENT, **fields})
        )

    def create(self):
        self.put(record_exists_action=native.RecordExistsAction.CREATE_ONLY)

    def increment(self, **fields):
        self.client.add_blocking(NATIVE_KEY, {"n": 1}, policy=write_policy(**{**PATIENT, **fields}))

    def batch(self):
        policy = native.BatchPolicy()
        for name, value in PATIENT.items():
            setattr(policy, name, value)
        try:
            found = self.client.batch_write_blocking([NATIVE_KEY], [{"n": 1}], batch_policy=policy)
        except native.exceptions.BatchFailedError as error:
            found = error.records
        return found, "batch_write_blocking"

    def remove_batch(self):
        return self.client.batch_delete_blocking([NATIVE_KEY]), "batch_delete_blocking"

    def close(self):
        self.client.close_blocking()


CLIENTS = (C, Py, Native)
