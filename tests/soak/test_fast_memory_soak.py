"""Ten million calls leave the process as large as it was, and need no garbage collector."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from aerospike_resilience import resilient
from benchmarks.stub import KEY, Stub

STATUS = Path("/proc/self/status")

pytestmark = [
    pytest.mark.soak,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(not STATUS.exists(), reason="reads Linux's /proc"),
]

CALLS = 10_000_000
GROWTH_KB = 4096


def resident_kb() -> int:
    """Return how much memory of this process is resident, in kilobytes."""
    lines = STATUS.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def test_ten_million_calls_without_a_garbage_collector_need_no_memory():
    client = resilient(Stub(), "latency", adapter="aerospike")
    for _ in range(100_000):
        client.get(KEY)
    gc.collect()
    gc.disable()
    try:
        before = resident_kb()
        for _ in range(CALLS):
            client.get(KEY)
        after = resident_kb()
    finally:
        gc.enable()
        client.resilience.close()

    assert after - before < GROWTH_KB
