"""Invariant 15 for calls about many records: batches, queries and their streams."""

from __future__ import annotations

import gc
import time

import pytest

from aerospike_resilience import resilient
from tests.conformance.surfaces import (
    NativeAsync,
    NativeBlocking,
    aerospike,
    code_of,
    learned,
    native,
)
from tests.conformance.telling import CALM, SDK, Listener, Watched, seen
from tests.patience import NEVER_LATE
from tests.waiting import until

PAUSE_S = 0.15


# ----- batches


def test_a_batch_tells_how_many_rows_failed_and_the_worst_code(healthy, watched):
    call = watched(breaker={"mode": "enforce"})
    surface = call.surface
    ns = list(range(24))

    result, told = call.told(lambda: surface.batch_put(ns))
    assert (set(result), told.outcome.kind) == ({0}, "ok")
    assert told.attributes.get("db.operation.batch.size", 24) == 24

    result, told = call.told(lambda: surface.batch_get([*ns, 10**6]))
    assert result[-1] is None
    assert told.outcome.kind == "ok"  # a row without a record is an answer

    learned(surface)
    surface.resilience.isolate("A1")
    result, told = call.told(lambda: surface.batch_put(ns))
    if isinstance(result, Exception):  # some clients raise for a batch with failed rows
        assert told.outcome.kind == "refused"
        codes = [code_of(row) for row in result.records]
    elif isinstance(surface, SDK):
        assert told.outcome.kind == "refused"
        codes = result
    else:
        codes = result
        assert told.outcome.kind == "partial"
        assert told.sample["error.type"] in {str(code) for code in codes if code}
    assert told.attributes["aerospike.resilience.batch.failed_rows"] == sum(map(bool, codes))


def test_a_batch_that_fails_everywhere_is_an_error(healthy, watched):
    call = watched()
    surface = call.surface
    ns = list(range(6))
    surface.batch_put(ns)

    with healthy.inject(op="batch", code=18):
        result, told = call.told(lambda: surface.batch_put(ns))

    assert told.outcome.kind in ("failed", "partial")
    if not isinstance(surface, SDK):
        assert isinstance(result, Exception) == (told.outcome.kind == "failed")
    assert told.sample["aerospike.resilience.failure"] == "overload"


# ----- streams and queries


def test_a_query_ends_when_its_last_record_was_read_or_with_its_error(healthy, watched):
    call = watched(policy={"all": {**NEVER_LATE["policy"]["all"], "max_retries": 0}})
    surface = call.surface
    for n in range(5):
        surface.put(n, {"n": n})

    with healthy.inject(op=("query", "scan"), latency="80ms"):
        result, told = call.told(lambda: surface.scan("conformance"))
    assert result >= 5
    assert told.outcome.kind == "ok"
    assert told.outcome.duration_s >= 0.08
    assert told.attributes["db.response.returned_rows"] == told.outcome.rows == result
    assert told.sample["db.collection.name"] == "conformance"

    with healthy.inject(op=("query", "scan"), code=210):
        result, told = call.told(lambda: surface.scan("conformance"))
    assert isinstance(result, surface.error)
    assert told.outcome.kind == "failed"


@pytest.mark.parametrize("how", ["dropped", "closed", "dropped unread"])
def test_a_stream_that_is_left_ends_with_its_last_record_or_when_it_is_closed(
    healthy, connect, how
):
    listener = Listener()
    surface = NativeBlocking(healthy)
    surface.open(overrides=CALM, telemetry=listener.providers)
    call = Watched(surface, listener)
    surface.put("there", {"n": 1})

    read_s = []

    def left():
        statement = native.Statement("test", "conformance")
        began = time.monotonic()
        stream = surface.client.query_blocking(statement, native.PartitionFilter.all())
        if how != "dropped unread":
            next(stream)
        read_s.append(time.monotonic() - began)
        time.sleep(PAUSE_S)
        if how == "closed":
            stream.close()
        del stream
        gc.collect()
        until(lambda: listener.outcomes)  # the tend thread tells of what was dropped

    _result, told = call.told(left)
    surface.close()

    assert (told.outcome.kind, told.outcome.rows) == ("ok", int(how != "dropped unread"))
    if how == "closed":
        assert told.outcome.duration_s >= PAUSE_S
    else:
        assert told.outcome.duration_s <= read_s[0]


def test_an_awaited_stream_that_is_closed_in_time_ends_there(healthy):
    listener = Listener()
    surface = NativeAsync(healthy)
    surface.open(overrides=CALM, telemetry=listener.providers)
    call = Watched(surface, listener)
    surface.put("there", {"n": 1})

    async def left():
        statement = native.Statement("test", "conformance")
        stream = await surface.client.query(statement, native.PartitionFilter.all())
        await anext(stream)
        stream.close()

    _result, told = call.told(lambda: surface.run(left()))
    surface.close()

    assert (told.outcome.kind, told.outcome.rows) == ("ok", 1)


def test_an_error_of_the_applications_callback_is_told_as_its_own(healthy, bare):
    listener = Listener()
    client = resilient(bare, "latency", overrides=CALM, telemetry=listener.providers)
    client.put(("test", "conformance", "there"), {"n": 1})

    def divide(_record):
        return 1 / 0

    listener.begin()
    result = seen(lambda: client.query("test", "conformance").foreach(divide))
    told = listener.told()
    client.resilience.close()

    assert isinstance(result, aerospike.exception.ClientError)  # in which the client wraps it
    assert told.sample["error.type"] == "ZeroDivisionError"
    assert told.sample["aerospike.resilience.failure"] == "caller"
