"""Secondary indexes of every kind, geography, and small things that clients notice."""

import contextlib
import os

import aerospike
import pytest
from aerospike import GeoJSON
from aerospike import exception as errors
from aerospike import predicates as where
from aerospike_helpers import cdt_ctx as at
from aerospike_helpers import expressions as exp
from aerospike_helpers.operations import map_operations as maps
from aerospike_helpers.operations import operations as ops
from aerospike_helpers.operations.expression_operations import expression_read

from aerospike_resilience.testing import LocalCluster
from tests.conftest import QUIET

from .support import UNHURRIED, connect, eventually

os.environ["AEROSPIKE_NO_UVLOOP"] = "1"

import aerospike_native as native

SET = "indexed"
LIST, KEYS, VALUES, PLAIN = (
    aerospike.INDEX_TYPE_LIST,
    aerospike.INDEX_TYPE_MAPKEYS,
    aerospike.INDEX_TYPE_MAPVALUES,
    aerospike.INDEX_TYPE_DEFAULT,
)
NUMBER, TEXT, BLOB, PLACE = (
    aerospike.INDEX_NUMERIC,
    aerospike.INDEX_STRING,
    aerospike.INDEX_BLOB,
    aerospike.INDEX_GEO2DSPHERE,
)


def point(x, y):
    return GeoJSON({"type": "Point", "coordinates": [x, y]})


def square(x, y, size=1):
    corners = [[x, y], [x + size, y], [x + size, y + size], [x, y + size], [x, y]]
    return GeoJSON({"type": "Polygon", "coordinates": [corners]})


def record(n):
    return {
        "n": n,
        "text": f"s{n}",
        "blob": bytes([n, 1]),
        "numbers": [n, n + 10],
        "texts": [f"a{n}", "all"],
        "map": {f"k{n}": n, "x": n * 2},
        "by_num": {n: f"v{n}"},
        "place": point(n, n),
        "places": [point(n, n)],
        "region": square(n, n),
        "regions": {"home": square(n, n)},
        "nest": {"a": [n, {"z": n, f"y{n}": -n}]},
        "mixed": n if n % 2 else f"{n}",
    }


@pytest.fixture(scope="module")
def filled(shared_cluster):
    with_records = connect(shared_cluster)
    for n in range(5):
        with_records.put(("test", SET, n), record(n))
    yield with_records
    for n in range(5):
        with_records.remove(("test", SET, n))
    with_records.close()


IN_A = [at.cdt_ctx_map_key("a")]
FIRST_IN_A = [*IN_A, at.cdt_ctx_list_index(0)]
LAST_IN_A = [*IN_A, at.cdt_ctx_list_index(-1)]
AROUND_1_TO_3 = square(0.5, 0.5, 3).dumps()

