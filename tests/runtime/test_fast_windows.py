"""The calls of a window stay on the fused path while metrics are taken, and each leaves its own sample."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from aerospike_resilience.clients.aerospike_sdk.coalesced_methods import WINDOWS
from aerospike_resilience.concurrency.event_loop_lag import EventLoopLag
from aerospike_resilience.nodes import TEND_THREAD
from aerospike_resilience.runtime.fast.window import FusedWindow
from tests.runtime.fast_sides import FILES
from tests.runtime.fast_sides_awaited import NATIVE_KEY, Side


@pytest.fixture
def policies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(EventLoopLag, "start", lambda _lag: None)
    monkeypatch.setattr(TEND_THREAD, "add", lambda _tended: None)
    (tmp_path / "scripted.yaml").write_text(FILES[0])
    return tmp_path


async def window(side: Side, *, leaves: bool) -> tuple[int, list[object]]:
    """Send a window of two; return how many were left to the chain, and how the others ended."""
    side.stub.script = [(0.001, "ok"), (0.002, "missing")]
    loop = asyncio.get_running_loop()
    futures = [loop.create_future(), loop.create_future()]
    fused = FusedWindow(side.stub, WINDOWS["_submit_coalesced_read"], side.engine)
    left, others = fused.send([(NATIVE_KEY, None)] * 2, futures, {})
    if leaves:
        futures[0].cancel()
    sent = [one for one in futures if one not in others]
    ends = await asyncio.gather(*sent, return_exceptions=True)
    return len(left), ends


@pytest.mark.parametrize("leaves", [False, True], ids=["who stays", "who leaves"])
def test_each_call_of_a_window_leaves_its_sample(leaves: bool, policies: Path):
    async def sent() -> Side:
        side = Side("windows", policies, fused=True, listener="metrics")
        left, (_, error) = await window(side, leaves=leaves)
        assert (left, type(error).__name__) == (0, "RecordNotFound")
        return side

    side = asyncio.run(sent())
    found = side.listener.samples(timed=False)
    side.client.resilience.close()
    codes = {
        dict(known).get("db.response.status_code"): count for known, (count, _) in found.items()
    }
    assert codes == {None: 1, "2": 1}


def test_a_window_whose_calls_have_spans_is_left_to_the_chain(policies: Path):
    async def sent() -> None:
        side = Side("windows", policies, fused=True, listener="spans by parent")
        assert await window(side, leaves=False) == (2, [])
        side.client.resilience.close()

    asyncio.run(sent())


def test_a_window_of_one_outside_an_event_loop_fails_as_the_clients_call_does(policies: Path):
    side = Side("windows", policies, fused=True)

    with pytest.raises(RuntimeError, match="no running event loop"):
        side.client.get(NATIVE_KEY)
    side.client.resilience.close()
