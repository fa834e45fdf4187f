"""The figures in docs/retries.md, at full length: every fault, every client, 100,000 increments."""

from __future__ import annotations

import pytest

from benchmarks.faults import AWAITED, BLOCKING, FAULTS, INCREMENTS, OUTAGES, outage, work_through
from benchmarks.mixed import CLIENTS
from tests.test_faults_retries import GENEROUS_MS, worse

pytestmark = pytest.mark.soak


@pytest.mark.parametrize("clients", [BLOCKING, AWAITED], ids=["blocking", "awaited"])
@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_at_full_length(fault, clients):
    cells = work_through(fault, clients, seconds=9.0, increments=INCREMENTS)

    assert {cell.client: (cell.twice, cell.lost) for cell in cells} == dict.fromkeys(
        clients, (0, 0)
    )
    assert {cell.client: cell.wrapped.errors for cell in cells if worse(cell) > 0} == {}
    assert max(cell.wrapped.over_ms for cell in cells) < GENEROUS_MS


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("what", OUTAGES)
def test_an_outage_is_not_amplified(what, client):
    assert outage(what, client, seconds=20.0).amplification <= 1.1


@pytest.mark.parametrize("what", OUTAGES)
def test_naive_retrying_makes_it_three_times_worse(what):
    assert outage(what, "tenacity", seconds=5.0).amplification == pytest.approx(3.0, abs=0.05)
