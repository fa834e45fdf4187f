"""A forked child goes on with the wrapped client: permits at home, tending when it is used."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import threading

import pybreaker
import pytest

from aerospike_resilience import resilient
from aerospike_resilience.nodes import TEND_THREAD
from tests.waiting import until

# Forking a process with threads is what is tested.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

KEY = ("test", "fork", 1)


LOCKS = (type(threading.Lock()), type(threading.RLock()))


def in_child(work) -> int:
    """Run `work` in a forked child and return its exit code: 0 if it returned true, 2 if not.

    One that hangs is ended by an alarm.
    """
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.alarm(60)
            code = 0 if work() else 2
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_child_starts_with_all_permits_home_though_a_thread_of_the_parent_held_one(
    healthy, connect
):
    wrapped = resilient(connect(healthy), profile="latency")
    wrapped.put(KEY, {"n": 1})
    gate = wrapped.resilience._engine.shared.gates.main
    done = threading.Event()

    def hold() -> None:
        gate.permits.pop()
        done.wait()
        gate.permits.append(None)

    holder = threading.Thread(target=hold)
    holder.start()
    until(lambda: gate.in_flight == 1)
    try:
        assert in_child(lambda: wrapped.resilience.snapshot()["gate"]["in_flight"] == 0) == 0
    finally:
        done.set()
        holder.join()
        wrapped.resilience.close()


def test_the_tend_thread_starts_in_a_child_with_its_first_call(healthy, connect):
    wrapped = resilient(connect(healthy), profile="latency")
    wrapped.put(KEY, {"n": 1})

    def child() -> bool:
        idle = not TEND_THREAD.alive
        return idle and wrapped.get(KEY)[2] == {"n": 1} and TEND_THREAD.alive

    assert in_child(child) == 0
    wrapped.resilience.close()


def test_tending_stops_with_the_last_client(healthy, connect):
    wrapped = resilient(connect(healthy), profile="latency")
    assert TEND_THREAD.alive

    wrapped.resilience.close()

    until(lambda: not TEND_THREAD.alive)


def test_a_child_forked_during_a_reload_can_reload(healthy, connect):
    wrapped = resilient(connect(healthy), profile="latency")
    engine = wrapped.resilience._engine
    health = engine.shared.health
    until(lambda: "A1" in health.by_name)
    with health.lock:  # a listener is shown a breaker of pybreaker's, which has a lock of its own
        health.by_name["A1"].breaker.open(health.clock(), "timeout")
        health.by_name["A1"].breaker.close(health.clock())
    until(lambda: not health.listeners._untold)
    held, done = threading.Event(), threading.Event()

    def reload() -> None:
        with engine._changes._guarded.lock:
            held.set()
            done.wait()

    reloader = threading.Thread(target=reload)
    reloader.start()
    held.wait()
    try:
        assert in_child(lambda: wrapped.resilience.reload().error is None) == 0
    finally:
        done.set()
        reloader.join()
        wrapped.resilience.close()


def test_a_node_that_was_open_at_the_fork_is_found_well_again_by_the_child(cluster, connect):
    wrapped = resilient(connect(cluster), profile="latency")
    for n in range(30):
        wrapped.put(("test", "fork", n), {"n": n})
    health = wrapped.resilience._engine.shared.health
    cluster.stall("A1")
    until(lambda: refused_or_failed(wrapped) and wrapped.resilience.nodes["A1"]["state"] == "open")
    until(lambda: health.by_name["A1"].pulse_out)

    def child() -> bool:
        until(lambda: wrapped.resilience.nodes["A1"]["state"] == "open")
        refused_or_failed(wrapped)
        cluster.resume("A1")
        until(lambda: wrapped.resilience.nodes["A1"]["state"] == "closed")
        return True

    try:
        assert in_child(child) == 0
    finally:
        cluster.resume("A1")
        wrapped.resilience.close()


def refused_or_failed(wrapped) -> bool:
    """Write every record once; whether any write failed."""
    failed = False
    for n in range(30):
        try:
            wrapped.put(("test", "fork", n), {"n": n})
        except Exception:
            failed = True
    return failed


def locks_of(root: object) -> list:
    """Every lock that an object of ours can come to, with the way to it."""
    found, seen, todo = [], set(), [(root, "")]
    while todo:
        one, way = todo.pop()
        if id(one) in seen or isinstance(one, threading.Thread):
            continue
        seen.add(id(one))
        if isinstance(one, LOCKS):
            found.append((way, one))
            continue
        module = type(one).__module__
        if module.startswith("aerospike_resilience") or module in ("pybreaker", "threading"):
            names = [*getattr(one, "__dict__", ())]
            names += [n for cls in type(one).__mro__ for n in getattr(cls, "__slots__", ())]
            todo += [(getattr(one, n, None), f"{way}.{n}") for n in names]
            if callable(one) and hasattr(one, "__self__"):
                todo.append((one.__self__, way))
        elif isinstance(one, dict):
            todo += [(value, f"{way}[{key!r}]") for key, value in one.items()]
        elif isinstance(one, list | tuple | set | frozenset):
            todo += [(value, f"{way}[]") for value in one]
        elif type(one).__name__ in ("method", "function"):
            todo += [(cell, way) for cell in gc.get_referents(one) if not isinstance(cell, dict)]
        elif type(one).__name__ == "cell":
            todo += [(cell, way) for cell in gc.get_referents(one)]
    return found


def test_no_lock_that_a_thread_of_the_parent_held_keeps_a_child_waiting(cluster, connect):
    wrapped = resilient(
        connect(cluster),
        profile="latency",
        overrides={"backpressure": {"max_per_node": 0.5, "limit": "adaptive"}},
        listeners=[pybreaker.CircuitBreakerListener()],
        storage=lambda _node: pybreaker.CircuitMemoryStorage("closed"),
    )
    wrapped.put(KEY, {"n": 1})
    engine = wrapped.resilience._engine
    health = engine.shared.health
    until(lambda: "A1" in health.by_name)
    with health.lock:  # a listener is shown a breaker of pybreaker's, which has a lock of its own
        health.by_name["A1"].breaker.open(health.clock(), "timeout")
        health.by_name["A1"].breaker.close(health.clock())
    until(lambda: not health.listeners._untold)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        locks = locks_of(engine) + locks_of(TEND_THREAD)
        names.extend(way for way, _lock in locks)
        for _way, lock in locks:
            lock.acquire(timeout=1)
        held.set()
        done.wait()
        for _way, lock in locks:
            with contextlib.suppress(RuntimeError):
                lock.release()

    def child() -> bool:
        assert wrapped.get(KEY)[2] == {"n": 1}
        cluster.kill("A1")
        refused_or_failed(
            wrapped
        )  # failures charge nodes and the budget, and sleep between attempts
        until(lambda: TEND_THREAD.alive)
        wrapped.resilience.isolate("A2")
        wrapped.resilience.snapshot()
        wrapped.resilience.close()
        return True

    names: list[str] = []
    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(60)
    try:
        assert in_child(child) == 0, names
        assert {way.rsplit(".", 2)[1] for way in names} >= {
            *("_budget", "_gates", "_loop", "_notices", "_others[]", "_circuits['A1']", "gate"),
        }
    finally:
        done.set()
        holder.join()
        wrapped.resilience.close()
