"""A steady, open-loop load: every thread keeps its own schedule and sends late calls at once.

It shares two cores with the code it measures, so it only stores values in lists: no locks, no objects.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

NAMESPACE, SET = "test", "demo"
KEYS_PER_THREAD = 64


class Client(Protocol):
    """The client methods that the load calls."""

    def get(self, key: Any) -> Any: ...  # noqa: D102
    def put(self, key: Any, bins: Any) -> Any: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Sample:
    """One call.

    Attributes:
        write: whether it wrote.
        due: when it should have been sent, in seconds since the load began.
        sent: when it was sent, in seconds since the load began.
        took_s: how long it took, in seconds.
        error: the class name of its exception; empty for a success.
    """

    write: bool
    due: float
    sent: float
    took_s: float
    error: str


class Worker(threading.Thread):
    """One thread of the load: reads and writes in turn, on its own keys."""

    def __init__(self, number: int, client: Client, interval_s: float, offset_s: float) -> None:
        super().__init__(name=f"demo-load-{number}", daemon=True)
        self.keys = [
            (NAMESPACE, SET, number * KEYS_PER_THREAD + key) for key in range(KEYS_PER_THREAD)
        ]
        self.acknowledged: dict[Any, int] = {}
        self.raw: list[tuple[bool, float, float, float, str]] = []
        self.ends_at = float("inf")
        self._client = client
        self._interval_s = interval_s
        self._offset_s = offset_s
        self.began = 0.0

    def run(self) -> None:
        """Call until the end; finish the call that is then in flight."""
        clock, sleep = time.perf_counter, time.sleep
        get, put, keys, note = self._client.get, self._client.put, self.keys, self.raw.append
        acknowledged, count = self.acknowledged, len(self.keys)
        due, sequence = self.began + self._offset_s, 0
        while due < self.ends_at:
            now = clock()
            if due > now:
                sleep(due - now)
                now = clock()
            sequence += 1
            write = sequence % 2 == 0
            key = keys[(sequence * 7) % count]
            error = ""
            try:
                if write:
                    put(key, {"n": sequence})
                    acknowledged[key] = sequence
                else:
                    get(key)
            except Exception as raised:  # noqa: BLE001 - what is raised is what is measured
                error = type(raised).__name__
            note((write, due, now, clock() - now, error))
            due += self._interval_s


class Load:
    """All threads together.

    Args:
        client: what every thread calls.
        threads: how many.
        rate: calls per second of all threads, half of them writes.
    """

    def __init__(self, client: Client, threads: int, rate: float) -> None:
        interval_s = threads / rate
        self.began = 0.0
        self._workers = [
            Worker(number, client, interval_s, interval_s * number / threads)
            for number in range(threads)
        ]

    def prepare(self, put: Callable[[Any, Any], Any]) -> None:
        """Write every key once."""
        for worker in self._workers:
            for key in worker.keys:
                put(key, {"n": 0})

    def start(self) -> None:
        """Begin."""
        self.began = time.perf_counter()
        for worker in self._workers:
            worker.began = self.began
            worker.start()

    def elapsed(self) -> float:
        """Return the seconds since the beginning."""
        return time.perf_counter() - self.began

    def stop(self) -> None:
        """Send no more calls, and wait for those in flight."""
        ends_at = time.perf_counter()
        for worker in self._workers:
            worker.ends_at = ends_at
        for worker in self._workers:
            worker.join()

    def samples(self) -> list[Sample]:
        """Return every call, in the order of sending."""
        began = self.began
        found = [
            Sample(write, due - began, sent - began, took_s, error)
            for worker in self._workers
            for write, due, sent, took_s, error in worker.raw
        ]
        found.sort(key=lambda sample: sample.sent)
        return found

    def lost(self, get: Callable[[Any], Any]) -> int:
        """Return the number of lost acknowledged writes: a key holds less than was acknowledged for it."""
        return sum(
            get(key)[2]["n"] < sequence
            for worker in self._workers
            for key, sequence in worker.acknowledged.items()
        )
