"""The contract for every client: permits are conserved, whatever happens to the call."""

from __future__ import annotations

import asyncio
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from aerospike_resilience import (
    BackpressureError,
)
from tests.conformance.surfaces import learned
from tests.test_fork import in_child
from tests.waiting import until

LASTING = {
    "all": {"socket_timeout": "60s", "total_timeout": "60s"},
    "reads": {"max_retries": 0},
}
"""A call lasts as long as its answer takes."""

SLOW = {"latency": "50s"}
"""An answer takes until the fault is cleared."""

# ----- 5. permits


def test_every_permit_comes_home(healthy, surface):
    surface.put(1, {"n": 1})
    with healthy.inject(op="get", code=18):
        for _ in range(5):
            with pytest.raises(surface.error):
                surface.get(1)

    assert surface.resilience.snapshot()["gate"]["in_flight"] == 0


def test_a_full_gate_refuses_with_an_error_of_the_clients_own(healthy, opened):
    surface = opened(
        overrides={
            "backpressure": {"max_concurrent_operations": 1, "operation_queue_timeout": "20ms"},
            "policy": LASTING,
            "adaptive_timeout": None,
        }
    )
    surface.put(1, {"n": 1})

    with healthy.inject(op="get", count=1, **SLOW) as answer, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(surface.get, 1)
        until(lambda: surface.resilience.snapshot()["gate"]["in_flight"] == answer.hits == 1)
        with pytest.raises(BackpressureError) as caught:
            surface.get(1)
        answer.clear()
        assert slow.result() == {"n": 1}

    assert isinstance(caught.value, surface.error)


def test_a_cancelled_call_gives_its_permits_back_when_it_really_ends(healthy, opened):
    surface = opened(
        overrides={
            "backpressure": {"max_per_node": 8},
            "policy": LASTING,
            "adaptive_timeout": None,
        }
    )
    if not surface.awaited:
        pytest.skip("a call that blocks cannot be cancelled")
    learned(surface)
    surface.put(1, {"n": 1})

    def in_flight() -> tuple[int, int]:
        """Permits that are out: of the gate for all operations, and of nodes."""
        gate = surface.resilience.snapshot()["gate"]
        return gate["in_flight"], sum(node["in_flight"] for node in gate["nodes"].values())

    async def cancelled() -> tuple[int, int]:
        task = asyncio.ensure_future(surface.awaitable_get(1))
        while in_flight() != (1, 1):
            await asyncio.sleep(0.005)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return in_flight()

    with healthy.inject(op="get", count=1, **SLOW) as answer:
        held = surface.run(cancelled())
        assert held == ((1, 1) if surface.outlives_cancellation else (0, 0))
        answer.clear()
        until(lambda: in_flight() == (0, 0))


# ----- 12. concurrency


def test_many_at_once(surface):
    for n in range(50):
        surface.put(n, {"n": n})

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda n: surface.get(n % 50)["n"], range(400)))

    assert found == [n % 50 for n in range(400)]
    assert surface.resilience.snapshot()["gate"]["in_flight"] == 0


# ----- resize and fork


RESIZED = """
version: 1
extends: latency
adaptive_timeout: null
policy:
  reads: {{socket_timeout: 60s, total_timeout: 60s, max_retries: 0}}
  writes_retryable: {{socket_timeout: 60s, total_timeout: 60s}}
backpressure: {{max_concurrent_operations: {}, operation_queue_timeout: 20ms}}
"""


def test_a_gate_that_is_resized_keeps_account_of_calls_in_flight(tmp_path, healthy, opened):
    file = tmp_path / "mine.yaml"
    file.write_text(RESIZED.format(1))
    surface = opened(profile="mine", policies=tmp_path)
    surface.put(1, {"n": 1})
    gate = lambda: surface.resilience.snapshot()["gate"]  # noqa: E731

    def resize(limit: int) -> None:
        file.write_text(RESIZED.format(limit))
        assert surface.resilience.reload().error is None
        assert gate()["limit"] == limit

    with healthy.inject(op="get", count=2, **SLOW) as answer, ThreadPoolExecutor(2) as pool:
        first = pool.submit(surface.get, 1)
        until(lambda: gate()["in_flight"] == answer.hits == 1)
        resize(2)
        second = pool.submit(surface.get, 1)
        until(lambda: gate()["in_flight"] == answer.hits == 2)
        resize(1)
        with pytest.raises(BackpressureError):
            surface.get(1)
        answer.clear()
        assert first.result() == second.result() == {"n": 1}

    until(lambda: gate()["in_flight"] == 0)
    assert surface.get(1) == {"n": 1}


# Forking a process with threads is what is tested.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_starts_with_all_permits_home(healthy, opened):
    surface = opened(
        overrides={
            "policy": LASTING,
            "adaptive_timeout": None,
        }
    )
    surface.put(1, {"n": 1})
    in_flight = lambda: surface.resilience.snapshot()["gate"]["in_flight"]  # noqa: E731

    def child() -> bool:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # which pytest-timeout has taken
        signal.alarm(60)  # rather than a child that hangs
        if in_flight() != 0:
            return False
        if not surface.survives_fork:
            return True
        return surface.get(2) == {"n": 2} and in_flight() == 0

    surface.put(2, {"n": 2})
    with healthy.inject(op="get", count=1, **SLOW) as answer, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(surface.get, 1)
        until(lambda: in_flight() == answer.hits == 1)
        assert in_child(child) == 0
        assert in_flight() == 1  # the parent's own
        answer.clear()
        assert slow.result() == {"n": 1}

    until(lambda: in_flight() == 0)
