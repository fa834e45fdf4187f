"""Invariant 15 under a stall and a kill, for every client: no call and no request is lost or told twice."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from tests.conformance.telling import CALM, Listener, seen
from tests.patience import NEVER_LATE
from tests.waiting import until

RECORDS = range(12)
THREADS = 4


def ours_alone(socket_timeout: str, total_timeout: str) -> dict[str, Any]:
    """Return words of a profile under which each try is an attempt of ours.

    No client tells how often it sent a call that succeeded, so the client makes no retries of its own.
    """
    limits = {"socket_timeout": socket_timeout, "total_timeout": total_timeout}
    calmly = {"max_retries": 2, "sleep_between_retries": "0ms", "replica": "master"}
    return {
        **CALM,
        "policy": {"all": calmly, "reads": limits, "writes": limits},
        "retry": {"native_failover": 0, "budget": None, "max_sleep": "1ms"},
    }


class Ledger:
    """What the application saw, beside what was told and what arrived at the nodes."""

    def __init__(self, surface: Any, listener: Listener, cluster: Any) -> None:
        self.surface, self.listener, self.cluster = surface, listener, cluster
        self.begin()

    def begin(self) -> None:
        """Open it anew."""
        self.ends: list[Any] = []
        self._retries = self._counted_retries()
        self._arrived = {node.name: self._requests(node.name) for node in self.cluster.nodes}
        self.listener.begin()

    def read(self, pool: ThreadPoolExecutor) -> list[Future[Any]]:
        """Read every record, several at a time."""
        surface = self.surface
        return [pool.submit(self._note, lambda n=n: surface.get(n)) for n in RECORDS]

    def write(self, pool: ThreadPoolExecutor) -> list[Future[Any]]:
        """Write some records."""
        surface = self.surface
        return [pool.submit(self._note, lambda n=n: surface.put(n, {"n": n})) for n in RECORDS[:4]]

    def _note(self, call: Any) -> Any:
        self.ends.append(end := seen(call))
        return end

    def arrived(self, *names: str) -> int:
        """Return how many requests arrived at nodes since `begin`."""
        return sum(self._requests(name) - self._arrived[name] for name in names)

    def sent(self, *, answered_only: bool = False) -> int:
        """Return how many requests the outcomes tell of.

        `answered_only` leaves out tries that ended without an answer, as those at a dead node do.
        """
        found = 0
        for one in self.listener.outcomes:
            found += one.kind == "ok"
            for attempt in one.attempts:
                if not answered_only or attempt.failure.answered:
                    found += attempt.tries
        return found

    def assert_agrees(self) -> None:
        """Compare spans, samples and counters with what the application saw of its calls."""
        outcomes, calls = self.listener.outcomes, len(self.ends)
        assert len(outcomes) == len(self.listener.spans) == self.listener.counted() == calls
        failed = sum(isinstance(end, Exception) for end in self.ends)
        assert sum(one.kind != "ok" for one in outcomes) == failed
        assert self._counted_retries() - self._retries == sum(one.retries for one in outcomes)
        assert all(one.native_retries == 0 for one in outcomes)

    def _requests(self, name: str) -> int:
        return int(self.cluster.requests("single", name))

    def _counted_retries(self) -> int:
        points = self.listener.points("aerospike.resilience.retries")
        (ours,) = (one.value for one in points if "ours" in one.attributes.values())
        return int(ours)


@pytest.fixture
def ledger(opened_over):
    """Open a surface over a cluster to harm, with some records, and a ledger of its calls."""

    def open_(cluster: Any, overrides: dict[str, Any]) -> Ledger:
        listener = Listener()
        surface = opened_over(cluster, overrides=overrides, telemetry=listener.providers)
        with surface.resilience.using(overrides=NEVER_LATE):  # before anything is harmed
            for n in RECORDS:
                surface.put(n, {"n": n})
        return Ledger(surface, listener, cluster)

    return open_


def test_every_call_and_every_request_around_a_stall_is_told_once(unhurried_cluster, ledger):
    book = ledger(unhurried_cluster, ours_alone("300ms", "1s"))
    names = [node.name for node in unhurried_cluster.nodes]

    with ThreadPoolExecutor(THREADS) as pool:
        unhurried_cluster.stall("A1")
        for made in (*book.read(pool), *book.write(pool)):
            made.result()
        unhurried_cluster.resume("A1")
        for made in book.read(pool):
            made.result()

    # A node that goes on reads what was sent to it while it was stopped.
    until(lambda: book.arrived(*names) >= book.sent())
    book.assert_agrees()
    assert book.arrived(*names) == book.sent() > len(book.ends)


def test_every_call_and_every_request_around_a_kill_is_told_once(cluster, ledger):
    book = ledger(cluster, ours_alone("5s", "20s"))
    dead, *others = (node.name for node in cluster.nodes)

    with ThreadPoolExecutor(THREADS) as pool:
        before = cluster.counters(dead)["single"].answered
        under_way = [made for _ in range(10) for made in book.read(pool)]
        until(lambda: book.arrived(dead, *others) > len(RECORDS))
        cluster.kill(dead)
        for made in under_way:
            made.result()
        answered = cluster.counters(dead)["single"].answered - before

        book.assert_agrees()
        assert book.arrived(dead, *others) <= book.sent()
        # An answer that is under way when its node dies may be lost: at most one for each thread.
        lost = book.arrived(*others) + answered - book.sent(answered_only=True)
        assert 0 <= lost <= THREADS

        book.begin()
        until(lambda: not any(isinstance(one.result(), Exception) for one in book.read(pool)))

    # The others have evicted it. Whatever was answered since it died, they answered.
    book.assert_agrees()
    assert book.arrived(*others) == book.sent(answered_only=True) > 0
