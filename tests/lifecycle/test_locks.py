"""No lock of ours is held while foreign code runs: log handlers, listeners, exporters, rules."""

from __future__ import annotations

import ast
import logging
import threading
from pathlib import Path

import pybreaker
import pytest
import tenacity

import aerospike_resilience
from aerospike_resilience import resilient
from aerospike_resilience.concurrency.changes import Changes
from aerospike_resilience.concurrency.notices import Notices
from tests.waiting import until

ROOT = Path(aerospike_resilience.__file__).parent
KEYS = [("test", "locks", n) for n in range(40)]
MINE = "version: 1\nextends: latency\nconnection: {{tend_interval: 100ms}}\n{}\n"


class Held:
    """The locks of ours that each thread holds, and what foreign code found held."""

    def __init__(self) -> None:
        self.here = threading.local()
        self.found: list[str] = []
        self.entered: set[str] = set()

    def foreign(self, what: str) -> None:
        """Foreign code runs."""
        self.entered.add(what.split(":")[0])
        if locks := {name for name, depth in self.counts().items() if depth}:
            self.found.append(f"{what} while {sorted(locks)} are held")

    def counts(self) -> dict[str, int]:
        if not hasattr(self.here, "counts"):
            self.here.counts = {}
        return self.here.counts


class Watched:
    """A lock of the library's that knows who holds it."""

    def __init__(self, lock, held: Held, name: str) -> None:
        self._lock, self._held, self._name = lock, held, name

    def acquire(self, *args, **kwargs):
        if got := self._lock.acquire(*args, **kwargs):
            counts = self._held.counts()
            counts[self._name] = counts.get(self._name, 0) + 1
        return got

    def release(self):
        self._held.counts()[self._name] -= 1
        self._lock.release()

    def _is_owned(self):
        return self._lock._is_owned()

    def __enter__(self):
        return self.acquire()

    def __exit__(self, *_error):
        self.release()


class Threading:
    """`threading` as the library's modules see it: every reentrant lock of theirs is watched."""

    def __init__(self, held: Held, module: str) -> None:
        self._held, self._module = held, module

    def __getattr__(self, name):
        return getattr(threading, name)

    def RLock(self):  # noqa: N802
        return Watched(threading.RLock(), self._held, self._module)


@pytest.fixture
def held(monkeypatch):
    import sys

    found = Held()
    for name, module in list(sys.modules.items()):
        if (
            name.startswith("aerospike_resilience")
            and getattr(module, "threading", None) is threading
        ):
            monkeypatch.setattr(module, "threading", Threading(found, name.split(".", 1)[-1]))
    return found


class Handler(logging.Handler):
    """A log handler that uses the client that logs."""

    def __init__(self, held: Held) -> None:
        super().__init__(logging.DEBUG)
        self.held, self.client = held, None

    def emit(self, record):
        self.held.foreign(f"logging: {record.getMessage()[:60]}")
        if self.client is not None:
            client, self.client = self.client, None
            try:
                client.put(KEYS[0], {"text": record.getMessage()})
                client.resilience.snapshot()
                client.resilience.reload()
            except Exception:
                pass
            finally:
                self.client = client


class Listener(pybreaker.CircuitBreakerListener):
    def __init__(self, held: Held) -> None:
        self.held = held

    def state_change(self, cb, old_state, new_state):
        self.held.foreign(f"listener: {cb.name} {new_state.name}")


class Meter:
    """A meter of an exporter's that minds where it is called."""

    def __init__(self, held: Held) -> None:
        self.held = held

    def __getattr__(self, name):
        def call(*_args, **_kwargs):
            self.held.foreign(f"exporter: {name}")
            return Meter(self.held)

        return call


