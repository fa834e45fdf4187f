"""As `test_fast_memory`, for awaited calls: as futures, as windows of one, and as one coroutine."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from aerospike_resilience import BackpressureError, deadline
from aerospike_resilience.nodes import TEND_THREAD
from aerospike_resilience.runtime.fast import awaited
from tests.runtime.fast_sides import FILES
from tests.runtime.fast_sides_awaited import KINDS, Side

CALLS = 2_000

Make = Callable[[Side], Awaitable[Any]]


async def success(side: Side) -> None:
    await side.forms["get"](side.client)


async def miss(side: Side) -> None:
    side.stub.script = [(0.0, "missing")]
    with contextlib.suppress(Exception):
        await side.forms["get"](side.client)


async def refused(side: Side) -> None:
    side.fill()
    with contextlib.suppress(BackpressureError):
        await side.forms["get"](side.client)
    side.empty()


async def left(side: Side) -> None:
    await side.leave("get", [(0.0, "ok")])


async def in_a_deadline(side: Side) -> None:
    with deadline(1000):
        await side.forms["get"](side.client)


ENDS: dict[str, Make] = {
    "success": success,
    "miss": miss,
    "refused": refused,
    "left": left,
    "deadline": in_a_deadline,
}
shaped = pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
of_each_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(autouse=True)
def untended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody works out successes meanwhile, and stand-ins may take windows of one."""
    monkeypatch.setattr(TEND_THREAD, "add", lambda _tended: None)
    monkeypatch.setattr(awaited, "client_class", lambda cls, _recognises: cls)


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    (tmp_path / "scripted.yaml").write_text(FILES[0])
    return tmp_path


async def many(make: Make, side: Side, count: int) -> None:
    for _ in range(count):
        await make(side)
        side.stub.calls.clear()  # what the stand-in remembers
    await asyncio.sleep(0)


@shaped
@of_each_kind
def test_thousands_of_awaited_calls_leave_no_object_behind(kind: str, end: Make, policies: Path):
    async def least() -> int:
        side = Side(kind, policies, fused=True)
        await many(end, side, 1000)  # fills what is bounded: the successes not yet worked out
        gc.collect()
        found = CALLS
        for _ in range(5):  # other threads of this process allocate too, now and then
            before = sys.getallocatedblocks()
            await many(end, side, CALLS)
            found = min(found, sys.getallocatedblocks() - before)
            if found < CALLS / 100:
                break
        assert not side.engine.shared.under_way.latest.under_way
        side.client.resilience.close()
        return found

    assert asyncio.run(least()) < CALLS / 100


@shaped
@of_each_kind
def test_no_awaited_call_makes_a_reference_cycle(kind: str, end: Make, policies: Path):
    async def found() -> int:
        side = Side(kind, policies, fused=True)
        await many(end, side, 10)
        gc.collect()
        gc.disable()
        try:
            await many(end, side, 500)
            return gc.collect()
        finally:
            gc.enable()
            side.client.resilience.close()

    assert asyncio.run(found()) < 50
