"""Everything of `aerospike.Client` passes through: asked bare and wrapped, the answers are the same."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor

import aerospike
import pytest
from aerospike import exception, predicates
from aerospike_helpers import cdt_ctx, expressions
from aerospike_helpers.batch import records as rows
from aerospike_helpers.operations import operations as op

from aerospike_resilience import resilient
from aerospike_resilience.clients.aerospike import operations as table
from aerospike_resilience.testing import LocalCluster
from tests.clients.passing import answer, methods, parameters
from tests.patience import NEVER_LATE
from tests.waiting import until

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

SET = "passing-c"
KEYS = [("test", SET, n) for n in range(6)]
KEY, NONE = KEYS[1], ("test", SET, "none")
OLD = expressions.GT(expressions.IntBin("n"), 0).compile()
BETWEEN = predicates.between("n", 1, 3)
NEVER = expressions.GT(expressions.IntBin("n"), 99).compile()
FIRST = {"ctx": [cdt_ctx.cdt_ctx_list_index(0)]}
MODULE = "passing_c"


def ordered(found):
    return sorted(found, key=lambda record: record[2]["n"])


def collected(execute):
    found = []
    execute(found.append)
    return ordered(found)


def query(client, *bins, set_name=SET, **attributes):
    made = client.query("test", set_name)
    if bins:
        made.select(*bins)
    for name, value in attributes.items():
        setattr(made, name, value)
    return made


def pages(lazy):
    lazy.paginate()
    found = []
    while not lazy.is_done():
        found += lazy.results()
    return ordered(found), len(lazy.get_partitions_status())


def in_background(client, lazy, kind):
    lazy.add_ops([op.write("done", 1)])
    job = lazy.execute_background()
    until(lambda: client.job_info(job, kind)["status"] == aerospike.JOB_STATUS_COMPLETED)
    until(lambda: all("done" in found[2] for found in client.query("test", SET).results()))
    return type(job), ordered(client.query("test", SET).results())


def indexed(kind, *arguments, name, ask=lambda _client: None):
    """Create an index, ask what needs it, remove it."""

    def act(client):
        made = getattr(client, f"index_{kind}_create")("test", SET, *arguments)
        try:
            return made, ask(client)
        finally:
            client.index_remove("test", name)

    return f"index_{kind}_create", act


def where(lazy, predicate, *context):
    lazy.where(predicate, *context)
    return lazy


def where_bins(client):
    return ordered(where(query(client), predicates.between("n", 1, 2)).results())


def where_expr(client):
    lazy = query(client)
    lazy.where_with_expr(SUM, predicates.between(None, 1, 4))
    return ordered(lazy.results())


def where_name(client):
    lazy = query(client)
    lazy.where_with_index_name("passing_c_k", predicates.between(None, 1, 2))
    return ordered(lazy.results())


def batch_write(client):
    given = rows.BatchRecords(
        [
            rows.Write(KEY, [op.write("n", 5)]),
            rows.Read(KEYS[2], [op.read("n")]),
            rows.Apply(KEY, MODULE, "f", []),
            rows.Remove(NONE),
        ]
    )
    return client.batch_write(given) is given, given


def committed(finish):
    def act(client):
        transaction = aerospike.Transaction()
        client.put(KEY, {"n": 7}, policy={"txn": transaction})
        return getattr(client, finish)(transaction)

    return act


def fails(lazy):
    """Return whether a query fails: client and nodes lack its module, and either may say so first."""
    try:
        lazy.results()
    except exception.AerospikeError:
        return True
    return False


def finished_unused(finish):
    return lambda client: getattr(client, finish)(aerospike.Transaction())


RECORDS = [
    ("get", lambda c: c.get(KEY)),
    ("get", lambda c: c.get(NONE)),
    ("get", lambda c: c.get(KEY, policy={"expressions": OLD})),
    ("get", lambda c: c.get(KEY, {"expressions": NEVER})),
    ("exists", lambda c: (c.exists(KEY), c.exists(NONE))),
    ("select", lambda c: c.select(KEY, ["n", "l"])),
    ("put", lambda c: (c.put(KEY, {"n": 9}, {"ttl": aerospike.TTL_NEVER_EXPIRE}), c.get(KEY))),
    ("put", lambda c: (c.put(KEY, {"n": 9}, {"ttl": aerospike.TTL_DONT_UPDATE}), c.get(KEY))),
    ("put", lambda c: (c.put(KEY, {"n": 9}, {"ttl": 5000}), c.get(KEY))),
    ("put", lambda c: (c.put(KEY, {"n": 9}, {"ttl": aerospike.TTL_CLIENT_DEFAULT}), c.get(KEY))),
    ("put", lambda c: c.put(KEY, {"n": 9}, policy={"expressions": NEVER})),
    ("remove", lambda c: (c.remove(KEY), c.exists(KEY))),
    ("remove", lambda c: c.remove(NONE)),
    ("remove_bin", lambda c: (c.remove_bin(KEY, ["l"]), c.get(KEY))),
    ("touch", lambda c: (c.touch(KEY, 5000), c.get(KEY))),
    ("append", lambda c: (c.append(KEY, "s", "!"), c.get(KEY))),
    ("prepend", lambda c: (c.prepend(KEY, "s", "!"), c.get(KEY))),
    ("increment", lambda c: (c.increment(KEY, "n", 3), c.get(KEY))),
    ("operate", lambda c: c.operate(KEY, [op.increment("n", 3), op.read("n"), op.read("s")])),
    ("operate_ordered", lambda c: c.operate_ordered(KEY, [op.increment("n", 3), op.read("n")])),
    ("operate_ordered", lambda c: c.operate_ordered(KEY, [op.read("s"), op.read("n")])),
    ("apply", lambda c: c.apply(KEY, MODULE, "f", [])),
    ("batch_read", lambda c: c.batch_read([KEY, NONE], ["n"])),
    ("batch_write", batch_write),
    ("batch_operate", lambda c: c.batch_operate([KEY], [op.increment("n", 1), op.read("n")])),
    ("batch_remove", lambda c: c.batch_remove([KEY, NONE])),
    ("batch_apply", lambda c: c.batch_apply([KEY], MODULE, "f", [])),
    ("commit", committed("commit")),
    ("abort", committed("abort")),
    ("commit", finished_unused("commit")),
    ("abort", finished_unused("abort")),
]

QUERIES = [
    ("query", lambda c: query(c)),
    ("query", lambda c: ordered(query(c).results())),
    ("query", lambda c: ordered(query(c, "n").results())),
    ("query", lambda c: ordered(query(c).select("n").results())),
    ("query", lambda c: len(query(c).results(options={"nobins": True}))),
    ("query", lambda c: ordered(query(c).results({"expressions": OLD}))),
    ("query", lambda c: collected(query(c).foreach)),
    ("query", lambda c: pages(query(c, max_records=4))),
    ("query", lambda c: in_background(c, query(c), aerospike.JOB_QUERY)),
    ("query", lambda c: fails(query(c).apply(MODULE, "f", []))),
    ("query", lambda c: where(query(c), predicates.equals("nowhere", 1)).results()),
    (
        "query",
        lambda c: [
            ordered(query(c).results({"partition_filter": {"begin": begin, "count": 2048}}))
            for begin in (0, 2048)
        ],
    ),
    ("scan", lambda c: c.scan("test", SET)),
    ("scan", lambda c: ordered(c.scan("test", SET).results())),
    ("scan", lambda c: collected(c.scan("test", SET).foreach)),
    ("scan", lambda c: pages(c.scan("test", SET))),
    ("scan", lambda c: in_background(c, c.scan("test", SET), aerospike.JOB_SCAN)),
    ("scan", lambda c: ordered(c.scan("test", SET).results({"partition_filter": {"begin": 5}}))),
    ("query_apply", lambda c: c.query_apply("test", SET, BETWEEN, MODULE, "f", [])),
    ("scan_apply", lambda c: type(c.scan_apply("test", SET, MODULE, "f", []))),
    ("job_info", lambda c: c.job_info(1234, aerospike.JOB_QUERY)),
]

INFO = [
    ("info_all", lambda c: c.info_all("build")),
    ("info_all", lambda c: c.info_all("nonsense")),
    ("info_single_node", lambda c: c.info_single_node("node", c.get_node_names()[0]["node_name"])),
    ("info_single_node", lambda c: c.info_single_node("build", "NOBODY")),
    ("info_random_node", lambda c: c.info_random_node("build")),
    ("set_xdr_filter", lambda c: c.set_xdr_filter("dc", "test", OLD)),
    ("udf_list", lambda c: c.udf_list()),
    ("udf_get", lambda c: c.udf_get(f"{MODULE}.lua")),
    ("udf_get", lambda c: c.udf_get("none.lua")),
    ("udf_remove", lambda c: c.udf_remove("none.lua")),
    ("truncate", lambda c: c.truncate("test", "passing-c-truncated", 0)),
    ("get_nodes", lambda c: c.get_nodes()),
    ("get_node_names", lambda c: c.get_node_names()),
    ("get_key_partition_id", lambda c: c.get_key_partition_id(*KEY)),
    ("get_policies", lambda c: c.get_policies()),
    ("get_stats", lambda c: type(c.get_stats())),
    ("enable_metrics", lambda c: (c.enable_metrics(), c.disable_metrics())),
    ("disable_metrics", lambda c: c.disable_metrics()),
    ("is_connected", lambda c: c.is_connected()),
    ("shm_key", lambda c: c.shm_key()),
    ("get_expression_base64", lambda c: c.get_expression_base64(OLD)),
    (
        "get_cdtctx_base64",
        lambda c: c.get_cdtctx_base64(FIRST["ctx"]),
    ),
]

NUMERIC, IN_LIST = aerospike.INDEX_NUMERIC, aerospike.INDEX_TYPE_LIST
SUM = expressions.Add(expressions.IntBin("n"), expressions.IntBin("k")).compile()
PLAIN = aerospike.INDEX_TYPE_DEFAULT
INDEXES = [
    indexed("integer", "n", "passing_c_n", name="passing_c_n", ask=where_bins),
    indexed("single_value", "k", NUMERIC, "passing_c_k", name="passing_c_k", ask=where_name),
    indexed("string", "s", "passing_c_s", name="passing_c_s"),
    indexed("blob", "b", "passing_c_b", name="passing_c_b"),
    indexed("geo2dsphere", "g", "passing_c_g", name="passing_c_g"),
    indexed("list", "l", NUMERIC, "passing_c_l", name="passing_c_l"),
    indexed("map_keys", "m", NUMERIC, "passing_c_mk", name="passing_c_mk"),
    indexed("map_values", "m", NUMERIC, "passing_c_mv", name="passing_c_mv"),
    indexed("set", "passing_c_set", name="passing_c_set"),
    indexed("cdt", "ll", IN_LIST, NUMERIC, "passing_c_cdt", FIRST, name="passing_c_cdt"),
    indexed("expr", PLAIN, NUMERIC, SUM, "passing_c_e", name="passing_c_e", ask=where_expr),
    ("index_integer_create", lambda c: c.index_integer_create("test", SET, "n", "x" * 300)),
    ("index_remove", lambda c: c.index_remove("test", "none")),
]

READ = [{"code": aerospike.PRIV_READ}]
ADMIN = [
    (
        "admin_create_user",
        lambda c: (c.admin_create_user("new", "pw", ["read"]), c.admin_drop_user("new")),
    ),
    (
        "admin_create_pki_user",
        lambda c: (c.admin_create_pki_user("pki", ["read"]), c.admin_drop_user("pki")),
    ),
    ("admin_drop_user", lambda c: c.admin_drop_user("nobody")),
    ("admin_set_password", lambda c: c.admin_set_password("bob", "hidden")),
    ("admin_change_password", lambda c: c.admin_change_password("ann", "secret")),
    ("admin_grant_roles", lambda c: c.admin_grant_roles("bob", ["read"])),
    ("admin_revoke_roles", lambda c: c.admin_revoke_roles("bob", ["write"])),
    ("admin_query_user_info", lambda c: c.admin_query_user_info("bob")),
    ("admin_query_user_info", lambda c: c.admin_query_user_info("nobody")),
    ("admin_query_users_info", lambda c: c.admin_query_users_info()),
    ("admin_query_role", lambda c: c.admin_query_role("read")),
    ("admin_query_roles", lambda c: c.admin_query_roles()),
    ("admin_get_role", lambda c: c.admin_get_role("read")),
    ("admin_get_roles", lambda c: c.admin_get_roles()),
    ("admin_create_role", lambda c: c.admin_create_role("mine", READ)),
    ("admin_drop_role", lambda c: c.admin_drop_role("mine")),
    ("admin_grant_privileges", lambda c: c.admin_grant_privileges("mine", READ)),
    ("admin_revoke_privileges", lambda c: c.admin_revoke_privileges("mine", READ)),
    ("admin_set_whitelist", lambda c: c.admin_set_whitelist("mine", "10.0.0.0/8")),
    ("admin_set_quotas", lambda c: c.admin_set_quotas("mine", 10, 10)),
]


@pytest.fixture(scope="module")
def both(healthy):
    bare, given = (aerospike.client({"hosts": healthy.hosts}) for _ in range(2))
    wrapped = resilient(given, "throughput")
    yield bare, wrapped
    wrapped.close()
    bare.close()


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """Work where files may be left: the client writes its metrics into the folder it is in."""
    monkeypatch.chdir(tmp_path)


def arrange(client):
    """Leave the records as every case expects them: of the first generation."""
    for key in KEYS:
        with contextlib.suppress(exception.RecordNotFound):
            client.remove(key)
        client.put(key, {"n": key[2], "k": key[2], "s": "text", "l": [key[2]]}, {"ttl": 9000})


@pytest.mark.parametrize("act", parameters([*RECORDS, *QUERIES, *INFO]))
def test_a_wrapped_client_answers_as_the_bare_one(both, act):
    bare, wrapped = both
    arrange(bare)
    expected = answer(bare, act)
    arrange(bare)

    assert answer(wrapped, act) == expected


def test_indexes_are_made_and_asked_as_by_the_bare_client(both):
    """All at once, as the client itself waits for two seconds until an index is there."""
    bare, wrapped = both
    arrange(bare)
    with ThreadPoolExecutor(len(INDEXES)) as pool:
        expected = list(pool.map(lambda case: answer(bare, case[1]), INDEXES))
        found = list(pool.map(lambda case: answer(wrapped, case[1]), INDEXES))

    assert found == expected


def test_a_module_is_stored_listed_and_removed(both, tmp_path):
    module = tmp_path / "source" / f"{MODULE}.lua"
    module.parent.mkdir()
    module.write_text("function f(rec) return 1 end\n")

    def act(client):
        put = client.udf_put(str(module))
        told = client.udf_list(), client.udf_get(f"{MODULE}.lua")
        applied = answer(client, lambda c: c.apply(KEY, MODULE, "f", []))
        return put, told, applied, client.udf_remove(f"{MODULE}.lua"), client.udf_list()

    bare, wrapped = both
    arrange(bare)
    expected = answer(bare, act)

    assert "[('str', 'int'), ('int', 1)]" in str(expected)  # what the function returned
    assert answer(wrapped, act) == expected


@pytest.fixture(scope="module")
def administrators():
    with LocalCluster(nodes=1, users={"ann": "secret", "bob": ("hidden", ["read"])}) as cluster:
        config = {"hosts": cluster.hosts, "user": "ann", "password": "secret"}
        bare, wrapped = aerospike.client(config), resilient(aerospike.client(config), "throughput")
        yield bare, wrapped
        wrapped.close()
        bare.close()


@pytest.mark.parametrize("act", parameters(ADMIN))
def test_an_administrator_is_answered_as_by_the_bare_one(administrators, act):
    bare, wrapped = administrators

    assert answer(wrapped, act) == answer(bare, act)


def test_connecting_is_chainable(healthy, connect):
    wrapped = resilient(connect(healthy), "latency", overrides=NEVER_LATE)

    assert wrapped.connect() is wrapped
    wrapped.put(KEY, {"n": 1})
    assert wrapped.get(KEY)[2]["n"] == 1
    wrapped.resilience.close()


def test_every_method_is_asked():
    asked = methods(RECORDS, QUERIES, INFO, INDEXES, ADMIN)
    elsewhere = {"udf_put", "connect", "close"}

    assert table.OPERATIONS.keys() | table.LAZY.keys() | table.LOCAL == asked | elsewhere
