"""Everything of `aerospike_py.Client` and `AsyncClient` passes through: one table, asked four ways."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from aerospike_py import exp, predicates

from aerospike_resilience import resilient
from aerospike_resilience.clients.aerospike_py import operations as table
from aerospike_resilience.testing import LocalCluster
from tests.clients.passing import answer, answer_async, in_turn, methods, parameters, then
from tests.conformance.surfaces import Loop, aerospike_py
from tests.patience import NEVER_LATE

SET = "passing-py"
KEYS = [("test", SET, n) for n in range(1, 5)]
KEY, NONE = KEYS[0], ("test", SET, "none")
OLD = {"filter_expression": exp.ge(exp.int_bin("n"), exp.int_val(0))}
NEVER = {"filter_expression": exp.ge(exp.int_bin("n"), exp.int_val(99))}
ADD = [{"op": aerospike_py.OPERATOR_INCR, "bin": "n", "val": 2}]
READ = [{"op": aerospike_py.OPERATOR_READ, "bin": "n", "val": None}]
ROW = np.dtype([("_key", "i4"), ("n", "i8"), ("f", "f8")])
BINS = np.dtype([("n", "i8"), ("f", "f8")])
MANY = np.array([(1, 7, 0.5), (2, 8, 0.75)], dtype=ROW)
NUMERIC_KEYS = KEYS[:2]


def then_get(act):
    """Ask, and look at the record afterwards."""
    return in_turn(act, lambda client: client.get(KEY))


def lazily(look):
    """Ask for a lazy batch, and look into it."""
    return lambda client: then(client.batch_read([*KEYS, NONE]), look)


def by_n(records):
    return sorted(records, key=lambda record: record.bins["n"])


def queried(policy=None, *, bins=(), where=None):
    """Build a query, and ask for its results."""

    def act(client):
        query = client.query("test", SET)
        if bins:
            query.select(*bins)
        if where is not None:
            query.where(where)
        return then(query.results(policy), by_n)

    return act


def called_back(client):
    seen = []
    return then(client.query("test", SET).foreach(seen.append), lambda _: by_n(seen))


RECORDS = [
    ("get", lambda c: c.get(KEY)),
    ("get", lambda c: c.get(NONE)),
    ("get", lambda c: c.get(KEY, policy=OLD)),
    ("get", lambda c: c.get(KEY, NEVER)),
    ("select", lambda c: c.select(KEY, ["n"])),
    ("exists", lambda c: c.exists(KEY)),
    ("exists", lambda c: c.exists(NONE)),
    ("put", then_get(lambda c: c.put(KEY, {"n": 9}, {"ttl": aerospike_py.TTL_NEVER_EXPIRE}))),
    ("put", then_get(lambda c: c.put(KEY, {"n": 9}, meta={"ttl": aerospike_py.TTL_DONT_UPDATE}))),
    ("put", then_get(lambda c: c.put(KEY, {"n": 9}, {"ttl": aerospike_py.TTL_NAMESPACE_DEFAULT}))),
    ("put", then_get(lambda c: c.put(KEY, {"n": 9}, {"ttl": 5000}))),
    ("put", lambda c: c.put(KEY, {"n": 9}, policy=NEVER)),
    ("put", lambda c: c.put(KEY, {"n": 9}, {"gen": 7}, {"gen": aerospike_py.POLICY_GEN_EQ})),
    ("remove", lambda c: c.remove(KEY)),
    ("remove", lambda c: c.remove(NONE)),
    ("touch", then_get(lambda c: c.touch(KEY, 5000))),
    ("append", then_get(lambda c: c.append(KEY, "s", "!"))),
    ("prepend", then_get(lambda c: c.prepend(KEY, "s", "!"))),
    ("increment", then_get(lambda c: c.increment(KEY, "n", 3))),
    ("remove_bin", then_get(lambda c: c.remove_bin(KEY, ["s"]))),
    ("operate", lambda c: c.operate(KEY, ADD + READ)),
    ("operate_ordered", lambda c: c.operate_ordered(KEY, ADD + READ)),
    ("operate_ordered", lambda c: c.operate_ordered(KEY, READ)),
    ("apply", lambda c: c.apply(KEY, "module", "f", [])),
]

BATCHES = [
    ("batch_read", lazily(lambda found: type(found))),
    ("batch_read", lazily(lambda found: found.batch_records)),
    ("batch_read", lazily(lambda found: found.to_dict())),
    ("batch_read", lazily(lambda found: found.to_list())),
    ("batch_read", lazily(lambda found: list(found.iter_records()))),
    ("batch_read", lazily(lambda found: (found.found_count(), len(found), KEY[2] in found))),
    ("batch_read", lazily(lambda found: (found.all_user_keys(), list(found)))),
    ("batch_read", lazily(lambda found: (found[KEY[2]], found.get("no", 5)))),
    ("batch_read", lazily(lambda found: (list(found.items()), list(found.values())))),
    ("batch_read", lazily(lambda found: aerospike_py.LazyBatchRecords.merge_to_dict([found]))),
    ("batch_read", lazily(lambda found: found.to_numpy(BINS))),
    ("batch_read", lambda c: c.batch_read(NUMERIC_KEYS, ["n", "f"], _dtype=BINS)),
    ("batch_read", lambda c: then(c.batch_read([KEY], bins=["n"]), lambda r: r.to_dict())),
    ("batch_read", lambda c: then(c.batch_read([KEY], policy=NEVER), lambda r: r.batch_records)),
    ("batch_write", then_get(lambda c: c.batch_write([(KEY, {"n": 5}), (KEYS[1], {"n": 6})]))),
    ("batch_write", then_get(lambda c: c.batch_write([(KEY, {"n": 5})], retry=2))),
    ("batch_write", then_get(lambda c: c.batch_write([(KEY, {"n": 5}, {"ttl": 5000})]))),
    ("batch_write_numpy", then_get(lambda c: c.batch_write_numpy(MANY, "test", SET, ROW))),
    ("batch_write_numpy", then_get(lambda c: c.batch_write_numpy(MANY, "test", SET, ROW, retry=2))),
    ("batch_write_numpy", lambda c: c.batch_write_numpy(MANY, "test", SET, BINS)),
    ("batch_operate", lambda c: c.batch_operate([KEY, NONE], ADD + READ)),
    ("batch_remove", lambda c: c.batch_remove([KEY, NONE])),
    ("batch_apply", lambda c: c.batch_apply([KEY], "module", "f", [])),
]

BY_ID = {"partition_filter": aerospike_py.partition_filter_by_id(1)}
BY_RANGE = {"partition_filter": aerospike_py.partition_filter_by_range(0, 2048)}
QUERIES = [
    ("query", lambda c: c.query("test", SET).__class__),
    ("query", queried()),
    ("query", queried(bins=["n"])),
    ("query", queried(OLD, bins=["n"])),
    ("query", queried(BY_ID)),
    ("query", queried(BY_RANGE)),
    ("query", called_back),
    ("query", queried(where=predicates.equals("nowhere", 1))),
]


def indexed(kind, bin_name):
    """Create an index, and remove it."""
    name = f"passing_py_{kind}"
    return f"index_{kind}_create", in_turn(
        lambda c: getattr(c, f"index_{kind}_create")("test", SET, bin_name, name),
        lambda c: c.index_remove("test", name),
    )


INDEXES = [
    indexed("integer", "n"),
    indexed("string", "s"),
    indexed("geo2dsphere", "g"),
    ("index_remove", lambda c: c.index_remove("test", "none")),
    ("index_integer_create", lambda c: c.index_integer_create("nowhere", SET, "n", "none")),
]

CLUSTER = [
    ("info_all", lambda c: c.info_all("build")),
    ("info_all", lambda c: c.info_all("nonsense")),
    ("info_random_node", lambda c: c.info_random_node("build")),
    ("ping", lambda c: c.ping()),
    ("get_node_names", lambda c: c.get_node_names()),
    ("is_connected", lambda c: c.is_connected()),
    ("truncate", lambda c: c.truncate("test", "passing-py-truncated")),
    ("udf_put", lambda c: c.udf_put("/none.lua")),
    ("udf_remove", lambda c: c.udf_remove("none")),
]

PRIVILEGES = [{"code": aerospike_py.PRIV_READ}]
ADMIN = [
    (
        "admin_create_user",
        in_turn(
            lambda c: c.admin_create_user("new", "pw", ["read"]),
            lambda c: c.admin_query_user_info("new"),
            lambda c: c.admin_drop_user("new"),
        ),
    ),
    ("admin_drop_user", lambda c: c.admin_drop_user("nobody")),
    ("admin_change_password", lambda c: c.admin_change_password("ann", "secret")),
    ("admin_grant_roles", lambda c: c.admin_grant_roles("bob", ["read"])),
    ("admin_revoke_roles", lambda c: c.admin_revoke_roles("bob", ["write"])),
    ("admin_query_user_info", lambda c: c.admin_query_user_info("bob")),
    ("admin_query_users_info", lambda c: c.admin_query_users_info()),
    ("admin_create_role", lambda c: c.admin_create_role("mine", PRIVILEGES)),
    ("admin_drop_role", lambda c: c.admin_drop_role("mine")),
    ("admin_grant_privileges", lambda c: c.admin_grant_privileges("mine", PRIVILEGES)),
    ("admin_revoke_privileges", lambda c: c.admin_revoke_privileges("mine", PRIVILEGES)),
    ("admin_query_role", lambda c: c.admin_query_role("read")),
    ("admin_query_roles", lambda c: c.admin_query_roles()),
    ("admin_set_whitelist", lambda c: c.admin_set_whitelist("mine", ["10.0.0.0/8"])),
    ("admin_set_quotas", lambda c: c.admin_set_quotas("mine", 10, 10)),
]


class Blocking:
    """A bare and a wrapped client, asked by calls that block."""

    def __init__(self, config):
        self.bare = aerospike_py.client(config).connect()
        self.wrapped = resilient(aerospike_py.client(config).connect(), "throughput")

    def compare(self, act, arrange=lambda _client: None):
        for client in (self.bare, self.wrapped):
            arrange(self.bare)
            yield answer(client, act)

    def close(self):
        self.wrapped.close()
        self.bare.close()


class Awaited:
    """The same, asked by calls that are awaited; arranged by a client that blocks."""

    def __init__(self, config):
        self.loop = Loop()
        self.arranging = aerospike_py.client(config).connect()

        async def opened():
            clients = [await aerospike_py.AsyncClient(config).connect() for _ in range(2)]
            return clients[0], resilient(clients[1], "throughput")

        self.bare, self.wrapped = self.loop.run(opened())

    def compare(self, act, arrange=lambda _client: None):
        for client in (self.bare, self.wrapped):
            arrange(self.arranging)
            yield self.loop.run(answer_async(client, act))

    def close(self):
        async def closed():
            await self.wrapped.close()
            await self.bare.close()

        self.loop.run(closed())
        self.loop.stop()
        self.arranging.close()


@pytest.fixture(scope="module", params=[Blocking, Awaited], ids=["blocking", "awaited"])
def way(request, healthy):
    opened = request.param({"hosts": healthy.hosts})
    yield opened
    opened.close()


@pytest.fixture(scope="module", params=[Blocking, Awaited], ids=["blocking", "awaited"])
def administrators(request):
    with LocalCluster(nodes=1, users={"ann": "secret", "bob": ("hidden", ["read"])}) as cluster:
        opened = request.param({"hosts": cluster.hosts, "user": "ann", "password": "secret"})
        yield opened
        opened.close()


def arrange(client):
    """Leave the records as every case expects them: of the first generation."""
    for key in [*KEYS, NONE]:
        with contextlib.suppress(aerospike_py.RecordNotFound):
            client.remove(key)
    for key in KEYS:
        client.put(key, {"n": key[2], "s": "text", "f": 0.5}, {"ttl": 9000})


@pytest.mark.parametrize("act", parameters([*RECORDS, *BATCHES, *QUERIES, *CLUSTER]))
def test_a_wrapped_client_answers_as_the_bare_one(way, act):
    by_bare, by_wrapped = way.compare(act, arrange)

    assert by_wrapped == by_bare


def test_indexes_are_made_as_by_the_bare_client(way):
    """All at once, as the client itself waits for two seconds until an index is there."""
    with ThreadPoolExecutor(len(INDEXES)) as pool:
        found = list(pool.map(lambda case: tuple(way.compare(case[1])), INDEXES))

    for (method, _act), (by_bare, by_wrapped) in zip(INDEXES, found, strict=True):
        assert by_wrapped == by_bare, method


@pytest.mark.parametrize("act", parameters(ADMIN))
def test_an_administrator_is_answered_as_by_the_bare_one(administrators, act):
    by_bare, by_wrapped = administrators.compare(act)

    assert by_wrapped == by_bare


def test_a_module_is_stored_called_and_removed(way, tmp_path):
    module = tmp_path / "passing_py.lua"
    module.write_text("function f(rec) return 1 end\n")

    act = in_turn(
        lambda c: c.udf_put(str(module)),
        lambda c: c.apply(KEY, "passing_py", "f", []),
    )
    by_bare, by_wrapped = way.compare(act, arrange)
    removed = list(way.compare(lambda c: c.udf_remove("passing_py")))

    assert by_wrapped == by_bare
    assert removed[1] == removed[0]


def test_a_with_block_closes_the_client(healthy):
    with aerospike_py.client({"hosts": healthy.hosts}) as given:
        wrapped = resilient(given, "latency", overrides=NEVER_LATE)
        with wrapped as entered, entered.connect() as connected:
            assert entered is wrapped
            assert connected is wrapped
            wrapped.put(KEY, {"n": 1})
            assert wrapped.get(KEY).bins["n"] == 1

    assert not given.is_connected()
    with pytest.raises(aerospike_py.ClientError):
        wrapped.get(KEY)


def test_an_async_with_block_closes_the_client(healthy):
    async def entered():
        given = aerospike_py.AsyncClient({"hosts": healthy.hosts})
        wrapped = resilient(given, "latency", overrides=NEVER_LATE)
        async with wrapped as same:
            assert same is wrapped
            assert await wrapped.connect() is wrapped
            await wrapped.put(KEY, {"n": 1})
            assert (await wrapped.get(KEY)).bins["n"] == 1
        assert not given.is_connected()
        with pytest.raises(aerospike_py.ClientError):
            await wrapped.get(KEY)

    asyncio.run(entered())


def test_an_error_inside_a_with_block_arrives_unchanged(healthy):
    wrapped = resilient(aerospike_py.client({"hosts": healthy.hosts}).connect(), "latency")
    error = ValueError("the application's own")

    with pytest.raises(ValueError, match="own") as caught, wrapped:
        raise error

    assert caught.value is error
    assert not wrapped.is_connected()


def test_every_method_is_asked():
    asked = methods(RECORDS, BATCHES, QUERIES, CLUSTER, INDEXES, ADMIN)

    assert table.OPERATIONS.keys() | table.LAZY.keys() | table.LOCAL == asked | {"connect", "close"}
