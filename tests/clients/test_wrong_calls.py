"""Every method of every client, called wrongly in every way: it ends wrapped as it does bare."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType

import aerospike
import aerospike_py
import numpy as np
import pytest
from aerospike_helpers.batch import records as rows
from aerospike_helpers.operations import operations as op

from aerospike_resilience import resilient
from aerospike_resilience.clients import adapter_named
from aerospike_resilience.testing import LocalCluster
from tests.clients.wrong_calls import is_told, outcome, outcome_async, wrong_calls
from tests.conformance.surfaces import Loop, native

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

KEY = ("test", "wrong", 1)
NATIVE_KEY = native.Key(*KEY)
NUMBERS = np.dtype([("_key", "i8"), ("n", "i8")])

TUPLES = {
    "key": lambda: KEY,
    "keys": lambda: [KEY],
    "bins": lambda: {"n": 1},
    "policy": lambda: {"total_timeout": 9000},
    "meta": lambda: {"ttl": 100},
    "val": lambda: 1000,  # for `touch` it is a lifetime in seconds
    "offset": lambda: 1,
    "bin": lambda: "n",
    "args": list,
    "nanos": lambda: 0,
    "retry": lambda: 0,
}
C = {
    **TUPLES,
    "list": lambda: [op.write("n", 1)],
    "ops": lambda: [op.write("n", 1)],
    "batch_records": lambda: rows.BatchRecords([rows.Write(KEY, [op.write("n", 1)])]),
    "policy_batch": lambda: {"total_timeout": 9000},
    "policy_batch_write": dict,
    "policy_batch_remove": dict,
    "policy_batch_apply": dict,
    "ttl": lambda: 100,
    "transaction": aerospike.Transaction,
}
PY = {
    **TUPLES,
    "bin_names": lambda: ["n"],
    "ops": lambda: [{"op": 2, "bin": "n", "val": 1}],
    "records": lambda: [(KEY, {"n": 1})],
    "data": lambda: np.array([(1, 1)], dtype=NUMBERS),
    "namespace": lambda: "test",
    "set_name": lambda: "wrong",
    "_dtype": lambda: NUMBERS,
    "key_field": lambda: "_key",
}
POLICIES = {
    "read": "ReadPolicy",
    "write": "WritePolicy",
    "query": "QueryPolicy",
    "admin": "AdminPolicy",
}


PATIENT = {
    "all": {"total_timeout": "60s"},
    **{scope: {"socket_timeout": "20s"} for scope in ("reads", "writes", "writes_retryable")},
}
"""A right call among the wrong ones must not time out on a busy machine."""


NO_PULSES = {"breaker": {"mode": "off"}, "adaptive_timeout": None}
"""What a busy machine answers late makes nobody ask the node about it: requests are counted."""


def nothing():
    return None


def native_values(operation):
    policy = getattr(native, POLICIES.get(operation.family, ""), nothing)
    return {
        "key": lambda: NATIVE_KEY,
        "keys": lambda: [NATIVE_KEY],
        "bins": lambda: {"n": 1},
        "operations": lambda: [native.Operation.get()],
        "args": list,
        "bins_list": lambda: [{"n": 1}],
        "operations_list": lambda: [[native.Operation.get()]],
        "ops": list,
        "statement": lambda: native.Statement("test", "wrong"),
        "partition_filter": native.PartitionFilter.all,
        "namespace": lambda: "test",
        "set_name": lambda: "wrong",
        "policy": policy,
        "policy_sc": policy,
        "batch_policy": native.BatchPolicy,
        "txn": nothing,
        "filter_expression": nothing,
        "command": lambda: "build",
    }


WAIT = ("index_integer_create", "udf_remove")
"""Operations after which a client looks each second whether all nodes have done it."""


def asks_for_seconds(operation, call):
    """Return whether a call waits for its index to be ready; of one kind of index is enough."""
    kind = operation.name.startswith("index_") and operation.name != "index_integer_create"
    return kind and ("arguments" in call.label or "timeout in words" in call.label)


class Way:
    """A client bare and wrapped, and how its methods are asked.

    Args:
        name: the adapter's name, and for `aerospike-native` how it is asked.
        cluster: where it connects to.
        overrides: over the profile.
    """

    crashes = frozenset({("query_apply", "5 arguments"), ("scan_apply", "4 arguments")})
    """Calls that end the process, bare."""

    def __init__(self, name, cluster, overrides=MappingProxyType({})):
        self.name, self.cluster = name, cluster
        self.loop = Loop() if name in ("aerospike-py-async", "aerospike-native-awaited") else None
        opened = {
            "aerospike": self._c,
            "aerospike-py": self._py,
            "aerospike-py-async": self._py_async,
            "aerospike-native-blocking": self._native,
            "aerospike-native-awaited": self._native_async,
        }[name]
        self.bare, other = opened(), opened()
        self.keeper = aerospike.client({"hosts": cluster.hosts})
        self.keeper.put(KEY, {"n": 1})
        self.wrapped = resilient(
            other, "latency", overrides={**NO_PULSES, **overrides, "policy": PATIENT}
        )

    def _c(self):
        return aerospike.client({"hosts": self.cluster.hosts})

    def _py(self):
        return aerospike_py.Client({"hosts": self.cluster.hosts}).connect()

    def _py_async(self):
        return self.loop.run(aerospike_py.AsyncClient({"hosts": self.cluster.hosts}).connect())

    def _native(self):
        return native.new_client_blocking(native.ClientPolicy(), self.cluster.seeds)

    def _native_async(self):
        async def opened():  # a call begins when it is made, so it is made in the loop
            return await native.new_client(native.ClientPolicy(), self.cluster.seeds)

        return self.loop.run(opened())

    def calls(self, operation):
        """Yield every wrong call twice: arguments that a call may change are made for each."""
        if self.name.startswith("aerospike-native"):
            good, keys = native_values(operation), False
        else:
            good, keys = (C if self.name == "aerospike" else PY), True
        if operation.name in ("append", "prepend"):
            good = {**good, "val": lambda: "more"}
        names = (*operation.parameters, *operation.keywords)
        good = {name: good.get(name, lambda: "text") for name in names}
        pairs = zip(
            wrong_calls(operation, good, keys), wrong_calls(operation, good, keys), strict=True
        )
        for by_bare, by_wrapped in pairs:
            left_out = self.name == "aerospike" and (operation.name, by_bare.label) in self.crashes
            left_out |= asks_for_seconds(operation, by_bare)
            if is_told(operation, by_bare) and not left_out and not self._is_no_error(by_bare):
                yield by_bare, by_wrapped

    def _is_no_error(self, call):
        """Return whether this client takes a call for right, and looks for its node until the timeout."""
        py = self.name.startswith("aerospike-py")
        return py and ("unknown namespace" in call.label or "too long" in call.label)

    def ends(self, client, operation, call):
        """Return how a call ends, and how many requests it makes."""
        removes = "remove" in operation.name or "delete" in operation.name
        if removes and operation.shape != "cluster":
            for key in (KEY, ("test", None, 1)):
                self.keeper.put(key, {"n": 1})
        before = self.cluster.requests()
        method = getattr(client, operation.attribute)
        ended = outcome(method, call) if self.loop is None else self.awaited(method, call)
        return ended, None if operation.streams else self.cluster.requests() - before

    def end_at_once(self, operation, by_bare, by_wrapped):
        """Return how a call ends bare and wrapped, made at once; None if either makes a request.

        For operations that wait a second to look whether all nodes have done it.
        """
        before = self.cluster.requests()
        with ThreadPoolExecutor(2) as pool:
            bare = pool.submit(self.ends, self.bare, operation, by_bare)
            wrapped = pool.submit(self.ends, self.wrapped, operation, by_wrapped)
        if self.cluster.requests() != before:
            return None
        return bare.result(), wrapped.result()

    def awaited(self, method, call):
        return self.loop.run(outcome_async(method, call))

    def close(self):
        self.keeper.close()
        for client in (self.wrapped, self.bare):
            if self.loop is not None:
                self.loop.run(closed(client))
            else:
                getattr(client, "close_blocking", client.close)()
        if self.loop is not None:
            self.loop.stop()


async def closed(client):
    await client.close()


WAYS = (
    *("aerospike", "aerospike-py", "aerospike-py-async"),
    *("aerospike-native-blocking", "aerospike-native-awaited"),
)


def operations(way):
    adapter = adapter_named(way.removesuffix("-blocking").removesuffix("-awaited"))
    awaited = way.endswith(("-awaited", "-async"))
    return [one for one in adapter.operations.values() if one.awaited == awaited]


CASES = [
    pytest.param(way, one, id=f"{way}-{one.attribute}") for way in WAYS for one in operations(way)
]


@pytest.fixture(scope="module", autouse=True)
def no_bug_reports():
    """Without the bug report that aerospike-py logs for each mistake, which takes longer than the call."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aerospike_py._bug_report.log_unexpected_error", lambda *_: None)
        yield


