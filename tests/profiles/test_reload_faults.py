"""Whatever is wrong with a reload, the last good profile stays in force whole, and watching goes on."""

from __future__ import annotations

import sys
import threading
from types import SimpleNamespace

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from aerospike_resilience import resilient
from aerospike_resilience.profiles import PolicyLibrary, Watcher
from aerospike_resilience.runtime.compiled import Runtime
from tests.profiles.broken_yaml import BROKEN_YAML
from tests.profiles.test_reload import GOOD, replace
from tests.waiting import until

KEY = ("test", "reload", 1)

TUNED = (
    "version: 1\nextends: latency\n"
    "policy: {{reads: {{total_timeout: {0}ms}}}}\n"
    "backpressure: {{max_concurrent_operations: {0}}}\n"
    "breaker: {{max_error_rate: {0}{1}}}\n"
)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(TUNED.format(100, ""))
    return path


@pytest.fixture
def wrap(bare, tmp_path):
    wrapped = []

    def wrap_(profile: str = "mine", **kwargs):
        wrapped.append(resilient(bare, profile, policies=tmp_path, **kwargs))
        return wrapped[-1]

    yield wrap_
    for client in wrapped:
        client.resilience.close()


def in_force(client) -> set[float]:
    """Return what the policies, the gate and the nodes go by; one number if they go together."""
    engine = client.resilience._engine
    return {
        client.resilience.explain("get").value("total_timeout"),
        client.resilience.snapshot()["gate"]["limit"],
        engine.shared.health.options.max_error_rate,
    }


# ----- nothing is half in force


def test_a_storage_that_cannot_be_used_changes_nothing_at_all(file, wrap):
    client = wrap()
    replace(file, TUNED.format(200, ", storage: 'redis://localhost/0?socket_timeout=soon'"))

    for _ in range(2):  # the second time too: it is still not in force
        assert isinstance(client.resilience.reload().error, ValueError)
    assert in_force(client) == {100}
    assert client.resilience.snapshot()["profile"]["reload_error"]

    replace(file, TUNED.format(300, ""))
    assert client.resilience.reload().error is None
    assert in_force(client) == {300}
    assert client.resilience.snapshot()["profile"]["reload_error"] is None


def test_a_missing_package_changes_nothing_at_all(file, wrap, monkeypatch):
    client = wrap()
    monkeypatch.setitem(sys.modules, "redis", None)
    replace(file, TUNED.format(200, ", storage: 'redis://localhost/0'"))

    assert "needs the package redis" in str(client.resilience.reload().error)
    assert in_force(client) == {100}


def test_an_arrangement_that_fails_changes_nothing_at_all(file, wrap):
    def arrange(chain):
        if broken:
            raise RuntimeError("no such chain")
        return chain

    broken: list[bool] = []
    client = wrap(arrange=arrange)
    broken.append(True)
    replace(file, TUNED.format(200, ""))

    assert isinstance(client.resilience.reload().error, RuntimeError)
    assert in_force(client) == {100}
    broken.clear()
    assert client.resilience.reload().error is None
    assert in_force(client) == {200}


def test_a_gate_that_the_reload_adds_holds_for_the_next_call(file, wrap):
    class Look:
        def around(self, call, proceed):
            held.append(client.resilience.snapshot()["gate"]["in_flight"])
            return proceed(call)

        around_async = around

    held: list[int] = []
    file.write_text("version: 1\nextends: latency\nbackpressure: {max_concurrent_operations: 0}\n")
    client = wrap(arrange=lambda chain: [*chain[:-1], Look(), chain[-1]])
    client.put(KEY, {"n": 1})
    replace(file, TUNED.format(100, ""))
    client.resilience.reload()
    client.put(KEY, {"n": 1})

    assert held == [0, 1]


# ----- every file is a bad file, and no more


@pytest.mark.parametrize("name", BROKEN_YAML)
def test_a_file_that_is_broken_as_yaml_is_a_bad_file_to_the_watcher(name, file):
    told = SimpleNamespace(changes=[], errors=[])
    watcher = Watcher(PolicyLibrary([file.parent]), "mine", told.changes.append, told.errors.append)

    replace(file, BROKEN_YAML[name][0])
    watcher.poll()
    watcher.poll()
    assert (len(told.changes), len(told.errors)) == (0, 1)

    replace(file, GOOD.format(200))
    watcher.poll()
    assert len(told.changes) == 1


