"""The adaptive limit learns only from what happened to calls that were sent."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from aerospike_resilience import resilient
from aerospike_resilience.interceptors import Bounds, Gate
from aerospike_resilience.interceptors.gate.adaptive_limit import LimitSample
from aerospike_resilience.interceptors.gate.limit_loop import AdaptiveLimitLoop, LimitFeedback
from aerospike_resilience.model.failure import Failure, FailureKind, Fault
from aerospike_resilience.model.operation import Kind, Operation, Shape
from tests import fakes
from tests.patience import NEVER_LATE
from tests.waiting import until

BOUNDS = Bounds(start=100, floor=10, ceiling=200)

SCAN = Operation("scan", Kind.READ, Shape.QUERY, "scan", ("policy",), policy="policy")


class Noted:
    """An `LimitFeedback` and what it noted."""

    def __init__(self) -> None:
        self.clock = fakes.FakeClock()
        self.noted: list[LimitSample] = []
        self.gate = Gate(100)
        rounds_ = AdaptiveLimitLoop(BOUNDS, lambda _limit: None, self.clock)
        rounds_.note = self.noted.append
        self.outcomes = LimitFeedback(rounds_, self.gate)

    def call(self, failure: Failure | None = None, took_s: float = 0.01, a_plan=None, error=None):
        call = fakes.call(a_plan)
        call.now = self.clock()

        def proceed(call):
            call.began = self.clock()
            self.clock.pass_s(took_s)
            call.now, call.failure = self.clock(), failure
            if failure is not None or error is not None:
                raise error or ValueError
            return "result"

        try:
            return self.outcomes.around(call, proceed)
        except (ValueError, asyncio.CancelledError, KeyboardInterrupt):
            return None


def of(kind: FailureKind, fault: Fault = Fault.NODE) -> Failure:
    return Failure(kind, fault=fault)


def test_an_answer_is_noted_with_its_time():
    noted = Noted()

    noted.call(took_s=0.02)

    (outcome,) = noted.noted
    assert (outcome.took_s, outcome.lost) == (pytest.approx(0.02), False)


def test_record_not_found_is_an_answer():
    noted = Noted()

    noted.call(of(FailureKind.RECORD, Fault.NOBODY), took_s=0.02)

    assert [(one.took_s, one.lost) for one in noted.noted] == [(pytest.approx(0.02), False)]


@pytest.mark.parametrize(
    "kind",
    [
        FailureKind.TIMEOUT,
        FailureKind.SERVER_TIMEOUT,
        FailureKind.OVERLOAD,
        FailureKind.POOL_EXHAUSTED,
    ],
)
def test_timeouts_overload_and_an_exhausted_pool_are_losses(kind):
    noted = Noted()

    noted.call(of(kind), took_s=0.05)

    assert [one.lost for one in noted.noted] == [True]


@pytest.mark.parametrize(
    "kind",
    [
        FailureKind.REFUSED,
        FailureKind.CONNECTION,
        FailureKind.UNAVAILABLE,
        FailureKind.NATIVE_BREAKER,
        FailureKind.CALLER,
        FailureKind.SECURITY,
        FailureKind.OTHER,
    ],
)
def test_refusals_and_broken_connections_say_nothing(kind):
    noted = Noted()

    noted.call(of(kind))

    assert noted.noted == []


@pytest.mark.parametrize("error", [asyncio.CancelledError, KeyboardInterrupt])
def test_cancellations_and_interrupts_say_nothing(error):
    noted = Noted()

    noted.call(error=error())

    assert noted.noted == []


def test_a_timeout_that_a_deadline_cut_short_says_nothing():
    noted = Noted()

    noted.call(of(FailureKind.TIMEOUT), took_s=0.004)

    assert noted.noted == []


def test_the_time_of_a_scan_says_nothing_of_the_load():
    noted = Noted()

    noted.call(took_s=3.0, a_plan=fakes.plan(SCAN))

    assert [(one.took_s, one.lost) for one in noted.noted] == [(None, False)]


async def test_awaited_calls_are_noted_alike():
    noted = Noted()
    call = fakes.call()
    call.now = noted.clock()

    async def fails(call):
        noted.clock.pass_s(0.05)
        call.now, call.failure = noted.clock(), of(FailureKind.TIMEOUT)
        raise TimeoutError

    async def is_cancelled(_call):
        raise asyncio.CancelledError

    with pytest.raises(TimeoutError):
        await noted.outcomes.around_async(call, fails)
    with pytest.raises(asyncio.CancelledError):
        await noted.outcomes.around_async(fakes.call(), is_cancelled)

    assert [one.lost for one in noted.noted] == [True]


def test_outcomes_of_many_threads_are_each_learned_from_once():
    limits: list[int] = []
    collected = AdaptiveLimitLoop(Bounds(20, 10, 100_000), limits.append, time.monotonic)
    learned = []
    learn = collected.adaptive.learn
    collected.adaptive.learn = lambda noted, now: learned.append(len(noted)) or learn(noted, now)

    def work() -> None:
        for _ in range(2000):
            collected.note(LimitSample(time.monotonic(), 0.001, 1000))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 8000 - 8 * collected.adaptive.round < sum(learned) <= 8000
    assert limits == sorted(limits)


# ----- in a client

ADAPTIVE = {"max_concurrent_operations": 40, "limit": "adaptive", "floor": 10, "ceiling": 60}
KEY = ("test", "limit", 1)


def limit_of(client) -> int:
    return client.resilience.snapshot()["gate"]["limit"]


def test_overload_answers_bring_a_clients_limit_down_and_answers_bring_it_up(cluster, connect):
    client = resilient(
        connect(cluster, max_error_rate=10_000, error_rate_window=100),
        overrides={
            **NEVER_LATE,
            "backpressure": {**ADAPTIVE, "max_per_node": 0.5},
            "breaker": {"mode": "off"},
            "retry": {"max_sleep": "1ms"},
        },
    )
    client.put(KEY, {"n": 1})
    with cluster.inject(op="read", code="DEVICE_OVERLOAD"):
        for _ in range(200):
            with pytest.raises(Exception):  # noqa: B017, PT011 - the client's own
                client.get(KEY)
        lowest = limit_of(client)
    state = client.resilience.snapshot()["gate"]

    # Used to the full, it grows: thirty permits are out, as far as it knows.
    gate = client.resilience._engine.shared.gates.main
    gate.permits[:] = [None]
    until(lambda: client.get(KEY) and limit_of(client) > lowest + 3)

    assert lowest == 10
    assert state["adaptive"]["floor"] == 10
    assert [one["limit"] for one in state["nodes"].values()] == [5]
    client.resilience.close()


def test_an_unused_limit_does_not_grow_in_a_client(client, connect, healthy):
    client = resilient(connect(healthy), overrides={**NEVER_LATE, "backpressure": ADAPTIVE})
    client.put(KEY, {"n": 1})

    for _ in range(300):
        client.get(KEY)

    assert limit_of(client) <= 40  # less on a machine that is busy
    client.resilience.close()


def test_reloading_keeps_what_was_learned_and_fixing_the_limit_brings_it_back(
    healthy, connect, tmp_path
):
    file = tmp_path / "mine.yaml"
    text = (
        "version: 1\nbackpressure: {{max_concurrent_operations: 40, limit: {}}}\n"
        "retry: {{sleep: {}ms}}\n"
    )
    file.write_text(text.format("adaptive", 1))
    client = resilient(connect(healthy), "mine", policies=tmp_path)
    gates = client.resilience._engine.shared.gates
    outcomes = [LimitSample(time.monotonic(), None, 40, lost=True) for _ in range(40)]
    for outcome in outcomes:
        gates._loop.note(outcome)
    seen = [limit_of(client)]

    file.write_text(text.format("adaptive", 2))
    client.resilience.reload()
    seen.append(limit_of(client))
    file.write_text(text.format("fixed", 2))
    client.resilience.reload()
    seen.append(limit_of(client))

    assert seen == [28, 28, 40]
    client.resilience.close()


def test_a_start_outside_the_default_bounds_widens_them(healthy, connect):
    for start in (4, 5000):
        client = resilient(
            connect(healthy),
            overrides={"backpressure": {"max_concurrent_operations": start, "limit": "adaptive"}},
        )
        assert limit_of(client) == start
        client.resilience.close()