# Bin, kind of collection, type, context, condition and who is found.
KINDS = [
    ("n", PLAIN, NUMBER, None, where.between("n", 1, 3), {1, 2, 3}),
    ("text", PLAIN, TEXT, None, where.equals("text", "s2"), {2}),
    ("blob", PLAIN, BLOB, None, where.equals("blob", b"\x03\x01"), {3}),
    ("mixed", PLAIN, NUMBER, None, where.between("mixed", 0, 9), {1, 3}),
    ("mixed", PLAIN, TEXT, None, where.equals("mixed", "2"), {2}),
    ("numbers", LIST, NUMBER, None, where.range("numbers", LIST, 2, 11), {1, 2, 3, 4, 0}),
    ("numbers", LIST, NUMBER, None, where.contains("numbers", LIST, 12), {2}),
    ("texts", LIST, TEXT, None, where.contains("texts", LIST, "all"), {0, 1, 2, 3, 4}),
    ("map", KEYS, TEXT, None, where.contains("map", KEYS, "k3"), {3}),
    ("map", VALUES, NUMBER, None, where.range("map", VALUES, 6, 8), {3, 4}),
    ("by_num", KEYS, NUMBER, None, where.range("by_num", KEYS, 0, 1), {0, 1}),
    ("by_num", VALUES, TEXT, None, where.contains("by_num", VALUES, "v4"), {4}),
    ("nest", LIST, NUMBER, IN_A, where.range("nest", LIST, 2, 3), {2, 3}),
    ("nest", PLAIN, NUMBER, FIRST_IN_A, where.equals("nest", 3), {3}),
    ("nest", KEYS, TEXT, LAST_IN_A, where.contains("nest", KEYS, "y2"), {2}),
    ("nest", VALUES, NUMBER, LAST_IN_A, where.range("nest", VALUES, -4, -3), {3, 4}),
    ("place", PLAIN, PLACE, None, where.geo_within_radius("place", 1.0, 1.0, 200_000.0), {0, 1, 2}),
    (
        "place",
        PLAIN,
        PLACE,
        None,
        where.geo_within_geojson_region("place", AROUND_1_TO_3),
        {1, 2, 3},
    ),
    ("places", LIST, PLACE, None, where.geo_within_radius("places", 3.0, 3.0, 10.0, LIST), {3}),
    ("region", PLAIN, PLACE, None, where.geo_contains_point("region", 2.5, 2.5), {2}),
    ("region", PLAIN, PLACE, None, where.geo_contains_point("region", 7.5, 2.5), set()),
    ("regions", VALUES, PLACE, None, where.geo_contains_point("regions", 0.5, 0.5, VALUES), {0}),
]


def found_by(client, condition, context=None):
    query = client.query("test", SET)
    query.where(condition, context) if context else query.where(condition)
    return {bins["n"] for _, _, bins in query.results()}


TYPES = {NUMBER: "numeric", TEXT: "string", BLOB: "blob", PLACE: "geo2dsphere"}
COLLECTIONS = {PLAIN: "default", LIST: "list", KEYS: "mapkeys", VALUES: "mapvalues"}


def test_each_kind_of_index_finds_what_it_holds(filled):
    """Created by command, because the client's own calls wait a second for each."""
    definitions = {}
    for bin_name, collection, kind, context, _, _ in KINDS:
        way = f";context={filled.get_cdtctx_base64(context)}" if context else ""
        definition = f"indextype={COLLECTIONS[collection]}{way};bin={bin_name};type={TYPES[kind]}"
        name = definitions.setdefault(definition, f"kind-{len(definitions)}")
        answers = filled.info_all(
            f"sindex-create:namespace=test;set={SET};indexname={name};{definition}"
        )
        assert {text.strip() for _, text in answers.values()} == {"ok"}
    wrong = []
    for bin_name, collection, _, context, condition, expected in KINDS:
        found = eventually(lambda c=condition, x=context: [found_by(filled, c, x)])[0]
        if found != expected:
            wrong.append((bin_name, collection, condition, found, expected))
    assert wrong == []
    for name in definitions.values():
        filled.info_all(f"sindex-delete:namespace=test;indexname={name}")
    with pytest.raises(errors.IndexNotFound):
        found_by(filled, KINDS[0][4])


def test_an_expression_index_is_found_by_its_name_and_by_its_expression(filled):
    expression = exp.Add(exp.IntBin("n"), 100).compile()
    filled.index_expr_create("test", SET, PLAIN, NUMBER, expression, "by-expression")
    by_name, by_expression = filled.query("test", SET), filled.query("test", SET)
    by_name.where_with_index_name("by-expression", where.range(None, PLAIN, 102, 103))
    by_expression.where_with_expr(expression, where.range(None, PLAIN, 102, 103))
    for query in (by_name, by_expression):
        assert {bins["n"] for _, _, bins in query.results()} == {2, 3}
    stat = filled.info_random_node("sindex-stat:namespace=test;indexname=by-expression")
    assert "load_pct=100" in stat
    filled.index_remove("test", "by-expression")


