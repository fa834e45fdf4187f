"""``telemetry: {db_query_text: true}`` puts a query's text on its span, without values; off by default."""

from __future__ import annotations

import aerospike
import aerospike_py
import pytest
from aerospike import predicates
from aerospike_py import predicates as py_predicates
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from aerospike_resilience import resilient
from aerospike_resilience.clients import adapter_named
from aerospike_resilience.clients.shared.statement import without_values
from tests.conformance.surfaces import DataSet, SyncClusterDefinition, native

SECRET = 4711


@pytest.fixture
def traced():
    """Wrap a client so that its spans can be looked at."""
    wrapped = []

    def traced_(client, **telemetry):
        exporter, provider = InMemorySpanExporter(), TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        over = {"telemetry": telemetry} if telemetry else None
        found = resilient(client, "latency", overrides=over, tracer_provider=provider)
        wrapped.append(found.resilience)
        return found, exporter

    yield traced_
    for resilience in wrapped:
        resilience.close()


def text(exporter) -> str | None:
    """Return the text of the last span; no other attribute of any span holds the value."""
    spans = exporter.get_finished_spans()
    assert str(SECRET) not in "".join(str(dict(span.attributes)) for span in spans)
    return spans[-1].attributes.get("db.query.text")


def test_a_query_tells_its_text_with_a_question_mark_for_every_value(bare, traced):
    client, exporter = traced(bare, db_query_text=True)
    query = client.query("test", "people").select("name", "age")
    query.where(predicates.between("age", SECRET, SECRET + 1))
    with pytest.raises(aerospike.exception.AerospikeError):  # there is no such index
        query.results()

    assert text(exporter) == "SELECT name, age FROM test.people WHERE age BETWEEN ? AND ?"


def test_a_scan_tells_its_text(bare, traced):
    client, exporter = traced(bare, db_query_text=True)
    client.scan("test", "people").results()

    assert text(exporter) == "SELECT * FROM test.people"


@pytest.mark.parametrize(
    ("predicate", "told"),
    [
        (predicates.equals("name", str(SECRET)), "name = ?"),
        (predicates.contains("tags", aerospike.INDEX_TYPE_LIST, SECRET), "tags = ?"),
        (predicates.geo_within_radius("place", 1.0, 2.0, SECRET), "place GEO ?"),
    ],
)
def test_every_predicate_of_the_c_client_is_told_without_its_value(predicate, told):
    built = [("where", (predicate,)), ("apply", ("module", "function", [SECRET]))]
    adapter = adapter_named("aerospike")

    assert adapter.lazy_statement(("test",), built) == (
        f"SELECT * FROM test WHERE {told} APPLY module.function(?)"
    )


def test_by_default_it_is_kept_back(bare, traced):
    client, exporter = traced(bare)
    client.scan("test", "people").results()

    assert text(exporter) is None


def test_what_is_no_query_has_no_text(bare, traced):
    client, exporter = traced(bare, db_query_text=True)
    client.put(("test", "people", 1), {"n": 1})

    assert text(exporter) is None


def test_aerospike_py_tells_it_too(healthy, traced):
    client = aerospike_py.client({"hosts": healthy.hosts}).connect()
    wrapped, exporter = traced(client, db_query_text=True)
    query = wrapped.query("test", "people")
    query.select("age")
    query.where(py_predicates.equals("age", SECRET))
    with pytest.raises(aerospike_py.exception.AerospikeError):
        query.results()

    assert text(exporter) == "SELECT age FROM test.people WHERE age = ?"
    client.close()


def test_the_sdk_tells_the_set_and_the_bins_of_its_conditions(healthy, traced):
    """Its statements tell neither their namespace nor their own bins."""
    host, port = healthy.hosts[0]
    cluster = SyncClusterDefinition(host, port).connect()
    wrapped, exporter = traced(cluster, db_query_text=True)
    list(wrapped.create_session().query(DataSet.of("test", "people")).execute())

    assert text(exporter) == "SELECT ? FROM people"
    cluster.close()


def test_a_statements_conditions_are_told_without_values():
    statement = native.Statement("test", "people", None)
    statement.filters = [native.Filter.range("age", SECRET, SECRET + 1)]
    adapter = adapter_named("aerospike-native")
    operation = adapter.operations["query"]

    assert adapter.statement(operation, {"statement": statement}) == (
        "SELECT ? FROM people WHERE age IN ?"
    )


def test_an_expression_of_the_applications_own_loses_its_literals():
    told = without_values("$.age > 4711 and $.name2 == 'x y' or $.rate < -1.5 and $.s == \"q\"")

    assert told == "$.age > ? and $.name2 == ? or $.rate < ? and $.s == ?"
