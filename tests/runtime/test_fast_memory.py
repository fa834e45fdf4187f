"""A successful call leaves nothing behind: no object, no reference cycle, no plan for each set seen."""

from __future__ import annotations

import contextlib
import gc
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import aerospike.exception as theirs
import pytest

from aerospike_resilience import BackpressureError, deadline, resilient
from aerospike_resilience.nodes import TEND_THREAD
from aerospike_resilience.runtime.fast.table import BoundedTable
from benchmarks.stub import KEY, Stub

POLICY, OPERATIONS = {"total_timeout": 100}, [{"op": 1, "bin": "n"}]
CALLS = 10_000


class Missing(Stub):
    """Knows no record."""

    def get(self, key: Any, policy: Any = None) -> Any:
        raise theirs.RecordNotFound(2, "Record not found")


@contextmanager
def untended(client: Any) -> Iterator[Any]:
    """The client, whose successes nobody works out meanwhile."""
    TEND_THREAD.discard(client.resilience._engine._tended)
    yield client
    client.resilience.close()


def missed(client: Any) -> None:
    with contextlib.suppress(theirs.RecordNotFound):
        client.exists(KEY)


def refused(client: Any) -> None:
    gates = client.resilience._engine.shared.gates
    gates.close()
    gates.main.permits.clear()
    with contextlib.suppress(BackpressureError):
        client.get(KEY)


SETS = {"sets": {"test.demo": {"reads": {"total_timeout": "80ms"}}}}
FORMS: dict[str, Callable[[Any], Any]] = {
    "plain": lambda c: c.get(KEY),
    "key by name": lambda c: c.get(key=KEY),
    "meta": lambda c: c.put(KEY, {}, meta={}),
    "policy": lambda c: c.get(KEY, policy=POLICY),
    "operate": lambda c: c.operate(KEY, OPERATIONS),
    "miss": missed,
    "refused": refused,
}
AROUND: dict[str, Callable[[Any], Any]] = {
    "nothing": lambda _c: contextlib.nullcontext(),
    "deadline": lambda _c: deadline(1000),
    "using": lambda c: c.resilience.using(overrides=SETS),
}
SHAPES = [*((form, "nothing") for form in FORMS), ("plain", "deadline"), ("plain", "using")]
shaped = pytest.mark.parametrize(("form", "around"), SHAPES)


@shaped
def test_ten_thousand_calls_leave_no_object_behind(form: str, around: str):
    with untended(resilient(Stub(), "latency", adapter="aerospike")) as client:
        call = FORMS[form]

        def many(count: int = CALLS) -> None:
            for _ in range(count):
                call(client)

        with AROUND[around](client):
            many(1000)  # fills what is bounded: the successes not yet worked out
            gc.collect()
            least = CALLS
            for _ in range(5):  # other threads of this process allocate too, now and then
                before = sys.getallocatedblocks()
                many()
                least = min(least, sys.getallocatedblocks() - before)
                if least < CALLS / 100:
                    break

    assert least < CALLS / 100


@shaped
def test_a_thousand_calls_need_no_more_memory_than_a_few(form: str, around: str):
    with untended(resilient(Stub(), "latency", adapter="aerospike")) as client:
        call = FORMS[form]
        with AROUND[around](client):
            for _ in range(1000):
                call(client)
            tracemalloc.start()
            try:
                call(client)
                tracemalloc.reset_peak()
                before, _ = tracemalloc.get_traced_memory()
                for _ in range(1000):
                    call(client)
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()

    # A success is kept until it is worked out, 512 of them at most, in the place of an older one.
    assert peak - before < 512 * 250


def test_a_call_in_a_deadline_leaves_at_most_a_policy_for_each_millisecond():
    with untended(resilient(Stub(), "latency", adapter="aerospike")) as client:
        for seconds in (0.05, 0.1, 0.2):
            with deadline(seconds):
                for _ in range(100):
                    client.get(KEY)
        plan = client.resilience._engine.runtime.plans["get"]

        assert 0 < len(plan.shortened) <= 250


@shaped
def test_no_call_makes_a_reference_cycle(form: str, around: str):
    with untended(resilient(Stub(), "latency", adapter="aerospike")) as client:
        call = FORMS[form]
        with AROUND[around](client):
            call(client)
            gc.collect()
            gc.disable()
            try:
                for _ in range(1000):
                    call(client)
                found = gc.collect()
            finally:
                gc.enable()

    assert found < 100


def test_ten_thousand_sets_and_policies_are_not_kept_for_ever():
    sets = {"test.demo": {"reads": {"total_timeout": "80ms"}}}
    wrapped = resilient(Stub(), "latency", adapter="aerospike", overrides={"sets": sets})
    with untended(wrapped) as client:
        for number in range(10_000):
            client.get(("test", f"s{number}", 1))
            client.get(("test", "demo", 1), policy={"total_timeout": number + 100})
        runtime = client.resilience._engine.runtime

        assert len(runtime.lane._plans) <= 512
        assert len(runtime.planner.plans) < 200


def test_a_table_keeps_what_is_used_and_forgets_the_rest():
    table = BoundedTable(half=10)
    table.put("used", 1)
    for number in range(1000):
        table.put(number, number)
        assert table.get("used") == 1

    assert table.get(0) is None
    assert len(table) <= 20


def test_a_missing_record_shows_no_more_frames_than_the_chain_does():
    client = resilient(Missing(), "latency", adapter="aerospike")

    with pytest.raises(theirs.RecordNotFound) as raised:
        client.get(KEY)

    ours = [entry for entry in raised.traceback if "aerospike_resilience" in str(entry.path)]
    assert len(ours) <= 2
    assert len(raised.value.attempts) == 1
    client.resilience.close()