# Command and answer, one after the other.
COMMANDS = [
    ("sindex-create:ns=test;set=s;indexname=old;indextype=list;indexdata=b,string", "ok"),
    ("sindex-create:namespace=test;set=s;indexname=old;indextype=list;bin=b;type=string", "ok"),
    ("sindex-create:ns=test;set=s;indexname=old;bin=b;type=numeric", "ERROR:200:"),
    ("sindex-create:ns=test;set=s;indexname=new;indextype=list;bin=b;type=string", "ok"),
    ("sindex-exists:ns=test;indexname=old", "false"),
    ("sindex-exists:namespace=test;indexname=new", "true"),
    ("sindex-list:ns=test", "ns=test:indexname=new:set=s:bin=b:type=string:indextype=list"),
    ("sindex-list:ns=none", "ERROR:20:"),
    ("sindex-stat:ns=test;indexname=new", "entries="),
    ("sindex-stat:ns=test;indexname=old", "ERROR:201:"),
    ("sindex-delete:ns=test;indexname=new", "ok"),
    ("sindex-delete:ns=test;indexname=new", "ok"),
    ("sindex-create:ns=test;indexname=x;type=string", "ERROR:4:both 'bin' and 'exp' are missing"),
    ("sindex-create:ns=test;indexname=x;bin=b", "ERROR:4:both 'indexdata' and 'type' are missing"),
    ("sindex-create:ns=test;indexname=x;bin=b;type=float", "ERROR:4:bad 'type'"),
    ("sindex-create:ns=test;indexname=x;indexdata=b", "ERROR:4:'indexdata' missing bin type"),
    ("sindex-create:ns=test;indexname=x;indexdata=b,float", "ERROR:4:bad 'indexdata' bin type"),
    (
        "sindex-create:ns=test;indexname=x;bin=b;type=string;indextype=tree",
        "ERROR:4:bad 'indextype'",
    ),
    ("sindex-create:ns=test;indexname=x;bin=b;type=geo2dsphere;indextype=mapkeys", "ERROR:4:"),
    (
        "sindex-create:ns=test;indexname=x;bin=b;type=string;context=%%",
        "ERROR:4:'context' invalid base64",
    ),
    (
        "sindex-create:ns=test;indexname=x;bin=b;type=string;context=kQA=",
        "ERROR:4:'context' invalid cdt",
    ),
    (
        "sindex-create:ns=test;indexname=x;exp=kQA=;bin=b;type=string",
        "ERROR:4:both 'bin' and 'exp'",
    ),
    ("sindex-create:ns=test;indexname=x;indextype=set", "ERROR:4:missing 'set'"),
    ("sindex-create:ns=test;indexname=x;set=s;indextype=set;bin=b", "ERROR:4:bin parameter"),
    ("sindex-create:ns=test;set=" + "s" * 64 + ";indexname=x;bin=b;type=string", "ERROR:4:"),
    ("sindex-create:ns=test;bin=b;type=string", "ERROR:4:missing 'indexname'"),
]


def test_index_commands_answer_in_their_old_and_new_form(client, cluster):
    node = cluster.nodes[0].name
    wrong = []
    for command, expected in COMMANDS:
        try:
            answer = client.info_single_node(command, node).partition("\t")[2].strip()
        except errors.AerospikeError as error:
            answer = f"ERROR:{error.code}:{error.msg}"
        if expected not in answer or (expected == "ok" and answer != "ok"):
            wrong.append((command, answer, expected))
    assert wrong == []


SHAPES = [
    ('{"type":"Feature","geometry":{"type":"Point","coordinates":[1,2]}}', None),
    ('{"type":"MultiPolygon","coordinates":[[[[0,0],[1,0],[1,1],[0,0]]]]}', None),
    ('{"type":"AeroCircle","coordinates":[[0,0],5]}', None),
    ('{"type":"Point","coordinates":[1]}', 160),
    ('{"type":"Point","coordinates":[1,91]}', 160),
    ('{"type":"Point","coordinates":["1",2]}', 160),
    ('{"type":"Polygon","coordinates":[[[0,0],[1,0],[0,0]]]}', 160),
    ('{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,1]]]}', 160),
    ('{"type":"LineString","coordinates":[[0,0],[1,1]]}', 160),
    ('{"coordinates":[0,0]}', 160),
]


