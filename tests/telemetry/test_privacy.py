"""No key, bin, argument or value of an index leaves in a span, a metric or a log line, whatever happens."""

from __future__ import annotations

import contextlib
import json
import logging

import aerospike
import aerospike_native as native
import aerospike_py
import pytest
from aerospike import predicates
from aerospike_helpers.operations import operations
from aerospike_py import predicates as py_predicates

from aerospike_resilience import resilient
from tests.conformance.telling import CALM, Listener

SECRET = "s3cr3t"
NUMBER = 47114711

TOLD = {
    **CALM,
    "breaker": {"mode": "enforce"},
    "policy": {"all": {"total_timeout": "2s", "max_retries": 1, "sleep_between_retries": "0ms"}},
    "telemetry": {
        "db_query_text": True,
        "attempt_spans": True,
        "returned_rows": True,
        "last_call": True,
    },
}


def c_calls(client, n):
    """Yield calls of the C client that hold secrets in every place that takes one."""
    key = ("test", "private", f"{SECRET}-{n}")
    missing = ("test", "private", f"{SECRET}-missing-{n}")
    bins = {"n": NUMBER, "text": f"{SECRET} text"}
    yield lambda: client.put(key, bins)
    yield lambda: client.get(key)
    yield lambda: client.get(missing)
    yield lambda: client.put(key, bins, policy={"exists": aerospike.POLICY_EXISTS_CREATE})
    yield lambda: client.increment(key, "text", NUMBER)
    yield lambda: client.operate(key, [operations.append("text", SECRET)])
    yield lambda: client.apply(key, "module", "function", [SECRET, NUMBER])
    yield lambda: client.batch_read([key, missing])
    yield lambda: client.batch_operate([key, missing], [operations.increment("text", NUMBER)])
    yield lambda: client.get(SECRET)
    if n == 0:
        where = predicates.equals("text", SECRET)
        yield lambda: client.query("test", "private").where(where).results()
        yield lambda: client.query("test", "private").foreach(lambda _row: 1 / 0)


def py_calls(client, n):
    """Yield calls of ``aerospike-py``, likewise."""
    key = ("test", "private", f"{SECRET}-{n}")
    yield lambda: client.put(key, {"n": NUMBER, "text": SECRET})
    yield lambda: client.get(("test", "private", f"{SECRET}-missing"))
    yield lambda: client.batch_write([(key, {"text": SECRET})])
    yield lambda: client.increment(key, "text", NUMBER)
    if n == 0:
        query = client.query("test", "private")
        query.where(py_predicates.equals("text", SECRET))
        yield lambda: query.results()


def native_calls(client, n):
    """Yield calls of ``aerospike-native``, likewise."""
    key = native.Key("test", "private", f"{SECRET}-{n}")
    yield lambda: client.put_blocking(key, {"n": NUMBER, "text": SECRET})
    yield lambda: client.get_blocking(native.Key("test", "private", f"{SECRET}-missing"))
    yield lambda: client.add_blocking(key, {"text": NUMBER})
    yield lambda: client.execute_udf_blocking(key, "module", "function", [SECRET])
    yield lambda: client.batch_read_blocking([key])
    if n == 0:
        everywhere = native.PartitionFilter.all()
        statement = native.Statement("test", "private")
        statement.filters = [native.Filter.equal("text", SECRET)]
        yield lambda: list(client.query_blocking(statement, everywhere))


CLIENTS = {
    "aerospike": (lambda cluster: aerospike.client({"hosts": cluster.hosts}), c_calls),
    "aerospike-py": (
        lambda cluster: aerospike_py.client({"hosts": cluster.hosts}).connect(),
        py_calls,
    ),
    "aerospike-native": (
        lambda cluster: native.new_client_blocking(native.ClientPolicy(), cluster.seeds),
        native_calls,
    ),
}


@pytest.mark.parametrize("name", CLIENTS)
def test_no_secret_is_told_by_any_signal(healthy, name, caplog):
    connect, calls = CLIENTS[name]
    listener = Listener()
    client = resilient(connect(healthy), "latency", overrides=TOLD, telemetry=listener.providers)
    signals = 0

    def told() -> str:
        nonlocal signals
        found = [span.to_json() for span in listener.spans]
        found += [record.getMessage() for record in caplog.records if _is_ours(record)]
        signals += len(found)
        listener.exporter.clear()
        caplog.clear()
        return "\n".join(found)

    with caplog.at_level(logging.DEBUG):
        for n in range(60):
            for call in calls(client, n):
                with contextlib.suppress(Exception):
                    call()
            if n % 20 == 19:
                with healthy.inject(op=("get", "put"), code=18):
                    for call in calls(client, n):
                        with contextlib.suppress(Exception):
                            call()
            assert_private(told())
        client.resilience.isolate("A1")
        for call in calls(client, 1):
            with contextlib.suppress(Exception):
                call()
    assert_private(told())
    assert_private(listener.reader.get_metrics_data().to_json())
    assert_private(json.dumps(client.resilience.snapshot()))
    assert signals > 500
    client.resilience.close()
    (client.close_blocking if name == "aerospike-native" else client.close)()


def assert_private(told: str) -> None:
    """Fail where a secret is among what was told, and name it without printing all of it."""
    for secret in (SECRET, str(NUMBER)):
        at = told.find(secret)
        assert at < 0, told[max(at - 200, 0) : at + 50]


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name.startswith("aerospike_resilience")
