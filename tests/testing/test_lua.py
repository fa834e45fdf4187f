"""UDF modules that run: records, batches, jobs in the background, aggregations, and what is refused.

Without the package lupa (extra `lua`) every function fails; the last test has that.
"""

import asyncio
import contextlib
import importlib.util
import os
from types import SimpleNamespace

import aerospike
import pytest
from aerospike import GeoJSON
from aerospike import exception as errors
from aerospike import predicates as where
from aerospike_helpers import expressions as exp
from aerospike_helpers.operations import map_operations as maps

from aerospike_resilience.testing.server import udf
from aerospike_resilience.testing.server.commands import Rules
from aerospike_resilience.testing.server.records import Clock
from aerospike_resilience.testing.server.wire import (
    FIELD_DIGEST,
    FIELD_UDF_FUNCTION,
    FIELD_UDF_PACKAGE,
    Request,
)

from .support import eventually

os.environ["AEROSPIKE_NO_UVLOOP"] = "1"

import aerospike_native as native

needs_lua = pytest.mark.skipif(
    importlib.util.find_spec("lupa") is None, reason="needs the extra lua"
)
MODULE = """
local helper = require("helper")
local calls = 0

function run(r, what, a, b) return actions[what](r, a, b) end

actions = {
  get = function(r, name) return r[name] end,
  put = function(r, name, value) r[name] = value; aerospike:update(r) end,
  forget = function(r, name, value) r[name] = value; return r[name] end,
  create = function(r, name, value) r[name] = value; return aerospike:create(r) end,
  early = function(r, name, value) r[name] = value; return aerospike:update(r) end,
  remove = function(r) return aerospike:remove(r) end,
  exists = function(r) return aerospike:exists(r) end,
  echo = function(_, value) return value end,
  many = function() return 1, 2 end,
  none = function() end,
  gen = function(r) return record.gen(r) end,
  after = function(r) r.n = 2; aerospike:update(r); return record.gen(r) end,
  about = function(r)
    return map { set = record.setname(r), size = bytes.size(record.digest(r)), bins = record.numbins(r),
      names = list(record.bin_names(r)), ttl = record.ttl(r) > 0, key = record.key(r) == nil }
  end,
  expire = function(r, ttl) record.set_ttl(r, ttl); aerospike:update(r) end,
  helped = function(_, n) return helper.double(n) end,
  count = function() calls = calls + 1; return calls > 0 end,
  lists = function(_, l)
    list.append(l, "z"); list.prepend(l, "a"); list.insert(l, 2, true); list.remove(l, 3); l[2] = 2.5
    local found = list { list.size(l), l[1], #list.take(l, 2), list.drop(l, 2)[1], l[99] == nil }
    list.concat(found, list.merge(list { "m" }, list { "n" }))
    local copy = list.clone(l)
    list.trim(copy, 2)
    list.append(found, copy)
    for v in list.iterator(l) do list.append(found, v) end
    return found
  end,
  maps = function(_, m)
    m.b = 2; m.a = nil; m[7] = false
    local keys, total = list(), 0
    for k, v in map.pairs(m) do list.append(keys, tostring(k)); if v then total = total + v end end
    for v in map.values(m) do if v then total = total + v end end
    for k in map.keys(m) do list.append(keys, k) end
    local joined = map.merge(m, map { b = 5, c = 1 }, function(x, y) return x * y end)
    return map { size = map.size(m), keys = keys, total = total, merged = joined.b,
      diff = map.size(map.diff(joined, m)), clone = map.clone(m) }
  end,
  bytes = function(_, b)
    b[1] = 9
    bytes.append_int16(b, 258); bytes.append_string(b, "xy"); bytes.set_int32_le(b, 8, 1)
    return list { b, bytes.get_int16(b, 3), bytes.get_string(b, 5, 2), bytes.get_int64(b, 90), #b }
  end,
  sandbox = function()
    local seen = list()
    for _, name in ipairs { "os", "io", "package", "dofile", "loadfile", "python", "collectgarbage" } do
      if _G[name] ~= nil then list.append(seen, name) end
    end
    if string.dump then list.append(seen, "dump") end
    return seen
  end,
  bytecode = function() return load("\\27Lua") == nil and load("return 1")() end,
  fail = function() error("no") end,
  code = function() error("1000:Invalid value", 0) end,
  thing = function() error({}) end,
  caught = function() return select(2, pcall(error, "inside", 0)) end,
  plain = function(r) local l = list { print }; r.l = l; aerospike:update(r) end,
  forever = function() while true do pcall(function() while true do end end) end end,
  memory = function() local s = "x"; while true do s = s .. s end end,
}
"""
HELPER = "local own = {}\nfunction own.double(n) return n * 2 end\nreturn own\n"
STREAMS = """
local function add(a, b) return a + b end
function sum(s, name) return s : map(function(r) return r[name] end) : reduce(add) end
function even(s)
  return s : filter(function(r) return r.n % 2 == 0 end) : map(function(r) return r.n end)
end
function count(s) return s : aggregate(0, function(n) return n + 1 end) : reduce(add) end
function groups(s)
  return s : map(function(r) return r.n end) : groupby(function(n) return n % 2 end)
end
function broken(s) return s : map(function(r) return r.n.x.y end) end
"""


