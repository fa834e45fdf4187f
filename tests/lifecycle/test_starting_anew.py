"""Whatever holds a lock or a thread registers itself, and starts anew in a forked child."""

from __future__ import annotations

import ast
import gc
import re
import threading
from pathlib import Path

import pytest

import aerospike_resilience
from aerospike_resilience import resilient
from aerospike_resilience.concurrency import forking
from tests.patience import NEVER_LATE
from tests.waiting import until

ROOT = Path(aerospike_resilience.__file__).parent
KEY = ("test", "anew", 1)
HOLDERS = (type(threading.Lock()), type(threading.RLock()), threading.Thread)


def holders() -> list[object]:
    """Every object of the library's that holds a lock or a thread itself."""
    found = []
    for one in gc.get_objects():
        module = type(one).__module__
        if not isinstance(module, str) or not module.startswith("aerospike_resilience"):
            continue
        if module.startswith("aerospike_resilience.testing") or isinstance(one, type):
            continue
        names = [*getattr(one, "__dict__", ())]
        names += [n for cls in type(one).__mro__ for n in getattr(cls, "__slots__", ())]
        if any(isinstance(_attribute(one, name), HOLDERS) for name in names):
            found.append(one)
    return found


def _attribute(one: object, name: str) -> object:
    try:
        return object.__getattribute__(one, name)
    except AttributeError:
        return None


def test_whatever_holds_a_lock_or_a_thread_starts_anew_in_a_child(healthy, connect):
    import pybreaker

    client = resilient(
        connect(healthy),
        "latency",
        overrides={**NEVER_LATE, "backpressure": {"max_per_node": 0.5, "limit": "adaptive"}},
        listeners=[pybreaker.CircuitBreakerListener()],
        storage=lambda _node: pybreaker.CircuitMemoryStorage("closed"),
    )
    client.put(KEY, {"n": 1})
    until(lambda: client.resilience.snapshot()["gate"]["nodes"])
    registered = {id(one) for one in forking.registered()}

    parts = {"Wakeup"}  # held by something that makes a new one
    missing = {
        type(one).__qualname__
        for one in holders()
        if id(one) not in registered and type(one).__name__ not in parts
    }
    assert missing == set()
    assert {type(one).__name__ for one in forking.registered()} >= {
        *(
            "TendThread",
            "Notices",
            "Gate",
            "Gates",
            "NodeGates",
            "RetryBudget",
            "AdaptiveLimitLoop",
        ),
        *("AerospikeSource", "Engine", "ClusterHealth", "MapRefresher", "SharedStates", "Closing"),
    }
    client.resilience.close()


def test_every_class_that_makes_a_lock_or_starts_a_thread_registers():
    """Read from the source, so that a class which no test makes is found too."""
    for path in ROOT.rglob("*.py"):
        if path.relative_to(ROOT).parts[0] in ("testing", "demo", "cli"):
            continue
        for cls in [
            n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.ClassDef)
        ]:
            text = ast.unparse(cls)
            makes = "_lock = threading." in text or "lock = threading.RLock()" in text
            starts = "threads.start(" in text and re.search(r"_thread\b", text)
            if makes or starts:
                assert "forking.register(self)" in text, f"{path.name}: {cls.name}"
                assert "def after_fork(self)" in text, f"{path.name}: {cls.name}"


def test_one_that_fails_keeps_no_other_from_starting_anew(capfd):
    class Failing:
        def after_fork(self) -> None:
            raise OSError("defect")

    class Counting:
        count = 0

        def after_fork(self) -> None:
            self.count += 1

    failing, counting = Failing(), Counting()
    forking.register(failing)
    forking.register(counting)
    with pytest.raises(OSError, match="defect"):
        forking._in_child()
    assert counting.count == 1


def test_the_registry_keeps_nothing_alive():
    class One:
        def after_fork(self) -> None: ...

    before = len(forking.registered())
    one = One()
    forking.register(one)
    assert len(forking.registered()) == before + 1
    del one
    assert len(forking.registered()) == before
