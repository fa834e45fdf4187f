"""Tasks that all call at once exhaust the pool of a bare client, and not that of a gated one."""

from __future__ import annotations

import itertools

import pytest

from benchmarks import overload_tasks


# What the gate lets through at last has three latencies left, so the answer may be late by two of them:
# that is what a busy machine needs.
@pytest.mark.parametrize(
    ("name", "calls", "total_ms", "latency_ms"),
    [("aerospike-py-async", 2, 60_000, 100), ("aerospike-native", 1, 7_000, 1_000)],
)
def test_hundreds_of_tasks_exhaust_no_pool_behind_a_gate(name, calls, total_ms, latency_ms):
    bare, gated = itertools.islice(
        overload_tasks.bursts(
            (name,),
            tasks=300,
            pool=10,
            calls=calls,
            total_timeout_ms={name: total_ms},
            latency_ms=latency_ms,
        ),
        2,
    )

    assert bare.starved > 0
    assert gated.starved == 0
    assert gated.answered + gated.refused == gated.calls
    if name == "aerospike-py-async":  # there is time for all of them
        assert gated.answered == gated.calls


@pytest.mark.soak
@pytest.mark.parametrize("name", overload_tasks.CLIENTS)
def test_two_thousand_tasks_exhaust_no_pool_behind_a_gate(name):
    bare, *gated = overload_tasks.bursts((name,))

    assert bare.starved > 100
    assert [one.starved for one in gated] == [0, 0]