def test_foreign_code_never_runs_under_a_lock(held, cluster, connect, tmp_path):
    file = tmp_path / "mine.yaml"

    def write(text: str) -> None:
        draft = tmp_path / "draft"
        draft.write_text(MINE.format(text))
        draft.rename(file)

    def waits(state):
        held.foreign("wait rule")
        return 0.001

    def storage(_node):
        held.foreign("storage")
        return pybreaker.CircuitMemoryStorage("closed")

    def arranged(chain):
        held.foreign("arrange")
        return chain

    write("")
    handler = Handler(held)
    log = logging.getLogger("aerospike_resilience")
    level, before = log.level, log.propagate
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    try:
        client = resilient(
            connect(cluster),
            "mine",
            policies=tmp_path,
            listeners=[Listener(held)],
            storage=storage,
            arrange=arranged,
            wait=waits,
            retry=tenacity.retry_if_exception_type(Exception),
            meter_provider=Meter(held),
        )
        handler.client = client
        _drive(client, cluster, write, held)
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
        log.propagate = before
    assert held.found == []
    assert held.entered >= {"logging", "listener", "storage", "arrange", "wait rule"}


def _drive(client, cluster, write, held: Held) -> None:
    """Cause every notice that somebody may subscribe to."""
    gate = client.resilience._engine.shared.gates.main
    gate.on_wait = lambda _seconds, _outcome: held.foreign("on_wait")

    def write_all() -> None:
        for key in KEYS:
            try:
                client.put(key, {"n": 1})
            except Exception:
                continue

    def state(name: str) -> str:
        return client.resilience.nodes.get(name, {"state": "gone"})["state"]

    write_all()
    with cluster.inject(op="read", code="DEVICE_OVERLOAD", count=3):
        for key in KEYS[:3]:
            try:
                client.get(key)
            except Exception:
                continue
    cluster.stall("A1")
    until(lambda: (write_all(), state("A1") == "open")[1], 20)
    with client.resilience.using("best-effort", overrides={"retry": {"max_sleep": "1ms"}}):
        write_all()
    cluster.resume("A1")
    until(lambda: (write_all(), state("A1") == "closed")[1], 20)  # by way of half-open
    client.resilience.isolate("A2")
    write_all()  # some are refused
    write(
        "backpressure: {max_concurrent_operations: 9, limit: adaptive, floor: 1}\nbreaker: {isolate: [A3]}"
    )
    until(lambda: gate.limit == 9)
    write("backpressure: {max_concurrent_operations: [}")
    until(lambda: client.resilience.snapshot()["profile"]["reload_error"])
    write("breaker: {mode: 'off'}")
    until(lambda: client.resilience.profile.breaker.mode == "off")
    write("")
    until(lambda: state("A2") == "isolated")
    client.resilience.release("A2")
    cluster.kill("A3")
    until(lambda: (write_all(), state("A3") == "gone")[1], 20)
    client.resilience.close()


def test_what_is_noted_under_a_lock_is_said_by_that_thread_after_its_release():
    notices, said = Notices(), []
    changes = Changes(notices)

    def effect() -> str:
        with notices, notices.lock:
            notices.note(said.append, "inner")
        assert said == []  # the outer lock is still held
        return "done"

    assert changes.make(lambda: effect) == "done"
    assert said == ["inner"]
    notices.note(said.append, "at once")
    assert said == ["inner", "at once"]


def test_a_handler_that_raises_fails_no_call(capsys):
    notices = Notices()
    with notices, notices.lock:
        notices.note(lambda: 1 / 0)
        notices.note(lambda: None)
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_what_is_made_ready_while_something_else_takes_effect_is_made_ready_again():
    changes, seen = Changes(), []

    def ready():
        if not seen:
            changes.make(lambda: lambda: None)  # another thread was faster
        seen.append(len(seen))
        return lambda: "in force"

    assert changes.make(ready) == "in force"
    assert seen == [0, 1]


def test_every_lock_is_one_that_a_signal_handler_may_meet():
    """Only reentrant locks, and those whose every step is one of C; events and conditions are neither."""
    raw = {"wakeup.py", "semaphore.py"}
    for path in ROOT.rglob("*.py"):
        if path.relative_to(ROOT).parts[0] in ("testing", "demo", "rehearsal", "cli"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "threading":
                assert node.attr not in ("Condition", "Event", "Semaphore", "Barrier"), path
                assert node.attr != "Lock" or path.name in raw, path
