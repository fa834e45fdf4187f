"""The figures in docs/errors.md, at full length: every fault, every client, 100,000 increments."""

from __future__ import annotations

import pytest

from benchmarks.faults import BLOCKING, FAULTS, OUTAGES, outage, work_through
from benchmarks.mixed import CLIENTS
from tests.test_faults_retries import GENEROUS_MS, worse

INCREMENTS = 3600
"""Of each of four clients under each of seven faults: 100,800 in all."""

pytestmark = pytest.mark.soak


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_at_full_length(fault):
    cells = work_through(fault, BLOCKING, seconds=12.0, increments=INCREMENTS, threads=8)

    assert [(cell.client, cell.twice, cell.lost) for cell in cells] == [
        (client, 0, 0) for client in BLOCKING
    ]
    assert {cell.client: cell.wrapped.errors for cell in cells if worse(cell) > 0} == {}
    assert max(cell.wrapped.over_ms for cell in cells) < GENEROUS_MS


@pytest.mark.parametrize("fault", FAULTS)
def test_awaited_clients_fare_no_worse(fault):
    awaited = [client for client in CLIENTS if client not in BLOCKING]
    cells = work_through(fault, awaited, seconds=12.0, increments=500)

    assert [(cell.twice, cell.lost) for cell in cells] == [(0, 0)] * len(awaited)
    assert {cell.client: cell.wrapped.errors for cell in cells if worse(cell) > 0} == {}


@pytest.mark.parametrize("client", BLOCKING)
@pytest.mark.parametrize("what", OUTAGES)
def test_an_outage_is_not_amplified(what, client):
    assert outage(what, client, seconds=20.0).amplification <= 1.1


@pytest.mark.parametrize("what", OUTAGES)
def test_naive_retrying_makes_it_three_times_worse(what):
    assert outage(what, "tenacity", seconds=5.0).amplification == pytest.approx(3.0, abs=0.05)
