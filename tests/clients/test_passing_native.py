"""Everything of `aerospike_native.Client` passes through: one table, awaited and blocking."""

from __future__ import annotations

import contextlib

import pytest

from aerospike_resilience import resilient
from aerospike_resilience.clients.aerospike_native import operations as table
from aerospike_resilience.testing import LocalCluster
from tests.clients.passing import answer, answer_async, in_turn, methods, parameters, then
from tests.conformance.surfaces import Loop, native, write_policy

SET = "passing-native"
KEYS = [native.Key("test", SET, n) for n in range(1, 5)]
KEY, NONE = KEYS[0], native.Key("test", SET, "none")
Exp, Op = native.FilterExpression, native.Operation
OLD = Exp.ge(Exp.int_bin("n"), Exp.int_val(0))
NEVER = Exp.ge(Exp.int_bin("n"), Exp.int_val(99))
MODULE = b"function f(rec) return 1 end\n"
LUA = native.UDFLang.LUA
INDEX = "passing_native_i"


GIVEN = {
    "get": {"policy": native.ReadPolicy()},
    "batch_read": {"batch_policy": native.BatchPolicy()},
    "batch": {"batch_policy": native.BatchPolicy()},
    "batch_stream": {"batch_policy": native.BatchPolicy()},
    "query": {"policy": native.QueryPolicy()},
}
"""Policies that the bare client is given where a case gives none.

A wrapped client gives one with every call, and the client fills in ``Record.results`` for those only.
"""


class Asking:
    """A client whose methods are asked by the names that they have in common.

    Args:
        client: the client.
        suffix: ``_blocking`` where its calls block.
        given: keyword arguments by method, for calls without them.
    """

    def __init__(self, client, suffix, given):
        self.client, self.suffix, self.given = client, suffix, given

    def __call__(self, method, *args, **kwargs):
        kwargs = {**self.given.get(method, {}), **kwargs}
        return getattr(self.client, method + self.suffix)(*args, **kwargs)

    def finished(self, task):
        """Wait until a task is done."""
        return getattr(task, f"wait_till_complete{self.suffix}")(0.02, 10.0)


def case(method, *args, **kwargs):
    return method, lambda ask: ask(method, *args, **kwargs)


def then_get(method, *args, **kwargs):
    """Ask, and look at the record afterwards."""
    return method, in_turn(case(method, *args, **kwargs)[1], lambda ask: ask("get", KEY))


def task(method, *args, undo=None, **kwargs):
    """Begin what goes on in the background; tell of its task, wait for it, and undo it."""

    def act(ask):
        began = []
        steps = [
            lambda ask: then(
                ask(method, *args, **kwargs),
                lambda made: (began.append(made), made.__class__)[1],
            ),
            lambda ask: ask.finished(began[0]),
        ]
        return in_turn(*steps, *([lambda ask: then(ask(*undo), type)] if undo else []))(ask)

    return method, act


def statement(*bins, operations=()):
    made = native.Statement("test", SET, list(bins) or None)
    if operations:
        made.set_operations(list(operations))
    return made


def local(name, *args):
    """Ask what has one name only."""

    def act(ask):
        found = getattr(ask.client, name)
        return found(*args) if callable(found) else found

    return name, act


def in_transaction(finish):
    def act(ask):
        txn = native.Txn()
        put = lambda ask: ask("put", KEY, {"n": 7}, txn=txn)  # noqa: E731
        return in_turn(put, lambda ask: ask(finish, txn))(ask)

    return finish, act


def with_plan(ask):
    planned = lambda ask: ask("query_explain", "test", "$.n >= 0", set_name=SET)  # noqa: E731
    run = lambda plan: ask("query_with_plan", statement(), native.PartitionFilter.all(), plan)  # noqa: E731
    return then(planned(ask), run)


ALL = native.PartitionFilter.all
ADD = [Op.add("n", 2), Op.get_bin("n")]

RECORDS = [
    case("get", KEY),
    case("get", NONE),
    case("get", KEY, ["n"]),
    case("get", KEY, policy=native.ReadPolicy()),
    case("get", KEY, filter_expression=OLD),
    case("get", KEY, filter_expression=NEVER),
    case("exists", KEY),
    case("exists", NONE),
    then_get("put", KEY, {"n": 9}),
    then_get("put", KEY, {"n": 9}, policy=write_policy(expiration=native.Expiration.NEVER_EXPIRE)),
    then_get("put", KEY, {"n": 9}, policy=write_policy(expiration=native.Expiration.DONT_UPDATE)),
    then_get("put", KEY, {"n": 9}, policy=write_policy(expiration=native.Expiration.seconds(5000))),
    then_get("put", KEY, {"n": 9}, policy_sc=native.WritePolicy()),
    case("delete", KEY),
    case("delete", NONE),
    then_get("touch", KEY),
    then_get("add", KEY, {"n": 3}),
    then_get("append", KEY, {"s": "!"}),
    then_get("prepend", KEY, {"s": "!"}),
    case("operate", KEY, ADD),
    case("operate", KEY, [Op.get()]),
    case("operate", KEY, ADD, filter_expression=NEVER),
    then_get("operate", KEY, ADD, expiration=native.Expiration.seconds(5000)),
    case("execute_udf", KEY, "module", "f", []),
    in_transaction("commit"),
    in_transaction("abort"),
    ("commit", lambda ask: ask("commit", native.Txn())),
    ("abort", lambda ask: ask("abort", native.Txn())),
]