def test_what_is_no_geojson_is_not_stored(client, key):
    for text, code in SHAPES:
        shape = aerospike.geojson(text)
        if code is None:
            client.put(key, {"g": shape})
            assert client.get(key)[2]["g"].unwrap() == shape.unwrap()
            continue
        with pytest.raises(errors.AerospikeError) as caught:
            client.put(key, {"g": shape})
        assert (text, caught.value.code) == (text, code)


def test_expressions_and_paths_compare_places(filled):
    hole = {
        "type": "Polygon",
        "coordinates": [
            [[-1, -1], [9, -1], [9, 9], [-1, 9], [-1, -1]],
            [[1.5, 1.5], [2.5, 1.5], [2.5, 2.5], [1.5, 2.5], [1.5, 1.5]],
        ],
    }
    for expression, expected in [
        (exp.CmpGeo(exp.GeoBin("place"), exp.Val(GeoJSON(hole))), {0, 1, 3, 4}),
        (exp.CmpGeo(exp.GeoBin("place"), exp.Val(square(0.5, 0.5, 2))), {1, 2}),
        (exp.CmpGeo(exp.Val(point(3.5, 3.5)), exp.GeoBin("region")), {3}),
        (exp.CmpGeo(exp.GeoBin("place"), exp.GeoBin("place")), set()),
    ]:
        rows = filled.query("test", SET).results({"expressions": expression.compile()})
        assert {bins["n"] for _, _, bins in rows} == expected


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_append_prepend_and_increment_make_a_bin_that_there_is_not(client, key):
    place = point(1, 2)
    client.put(key, {"g": place, "s": "b", "n": 1})
    for operation in (ops.append("g", "x"), ops.increment("s", 1), ops.prepend("n", "x")):
        with pytest.raises(errors.BinIncompatibleType):
            client.operate(key, [operation])
    client.operate(key, [ops.append("s", "c"), ops.prepend("s", "a"), ops.append("new", "x")])
    client.operate(key, [ops.increment("m", 5), ops.increment("f", 1.5)])
    bins = client.get(key)[2]
    assert (bins["s"], bins["new"], bins["m"], bins["f"]) == ("abc", "x", 5, 1.5)


def test_a_scan_and_a_query_change_records_in_the_background_and_select_bins(client):
    keys = [("test", "background", n) for n in range(20)]
    for n, each in enumerate(keys):
        client.put(each, {"n": n, "hit": 0, "other": "x"})
    client.index_single_value_create("test", "background", "n", NUMBER, "background-n")
    query = client.query("test", "background")
    query.where(where.between("n", 0, 9))
    query.add_ops([ops.increment("hit", 1)])
    jobs = [query.execute_background()]
    scan = client.scan("test", "background")
    scan.add_ops([maps.map_put("m", "k", 1)])
    jobs.append(scan.execute_background())

    def done():
        kinds = (aerospike.JOB_QUERY, aerospike.JOB_SCAN)
        states = [client.job_info(job, kind) for job, kind in zip(jobs, kinds, strict=True)]
        return all(state["status"] == aerospike.JOB_STATUS_COMPLETED for state in states)

    assert eventually(done)
    rows = client.scan("test", "background")
    rows.select("n", "hit", "m")
    found = {bins["n"]: bins for _, _, bins in rows.results()}
    assert all(found[n] == {"n": n, "hit": int(n < 10), "m": {"k": 1}} for n in range(20))
    client.index_remove("test", "background-n")


def test_a_read_gives_a_record_its_time_again_in_the_last_part_of_it():
    with (
        LocalCluster(nodes=2, **QUIET) as cluster,
        contextlib.closing(connect(cluster, **UNHURRIED)) as client,
    ):
        check_touches(cluster, client)


