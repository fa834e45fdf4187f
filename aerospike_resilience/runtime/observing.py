"""Observing: measures the shape of a client's traffic for some seconds. Costs nothing at other times."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any, Final

from ..clients import Adapter
from ..concurrency import forking
from ..interceptors import Proceed, ProceedAsync
from ..model.call import Call
from ..model.durations import s_to_shown_ms
from ..model.operation import Key, Shape
from ..model.record_size import size_of
from ..model.traffic import NodeTraffic, OperationTraffic, Traffic

SAMPLED: Final = 8
"""One record in so many is measured."""

KEPT: Final = 4096
"""The most durations that are kept of one node."""

Row = tuple[str, str, str, bool]
"""Operation, namespace, set, and whether it writes."""


class TrafficObserver:
    """An interceptor that counts calls, and measures records, concurrency and nodes.

    Args:
        adapter: the client's adapter.
        owners: from a record's key to the names of the nodes that hold it, master first.
        clock: seconds on the clock that the whole chain uses.
    """

    def __init__(
        self,
        adapter: Adapter,
        owners: Callable[[Key | None], tuple[str, ...]],
        clock: Callable[[], float],
    ) -> None:
        self._adapter = adapter
        self._owners = owners
        self._clock = clock
        self._lock = threading.RLock()  # reentrant: a signal handler may make a call inside a call
        self._began = clock()
        self._calls: Counter[Row] = Counter()
        self._rows: Counter[Row] = Counter()
        self._sizes: defaultdict[Row, list[int]] = defaultdict(list)
        self._nodes: defaultdict[str, list[float]] = defaultdict(list)
        self._in_progress = self._most = 0
        self._busy_s = 0.0
        self._ended = False
        forking.register(self)

    def after_fork(self) -> None:
        """Count nothing in a forked child: whoever observes is a thread of the parent."""
        self._lock = threading.RLock()
        self._ended = True

    def around(self, call: Call, proceed: Proceed) -> Any:
        """Proceed, and note the call."""
        began, result = self._enter(), None
        try:
            result = proceed(call)
            return result
        finally:
            self._leave(call, began, result)

    async def around_async(self, call: Call, proceed: ProceedAsync) -> Any:
        """Proceed, and note the call."""
        began, result = self._enter(), None
        try:
            result = await proceed(call)
            return result
        finally:
            self._leave(call, began, result)

    def _enter(self) -> float:
        with self._lock:
            self._in_progress += 1
            self._most = max(self._most, self._in_progress)
        return self._clock()

    def _leave(self, call: Call, began: float, result: Any) -> None:
        if self._ended:
            return
        took_s = self._clock() - began
        operation = call.plan.operation
        key = call.key
        rows, first = self._batch(call) if operation.shape is Shape.BATCH else (1, key)
        namespace, set_name = self._adapter.place(first) or ("", "")
        row = (operation.name, namespace, set_name, operation.writes)
        plain = key is not None and result is not None and not call.attempts
        node = next(iter(self._owners(key)), "") if plain and not operation.writes else ""
        with self._lock:
            self._in_progress -= 1
            self._busy_s += took_s
            self._calls[row] += 1
            self._rows[row] += rows
            if node and len(self._nodes[node]) < KEPT:
                self._nodes[node].append(took_s)
            if key is not None and self._calls[row] % SAMPLED == 1:
                told: Any = call.args[1:] or tuple(call.kwargs.values())
                self._sizes[row].append(size_of(told if operation.writes else result))

    def _batch(self, call: Call) -> tuple[int, Any]:
        """Return how many rows a batch has, and the key of the first."""
        operation = call.plan.operation
        rows = call.plan.rows
        given = operation.bind(call.args, call.kwargs).get(operation.rows)
        try:
            count = len(given) if given is not None else 1
            first = next(iter(given), None) if given is not None else None
        except TypeError:  # an object of the client's
            count, first = 1, None
        if rows is None or first is None:
            return count, first
        return count, getattr(first, "key", first)

    def traffic(self, client: str, profile: str) -> Traffic:
        """Return what was observed so far."""
        with self._lock:
            observed_s = max(self._clock() - self._began, 1e-9)
            return Traffic(
                tuple(
                    OperationTraffic(
                        *(row[0], round(count / observed_s, 2), row[1], row[2], row[3]),
                        record_bytes=_middle(self._sizes.get(row, [])),
                        rows=round(self._rows[row] / count, 1),
                    )
                    for row, count in self._calls.most_common()
                ),
                {name: _node(times) for name, times in sorted(self._nodes.items())},
                round(observed_s, 2),
                max(self._most, 1),
                round(self._busy_s / observed_s, 2),
                client,
                profile,
            )


def _middle(values: list[int]) -> int:
    return sorted(values)[len(values) // 2] if values else 0


def _node(times: list[float]) -> NodeTraffic:
    times = sorted(times)
    middle, most = times[len(times) // 2], times[min(int(0.99 * len(times)), len(times) - 1)]
    return NodeTraffic(s_to_shown_ms(middle) or 0.0, s_to_shown_ms(most) or 0.0)