MIXED = [
    native.BatchReadOp(KEY, ["n"]),
    native.BatchWriteOp(KEYS[1], [Op.put("n", 5)]),
    native.BatchDeleteOp(NONE),
    native.BatchUDFOp(KEYS[2], "module", "f", []),
]
BATCHES = [
    case("batch_read", [KEY, NONE]),
    case("batch_read", [KEY, NONE], ["n"], batch_policy=native.BatchPolicy()),
    case("batch_exists", [KEY, NONE]),
    case("batch_get_header", [KEY, NONE]),
    then_get("batch_write", [KEY, KEYS[1]], [{"n": 5}, {"n": 6}]),
    case("batch_operate", [KEY, KEYS[1]], [ADD, ADD]),
    case("batch_delete", [KEY, NONE]),
    case("batch_apply", [KEY], "module", "f", []),
    case("batch", MIXED),
    case("batch", [native.BatchReadOp(KEY), native.BatchReadOp(NONE)]),
    case("batch_stream", MIXED),
    case("batch_stream", [native.BatchReadOp(key) for key in KEYS]),
]

QUERIES = [
    ("query", lambda ask: ask("query", statement(), ALL())),
    ("query", lambda ask: ask("query", statement("n"), ALL())),
    ("query", lambda ask: ask("query", statement(), native.PartitionFilter.by_range(0, 2048))),
    ("query", lambda ask: ask("query", statement(), native.PartitionFilter.by_key(KEY))),
    ("query", lambda ask: ask("query", statement(), ALL(), policy=native.QueryPolicy())),
    case("query_explain", "test", "$.n >= 0", set_name=SET),
    ("query_with_plan", with_plan),
    task("query_operate", statement(), [Op.put("done", 1)]),
    task("query_execute_udf", statement(), "module", "f", []),
]

CLUSTER = [
    case("info", "build"),
    case("info", "nonsense"),
    case("info_on_all_nodes", "build"),
    task("register_udf", MODULE, "passing_native.lua", LUA, undo=("remove_udf", "passing_native")),
    case("register_udf_from_file", "/none.lua", "none.lua", LUA),
    task("remove_udf", "none.lua"),
    case("truncate", "test", "passing-native-truncated"),
    task(
        *("create_index", "test", SET, "n", INDEX, native.IndexType.NUMERIC),
        undo=("drop_index", "test", SET, INDEX),
    ),
    task("create_set_index", "test", SET, INDEX, undo=("drop_index", "test", SET, INDEX)),
    task(
        *("create_index_using_expression", "test", SET, INDEX, native.IndexType.NUMERIC),
        Exp.int_bin("n"),
        undo=("drop_index", "test", SET, INDEX),
    ),
    task("drop_index", "test", SET, "none"),
    case("set_xdr_filter", "dc", "test", OLD),
    case("set_xdr_filter", "dc", "test"),
]

LOCAL = [
    local("node_names"),
    ("nodes", lambda ask: sorted(node.name for node in ask.client.nodes())),
    ("get_node", lambda ask: ask.client.get_node("A1").name),
    local("get_node", "NOBODY"),
    local("is_connected"),
    local("seeds"),
    local("cluster_name"),
    local("server_cluster_name"),
    local("client_version"),
    local("core_version"),
    local("is_strong_consistency", "test"),
    local("is_strong_consistency", "nowhere"),
    local("metrics_enabled"),
    ("metrics", lambda ask: ask.client.metrics().__class__),
    ("enable_metrics", lambda ask: (ask.client.enable_metrics(), ask.client.metrics_enabled())),
    ("disable_metrics", lambda ask: (ask.client.disable_metrics(), ask.client.metrics_enabled())),
]

LOGINS_S = 240.0
"""How long to wait for clients with logins: each login takes half a second of processor time."""

