"""A node that stalls again right after it came back, under every client: its neighbours stay closed."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import threading

import pytest

from aerospike_resilience.testing import LocalCluster
from benchmarks.at_load.surfaces import (
    AWAITED,
    BLOCKING,
    RECORDS,
    SET,
    Surface,
    Wanted,
    connect,
    connect_async,
)
from tests.waiting import until

pytestmark = pytest.mark.alone

PATIENT = {"breaker": {"silence": "500ms"}}
"""A busy machine stops a healthy node for longer than the profile's ``silence``."""

TEND_TIMEOUT_MS = 1000
"""aerospike-py's default is 30 s, and for that long it does not learn that a silent node was evicted."""


class Writer(threading.Thread):
    """Writes one record with one client, until `stop` is set.

    Attributes:
        connected: whether the client is connected and has written it once.
        written: how often it was written.
    """

    def __init__(self, kind: str, hosts, record: int) -> None:
        super().__init__(name=kind, daemon=True)
        self.connected, self.go, self.stop = (threading.Event() for _ in range(3))
        self.written = 0
        self._record = record
        self._wanted = Wanted(hosts, "latency", overrides=PATIENT, tend_timeout_ms=TEND_TIMEOUT_MS)

    def run(self) -> None:
        if self.name in BLOCKING:
            surface = connect(self.name, self._wanted)
            asyncio.run(self._write(surface, asyncio.to_thread))
        else:
            asyncio.run(self._await())

    async def _await(self) -> None:
        async def awaited(function, *args):
            return await function(*args)

        await self._write(await connect_async(self.name, self._wanted), awaited)

    async def _write(self, surface: Surface, call) -> None:
        await call(surface.put, self._record)
        self.connected.set()
        await asyncio.to_thread(self.go.wait)
        while not self.stop.is_set():
            with contextlib.suppress(Exception):
                await call(surface.put, self._record)
                self.written += 1
            await asyncio.sleep(0.01)
        closing = await asyncio.to_thread(surface.close)
        if inspect.isawaitable(closing):
            await closing


@contextlib.contextmanager
def writing(cluster, record: int):
    """Have each client write the record, once `go` is set."""
    writers = [Writer(kind, cluster.hosts, record) for kind in (*BLOCKING, *AWAITED)]
    for writer in writers:
        writer.start()
    try:
        yield writers
    finally:
        for writer in writers:
            writer.stop.set()
            writer.go.set()
        for writer in writers:
            writer.join()


def test_an_idle_neighbour_is_not_opened_in_place_of_a_node_that_stalls_again(caplog):
    """One write at a time shows no sign of life of any other node, so all of it rests on pulses."""
    caplog.set_level(logging.INFO, "aerospike_resilience.nodes")

    def told(node: str, text: str) -> set[str]:
        """Return the clients whose log says so of a node."""
        return {
            record.getMessage().partition(",")[0]
            for record in caplog.records
            if getattr(record, "aerospike_node", "") == node and text in record.getMessage()
        }

    with LocalCluster(nodes=3, replication_factor=2) as cluster:
        cluster.wait_until_stable()
        record = next(n for n in range(RECORDS) if cluster.master("test", SET, n).name == "A3")
        with writing(cluster, record) as writers:
            until(lambda: all(writer.connected.is_set() for writer in writers))
            cluster.stall("A3")
            until(lambda: len(told("A3", "left the cluster")) == len(writers))
            cluster.resume("A3")
            cluster.wait_until_stable()
            caplog.clear()

            cluster.stall("A3")
            for writer in writers:
                writer.go.set()
            until(lambda: all(writer.written for writer in writers))  # the others have evicted it
            opened = {node: told(node, "-> open") for node in ("A1", "A2", "A3")}
            cluster.resume("A3")

    assert opened["A1"] | opened["A2"] == set()
    assert opened["A3"]
