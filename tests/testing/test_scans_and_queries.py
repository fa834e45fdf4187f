"""Scans, queries, indexes, truncation and UDF modules with a real client."""

import importlib.util
import time

import aerospike
import pytest
from aerospike import exception as errors
from aerospike import predicates
from aerospike_helpers.operations import operations as op

from .support import eventually

KEYS = [("test", "scan", n) for n in range(150)]


@pytest.fixture(autouse=True, scope="module")
def _records(shared_client):
    for key in KEYS:
        shared_client.put(
            key,
            {"n": key[2], "s": f"t{key[2] % 3}", "l": [key[2], key[2] + 1000]},
            policy={"key": aerospike.POLICY_KEY_SEND},
        )


@pytest.fixture
def index(client):
    made = []

    def create(kind, bin_name, datatype, name):
        getattr(client, f"index_{kind}_create")("test", "scan", bin_name, datatype, name)
        made.append(name)

    yield create
    for name in made:
        client.index_remove("test", name)


def test_a_scan_returns_every_record_once(client):
    rows = client.query("test", "scan").results()
    assert sorted(bins["n"] for _, _, bins in rows) == list(range(150))
    assert {key[2] for key, _, _ in rows} == set(range(150))


def test_a_scan_can_choose_bins_or_none(client):
    query = client.query("test", "scan")
    query.select("s")
    assert {tuple(bins) for _, _, bins in query.results()} == {("s",)}
    assert len(client.query("test", "scan").results(options={"nobins": True})) == 150


def test_a_query_can_be_paged(client):
    query = client.query("test", "scan")
    query.max_records = 40
    query.paginate()
    seen = []
    while not query.is_done():
        seen += [bins["n"] for _, _, bins in query.results()]
    assert sorted(seen) == list(range(150))


def test_a_scan_can_be_slowed_down(client):
    query = client.query("test", "scan")
    query.records_per_second = 500
    started = time.monotonic()
    assert len(query.results()) == 150
    assert time.monotonic() - started > 0.05


def test_a_partition_filter_limits_a_scan(client):
    halves = [
        client.query("test", "scan").results(
            policy={"partition_filter": {"begin": begin, "count": 2048}}
        )
        for begin in (0, 2048)
    ]
    assert sorted(bins["n"] for half in halves for _, _, bins in half) == list(range(150))


def test_an_integer_index_finds_a_range(client, index):
    index("single_value", "n", aerospike.INDEX_NUMERIC, "scan_n")
    query = client.query("test", "scan")
    query.where(predicates.between("n", 10, 19))
    assert sorted(bins["n"] for _, _, bins in query.results()) == list(range(10, 20))


def test_a_text_index_finds_equals(client, index):
    index("single_value", "s", aerospike.INDEX_STRING, "scan_s")
    query = client.query("test", "scan")
    query.where(predicates.equals("s", "t1"))
    assert len(query.results()) == 50


def test_a_list_index_finds_elements(client, index):
    index("list", "l", aerospike.INDEX_NUMERIC, "scan_l")
    query = client.query("test", "scan")
    query.where(predicates.contains("l", aerospike.INDEX_TYPE_LIST, 1007))
    assert [bins["n"] for _, _, bins in query.results()] == [7]


def test_a_query_without_its_index_is_refused(client):
    query = client.query("test", "scan")
    query.where(predicates.equals("nowhere", 1))
    with pytest.raises(errors.IndexNotFound):
        query.results(policy={"max_retries": 0})


def test_a_background_job_changes_every_record(client):
    query = client.query("test", "scan")
    query.add_ops([op.write("done", 1)])
    job = query.execute_background()
    eventually(
        lambda: (
            client.job_info(job, aerospike.JOB_QUERY)["status"] == aerospike.JOB_STATUS_COMPLETED
        )
    )
    eventually(lambda: all("done" in b for _, _, b in client.query("test", "scan").results()))


def test_truncate_empties_a_set_and_what_is_written_after_stays(client):
    for n in range(20):
        client.put(("test", "gone", n), {"n": n})
    client.truncate("test", "gone", 0)
    eventually(lambda: client.query("test", "gone").results() == [])
    client.put(("test", "gone", 1), {"n": 1})
    assert len(client.query("test", "gone").results()) == 1
    assert len(client.query("test", "scan").results()) == 150


def test_udf_modules_are_stored_and_run_if_there_is_lua(client, tmp_path, key, monkeypatch):
    # The client leaves a copy of a module in the folder it is in.
    monkeypatch.chdir(tmp_path)
    module = tmp_path / "source" / "stored.lua"
    module.parent.mkdir()
    module.write_text("function f(rec) return 1 end\n")
    client.udf_put(str(module))
    assert [entry["name"] for entry in client.udf_list()] == ["stored.lua"]
    assert "function f" in client.udf_get("stored.lua")
    client.put(key, {"n": 1})
    if importlib.util.find_spec("lupa"):
        assert client.apply(key, "stored", "f", []) == 1
    else:
        with pytest.raises(errors.UDFError):
            client.apply(key, "stored", "f", [])
    client.udf_remove("stored.lua")
    assert client.udf_list() == []
