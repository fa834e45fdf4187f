"""What each client's documentation shows, done bare and wrapped: the results are equal."""

from __future__ import annotations

import re

import numpy as np
import pytest
from aerospike import predicates
from aerospike_helpers import expressions
from aerospike_helpers.batch import records as rows
from aerospike_helpers.operations import list_operations, map_operations, operations
from aerospike_py import exp as py_exp
from aerospike_py import list_operations as py_lists

from aerospike_resilience import resilient
from tests.conformance.surfaces import (
    DataSet,
    SyncClusterDefinition,
    aerospike,
    aerospike_py,
    native,
)
from tests.patience import NEVER_LATE

_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+:\d+|0x[0-9a-f]+|\b(?:iterations|lastNode)=\S+")


def told(value):
    """Return a result without what differs from call to call: addresses and object identities."""
    if isinstance(value, BaseException):
        code = getattr(value, "result_code", None) or (value.args or (None,))[0]
        return type(value).__name__, _ADDRESS.sub("", str(code))
    if hasattr(value, "batch_records"):
        return [(row.result, told(row.record)) for row in value.batch_records]
    if isinstance(value, list | tuple):
        return [told(item) for item in value]
    if isinstance(value, dict):
        return {str(key): told(item) for key, item in value.items()}
    return _ADDRESS.sub("", repr(value))


def outcome(act):
    """Return the class of a result, and what it tells; an error is a result too."""
    try:
        result = act()
    except Exception as error:
        result = error
    return result.__class__, told(result)


# ----- aerospike


def c_examples(client, set_name):
    key = ("test", set_name, "u1")
    expr = expressions.GT(expressions.IntBin("age"), 30).compile()
    yield lambda: client.put(key, {"name": "Ann", "age": 31, "tags": ["a"], "m": {"x": 1}})
    yield lambda: client.put(key, {"age": 32}, policy={"ttl": 1000})
    yield lambda: client.put(key, {"age": 32}, {"gen": 99}, {"gen": aerospike.POLICY_GEN_EQ})
    yield lambda: client.put(
        ("test", set_name, "sent"), {"n": 1}, policy={"key": aerospike.POLICY_KEY_SEND}
    )
    yield lambda: client.get(key)[2]
    yield lambda: client.get(key=key)[2]
    yield lambda: client.select(key, ["name"])[2]
    yield lambda: client.exists(key)[1]["gen"]
    yield lambda: client.exists(("test", set_name, "none"))[1]
    yield lambda: client.get(("test", set_name, "none"))
    yield lambda: client.get(key, policy={"expressions": expr})[2]
    yield lambda: client.operate(
        key,
        [
            operations.increment("age", 2),
            list_operations.list_append("tags", "b"),
            map_operations.map_put("m", "y", 2),
            operations.read("age"),
        ],
    )[2]
    yield lambda: client.operate_ordered(key, [operations.read("name"), operations.read("age")])[2]
    yield lambda: client.touch(key)
    yield lambda: client.remove_bin(key, ["tags"])
    yield lambda: client.increment(key, "age", 1)
    yield lambda: client.batch_read([key, ("test", set_name, "none")], ["age"])
    yield lambda: client.batch_write(
        rows.BatchRecords(
            [
                rows.Write(("test", set_name, "b1"), [operations.write("n", 1)]),
                rows.Read(key, [operations.read("age")]),
                rows.Remove(("test", set_name, "none")),
            ]
        )
    )
    yield lambda: client.batch_operate([key], [operations.increment("age", 1)])
    yield lambda: client.batch_remove([("test", set_name, "b1")])
    yield lambda: client.index_integer_create("test", set_name, "age", f"{set_name}_age")
    yield lambda: sorted(
        record[2]["age"]
        for record in client.query("test", set_name)
        .select("age")
        .where(predicates.between("age", 0, 100))
        .results()
    )
    yield lambda: len(client.scan("test", set_name).results())
    yield lambda: sorted(client.info_all("build"))
    yield lambda: client.info_random_node("build").split("\t")[0]
    yield lambda: client.apply(key, "module", "function", [])
    yield lambda: client.is_connected()
    yield lambda: client.get_key_partition_id("test", set_name, "u1") >= 0
    yield lambda: client.index_remove("test", f"{set_name}_age")
    yield lambda: client.truncate("test", set_name, 0)
    yield lambda: client.get(5)
    yield lambda: client.get(key, {"total_timeout": "soon"})
    yield lambda: client.get()