@pytest.fixture(scope="module")
def modules(shared_client, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lua")
    with contextlib.chdir(folder):
        for name, text in (("helper", HELPER), ("acts", MODULE), ("streams", STREAMS)):
            path = folder / "source" / f"{name}.lua"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            shared_client.udf_put(str(path))
    eventually(lambda: len(shared_client.udf_list()) == 3)
    yield
    for name in ("helper", "acts", "streams"):
        shared_client.udf_remove(f"{name}.lua")


@pytest.fixture
def act(client, key, modules):
    def run(what, *args):
        return client.apply(key, "acts", "run", [what, *args])

    return run


@needs_lua
def test_a_function_reads_and_changes_a_record(client, key, act):
    assert act("exists") is False
    assert act("gen") == 0
    assert act("early", "n", 1) == -2
    assert act("none") is None
    assert client.exists(key)[1] is None
    assert act("create", "n", 1) == 0
    assert act("create", "n", 2) == 1
    assert act("exists") is True
    assert client.get(key)[1]["gen"] == 1
    assert act("forget", "n", 5) == 5
    assert client.get(key)[1]["gen"] == 1
    values = [7, -1, 2.5, "text", b"\0\x04", True, [1, "a", [b"x"]], {"k": {"in": [1]}}, None]
    for value in values:
        act("put", "v", value)
        assert act("get", "v") == value, value
        assert client.get(key)[2].get("v") == value
    assert client.get(key)[1]["gen"] == 1 + len(values)
    assert act("after") == 2 + len(values)
    assert act("expire", 1000) is None
    assert 900 < client.get(key)[1]["ttl"] <= 1000
    about = {"set": "kv", "size": 20, "bins": 1, "names": ["n"], "ttl": True, "key": True}
    assert act("about") == about
    assert act("remove") == 0
    assert client.exists(key)[1] is None
    assert act("remove") == 1


@needs_lua
@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (("echo", 2**63 - 1), 2**63 - 1),
        (("echo", -(2**63)), -(2**63)),
        (("echo", [None, -33, 200, 70_000, 2**40, -200, -70_000, -(2**40)]), 0),
        (("echo", ["x" * 40, "y" * 300, b"z" * 70_000, list(range(20))]), 0),
        (("echo", {n: n for n in range(20)}), 0),
        (("many",), 1),
        (("helped", 4), 8),
        (("count",), True),
        (
            ("lists", ["b", "c"]),
            [4, "a", 2, "c", True, "m", "n", ["a"], "a", 2.5, "c", "z"],
        ),
        (
            ("maps", {"a": 1}),
            {
                "size": 2,
                "keys": ["b", "7", "b", 7],
                "total": 4,
                "merged": 10,
                "diff": 2,
                "clone": {"b": 2, 7: False},
            },
        ),
        (("bytes", b"\1\2"), [b"\x09\2\1\2xy\0\1\0\0\0", 258, "xy", 0, 11]),
        (("sandbox",), []),
        (("bytecode",), 1),
        (("caught",), "inside"),
    ],
)
def test_values_and_libraries(act, call, expected):
    assert act(*call) == (call[1] if expected == 0 else expected)


@needs_lua
def test_types_of_bins_that_lua_only_passes_on(client, key, act):
    place = GeoJSON({"type": "Point", "coordinates": [1.0, 2.0]})
    client.put(key, {"place": place, "m": {"b": 1, "a": 2}})
    client.operate(key, [maps.map_set_policy("m", {"map_order": aerospike.MAP_KEY_ORDERED})])
    assert act("get", "place").unwrap() == place.unwrap()
    act("put", "copy", place)
    assert client.get(key)[2]["copy"].unwrap() == place.unwrap()
    act("put", "other", act("get", "m"))
    _, _, bins = client.operate(key, [maps.map_get_by_index("m", 0, aerospike.MAP_RETURN_KEY)])
    assert bins == {"m": "a"}


@needs_lua
@pytest.mark.parametrize(
    ("call", "text"),
    [
        (("acts", "run", ["fail"]), "udf/acts.lua:"),
        (("acts", "run", ["code"]), "1000:Invalid value"),
        (("acts", "run", ["thing"]), "error object"),
        (("acts", "run", ["plain"]), "cannot be stored"),
        (("acts", "run", ["forever"]), "UDF Execution Timeout"),
        (("acts", "run", ["memory"]), "not enough memory"),
        (("acts", "calls", []), "function not found"),
        (("acts", "nothing", []), "function not found"),
        (("nowhere", "run", []), "UDF: Execution Error 1"),
    ],
)
def test_errors_say_what_the_server_says(client, key, modules, call, text):
    client.put(key, {"n": 1})
    with pytest.raises(errors.UDFError, match=text) as error:
        client.apply(key, *call)
    assert error.value.code == 100
    assert client.get(key)[1]["gen"] == 1
    assert client.apply(key, "acts", "run", ["echo", 1]) == 1


