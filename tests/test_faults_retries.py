"""Every fault, every client, bare and wrapped at once: the short form of the soak."""

from __future__ import annotations

import math

import pytest

from benchmarks.faults import BLOCKING, FAULTS, OUTAGES, Cell, Outage, outage, work_through
from benchmarks.mixed import Tally
from tests.stopwatch import HeldUp

GENEROUS_MS = 200
"""How late a call may end here: a busy machine holds threads up. docs/errors.md has what was measured."""

RESERVE, RESERVE_S = 100, 10
"""Retries that a quiet service has, and what comes back of them every second, under the default budget."""


def worse(cell: Cell) -> float:
    """How much larger the wrapped client's share of failures is than chance allows."""

    def variance(tally: Tally) -> float:
        return tally.share * (1 - tally.share) / max(tally.total - tally.refused, 1)

    luck = 4 * math.sqrt(variance(cell.bare) + variance(cell.wrapped)) + 0.01
    return cell.wrapped.share - cell.bare.share - luck


@pytest.fixture(scope="module", params=FAULTS)
def worked(request):
    """What a fault did, and for how many milliseconds at once the machine held this process up."""
    seconds = 2.6 if request.param in ("stall", "kill") else 1.2
    with HeldUp() as held:
        cells = work_through(request.param, BLOCKING, seconds=seconds)
    return cells, held.worst_s * 1000


@pytest.fixture
def cells(worked):
    return worked[0]


@pytest.fixture
def held_up_ms(worked):
    """How late a call ends that wakes up late twice: when its client gives up, and to tell so."""
    return 2 * worked[1]


@pytest.mark.alone
def test_no_operation_outlives_its_deadline_by_much(cells, held_up_ms):
    late = {cell.client: cell.wrapped.over_ms for cell in cells}
    assert max(late.values()) < GENEROUS_MS + held_up_ms, late


@pytest.mark.alone
def test_no_batch_outlives_its_deadline_by_more_than_its_client_lets_it(cells, held_up_ms):
    late = {cell.client: cell.wrapped.batch_over_ms for cell in cells}
    assert max(late.values()) < 2 * GENEROUS_MS + held_up_ms, late


@pytest.mark.alone
def test_no_fault_is_worse_than_for_the_bare_client(cells):
    assert {cell.client: cell.wrapped.errors for cell in cells if worse(cell) > 0} == {}


@pytest.mark.alone
def test_no_increment_is_applied_twice_and_none_is_lost(cells):
    assert [(cell.client, cell.twice, cell.lost) for cell in cells] == [
        (client, 0, 0) for client in BLOCKING
    ]


def test_no_increment_of_thousands_is_applied_twice():
    # How many of them are answered in time depends on the machine, how many there are in the end does not.
    cells = work_through("unanswered", BLOCKING, seconds=0.0, acknowledged=501, interval_s=0.0)

    assert sum(cell.wrapped.acknowledged for cell in cells) > 2000
    assert sum(cell.wrapped.in_doubt for cell in cells) > 0
    assert [(cell.twice, cell.lost) for cell in cells] == [(0, 0)] * len(BLOCKING)


@pytest.mark.parametrize("client", BLOCKING)
@pytest.mark.parametrize("what", OUTAGES)
def test_retries_add_no_more_to_an_outage_than_the_budget_has(what, client):
    made: Outage = outage(what, client, seconds=1.0)

    assert made.requests <= 1.1 * made.operations + RESERVE + RESERVE_S * made.seconds


@pytest.mark.alone
@pytest.mark.parametrize("client", BLOCKING)
def test_a_small_pool_opens_no_node(client):
    (cell,) = work_through("pool", [client], seconds=1.0, interval_s=0.005)

    assert cell.wrapped.refused == 0