# ----- aerospike-py


def py_examples(client, set_name):
    key = ("test", set_name, "u1")
    dtype = np.dtype([("_key", "i4"), ("score", "f8")])
    data = np.array([(1, 0.5), (2, 0.75)], dtype=dtype)
    old = py_exp.ge(py_exp.int_bin("age"), py_exp.int_val(30))
    yield lambda: client.put(key, {"name": "Ann", "age": 31, "tags": ["a"]})
    yield lambda: client.put(key, {"age": 32}, meta={"ttl": aerospike_py.TTL_NEVER_EXPIRE})
    yield lambda: client.put(key, {"age": 32}, {"gen": 99})
    yield lambda: client.get(key).bins
    yield lambda: type(client.get(key)).__name__
    yield lambda: client.select(key, ["name"]).bins
    yield lambda: client.exists(key).meta.gen
    yield lambda: client.exists(("test", set_name, "none")).meta
    yield lambda: client.get(("test", set_name, "none"))
    yield lambda: client.get(key, policy={"filter_expression": old}).bins
    yield (
        lambda: (
            client.operate(
                key,
                [
                    {"op": aerospike_py.OPERATOR_INCR, "bin": "age", "val": 2},
                    py_lists.list_append("tags", "b"),
                    {"op": aerospike_py.OPERATOR_READ, "bin": "age", "val": None},
                ],
            ).bins
        )
    )
    yield lambda: client.touch(key)
    yield lambda: client.remove_bin(key, ["tags"])
    yield lambda: client.increment(key, "age", 1)
    yield lambda: client.batch_read([key, ("test", set_name, "none")], bins=["age"]).found_count()
    yield lambda: client.batch_read([key]).to_dict()
    yield lambda: client.batch_write([(("test", set_name, "b1"), {"n": 1})], retry=2)
    yield lambda: [
        row.result for row in client.batch_write_numpy(data, "test", set_name, dtype).batch_records
    ]
    yield (
        lambda: (
            client.batch_read([("test", set_name, 1), ("test", set_name, 2)])
            .to_numpy(np.dtype([("score", "f8")]))
            .batch_records["score"]
            .tolist()
        )
    )
    yield lambda: client.batch_operate(
        [key], [{"op": aerospike_py.OPERATOR_INCR, "bin": "age", "val": 1}]
    )
    yield lambda: client.batch_remove([("test", set_name, "b1")])
    yield lambda: len(client.query("test", set_name).results())
    yield lambda: client.query("test", set_name).foreach(lambda record: {}["mine"])
    yield lambda: [node.node_name for node in client.info_all("build")]
    yield lambda: client.ping()
    yield lambda: client.apply(key, "module", "function", [])
    yield lambda: client.get_node_names()
    yield lambda: client.truncate("test", set_name)
    yield lambda: client.get(5)
    yield lambda: client.get()


# ----- aerospike-native


