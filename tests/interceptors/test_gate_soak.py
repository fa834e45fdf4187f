"""The shares and promises in docs/backpressure.md, at full length; and the short form of one, always."""

from __future__ import annotations

import random
import threading
import time

import pytest

from aerospike_resilience.errors import BackpressureError
from aerospike_resilience.interceptors import Gate
from aerospike_resilience.interceptors.gate.backpressure import WeightedBackpressure
from benchmarks import overload
from tests.interceptors.gating import a_call

THREADS = 8
CLASSES = ("critical", "default", "default", "default", "sheddable")


def run_pairs(gate: Gate, pairs: int) -> int:
    """Acquire and release from eight threads with random faults; return how many got through."""
    weights = [1] * 31 + [3]
    through = [0] * THREADS

    def work(number: int) -> None:
        chance, call = random.Random(number), a_call()
        weight = 1
        backpressure = WeightedBackpressure(gate, lambda _call: weight)
        fault = 0.0

        def attempt(_call: object) -> None:
            if fault < 0.01:
                raise ValueError
            if fault < 0.0101:
                time.sleep(0)

        for _ in range(pairs // THREADS):
            fault = chance.random()
            weight = weights[int(fault * 3200) % 32]
            call.criticality = CLASSES[int(fault * 500) % 5]
            call.waited_s, call.now = 0.0, time.monotonic()
            try:
                backpressure.around(call, attempt)
                through[number] += 1
            except (ValueError, BackpressureError):
                continue

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    sizes = random.Random(99)
    while any(thread.is_alive() for thread in threads):
        gate.resize(sizes.randint(2, 9), 0.002, sizes.choice(["fifo", "lifo"]))
        time.sleep(0.01)
    for thread in threads:
        thread.join()
    gate.resize(6, 0.002)
    return sum(through)


def assert_all_home(gate: Gate) -> None:
    assert (gate.in_flight, gate.waiting, gate.debt, len(gate.permits)) == (0, 0, 0, 6)


def test_all_permits_are_home_after_eight_threads_with_random_faults():
    gate = Gate(6, queue_timeout_s=0.002)

    through = run_pairs(gate, 80_000)

    assert_all_home(gate)
    assert through > 40_000


@pytest.mark.soak
def test_all_permits_are_home_after_ten_million_pairs():
    gate = Gate(6, queue_timeout_s=0.002)

    through = run_pairs(gate, 10_000_000)

    assert_all_home(gate)
    assert through > 5_000_000


@pytest.mark.soak
def test_two_thousand_callers_exhaust_no_pool_behind_a_gate():
    bare, gated = overload.pool()

    assert bare.errors["NoMoreConnectionsError"] > 100
    assert not gated.errors


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_ten_times_overload_leaves_goodput_at_nine_tenths_of_the_peak():
    found = {one.variant: (one.answered_s / peak, one) for peak, one in overload.overload()}

    for variant in ("gate of 4", "gate of 4, lifo"):
        share, one = found[variant]
        assert share >= 0.9
        assert one.p99_ms <= overload.TOTAL_TIMEOUT_S * 1000
    assert found["bare"][0] < 0.5


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_slow_node_leaves_nine_tenths_of_the_others_throughput():
    well, without, with_share = overload.slow_node()

    assert with_share.answered_s >= 0.9 * well.answered_s
    assert without.answered_s < 0.9 * well.answered_s
