"""Everything of `aerospike_sdk` passes through: sessions and clusters, awaited and blocking."""

from __future__ import annotations

import asyncio

import pytest
from aerospike_sdk import Cluster as AwaitedCluster
from aerospike_sdk import Exp, Filter, IndexType
from aerospike_sdk import Session as AwaitedSession
from aerospike_sdk.sync import Cluster, Session

from aerospike_resilience import resilient
from tests.clients.passing import answer, answer_async, in_turn, methods, parameters, settled, then
from tests.conformance.surfaces import (
    ClusterDefinition,
    DataSet,
    Loop,
    SyncClusterDefinition,
    native,
)
from tests.patience import NEVER_LATE

SET = "passing-sdk"
USERS = DataSet.of("test", SET)
KEYS = [USERS.id(n) for n in range(1, 5)]
KEY, NONE = KEYS[0], USERS.id("none")
INDEX = "passing_sdk_i"
MODULE = b"function f(rec) return 1 end\n"


class Asking:
    """A cluster and a session of it.

    Args:
        cluster: the cluster.
        suffix: ``_blocking`` for the tasks of clusters whose calls block.
    """

    def __init__(self, cluster, suffix):
        self.cluster, self.suffix = cluster, suffix
        self.session = cluster.create_session()

    def finished(self, task):
        """Wait until a task is done."""
        return getattr(task, f"wait_till_complete{self.suffix}")(0.02, 10.0)


def executed(build):
    """Build a chain on the session, execute it, and collect its rows."""
    return lambda ask: build(ask.session).execute()


def then_get(act):
    """Ask, and look at the record afterwards."""
    return in_turn(act, lambda ask: ask.session.get(KEY))


def on_session(method, *args, **kwargs):
    return method, lambda ask: getattr(ask.session, method)(*args, **kwargs)


def on_cluster(name, *args):
    def act(ask):
        found = getattr(ask.cluster, name)
        return found(*args) if callable(found) else found

    return name, act


def task(begin, *, undo=None):
    """Begin what goes on in the background; tell of its task, wait for it, and undo it."""

    def act(ask):
        began = []
        steps = [
            lambda ask: then(begin(ask), lambda made: (began.append(made), made.__class__)[1]),
            lambda ask: ask.finished(began[0]),
        ]
        return in_turn(*steps, *([lambda ask: then(undo(ask), type)] if undo else []))(ask)

    return act


def transaction(finish, *, writes=True, by="session"):
    """Finish a transaction by hand, with a record in it or with none."""

    def act(ask):
        opened = getattr(ask, by).transaction()

        async def awaited():
            async with opened as inside:
                if writes:
                    await settled(inside.upsert(KEY).put({"n": 7}).execute())
                return await getattr(inside, finish)(), opened.current_transaction

        def blocking():
            with opened as inside:
                if writes:
                    list(inside.upsert(KEY).put({"n": 7}).execute())
                return getattr(inside, finish)(), opened.current_transaction

        return blocking() if ask.suffix else awaited()

    return act


def retried(blocking, awaited):
    """Run a function inside a retrying transaction."""
    return lambda ask: ask.session.do_in_transaction(
        blocking if ask.suffix else awaited, max_attempts=1
    )


def put_inside(inside):
    return list(inside.upsert(KEY).put({"n": 7}).execute())


async def put_inside_async(inside):
    return await settled(inside.upsert(KEY).put({"n": 7}).execute())


def fail_inside(_inside):
    return {}["mine"]


async def fail_inside_async(_inside):
    return {}["mine"]