def native_examples(client, set_name):
    key = native.Key("test", set_name, "u1")
    none = native.Key("test", set_name, "none")
    statement = native.Statement("test", set_name)
    yield lambda: client.put_blocking(key, {"name": "Ann", "age": 31})
    yield lambda: client.get_blocking(key).bins
    yield lambda: client.get_blocking(key, ["name"]).bins
    yield lambda: client.get_blocking(key, policy=native.ReadPolicy()).bins
    yield lambda: client.get_blocking(none)
    yield lambda: client.exists_blocking(key)
    yield lambda: client.exists_blocking(none)
    yield lambda: client.add_blocking(key, {"age": 1})
    yield lambda: client.append_blocking(key, {"name": "a"})
    yield (
        lambda: (
            client.operate_blocking(
                key, [native.Operation.add("age", 2), native.Operation.get_bin("age")]
            ).bins
        )
    )
    yield lambda: client.operate_blocking(key, [native.Operation.get()]).bins
    yield lambda: client.touch_blocking(key)
    yield lambda: [row.result_code for row in client.batch_read_blocking([key, none])]
    yield lambda: client.batch_exists_blocking([key, none])
    yield lambda: [row is not None for row in client.batch_get_header_blocking([key, none])]
    yield lambda: [row.result_code for row in client.batch_write_blocking([none], [{"n": 1}])]
    yield lambda: [
        row.result_code
        for row in client.batch_operate_blocking([key], [[native.Operation.add("age", 1)]])
    ]
    yield lambda: [row.result_code for row in client.batch_delete_blocking([none])]
    yield lambda: len(list(client.query_blocking(statement, native.PartitionFilter.all())))
    yield lambda: sorted(client.info_on_all_nodes_blocking("build"))
    yield lambda: client.node_names()
    yield lambda: client.is_strong_consistency("test")
    yield lambda: client.execute_udf_blocking(key, "module", "function", [])
    yield lambda: client.delete_blocking(key)
    yield lambda: client.get_blocking(5)
    yield lambda: client.get_blocking(key, policy={})
    yield lambda: client.get_blocking()


# ----- aerospike-sdk


def sdk_examples(cluster, set_name):
    session, users = cluster.create_session(), DataSet.of("test", set_name)
    yield lambda: session.put(users.id(1), {"name": "Tim", "age": 30})
    yield lambda: session.get(users.id(1)).bins
    yield lambda: session.get(users.id(1), ["name"]).bins
    yield lambda: session.get(users.id(99))
    yield (
        lambda: (
            session.query(users.id(1))
            .bins(["age"])
            .execute()
            .first_or_raise()
            .record_or_raise()
            .bins
        )
    )
    yield lambda: session.query(users.id(99)).execute().first()
    yield lambda: session.upsert(users.id(2)).put({"name": "Ann"}).execute().first().result_code
    yield lambda: session.insert(users.id(2)).put({"name": "Ann"}).execute()
    yield lambda: session.update(users.id(2)).put({"age": 1}).execute().first().result_code
    yield (
        lambda: (
            (
                session.upsert(users.id(2))
                .add("age", 2)
                .expire_record_after_seconds(60)
                .execute()
                .first()
            ).result_code
        )
    )
    yield lambda: sorted(
        row.record.bins["name"] for row in session.query(users.id(1), users.id(2)).execute()
    )
    yield lambda: session.exists(users.id(1)).execute().first().is_ok
    yield lambda: session.touch(users.id(1)).execute().first().result_code
    yield lambda: len(list(session.query(users).execute()))
    yield lambda: len(list(session.query(users).where("$.age > 10").execute()))
    yield lambda: session.delete(users.id(2)).execute().first().result_code
    yield lambda: cluster.node_names()
    yield lambda: session.is_namespace_sc("test")
    yield lambda: session.truncate(users)


def sync_cluster(cluster):
    host, port = cluster.hosts[0]
    return SyncClusterDefinition(host, port).connect()


CLIENTS = {
    "aerospike": (lambda c: aerospike.client({"hosts": c.hosts}), c_examples, "close"),
    "aerospike-py": (
        lambda c: aerospike_py.client({"hosts": c.hosts}).connect(),
        py_examples,
        "close",
    ),
    "aerospike-native": (
        lambda c: native.new_client_blocking(native.ClientPolicy(), c.seeds),
        native_examples,
        "close_blocking",
    ),
    "aerospike-sdk": (sync_cluster, sdk_examples, "close"),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", CLIENTS)
def test_what_the_documentation_shows_is_the_same_wrapped(healthy, name):
    connect, examples, close = CLIENTS[name]
    bare, given = connect(healthy), connect(healthy)
    wrapped = resilient(given, profile="latency", overrides=NEVER_LATE)
    set_name = f"ex-{name[-6:]}"

    expected = [outcome(act) for act in examples(bare, set_name)]
    healthy_again = [outcome(act) for act in examples(wrapped, set_name)]

    for number, (before, after) in enumerate(zip(expected, healthy_again, strict=True)):
        assert after == before, f"example {number}"
    getattr(bare, close)()
    getattr(wrapped, close)()