@needs_lua
def test_a_filter_a_key_and_a_time_to_live_hold_for_a_function(client, key, modules):
    client.put(key, {"n": 1})
    call = (key, "acts", "run", ["put", "n", 2])
    with pytest.raises(errors.FilteredOut):
        client.apply(*call, {"expressions": exp.Eq(exp.IntBin("n"), 9).compile()})
    client.apply(*call, {"ttl": 500, "key": aerospike.POLICY_KEY_SEND})
    _, meta, bins = client.get(key)
    assert bins == {"n": 2}
    assert client.apply(key, "acts", "run", ["about"])["key"] is False
    assert meta["ttl"] > 400  # tests move the cluster's clock on, so it may seem to live longer


@needs_lua
def test_a_module_that_lua_cannot_read_is_refused(client, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "source").mkdir()
    path = tmp_path / "source" / "wrong.lua"
    path.write_text("function x(\n")
    with pytest.raises(errors.AerospikeError, match="compile_error"):
        client.udf_put(str(path))
    assert "wrong.lua" not in [entry["name"] for entry in client.udf_list()]


@needs_lua
def test_batches_and_jobs_apply_functions(client, modules):
    keys = [("test", "lua-jobs", n) for n in range(10)]
    for key in keys:
        client.put(key, {"n": key[2]})
    rows = client.batch_apply([*keys, ("test", "lua-jobs", 99)], "acts", "run", ["get", "n"])
    assert [row.record[2] for row in rows.batch_records] == [
        *({"SUCCESS": n} for n in range(10)),
        {"SUCCESS": None},
    ]
    job = client.scan_apply("test", "lua-jobs", "acts", "run", ["put", "seen", 1])
    done = aerospike.JOB_STATUS_COMPLETED
    eventually(lambda: client.job_info(job, aerospike.JOB_SCAN)["status"] == done)
    assert all(client.get(key)[2] == {"n": key[2], "seen": 1} for key in keys)
    client.index_single_value_create("test", "lua-jobs", "n", aerospike.INDEX_NUMERIC, "lua_jobs_n")
    query = client.query("test", "lua-jobs")
    query.where(where.between("n", 3, 5))
    query.apply("acts", "run", ["put", "seen", 2])
    job = query.execute_background()
    eventually(lambda: client.job_info(job, aerospike.JOB_QUERY)["status"] == done)
    assert [client.get(key)[2]["seen"] for key in keys] == [1, 1, 1, 2, 2, 2, 1, 1, 1, 1]
    client.index_remove("test", "lua_jobs_n")


@needs_lua
def test_aggregations_send_what_each_node_comes_to(client, shared_cluster, modules):
    for n in range(20):
        client.put(("test", "lua-sums", n), {"n": n})
    client.index_single_value_create("test", "lua-sums", "n", aerospike.INDEX_NUMERIC, "lua_sums_n")

    async def run():
        host, port = shared_cluster.hosts[0]
        one = await native.new_client(native.ClientPolicy(), f"{host}:{port}")

        async def parts(function, *args):
            statement = native.Statement("test", "lua-sums", None)
            statement.filters = [native.Filter.range("n", 0, 14)]
            statement.set_aggregate_function("streams", function, list(args))
            rows = await one.query(statement, native.PartitionFilter.all())
            return [next(iter(row.bins.values())) async for row in rows]

        try:
            assert all("attempt to index" in part for part in await parts("broken"))
            return [
                await parts("sum", "n"),
                await parts("count"),
                sorted(await parts("even")),
                await parts("groups"),
            ]
        finally:
            await one.close()

    sums, counts, even, groups = asyncio.run(run())
    assert (sum(sums), sum(counts)) == (sum(range(15)), 15)
    assert len(sums) == len(counts) == 3
    assert even == [0, 2, 4, 6, 8, 10, 12, 14]
    assert sorted(n for group in groups for n in group.get(1, [])) == [1, 3, 5, 7, 9, 11, 13]
    client.index_remove("test", "lua_sums_n")


def test_without_lua_every_function_fails():
    modules = SimpleNamespace(all=lambda _: {"known.lua": b"function f(r) end"})
    functions = udf.Functions("", modules)
    assert functions.syntax_error("x.lua", b"function (") == ""
    for package, name, text in (
        (b"known", b"f", b"UDF: Execution Error 1"),
        (b"known", b"g", b"function not found"),
        (b"unknown", b"f", b"UDF: Execution Error 1"),
    ):
        fields = {
            FIELD_DIGEST: bytes(20),
            FIELD_UDF_PACKAGE: package,
            FIELD_UDF_FUNCTION: name,
        }
        request = Request((0, 1, 0, 0), 0, 0, 0, fields, [], b"")
        out = functions.apply(request, None, Clock(0), Rules())
        assert (out.code, text in out.ops) == (100, True)
