"""A forked child goes on with the wrapped client: permits at home, tending when it is used."""

from __future__ import annotations

import os
import threading

import pytest

from aerospike_resilience import resilient
from aerospike_resilience.nodes import TENDER
from tests.waiting import until

# Forking a process with threads is what is tested.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

KEY = ("test", "fork", 1)


def in_child(work) -> int:
    """Run `work` in a forked child and return its exit code: 0 if it returned true."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
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
        idle = not TENDER.alive
        return idle and wrapped.get(KEY)[2] == {"n": 1} and TENDER.alive

    assert in_child(child) == 0
    wrapped.resilience.close()


def test_tending_stops_with_the_last_client(healthy, connect):
    wrapped = resilient(connect(healthy), profile="latency")
    assert TENDER.alive

    wrapped.resilience.close()

    until(lambda: not TENDER.alive)


def test_a_child_forked_during_a_reload_can_reload(healthy, connect):
    wrapped = resilient(connect(healthy), profile="latency")
    engine = wrapped.resilience._engine
    held, done = threading.Event(), threading.Event()

    def reload() -> None:
        with engine._changing:
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