@pytest.fixture(scope="module")
def alone():
    with LocalCluster(nodes=1, replication_factor=1) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def ways(alone):
    opened = {}

    def way(name, overrides=MappingProxyType({})):
        index = (name, *overrides)
        if index not in opened:
            opened[index] = Way(name, alone, overrides)
        return opened[index]

    yield way
    for one in opened.values():
        one.close()


def differing(way, operation, about=("",)):
    """Return the wrong calls that end otherwise wrapped than bare, or make other requests."""
    found = []
    for by_bare, by_wrapped in way.calls(operation):
        if not any(part in by_bare.label for part in about):
            continue
        waits = operation.name in WAIT and way.end_at_once(operation, by_bare, by_wrapped)
        bare, wrapped = waits or (None, None)
        for _ in range(0 if waits else 3):
            # On a busy machine a right call may take a client a second request.
            bare = way.ends(way.bare, operation, by_bare)
            wrapped = way.ends(way.wrapped, operation, by_wrapped)
            if bare == wrapped or bare[0] != wrapped[0] or bare[0][0] != "right":
                break
        changes = operation.shape == "cluster" and bare[0][0] == "right"  # it has been done now
        if bare != wrapped and not changes:
            found.append(f"{by_bare.label}\n    bare    {bare}\n    wrapped {wrapped}")
    return found


