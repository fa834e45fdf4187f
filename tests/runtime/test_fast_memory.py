"""A successful call leaves nothing behind: no object, no reference cycle, no plan for each set seen."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import aerospike.exception as theirs
import pytest

from aerospike_resilience import deadline, resilient
from aerospike_resilience.nodes import TEND_THREAD
from aerospike_resilience.runtime.fast.table import BoundedTable
from benchmarks.stub import KEY, Stub

POLICY = {"total_timeout": 100}
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


FORMS: dict[str, Callable[[Any], Any]] = {
    "plain": lambda c: c.get(KEY),
    "key by name": lambda c: c.get(key=KEY),
    "meta": lambda c: c.put(KEY, {}, meta={}),
    "policy": lambda c: c.get(KEY, policy=POLICY),
}


@pytest.mark.parametrize("form", FORMS)
def test_ten_thousand_calls_leave_no_object_behind(form: str):
    with untended(resilient(Stub(), "latency", adapter="aerospike")) as client:
        call = FORMS[form]

        def many() -> None:
            for _ in range(CALLS):
                call(client)

        many()  # fills what is bounded: the successes not yet worked out
        gc.collect()
        least = CALLS
        for _ in range(5):  # other threads of this process allocate too, now and then
            before = sys.getallocatedblocks()
            many()
            least = min(least, sys.getallocatedblocks() - before)

    assert least < CALLS / 100


def test_a_call_in_a_deadline_leaves_at_most_a_policy_for_each_millisecond():
    with untended(resilient(Stub(), "latency", adapter="aerospike")) as client:
        for seconds in (0.05, 0.1, 0.2):
            with deadline(seconds):
                for _ in range(100):
                    client.get(KEY)
        plan = client.resilience._engine.runtime.plans["get"]

        assert 0 < len(plan.shortened) <= 250


@pytest.mark.parametrize("stub", [Stub, Missing])
def test_no_call_makes_a_reference_cycle(stub: type[Stub]):
    with untended(resilient(stub(), "latency", adapter="aerospike")) as client:

        def once() -> None:
            try:
                client.get(KEY)
            except theirs.RecordNotFound:
                return

        once()
        gc.collect()
        gc.disable()
        try:
            for _ in range(1000):
                once()
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