SINGLE = [
    ("get", lambda ask: ask.session.get(KEY)),
    ("get", lambda ask: ask.session.get(KEY, ["n"])),
    ("get", lambda ask: ask.session.get(NONE)),
    ("put", then_get(lambda ask: ask.session.put(KEY, {"n": 9}))),
    ("upsert", then_get(executed(lambda s: s.upsert(KEY).put({"n": 9})))),
    ("upsert", then_get(executed(lambda s: s.upsert(KEY).put({"n": 9}).never_expire()))),
    (
        "upsert",
        then_get(executed(lambda s: s.upsert(KEY).put({"n": 9}).with_no_change_in_expiration())),
    ),
    (
        "upsert",
        then_get(executed(lambda s: s.upsert(KEY).put({"n": 9}).expire_record_after_seconds(5000))),
    ),
    ("upsert", then_get(executed(lambda s: s.upsert(KEY).add("n", 2).append("s", "!")))),
    ("upsert", executed(lambda s: s.upsert(KEY).bin("n").set_to(4).bin("n").get())),
    ("insert", executed(lambda s: s.insert(KEY).put({"n": 1}))),
    ("insert", executed(lambda s: s.insert(NONE).put({"n": 1}))),
    ("update", then_get(executed(lambda s: s.update(KEY).put({"n": 3})))),
    ("update", executed(lambda s: s.update(NONE).put({"n": 3}))),
    ("update", executed(lambda s: s.update(KEY).put({"n": 3}).where("$.n > 99"))),
    ("replace", then_get(executed(lambda s: s.replace(KEY).put({"n": 3})))),
    ("replace_if_exists", executed(lambda s: s.replace_if_exists(NONE).put({"n": 3}))),
    ("delete", executed(lambda s: s.delete(KEY))),
    ("delete", executed(lambda s: s.delete(NONE))),
    ("touch", then_get(executed(lambda s: s.touch(KEY)))),
    ("exists", executed(lambda s: s.exists(KEY))),
    ("exists", executed(lambda s: s.exists(KEY, NONE))),
    ("execute_udf", executed(lambda s: s.execute_udf(KEY).function("module", "f"))),
]

QUERIES = [
    ("query", executed(lambda s: s.query(KEY))),
    ("query", executed(lambda s: s.query(KEY).bins(["n"]))),
    ("query", executed(lambda s: s.query(NONE))),
    ("query", executed(lambda s: s.query(KEY, NONE, KEYS[1]).include_missing_keys())),
    ("query", executed(lambda s: s.query(*KEYS).where("$.n > 2"))),
    ("query", executed(lambda s: s.query(USERS))),
    ("query", executed(lambda s: s.query(USERS).where("$.n > 2"))),
    ("query", executed(lambda s: s.query(USERS).where(Exp.ge(Exp.int_bin("n"), Exp.int_val(2))))),
    ("query", executed(lambda s: s.query(USERS).on_partition_range(0, 2048))),
    ("query", executed(lambda s: s.query(USERS).on_partition(5))),
    ("query", executed(lambda s: s.query(USERS).partition(native.PartitionFilter.by_id(7)))),
    ("query", executed(lambda s: s.query(USERS).chunk_size(100))),
    ("query", executed(lambda s: s.query(USERS).filter(Filter.equal("nowhere", 1)))),
    ("upsert", executed(lambda s: s.upsert(*KEYS).put({"n": 1}))),
    ("background_task", lambda ask: ask.session.background_task().__class__),
    (
        "background_task",
        task(lambda a: a.session.background_task().update(USERS).bin("d").set_to(1).execute()),
    ),
    ("background_task", task(lambda a: a.session.background_task().touch(USERS).execute())),
    ("background_task", task(lambda a: a.session.background_task().delete(USERS).execute())),
]

TRANSACTIONS = [
    ("transaction", transaction("commit")),
    ("transaction", transaction("abort")),
    ("transaction", transaction("commit", by="cluster")),
    ("transaction", transaction("commit", writes=False)),
    ("transaction", transaction("abort", writes=False)),
    ("do_in_transaction", retried(put_inside, put_inside_async)),
    ("do_in_transaction", retried(fail_inside, fail_inside_async)),
    ("current_transaction", lambda ask: ask.session.current_transaction),
]