READ = [native.Privilege(native.PrivilegeCode.Read, None, None)]
ADMIN = [
    (
        "create_user",
        in_turn(
            lambda ask: ask("create_user", "new", "pw", ["read"]),
            lambda ask: ask("query_users", "new"),
            lambda ask: ask("drop_user", "new"),
        ),
    ),
    (
        "create_pki_user",
        in_turn(
            lambda ask: ask("create_pki_user", "pki", ["read"]),
            lambda ask: ask("drop_user", "pki"),
        ),
    ),
    case("drop_user", "nobody"),
    case("change_password", "ann", "secret"),
    case("grant_roles", "bob", ["read"]),
    case("revoke_roles", "bob", ["write"]),
    case("query_users", "bob"),
    case("query_users", None),
    case("query_roles", "read"),
    case("query_roles", None),
    case("create_role", "mine", READ, [], 0, 0),
    case("drop_role", "mine"),
    case("grant_privileges", "mine", READ),
    case("revoke_privileges", "mine", READ),
    case("set_allowlist", "mine", ["10.0.0.0/8"]),
    case("set_quotas", "mine", 10, 10),
]


def client_policy(user, password):
    made = native.ClientPolicy()
    if user:
        made.user, made.password = user, password
    return made


class Blocking:
    """A bare and a wrapped client, asked by calls that block."""

    def __init__(self, cluster, user="", password=""):
        self.bare, given = (
            native.new_client_blocking(client_policy(user, password), cluster.seeds)
            for _ in range(2)
        )
        self.wrapped = resilient(given, "throughput")

    def given(self, client):
        return GIVEN if client is self.bare else {}

    def compare(self, act, arrange=lambda _client: None):
        for client in (self.bare, self.wrapped):
            arrange(self.bare)
            yield answer(Asking(client, table.BLOCKING, self.given(client)), act)

    def close(self):
        self.wrapped.close_blocking()
        self.bare.close_blocking()


class Awaited:
    """The same, asked by calls that are awaited; arranged by a client that blocks."""

    def __init__(self, cluster, user="", password=""):
        self.loop = Loop()
        self.arranging = native.new_client_blocking(client_policy(user, password), cluster.seeds)

        async def opened():
            policy = client_policy(user, password)
            clients = [await native.new_client(policy, cluster.seeds) for _ in range(2)]
            return clients[0], resilient(clients[1], "throughput")

        self.bare, self.wrapped = self.loop.run(opened(), LOGINS_S)

    def given(self, client):
        return GIVEN if client is self.bare else {}

    def compare(self, act, arrange=lambda _client: None):
        async def answered(client):  # a call begins when it is made, so it is made in the loop
            return await answer_async(Asking(client, "", self.given(client)), act)

        for client in (self.bare, self.wrapped):
            arrange(self.arranging)
            yield self.loop.run(answered(client))

    def close(self):
        async def closed():
            await self.wrapped.close()
            await self.bare.close()

        self.loop.run(closed())
        self.loop.stop()
        self.arranging.close_blocking()


@pytest.fixture(scope="module", params=[Blocking, Awaited], ids=["blocking", "awaited"])
def way(request, healthy):
    opened = request.param(healthy)
    yield opened
    opened.close()


@pytest.fixture(scope="module", params=[Blocking, Awaited], ids=["blocking", "awaited"])
def administrators(request):
    with LocalCluster(nodes=1, users={"ann": "secret", "bob": ("hidden", ["read"])}) as cluster:
        opened = request.param(cluster, "ann", "secret")
        yield opened
        opened.close()


def arrange(client):
    """Leave the records as every case expects them: of the first generation."""
    for key in [*KEYS, NONE]:
        with contextlib.suppress(native.ServerError):
            client.delete_blocking(key)
    for key in KEYS:
        keeper = write_policy(expiration=native.Expiration.seconds(9000))
        client.put_blocking(key, {"n": key.value, "s": "text"}, policy=keeper)


@pytest.mark.parametrize("act", parameters([*RECORDS, *BATCHES, *QUERIES, *CLUSTER, *LOCAL]))
def test_a_wrapped_client_answers_as_the_bare_one(way, act):
    by_bare, by_wrapped = way.compare(act, arrange)

    assert by_wrapped == by_bare


@pytest.mark.parametrize("act", parameters(ADMIN))
def test_an_administrator_is_answered_as_by_the_bare_one(administrators, act):
    by_bare, by_wrapped = administrators.compare(act)

    assert by_wrapped == by_bare


def test_what_only_awaits_is_answered_as_by_the_bare_client(healthy):
    way = Awaited(healthy)
    for key in (KEY, NONE):
        by_bare, by_wrapped = way.compare(lambda ask, key=key: ask("exists_legacy", key), arrange)
        assert by_wrapped == by_bare
    way.close()


def test_every_method_is_asked():
    asked = methods(RECORDS, BATCHES, QUERIES, CLUSTER, LOCAL, ADMIN)
    elsewhere = {"exists_legacy", "close", "close_blocking"}
    operations = {name.removesuffix(table.BLOCKING) for name in table.OPERATIONS}

    assert operations | table.LOCAL == asked | elsewhere
