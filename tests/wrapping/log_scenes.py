"""Scenes in which the library logs: each provokes the lines that it is listed with."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import aerospike
import pybreaker
import pytest
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

from aerospike_resilience import (
    ClusterDefinition,
    PolicyFileError,
    connect,
    instrument,
    resilient,
    uninstrument,
)
from aerospike_resilience.connection import waiting
from aerospike_resilience.model.operation import NotAskedError
from aerospike_resilience.nodes import TEND_THREAD, TendedCluster
from aerospike_resilience.nodes.health_checks import HealthChecks
from aerospike_resilience.nodes.map_refresh import MapRefresher
from tests.patience import NEVER_LATE
from tests.telemetry.exported import Exported
from tests.waiting import until

Site = tuple[str, str]
"""A call that logs: the file, and the line's beginning as it stands in the code."""


class Scene(NamedTuple):
    """What a line is provoked with."""

    bare: Any
    folder: Path
    monkeypatch: pytest.MonkeyPatch
    request: pytest.FixtureRequest
    records: list[logging.LogRecord]
    wrapped: list[Any]

    def wrap(self, client: Any = None, profile: str = "latency", **options: Any) -> Any:
        client = resilient(
            client or self.bare, profile, name="carts", policies=self.folder, **options
        )
        self.wrapped.append(client.resilience)
        return client

    def write(self, name: str, text: str) -> None:
        (self.folder / f"{name}.yaml").write_text(f"version: 1\nextends: latency\n{text}")

    def said(self, text: str) -> bool:
        return any(text in record.getMessage() for record in self.records)


def health_of(client: Any) -> Any:
    return client.resilience._engine.shared.health


def a_reload_and_bad_files(scene: Scene) -> None:
    scene.write("mine", "retry: {chain: [1ms]}")
    scene.write("other", "")
    client = scene.wrap(profile="mine")
    with client.resilience.using("other"):
        client.exists(("test", "log", 1))
    with client.resilience.using(overrides={"retry": {"backoff": "chained"}}):
        client.exists(("test", "log", 1))
    scene.write("mine", "connection: {max_conns_per_node: 5}")
    client.resilience.reload()
    scene.write("mine", "nonsense: 1")
    scene.write("other", "nonsense: 1")
    client.resilience.reload()
    assert isinstance(client.resilience.reload().error, PolicyFileError)
    scene.write("mine", "connection: {max_conns_per_node: 5}")
    client.resilience.reload()


def a_finding_of_lint(scene: Scene) -> None:
    scene.write("mine", "policy:\n  reads: {socket_timeout: 250ms}\n")
    scene.wrap(profile="mine")


def a_configuration_of_the_clients_own(scene: Scene) -> None:
    file = scene.folder / "aerospike.txt"
    text = 'version: "1.0.0"\ndynamic:\n  read: {{{}}}\n'
    file.write_text(text.format("total_timeout: 777"))
    connect, healthy = (scene.request.getfixturevalue(name) for name in ("connect", "healthy"))
    scene.wrap(connect(healthy, config_provider=aerospike.ConfigProvider(str(file), 1000)))
    file.write_text(text.format("total_timeout: 888"))
    until(lambda: scene.said("dynamic configuration overrides profile"))
    file.write_text(text.format("total_timeout: 250"))
    until(lambda: scene.said("overrides the profile no more"))


def a_behavior_of_the_sdks_own_file_and_another_connection(scene: Scene) -> None:
    cluster, _ = scene.request.getfixturevalue("connected")
    scene.wrap(cluster, overrides={"connection": {"max_conns_per_node": 299}})


def nodes_that_open_close_and_leave(scene: Scene) -> None:
    health = health_of(scene.wrap())
    until(lambda: len(health.by_name) == 3)
    with health.notices, health.lock:
        for name in ("A1", "A2"):
            health.open_locked(health.by_name[name], "silence", health.clock())
        health.settle_locked()
    health.wake()
    until(lambda: scene.said("no node fails any more"))  # they answer when they are asked
    with health.notices, health.lock:
        health.registry.update({}, frozenset(), health.options)


def listeners_that_fail(scene: Scene) -> None:
    class Raising(pybreaker.CircuitBreakerListener):
        def state_change(self, cb: Any, old_state: Any, new_state: Any) -> None:
            raise LookupError("nobody listens")

    health = health_of(scene.wrap(listeners=[Raising()]))
    until(lambda: len(health.by_name) == 3)

    def open_node(name: str) -> None:
        with health.notices, health.lock:
            health.open_locked(health.by_name[name], "overload", health.clock())

    open_node("A1")
    until(lambda: scene.said("listener Raising failed"))