MANAGED = [
    ("truncate", lambda ask: ask.session.truncate(DataSet.of("test", "passing-sdk-truncated"))),
    on_session("is_namespace_sc", "test"),
    on_session("namespace_sc_status", "test"),
    on_session("namespace_sc_status", "nowhere"),
    on_session("list_udf"),
    on_session("list_indexes"),
    on_session("info", "build"),
    ("info", lambda ask: ask.session.info().build()),
    ("info", lambda ask: ask.session.info().namespaces()),
    ("info", lambda ask: ask.session.info().get_cluster_size()),
    ("info", lambda ask: ask.session.info().is_cluster_stable()),
    ("info", lambda ask: ask.session.info().info_on_all_nodes("build")),
    ("info", lambda ask: ask.session.info().__class__),
    (
        "create_index",
        task(
            lambda ask: ask.session.create_index(USERS, INDEX, "n", IndexType.NUMERIC),
            undo=lambda ask: ask.session.drop_index(USERS, INDEX),
        ),
    ),
    ("drop_index", task(lambda ask: ask.session.drop_index(USERS, "none"))),
    (
        "index",
        task(
            lambda ask: ask.session.index(USERS).on_bin("n").named(INDEX).integer().create(),
            undo=lambda ask: ask.session.index(USERS).named(INDEX).drop(),
        ),
    ),
    (
        "register_udf",
        task(
            lambda ask: ask.session.register_udf(MODULE, "passing_sdk.lua"),
            undo=lambda ask: ask.session.remove_udf("passing_sdk.lua"),
        ),
    ),
    on_session("register_udf_from_file", "/none.lua", "none.lua"),
    on_session("register_udf_from_resource", "aerospike_resilience", "none.lua", "none.lua"),
    ("remove_udf", task(lambda ask: ask.session.remove_udf("none.lua"))),
    ("behavior", lambda ask: ask.session.behavior.__class__),
    ("session_for", lambda ask: ask.session.session_for(ask.session.behavior).__class__),
]

CLUSTER = [
    ("create_session", lambda ask: ask.cluster.create_session().__class__),
    on_cluster("node_names"),
    ("nodes", lambda ask: sorted(node.name for node in ask.cluster.nodes())),
    ("get_node", lambda ask: ask.cluster.get_node("A1").name),
    on_cluster("get_node", "NOBODY"),
    on_cluster("cluster_name"),
    on_cluster("is_connected"),
    on_cluster("server_version"),
    on_cluster("supports_ael"),
    on_cluster("supports_query_operations"),
    on_cluster("supports_query_selection"),
    on_cluster("supports_string_operations"),
    on_cluster("list_udf"),
    on_cluster("list_indexes"),
    (
        "register_udf",
        task(
            lambda ask: ask.cluster.register_udf(MODULE, "passing_sdk_c.lua"),
            undo=lambda ask: ask.cluster.remove_udf("passing_sdk_c.lua"),
        ),
    ),
    on_cluster("register_udf_from_file", "/none.lua", "none.lua"),
    on_cluster("register_udf_from_resource", "aerospike_resilience", "none.lua", "none.lua"),
    ("remove_udf", task(lambda ask: ask.cluster.remove_udf("none.lua"))),
    ("metrics_snapshot", lambda ask: ask.cluster.metrics_snapshot().__class__),
    on_cluster("metrics_enabled"),
    ("enable_metrics", in_turn(on_cluster("enable_metrics")[1], on_cluster("metrics_enabled")[1])),
    (
        "disable_metrics",
        in_turn(on_cluster("disable_metrics")[1], on_cluster("metrics_enabled")[1]),
    ),
    on_cluster("exporters"),
    on_cluster("add_exporter", None),
    on_cluster("remove_exporter", None),
]


AWAITED_ONLY = [
    ("get_many", lambda ask: ask.session.get_many(KEYS)),
    ("get_many", lambda ask: ask.session.get_many([KEY, NONE], ["n"])),
    ("put_many", then_get(lambda ask: ask.session.put_many([KEY, NONE], {"n": 5}))),
]