def check_touches(cluster, client):
    keys = [("test", "touched", n) for n in range(6)]
    for each in keys:
        client.put(each, {"n": 1}, policy={"ttl": 1000})
    cluster.advance_clock("300s")
    client.get(keys[0], policy={"read_touch_ttl_percent": 80})
    client.get(keys[1], policy={"read_touch_ttl_percent": 60})
    client.get(keys[2], policy={"read_touch_ttl_percent": -1})
    client.get(keys[3])
    client.batch_read(keys[4:6], policy={"read_touch_ttl_percent": 80})
    client.batch_read(keys[1:3], policy={"read_touch_ttl_percent": -1})
    # The client computes the time left by its own clock, which has not moved.
    ttls = [client.exists(each)[1]["ttl"] for each in keys]
    assert [ttl > 1100 for ttl in ttls] == [True, False, False, False, True, True]
    assert client.exists(keys[0])[1]["gen"] == 1


def test_a_truncation_with_a_time_removes_what_is_older(client):
    def changed(key):
        read = expression_read("t", exp.LastUpdateTime().compile())
        return client.operate(key, [read])[2]["t"]

    old, new = ("test", "truncated", 1), ("test", "truncated", 2)
    client.put(old, {"n": 1})
    just_after_ns = changed(old) + 1_000_000

    def written_later():
        client.put(new, {"n": 2})
        return changed(new) > just_after_ns

    assert eventually(written_later)
    client.truncate("test", "truncated", just_after_ns)
    assert eventually(lambda: not client.exists(old)[1])
    assert client.exists(new)[1]
    with pytest.raises(errors.AerospikeError) as caught:
        client.truncate("test", "truncated", just_after_ns + 10**15)
    assert caught.value.code == 4


async def test_limits_answer_the_servers_codes(cluster):
    client = await native.new_client(native.ClientPolicy(), cluster.seeds)
    policy = native.WritePolicy()
    policy.total_timeout = 30_000
    for bins, code in [
        ({f"b{n}": 1 for n in range(32_768)}, native.ResultCode.PARAMETER_ERROR),
        ({"big": "x" * 1_100_000}, native.ResultCode.RECORD_TOO_BIG),
    ]:
        with pytest.raises(native.exceptions.ServerError) as caught:
            await client.put(native.Key("test", "limits", 1), bins, policy=policy)
        assert caught.value.result_code == code
    await client.close()


async def test_a_key_that_is_a_collection_is_no_map_key_and_paths_select_by_keys(cluster):
    client = await native.new_client(native.ClientPolicy(), cluster.seeds)
    key = native.Key("test", "paths", 1)
    await client.put(key, {"m": {"x": 1, "y": 2, "z": [point_text(1, 1), point_text(9, 9)]}})
    policy = native.MapPolicy(native.MapOrder.KEY_ORDERED, None)
    with pytest.raises(native.exceptions.InvalidRequest):
        await client.operate(key, [native.MapOperation.put("m", [1, 2], "v", policy)])
    fe = native.FilterExpression
    region = '{"type":"Polygon","coordinates":[[[0,0],[2,0],[2,2],[0,2],[0,0]]]}'
    inside = fe.geo_compare(fe.geo_json_loop_var(native.LoopVarPart.VALUE), fe.geo_val(region))
    for path, expected in [
        ([native.CTX.map_keys_in(["x", "y", "w"])], 2),
        ([native.CTX.map_key("z"), native.CTX.all_children_with_filter(inside)], 1),
    ]:
        operation = native.CdtOperation.select_by_path("m", native.SelectFlags.VALUE, path)
        assert len((await client.operate(key, [operation])).bins["m"]) == expected
    await client.close()


def point_text(x, y):
    return native.GeoJSON(f'{{"type":"Point","coordinates":[{x},{y}]}}')