def a_storage_that_fails_and_recovers(scene: Scene) -> None:
    broken = [True]

    def make(_node: str) -> pybreaker.CircuitBreakerStorage:
        if broken:
            raise ConnectionError("no storage today")
        return pybreaker.CircuitMemoryStorage("closed")

    client = scene.wrap(storage=make)
    until(lambda: len(client.resilience.nodes) == 3)
    client.resilience._engine.sharing.exchange([])
    broken.clear()
    client.resilience._engine.sharing.exchange([])


def questions_that_nodes_leave_unanswered(scene: Scene) -> None:
    health = health_of(scene.wrap())
    until(lambda: len(health.by_name) == 3)
    node, checks = health.by_name["A1"], HealthChecks(health)
    refresher = MapRefresher(health, lambda _name, _asked: None)

    class Source:
        """The client's own, but for the answers that are set here."""

        error: Exception | None = NotAskedError("the pool is exhausted")
        answer: Callable[[list[str]], Any] | None = None

        def __getattr__(self, name: str) -> Any:
            return getattr(source, name)

        def info(self, *asked: Any) -> str:
            if self.error is not None:
                raise self.error
            return source.info(*asked)

        def answers(self, names: list[str], *asked: Any) -> Any:
            return source.answers(names, *asked) if self.answer is None else self.answer(names)

    source, stub = health.source, Source()
    scene.monkeypatch.setattr(health, "source", stub)
    checks._send(node)
    stub.error = TimeoutError("no answer")
    checks._send(node)
    stub.error = None
    until(lambda: all(one.quiet for one in health.nodes()))
    stub.answer = lambda _names: {}
    refresher.refresh()
    stub.answer = lambda names: dict.fromkeys(names, "nonsense")
    refresher.refresh()
    stub.answer = lambda _names: 1 / 0
    refresher._run()
    scene.monkeypatch.undo()


def tends_that_fail(scene: Scene) -> None:
    client = scene.wrap()

    def fail() -> float:
        raise LookupError("the file is gone")

    TendedCluster(health_of(client), on_tend=fail).tend()
    scene.monkeypatch.setattr(client.resilience._engine._tended, "tend", fail)
    TEND_THREAD.wake()
    until(lambda: scene.said("tending failed"))


def a_call_that_fails(scene: Scene) -> None:
    with contextlib.suppress(aerospike.exception.RecordNotFound):
        scene.wrap(overrides=NEVER_LATE).get(("test", "log", "no such record"))


def a_client_that_cannot_be_wrapped(scene: Scene) -> None:
    healthy = scene.request.getfixturevalue("healthy")
    instrument("latency", name="carts", policies=scene.folder, adapter="aerospike-cobol")
    try:
        aerospike.client({"hosts": healthy.hosts}).close()
    finally:
        uninstrument()


def telemetry_that_fails(scene: Scene) -> None:
    class Broken(SpanProcessor):
        def on_end(self, span: Any) -> None:
            raise RuntimeError("the exporter is broken")

    provider = TracerProvider()
    provider.add_span_processor(Broken())
    client = scene.wrap(tracer_provider=provider, overrides=NEVER_LATE)
    client.put(("test", "logs", 1), {"n": 1})


def a_state_that_cannot_be_read(scene: Scene) -> None:
    found = Exported()
    client = scene.wrap(meter_provider=found.provider)

    def fails() -> None:
        raise RuntimeError("the client cannot say")

    scene.monkeypatch.setattr(type(client.resilience._engine), "read", lambda _engine: fails())
    found.metrics()


def a_directory_that_is_not_there(scene: Scene) -> None:
    scene.monkeypatch.setenv("AEROSPIKE_RESILIENCE_POLICIES", "nowhere")
    scene.wrap()


def a_profile_that_is_broken_at_the_start(scene: Scene) -> None:
    scene.write("mine", "nonsense: 1")
    scene.wrap(profile="mine", broken_profile="parent")


def a_node_isolated_by_hand(scene: Scene) -> None:
    client = scene.wrap()
    until(lambda: client.resilience.nodes)
    client.resilience.isolate(next(iter(client.resilience.nodes)))


def a_misspelt_node(scene: Scene) -> None:
    wrapped = scene.wrap(overrides={"breaker": {"isolate": ["A9"]}})
    until(lambda: wrapped.resilience.nodes)
    wrapped.resilience.reload()


