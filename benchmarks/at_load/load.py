"""The load: threads or tasks that read and write at a given rate, through a fault."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import threading
import time
from collections.abc import Iterator
from typing import Final, NamedTuple

import tenacity

from .nodes import Nodes, harmed
from .outcomes import Done, Parts, Times, by_phase
from .surfaces import BLOCKING, RECORDS, Surface, Wanted, connect, connect_async

SEED_TRIES: Final = 20
"""How often a record is written before the load at most: on a busy machine an answer may come too late."""

PATIENTLY: Final = tenacity.retry(stop=tenacity.stop_after_attempt(SEED_TRIES), reraise=True)


class Load(NamedTuple):
    """What the service does.

    Attributes:
        rate: calls a second.
        writes: the share of writes.
        threads: how many threads call a client whose methods block.
        tasks: how many tasks call one whose methods are awaited.
    """

    rate: float = 1500.0
    writes: float = 0.3
    threads: int = 16
    tasks: int = 200


class _Pace:
    """When one worker calls next, and what; the same for the bare and the wrapped client."""

    def __init__(self, number: int, load: Load, workers: int, began: float) -> None:
        self._chance = random.Random(number)
        self._gap = workers / load.rate
        self._share = load.writes
        self._next = began + self._chance.random() * self._gap

    def rest_s(self) -> float:
        return self._next - time.perf_counter()

    def draw(self, now: float) -> tuple[int, bool]:
        self._next = max(self._next + self._gap, now - 0.05)
        return self._chance.randrange(RECORDS), self._chance.random() < self._share


def _threads(surface: Surface, load: Load, began: float, ends: float) -> list[Done]:
    logs: list[list[Done]] = [[] for _ in range(load.threads)]

    def work(number: int) -> None:
        pace, log = _Pace(number, load, load.threads, began), logs[number]
        while True:
            if (rest_s := pace.rest_s()) > 0:
                time.sleep(rest_s)
            at = time.perf_counter()
            if at > ends:
                return
            record, writes = pace.draw(at)
            error = None
            try:
                surface.put(record) if writes else surface.get(record)
            except Exception as raised:  # noqa: BLE001 - what is raised is what is measured
                error = raised
            log.append(Done(at - began, time.perf_counter() - at, writes, error))

    workers = [threading.Thread(target=work, args=(number,)) for number in range(load.threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return [one for log in logs for one in log]


async def _tasks(surface: Surface, load: Load, began: float, ends: float) -> list[Done]:
    log: list[Done] = []

    async def work(number: int) -> None:
        pace = _Pace(number, load, load.tasks, began)
        while True:
            if (rest_s := pace.rest_s()) > 0:
                await asyncio.sleep(rest_s)
            at = time.perf_counter()
            if at > ends:
                return
            record, writes = pace.draw(at)
            error = None
            try:
                await (surface.put(record) if writes else surface.get(record))
            except Exception as raised:  # noqa: BLE001 - what is raised is what is measured
                error = raised
            log.append(Done(at - began, time.perf_counter() - at, writes, error))

    await asyncio.gather(*(work(number) for number in range(load.tasks)))
    return log


def work_through(
    client: str, fault: str, nodes: Nodes, wanted: Wanted, load: Load, times: Times
) -> Parts:
    """Have one client, bare or wrapped, work through a fault, and return what became of its calls."""
    if client in BLOCKING:
        surface = connect(client, wanted)
        write = PATIENTLY(surface.put)
        for number in range(RECORDS):
            write(number)
        with _settled():
            began = time.perf_counter() + 0.1
            with harmed(nodes, fault, began + times.before, times.fault):
                done = _threads(surface, load, began, began + sum(times))
        surface.close()
    else:
        done = asyncio.run(_work_through_async(client, fault, nodes, wanted, load, times))
    return by_phase(done, times)


async def _work_through_async(
    client: str, fault: str, nodes: Nodes, wanted: Wanted, load: Load, times: Times
) -> list[Done]:
    surface = await connect_async(client, wanted)

    @PATIENTLY
    async def write(number: int) -> None:
        await surface.put(number)

    for number in range(RECORDS):
        await write(number)
    with _settled():
        began = time.perf_counter() + 0.1
        with harmed(nodes, fault, began + times.before, times.fault):
            done = await _tasks(surface, load, began, began + sum(times))
    closing = surface.close()
    if closing is not None:
        await closing
    return done


@contextlib.contextmanager
def _settled() -> Iterator[None]:
    """Collect garbage once, as services do before they serve: no pause of that falls into the fault."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
