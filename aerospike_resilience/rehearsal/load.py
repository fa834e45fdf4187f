"""A steady, open-loop load: every thread keeps its own schedule and sends late calls at once.

It shares the processors with the code it measures, so it only stores values in lists: no locks, no objects.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .mix import CALLS, HALF_AND_HALF, KEYS_PER_THREAD, NAMESPACE, Step, bins, in_turn

FailureName = Callable[[Exception, str], str]
"""From what a call raised, and the operation's name, to the kind of failure."""


def _class_name(error: Exception, _operation: str) -> str:
    return type(error).__name__


@dataclass(frozen=True, slots=True)
class Sample:
    """One call.

    Attributes:
        write: whether it wrote.
        due: when it should have been sent, in seconds since the load began.
        sent: when it was sent, in seconds since the load began.
        took_s: how long it took, in seconds.
        error: how it failed, as the load's `FailureName` says it; empty for a success.
    """

    write: bool
    due: float
    sent: float
    took_s: float
    error: str


class Worker(threading.Thread):
    """One thread of the load: the mix in turn, on its own keys."""

    def __init__(
        self,
        number: int,
        client: Any,
        interval_s: float,
        offset_s: float,
        mix: Sequence[Step],
        failure_name: FailureName,
    ) -> None:
        super().__init__(name=f"load-{number}", daemon=True)
        numbers = range(number * KEYS_PER_THREAD, (number + 1) * KEYS_PER_THREAD)
        self.keys = {step.set: [(NAMESPACE, step.set, key) for key in numbers] for step in mix}
        self.acknowledged: dict[Any, int] = {}
        self.raw: list[tuple[bool, float, float, float, str]] = []
        self.ends_at = float("inf")
        self.began = 0.0
        self._mix = in_turn(mix, number)
        self._client = client
        self._interval_s = interval_s
        self._offset_s = offset_s
        self._failure_name = failure_name

    def run(self) -> None:
        """Call until the end; finish the call that is then in flight."""
        clock, sleep = time.perf_counter, time.sleep
        client, keys, note, mix = self._client, self.keys, self.raw.append, self._mix
        acknowledged = self.acknowledged
        due, sequence = self.began + self._offset_s, 0
        while due < self.ends_at:
            now = clock()
            if due > now:
                sleep(due - now)
                now = clock()
            sequence += 1
            step = next(mix)
            key = keys[step.set][(sequence * 7) % KEYS_PER_THREAD]
            error = ""
            try:
                CALLS[step.operation](client, key, sequence, step)
                if step.operation == "put":
                    acknowledged[key] = sequence
            except Exception as raised:  # noqa: BLE001 - what is raised is what is measured
                took_s = clock() - now
                error = self._failure_name(raised, step.operation)
            else:
                took_s = clock() - now
            note((step.writes, due, now, took_s, error))
            due += self._interval_s


class Load:
    """All threads together.

    Args:
        client: what every thread calls.
        threads: how many.
        rate: calls per second of all threads.
        mix: what they call.
        failure_name: names a failure; by default by its class.
    """

    def __init__(
        self,
        client: Any,
        threads: int,
        rate: float,
        mix: Sequence[Step] = HALF_AND_HALF,
        failure_name: FailureName = _class_name,
    ) -> None:
        interval_s = threads / rate
        self.began = 0.0
        self._size = max((step.record_bytes for step in mix), default=0)
        self._workers = [
            Worker(*(number, client, interval_s, interval_s * number / threads, mix, failure_name))
            for number in range(threads)
        ]

    def prepare(self, put: Callable[[Any, Any], Any]) -> None:
        """Write every key once."""
        for worker in self._workers:
            for keys in worker.keys.values():
                for key in keys:
                    put(key, {**bins(0, self._size), "counter": 0})

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
