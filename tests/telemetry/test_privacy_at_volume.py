"""100,000 private values pass through every client, operation, fault and error; none is exported."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import itertools
import json
import logging
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import aerospike
import pytest
from opentelemetry.sdk._logs import LoggerProvider, export

from aerospike_resilience import TelemetryProviders, deadline
from aerospike_resilience.clients.aerospike.operations import OPERATIONS as C_TABLE
from aerospike_resilience.clients.aerospike_native.operations import OPERATIONS as NATIVE_TABLE
from aerospike_resilience.clients.aerospike_py.operations import OPERATIONS as PY_TABLE
from aerospike_resilience.model.operation import Kind
from tests.conformance.surfaces import SURFACES, CClient, NativeBlocking, PyClient, native
from tests.conformance.telling import CALM, Listener
from tests.telemetry.private_values import SET, Private, every_call, found_in

VALUES = 100_000
IN_A_RECORD = 200

TABLES = {
    CClient: (C_TABLE, lambda text: ("test", SET, text)),
    PyClient: (PY_TABLE, lambda text: ("test", SET, text)),
    NativeBlocking: (NATIVE_TABLE, lambda text: native.Key("test", SET, text)),
}

BRIEF: dict[str, Any] = {
    **CALM,
    "breaker": {"mode": "enforce"},
    "policy": {
        "all": {
            "total_timeout": "400ms",
            "socket_timeout": "100ms",
            "max_retries": 2,
            "sleep_between_retries": "0ms",
        }
    },
    "retry": {"budget": None, "native_failover": 0},
}
EVERYTHING = dict.fromkeys(
    (
        *("db_query_text", "attempt_spans", "returned_rows", "last_call"),
        *("attempt_duration", "record_size"),
    ),
    True,
)


class Watch:
    """All that one wrapped client exports, searched as it comes."""

    def __init__(self, *, attempt_logs: bool) -> None:
        self.listener = Listener()
        newer = getattr(export, "InMemoryLogRecordExporter", None)
        self.logs = (newer or export.InMemoryLogExporter)()
        self.loggers = LoggerProvider(shutdown_on_exit=False)
        self.loggers.add_log_record_processor(export.SimpleLogRecordProcessor(self.logs))
        self.signals = 0
        self.options: dict[str, Any] = {
            "overrides": {**BRIEF, "telemetry": {**EVERYTHING, "attempt_logs": attempt_logs}},
            "telemetry": TelemetryProviders(
                tracer_provider=self.listener.tracers,
                meter_provider=self.listener.meters,
                logger_provider=self.loggers,
            ),
        }

    def search(self, told: list[str]) -> None:
        """Search texts, and what was exported since the last time."""
        told += [span.to_json(indent=None) for span in self.listener.spans]
        told += [record.to_json() for record in self.logs.get_finished_logs()]
        self.listener.exporter.clear()
        self.logs.clear()
        self.signals += len(told)
        assert found_in("\n".join(told)) == []

    def search_state(self, resilience: Any) -> None:
        """Search the metrics, the snapshot, the explanations, the last call and the live endpoint."""
        with resilience.serve(port=0, allow=["isolate"]) as server:
            answers = [
                _answer(server, "GET", path) for path in ("/snapshot", "/traffic?seconds=0.1")
            ]
        self.search(
            [
                self.listener.reader.get_metrics_data().to_json(),
                json.dumps(resilience.snapshot()),
                str(resilience.explain("get", set=f"test.{SET}")),
                repr(resilience.last_call()),
                *answers,
            ]
        )


def _answer(server: Any, method: str, path: str) -> str:
    host, _, port = server.url.partition("//")[2].partition("#")[0].strip("/").partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    connection.request(method, path, headers={"Authorization": f"Bearer {server.token}"})
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    assert answer.status == 200, body
    return body


def _words(surface: Any, private: Private):
    """Yield calls in the words that every client has."""
    key = private.text()
    yield lambda: surface.put(key, private.bins(IN_A_RECORD))
    yield lambda: surface.get(key)
    yield lambda: surface.get(private.text())
    yield lambda: surface.create(key, private.bins(3))
    yield lambda: surface.remove(private.text())
    yield lambda: surface.batch_get([key, *private.texts(40)])


def _rare_words(surface: Any, private: Private, *, whole: bool = False):
    """Yield the calls that need not be made often; the whole of them has those that administer, too."""
    yield lambda: surface.increment(private.text())
    yield lambda: surface.operate_increment(private.text())
    yield lambda: surface.batch_put(private.texts(20))
    yield lambda: surface.scan("conformance")
    yield lambda: surface.client.get(private.text())
    if surface.awaited:
        yield lambda: surface.run(_cancelled(surface, private.text()))
    if type(surface) in TABLES:
        table, key = TABLES[type(surface)]
        chosen = [one for one in table.values() if whole or one.kind in (Kind.READ, Kind.WRITE)]
        yield from every_call(surface.client, chosen, key, private)
    if type(surface) is CClient:
        query = surface.client.query("test", "conformance")
        yield lambda: query.foreach(lambda _row: int(private.text()))
        yield lambda: surface.client.put(private.data(), private.bins(3))
        meta = {"gen": 7}
        how = {"gen": aerospike.POLICY_GEN_EQ}
        yield lambda: surface.client.put(surface.key(private.text()), {}, meta, how)


async def _cancelled(surface: Any, key: str) -> None:
    pending = asyncio.ensure_future(surface.awaitable_get(key))
    await asyncio.sleep(0)
    pending.cancel()
    await pending


def _make(calls: Any) -> list[str]:
    """Make calls; return what this library adds to their errors."""
    return [text for call in calls for text in _added(call)]


def _make_at_once(calls: Any) -> list[str]:
    """Make them at once: clients wait a second for each index and module that they make or remove."""
    with ThreadPoolExecutor(16) as pool:
        return [text for added in pool.map(_added, calls) for text in added]


def _added(call: Any) -> list[str]:
    try:
        call()
    except BaseException as error:
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise
        return [*getattr(error, "__notes__", ()), repr(getattr(error, "attempts", ()))]
    return []


FAULTS = (
    {"code": 18},
    {"code": 14},
    {"code": 22},
    {"answer": "reset", "share": 0.5},
    {"answer": "garbage", "count": 2},
    {"answer": "drop", "count": 2},
    {"code": 80},
)


@contextlib.contextmanager
def _fault(cluster: Any, surface: Any, number: int):
    with contextlib.ExitStack() as stack:
        if number < len(FAULTS):
            stack.enter_context(cluster.inject(op="data", **FAULTS[number]))
        elif number == len(FAULTS):
            stack.enter_context(deadline(0))
        elif number == len(FAULTS) + 1:
            gate = surface.resilience._engine.shared.gates
            gate.close()
            stack.callback(gate.reopen)
        else:
            for node in ("A1", "A2", "A3"):
                surface.resilience.isolate(node)
                stack.callback(surface.resilience.release, node)
        yield


def test_no_private_value_of_100_000_is_exported(unhurried_cluster, caplog):
    private, signals = Private(), 0
    surfaces = [made for made in SURFACES if made.name != "instrumented"]
    with caplog.at_level(logging.DEBUG), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number, made in enumerate(surfaces, 1):
            watch = Watch(attempt_logs=number % 2 == 0)
            surface = made(unhurried_cluster)
            surface.open(**watch.options)
            try:
                with contextlib.ExitStack() as left:
                    left.callback(unhurried_cluster.clear_faults)
                    for fault in range(len(FAULTS) + 3):
                        with _fault(unhurried_cluster, surface, fault):
                            added = _make(_words(surface, private))
                            if fault in (0, len(FAULTS), len(FAULTS) + 2):
                                added += _make(_rare_words(surface, private))
                        watch.search(added)
                    added = _make_at_once(_rare_words(surface, private, whole=True))
                    while private.made < VALUES * number // len(surfaces):
                        added += _make(_words(surface, private))
                    watch.search(added)
                    watch.search_state(surface.resilience)
            finally:
                surface.close()
            watch.search(_lines(caplog))
            signals += watch.signals

    assert private.made >= VALUES
    assert signals > 3_000


def _lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what this library logged, with its fields and tracebacks."""
    formatter = logging.Formatter()
    lines = [
        formatter.format(record) + repr(record.__dict__)
        for record in caplog.records
        if record.name.startswith("aerospike_resilience")
    ]
    caplog.clear()
    return lines


def test_the_search_finds_what_it_looks_for():
    private = Private()
    values = [private.text(), private.number(), private.data(), private.data().hex()]

    assert all(found_in(f'{{"a": "{value}"}}') for value in values)
    assert found_in(json.dumps({"text": list(itertools.repeat("x", 9))})) == []