class Blocking:
    """A bare and a wrapped cluster, asked by calls that block."""

    def __init__(self, cluster):
        self.definition = SyncClusterDefinition(*cluster.hosts[0])
        self.bare = self.definition.connect()
        self.wrapped = resilient(self.definition.connect(), "throughput")

    def compare(self, act):
        for cluster in (self.bare, self.wrapped):
            arrange(self.bare)
            yield answer(Asking(cluster, "_blocking"), act)

    def close(self):
        self.wrapped.close()
        self.bare.close()


class Awaited:
    """The same, asked by calls that are awaited; arranged by a cluster that blocks."""

    def __init__(self, cluster):
        self.loop = Loop()
        self.arranging = SyncClusterDefinition(*cluster.hosts[0]).connect()

        async def opened():
            definition = ClusterDefinition(*cluster.hosts[0])
            return await definition.connect(), resilient(await definition.connect(), "throughput")

        self.bare, self.wrapped = self.loop.run(opened())

    def compare(self, act):
        async def answered(cluster):
            return await answer_async(Asking(cluster, ""), act)

        for cluster in (self.bare, self.wrapped):
            arrange(self.arranging)
            yield self.loop.run(answered(cluster))

    def close(self):
        async def closed():
            await self.wrapped.close()
            await self.bare.close()

        self.loop.run(closed())
        self.loop.stop()
        self.arranging.close()


@pytest.fixture(scope="module", params=[Blocking, Awaited], ids=["blocking", "awaited"])
def way(request, healthy):
    opened = request.param(healthy)
    yield opened
    opened.close()


def arrange(cluster):
    """Leave the records as every case expects them: of the first generation."""
    session = cluster.create_session()
    for key in [*KEYS, NONE]:
        list(session.delete(key).execute())
    for n, key in enumerate(KEYS, start=1):
        bins = {"n": n, "s": "text", "l": [n]}
        list(session.upsert(key).put(bins).expire_record_after_seconds(9000).execute())


@pytest.mark.parametrize("act", parameters([*SINGLE, *QUERIES, *TRANSACTIONS, *MANAGED, *CLUSTER]))
def test_a_wrapped_cluster_answers_as_the_bare_one(way, act):
    by_bare, by_wrapped = way.compare(act)

    assert by_wrapped == by_bare


@pytest.mark.parametrize("act", parameters(AWAITED_ONLY))
def test_what_only_awaits_is_answered_as_by_the_bare_cluster(way, act):
    if isinstance(way, Blocking):
        pytest.skip("sessions whose calls block have no such method")
    by_bare, by_wrapped = way.compare(act)

    assert by_wrapped == by_bare


def test_a_with_block_closes_the_cluster(healthy):
    with SyncClusterDefinition(*healthy.hosts[0]).connect() as given:
        with resilient(given, "latency", overrides=NEVER_LATE) as wrapped:
            assert wrapped is given
            wrapped.create_session().put(KEY, {"n": 1})
        assert not given.is_connected


def test_an_async_with_block_closes_the_cluster(healthy):
    async def entered():
        given = await ClusterDefinition(*healthy.hosts[0]).connect()
        async with resilient(given, "latency", overrides=NEVER_LATE) as wrapped:
            assert wrapped is given
            await wrapped.create_session().put(KEY, {"n": 1})
        assert not given.is_connected

    asyncio.run(entered())


def test_every_method_is_asked():
    def public(cls):
        return {name for name in dir(cls) if not name.startswith("_")}

    asked = methods(SINGLE, QUERIES, TRANSACTIONS, MANAGED, CLUSTER)
    awaited_only = methods(AWAITED_ONLY)

    assert public(Session) | public(Cluster) == asked | {"close"}
    assert public(AwaitedSession) | public(AwaitedCluster) == asked | awaited_only | {"close"}
