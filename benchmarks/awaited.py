"""One awaited call over a client that does nothing, against awaiting the bare client.

1,000 tasks await calls that the client completes one turn of the event loop later. Measured is processor
time of the event loop's thread, in rounds of all cases in turn. The table shows the lower quartile, so that
other work on the machine counts little.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import aerospike_native as native

from aerospike_resilience import resilient
from aerospike_resilience.runtime.fast import awaited as fast

TITLE = "cost of one successful call, awaited"
HEADER = f"{'':<44} {'ns':>8} {'above the bare client':>22}"

TASKS, EACH = 1000, 5
ROUNDS, ROUNDS_QUICK = 41, 3
KEY, PY_KEY = native.Key("test", "bench", 1), ("test", "bench", 1)
GATE = {"backpressure": {"max_concurrent_operations": 2 * TASKS}}


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call costs.

    Attributes:
        name: how it is made.
        ns: the lower quartile of all rounds, in nanoseconds.
        above_ns: how much more than the bare client's, in nanoseconds.
    """

    name: str
    ns: float
    above_ns: float

    def __str__(self) -> str:
        return f"{self.name:<44} {self.ns:>8,.0f} {self.above_ns:>22,.0f}"


class _Client:
    """Completes what was asked for in one turn of the event loop all at once in the next."""

    def __init__(self) -> None:
        self._asked: list[Any] = []

    def _ask(self, slots: list[Any]) -> None:
        if not self._asked:
            asyncio.get_running_loop().call_soon(self._answer)
        self._asked += slots

    def _answer(self) -> None:
        asked, self._asked = self._asked, []
        for slot in asked:
            slot.set_result(None)

    def _future(self) -> asyncio.Future[Any]:
        future = asyncio.get_running_loop().create_future()
        self._ask([future])
        return future

    def is_connected(self) -> bool:
        return True

    def nodes(self) -> list[Any]:
        return []

    def get_node_names(self) -> list[str]:
        return []

    def is_strong_consistency(self, _namespace: str) -> bool:
        return False


class _Native(_Client):
    """Returns futures, as `aerospike_native` does."""

    def get(
        self, _key: Any, _bins: Any = None, *, policy: Any = None, policy_sc: Any = None
    ) -> Any:
        return self._future()

    def _submit_coalesced_read(
        self, _keys: Any, slots: list[Any], _bins: Any, *, policy: Any, policy_sc: Any = None
    ) -> None:
        self._ask(slots)


class _Py(_Client):
    """Has coroutine functions, as `aerospike_py.AsyncClient` does."""

    async def get(self, _key: Any, policy: Any = None) -> Any:
        return await self._future()


def run(*, quick: bool) -> Iterator[Cost]:
    """Measure each way to await a call."""
    loop = asyncio.new_event_loop()
    try:
        cases = loop.run_until_complete(_cases())
        samples: dict[str, list[float]] = {name: [] for name in cases}
        for _ in range(ROUNDS_QUICK if quick else ROUNDS):
            for name, get in cases.items():
                began = time.thread_time_ns()
                loop.run_until_complete(_burst(get))
                samples[name].append((time.thread_time_ns() - began) / (TASKS * EACH))
    finally:
        loop.close()
    quartile = {name: statistics.quantiles(found, n=4)[0] for name, found in samples.items()}
    bare = next(iter(quartile))
    for name, ns in quartile.items():
        bare = name if name.startswith("bare") else bare
        yield Cost(name, ns, ns - quartile[bare])


async def _cases() -> dict[str, Callable[[], Any]]:
    """Return the cases; each is compared with the bare one before it."""
    bare, bare_py = _Native(), _Py()
    future, coroutine = (
        _wrapped(_Native(), "aerospike-native"),
        _wrapped(_Py(), "aerospike-py-async"),
    )
    with patch.object(fast, "client_class", lambda cls, _recognises: cls):
        window = _wrapped(_Native(), "aerospike-native")  # for the client's own class only
    return {
        "bare client that returns futures": lambda: bare.get(KEY, policy=None),
        "resilient, a future of ours": lambda: future.get(KEY),
        "resilient, a window of one": lambda: window.get(KEY),
        "bare client that has coroutine functions": lambda: bare_py.get(PY_KEY, None),
        "resilient, one coroutine": lambda: coroutine.get(PY_KEY),
    }


def _wrapped(client: Any, adapter: str) -> Any:
    return resilient(client, "throughput", adapter=adapter, overrides=GATE)


async def _burst(get: Callable[[], Any]) -> None:
    async def many() -> None:
        for _ in range(EACH):
            await get()

    await asyncio.gather(*(many() for _ in range(TASKS)))