@pytest.mark.parametrize(("name", "operation"), CASES)
def test_a_wrong_call_ends_as_it_does_bare(ways, name, operation):
    found = differing(ways(name), operation)

    assert not found, "\n".join(found)


ELABORATE = {
    "sets": {
        "test.x": {"reads": {"total_timeout": "1s"}},
        "test.y": {"writes": {"max_retries": 0}},
    },
    "retry": {"in_doubt": "verify"},
    "backpressure": {"batch_weight": "nodes", "max_per_node": 50},
    "telemetry": {"db_query_text": True, "last_call": True},
}


LOOKED_AT = ("key", "policy", "records", " for ops", " for list", " for data", "meta")
"""What of its arguments a call's plan depends on."""


@pytest.mark.parametrize(
    ("name", "operation"), [one for one in CASES if one.values[1].shape in ("point", "batch")]
)
def test_a_wrong_call_ends_as_it_does_bare_where_a_profile_looks_at_its_arguments(
    ways, name, operation
):
    way = ways(name, ELABORATE)
    found = differing(way, operation, about=LOOKED_AT)

    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "key",
    [("test", "wrong", 1.5), ("test", "wrong", [1]), ("test",), (["test"], "wrong", 1), (), 5],
    ids=repr,
)
@pytest.mark.parametrize("name", ["get", "exists", "put", "remove", "touch", "operate"])
def test_a_key_that_cannot_be_is_refused_by_the_client_while_a_node_is_isolated(
    ways, alone, name, key
):
    way = ways("aerospike", {"breaker": {"mode": "enforce"}})
    operation = adapter_named("aerospike").operations[name]
    rest = {"put": ({"n": 1},), "operate": ([op.read("n")],)}.get(name, ())
    before = alone.requests()
    way.wrapped.resilience.isolate("A1")
    try:
        with pytest.raises(Exception) as ours:  # noqa: PT011 - compared below
            getattr(way.wrapped, name)(key, *rest)
    finally:
        way.wrapped.resilience.release("A1")
    with pytest.raises(Exception) as theirs:  # noqa: PT011
        getattr(way.bare, name)(key, *rest)

    assert (type(ours.value), str(ours.value)) == (type(theirs.value), str(theirs.value))
    assert operation.key == "key"
    assert alone.requests() == before


def test_a_wrong_key_beside_a_strong_namespace_is_refused_by_the_client(alone):
    way = Way("aerospike", alone)
    way.wrapped.resilience._engine.shared.health.maps.strong = frozenset({"elsewhere"})
    for key in (("test", "wrong", 1.5), ("test",), (["test"], "wrong", 1), ({}, "wrong", 1)):
        for name in ("get", "exists", "select"):
            rest = (["n"],) if name == "select" else ()
            with pytest.raises(Exception) as theirs:  # noqa: PT011
                getattr(way.bare, name)(key, *rest)
            with pytest.raises(type(theirs.value)):
                getattr(way.wrapped, name)(key, *rest)
    way.close()
