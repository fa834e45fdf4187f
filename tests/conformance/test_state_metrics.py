"""The contract for every client: state that no scrape can miss, and none that is stale."""

from __future__ import annotations

import pytest

from aerospike_resilience import BackpressureError, CircuitOpenError
from aerospike_resilience.telemetry import registry
from tests.patience import NEVER_LATE
from tests.telemetry.exported import Exported
from tests.waiting import until

from .surfaces import learned

OURS = "aerospike.resilience."
NODES = ("A1", "A2", "A3")


def test_what_can_be_counted_is_exported_as_0_before_and_as_what_happened_after(opened):
    found = Exported()
    surface = opened(meter_provider=found.provider, overrides=NEVER_LATE)
    for n in range(40):
        surface.put(n, {"n": n})
    learned(surface)
    before = found.series()

    surface.resilience.isolate("A1")
    refused = 0
    for n in range(40):
        try:
            surface.put(n, {"n": n})
        except CircuitOpenError:
            refused += 1
    gate = surface.resilience._engine.shared.gates
    gate.close()
    taken = [gate.main.permits.pop() for _ in range(len(gate.main.permits))]
    with pytest.raises(BackpressureError):
        surface.put(1, {"n": 1})
    gate.main.permits += taken
    gate.reopen()
    surface.resilience.release("A1")
    after = found.series()

    moved = {series for series, value in after.items() if value != before.get(series, 0)}
    counters = {series for series in moved if _is_counter(series[0])}
    assert refused > 0
    assert found.values(OURS + "refusals")["A1", "circuit_open"] == refused
    assert found.values(OURS + "refusals")["closed",] == 1
    assert found.values(OURS + "node.transitions")["A1", "isolated"] == 1
    assert found.values(OURS + "node.open_time")["A1",] > 0
    assert counters - before.keys() == set()  # none begins with its first event
    states = found.values(OURS + "node.state")
    assert states == {
        (node, state): int(state == "closed") for node in NODES for state in registry.NODE_STATES
    }


def _is_counter(name: str) -> bool:
    return registry.METRICS[name].instrument == "counter"


def test_the_end_of_a_client_is_the_end_of_its_state(opened, healthy):
    found = Exported()
    surface = opened(meter_provider=found.provider, overrides=NEVER_LATE)
    surface.put(1, {"n": 1})
    assert found.values(OURS + "gate.limit")

    surface.resilience.close()

    left = {name for name, _ in found.series()}
    assert left == {registry.DURATION}


def test_connections_are_the_clients_own_numbers_where_it_tells_them(opened, healthy):
    found = Exported()
    surface = opened(meter_provider=found.provider, overrides=NEVER_LATE)
    for n in range(20):
        surface.put(n, {"n": n})

    told = surface.resilience._engine.shared.health.source.statistics()
    counted = found.values("db.client.connection.count")

    if "aerospike-py" in surface.resilience.snapshot()["client"]:
        assert not told.nodes
        assert counted == {}
        return
    assert {name for name, _ in counted} == set(NODES)
    until(lambda: sum(found.values("db.client.connection.count").values()) == _open(surface))
    assert _open(surface) > 0


def _open(surface) -> int:
    told = surface.resilience._engine.shared.health.source.statistics()
    return sum(node.used + node.idle for node in told.nodes)
