"""Reads do not hurry while so many calls are under way that their haste could shut nodes for all.

A client has a breaker of its own, which counts the tries of all of them.
"""

from __future__ import annotations

import asyncio

import pytest

from aerospike_resilience.concurrency.event_loop_lag import EventLoopLag
from aerospike_resilience.nodes import TEND_THREAD, Tolerance
from tests.runtime.awaited_clients import connected, in_loop, soon
from tests.runtime.fast_sides import FILES
from tests.runtime.fast_sides_awaited import KINDS, Side


@pytest.mark.parametrize(
    ("errors", "nodes", "most"),
    [(100, 3, 37), (100, 12, 150), (100, 0, 25), (1, 3, 1), (0, 3, None)],
)
def test_so_many_reads_may_hurry_at_once(errors, nodes, most):
    """Each tries two nodes, and all nodes share the tries."""
    assert Tolerance(errors).at_once(nodes) == most


@in_loop
async def test_the_gate_knows_from_when_on_there_is_a_crowd(cluster, bare, client):
    hurried = await connected(cluster, overrides=None)
    gates = hurried.resilience._engine.shared.gates
    await soon(lambda: len(hurried.resilience.nodes) == 3)
    gates.tend()
    assert gates.main.crowded_at == gates.main.limit - Tolerance().at_once(3)
    await hurried.close()

    patient = await connected(cluster, "default", overrides=None)
    assert patient.resilience._engine.shared.gates.main.crowded_at == -1  # it leaves no node early
    await patient.close()


@pytest.mark.parametrize("kind", KINDS)
def test_both_paths_are_patient_in_a_crowd(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(TEND_THREAD, "add", lambda _tended: None)
    # In a loop that a busy machine holds up, no read hurries whatever the crowd.
    monkeypatch.setattr(EventLoopLag, "start", lambda _lag: None)
    (tmp_path / "scripted.yaml").write_text(FILES[0])

    async def socket_timeouts(side: Side) -> list[int]:
        side.tend()
        for step in (side.ease, side.crowd, side.ease):
            step()
            await side.forms["get"](side.client)
        return [socket_ms for _name, (_total, socket_ms, _retries) in side.stub.calls]

    async def both() -> list[list[int]]:
        sides = [Side(kind, tmp_path, fused=fused) for fused in (True, False)]
        found = [await socket_timeouts(side) for side in sides]
        for side in sides:
            side.client.resilience.close()
        return found

    assert asyncio.run(both()) == [[20, 125, 20]] * 2