class ByName(aerospike.Client):
    """Derived from the client's class, whose method it calls by the class's name."""

    def save(self, key: Any) -> Any:
        return aerospike.Client.put(self, key, {"n": 1})


def a_method_that_runs_unprotected(scene: Scene) -> None:
    client = ByName({"hosts": [("127.0.0.1", next(iter(scene.bare.get_nodes()))[1])]})
    scene.wrap(client)
    scene.request.addfinalizer(client.close)


def a_cluster_that_is_awaited(scene: Scene) -> None:
    def left(_seconds: float) -> None:
        raise InterruptedError("whoever waits leaves before the second attempt")

    scene.monkeypatch.setattr(waiting, "time", SimpleNamespace(sleep=left))
    definition = ClusterDefinition("127.0.0.1", 1)
    with pytest.raises(InterruptedError):
        connect(definition, profile="latency", name="carts", wait="200s")
    scene.monkeypatch.undo()


def a_connection_against_advice(scene: Scene) -> None:
    healthy = scene.request.getfixturevalue("healthy")
    config = {"hosts": healthy.hosts, "idle_timeout": 120, "min_conns_per_node": 0}
    with connect(config, profile="latency", name="carts") as client:
        assert client.resilience.explain_connection().findings


PROVOKED: dict[Callable[[Scene], None], list[Site]] = {
    a_directory_that_is_not_there: [("profiles/library.py", "%s names %s, which %s: its p")],
    a_state_that_cannot_be_read: [("telemetry/board.py", "its state could not be read ")],
    telemetry_that_fails: [("runtime/compiled.py", "telemetry is broken, and cal")],
    a_cluster_that_is_awaited: [("connection/waiting.py", "waiting for the cluster: att")],
    a_connection_against_advice: [("connection/job.py", "%s")],
    a_profile_that_is_broken_at_the_start: [("profiles/audit.py", "profile %r cannot be used, s")],
    a_node_isolated_by_hand: [("profiles/audit.py", "%s: %s → %s (by hand)")],
    a_misspelt_node: [("nodes/misnamed.py", "breaker.isolate of profile %")],
    a_reload_and_bad_files: [
        ("profiles/audit.py", "profile %r reloaded: %s"),
        ("profiles/audit.py", "profile %r: the file is good"),
        ("profiles/audit.py", "profile %r stays as it was: "),
        ("profiles/audit.py", "profile %r of using() stays "),
        ("profiles/watch.py", "profile %r: %s changed, whic"),
        ("runtime/profiles_in_use.py", "what a using() block says ov"),
    ],
    a_method_that_runs_unprotected: [("wrapping/derived.py", "%s.%s runs on the client its")],
    a_finding_of_lint: [("profiles/lint.py", "%s: %s %s in profile %r: %s;")],
    a_configuration_of_the_clients_own: [
        ("runtime/native_overrides.py", "the client was configured ot"),
        ("runtime/native_overrides.py", "the client's own dynamic con"),
    ],
    a_behavior_of_the_sdks_own_file_and_another_connection: [
        ("runtime/native_overrides.py", "sessions that are created wi"),
        ("profiles/connection.py", "the client is connected othe"),
    ],
    nodes_that_open_close_and_leave: [
        ("nodes/verdict_log.py", "%s at node %s, with %d of %d"),
        ("nodes/verdict_log.py", "no node fails any more: the "),
        ("nodes/transition_log.py", "node %s left the cluster"),
        ("nodes/transition_log.py", "node "),
    ],
    listeners_that_fail: [
        ("nodes/listeners.py", "listener %s failed at node "),
    ],
    a_storage_that_fails_and_recovers: [
        ("nodes/sharing.py", "breaker.storage at %s cannot"),
        ("nodes/sharing.py", "breaker.storage at %s can be"),
    ],
    questions_that_nodes_leave_unanswered: [
        ("nodes/health_checks.py", "pulse to node %s not sent: %"),
        ("nodes/health_checks.py", "pulse to node %s missed: %s"),
        ("nodes/map_refresh.py", "node %s did not answer %r"),
        ("nodes/map_refresh.py", "partition map kept as it was"),
    ],
    tends_that_fail: [
        ("nodes/tending.py", "part of a tend failed; nodes"),
        ("nodes/tend_thread.py", "tending failed; it goes on a"),
    ],
    a_call_that_fails: [("interceptors/retry/error_notes.py", "%s ended as %s: %s")],
    a_client_that_cannot_be_wrapped: [("instrument.py", "a client was created and cou")],
}