def test_a_bad_file_is_told_in_the_log_the_snapshot_and_the_metric(file, wrap, caplog):
    reader = InMemoryMetricReader()
    client = wrap(meter_provider=MeterProvider([reader]))

    def failed() -> float | None:
        data = reader.get_metrics_data()
        return next(
            (
                point.value
                for resource in (data.resource_metrics if data else [])
                for scope in resource.scope_metrics
                for metric in scope.metrics
                if metric.name == "aerospike.resilience.reload.failed"
                for point in metric.data.data_points
            ),
            None,
        )

    assert until(lambda: failed() is not None)
    assert failed() == 0
    replace(file, "version: 1\ndescription: 2024-99-99\n")
    until(lambda: failed() == 1)
    assert "no valid timestamp" in client.resilience.snapshot()["profile"]["reload_error"]
    until(
        lambda: "stays as it was" in caplog.text
    )  # written after the metric, once no lock is held
    replace(file, TUNED.format(200, ""))
    until(lambda: failed() == 0)


# ----- watching goes on, wherever the file may be


def test_a_parent_that_is_written_after_its_child_is_seen(file, wrap):
    client = wrap()
    replace(file, "version: 1\nextends: base2\n")
    until(lambda: "base2" in (client.resilience.snapshot()["profile"]["reload_error"] or ""))

    (file.parent / "base2.yaml").write_text(TUNED.format(200, ""))

    until(lambda: in_force(client) == {200})


def test_a_parent_that_is_mended_is_seen(file, wrap):
    client = wrap()
    (file.parent / "base2.yaml").write_text("nonsense: 1\n")
    replace(file, "version: 1\nextends: base2\n")
    until(lambda: client.resilience.snapshot()["profile"]["reload_error"])

    replace(file.parent / "base2.yaml", TUNED.format(200, ""))

    until(lambda: in_force(client) == {200})


def test_a_file_that_comes_before_the_one_in_force_is_seen(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    (second / "mine.yaml").write_text(GOOD.format(100))
    changes: list = []
    watcher = Watcher(PolicyLibrary([first, second]), "mine", changes.append, changes.append)

    (first / "mine.yaml").write_text(GOOD.format(200))
    watcher.poll()

    assert len(changes) == 1


# ----- races


def test_a_change_between_reading_and_looking_is_seen(file):
    """The file changes right after it was read."""

    class Library(PolicyLibrary):
        def load(self, *args):
            found = super().load(*args)
            if meanwhile:
                replace(file, GOOD.format(meanwhile.pop()))
            return found

    meanwhile: list[int] = []
    changes: list = []
    watcher = Watcher(Library([file.parent]), "mine", changes.append, changes.append)
    meanwhile.append(300)
    replace(file, GOOD.format(200))
    watcher.poll()
    watcher.poll()

    assert [one.flat()["policy.reads.total_timeout"] for one in changes] == ["200ms", "300ms"]


def test_an_older_reload_does_not_land_after_a_newer_one(file, wrap, monkeypatch):
    client = wrap()
    entered, released = threading.Event(), threading.Event()
    load = PolicyLibrary.load

    def slow(self, *args):
        found = load(self, *args)
        if not entered.is_set():
            entered.set()
            released.wait(60)
        return found

    monkeypatch.setattr(PolicyLibrary, "load", slow)
    replace(file, TUNED.format(200, ""))
    older = threading.Thread(target=client.resilience.reload)
    older.start()
    entered.wait(60)
    replace(file, TUNED.format(300, ""))
    newer = threading.Thread(target=client.resilience.reload)
    newer.start()
    newer.join(0.3)  # it waits for the older one, or has overtaken it by now
    released.set()
    older.join()
    newer.join()

    assert in_force(client) == {300}


def test_a_chain_built_for_a_late_sdk_does_not_bring_the_old_profile_back(file, wrap, monkeypatch):
    client = wrap()
    reloads: list[threading.Thread] = []

    def stale(_self) -> bool:
        if reloads:
            return False
        replace(file, TUNED.format(200, ""))
        thread = threading.Thread(target=client.resilience.reload)
        thread.start()
        thread.join(10)  # it does not wait for the tend
        reloads.append(thread)
        return True

    monkeypatch.setattr(Runtime, "telemetry_is_stale", property(stale))
    until(lambda: reloads)
    reloads[0].join()

    until(lambda: in_force(client) == {200})
