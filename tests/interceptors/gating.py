"""Driving a gate from tests: permits held by hand, threads and tasks that wait."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable
from typing import Any

from aerospike_resilience.interceptors import Backpressure, Gate
from aerospike_resilience.interceptors.gate.backpressure import WeightedBackpressure
from aerospike_resilience.interceptors.gate.per_node import NodeGates, PerNode
from aerospike_resilience.model.call import Call
from aerospike_resilience.model.operation import Criticality
from tests import fakes
from tests.waiting import until


def hold(gate: Gate, count: int = 1) -> None:
    """Take free permits, as operations under way would."""
    for _ in range(count):
        gate.permits.pop()


def lay_down(gate: Gate, count: int = 1) -> None:
    """End operations under way."""
    for _ in range(count):
        gate.permits.append(None)
        gate.settle()


def a_call(deadline_s: float = math.inf, criticality: Criticality = "default") -> Call:
    """A call that has passed the deadline interceptor."""
    call = fakes.call()
    call.now = call.started = time.monotonic()
    call.deadline = call.now + deadline_s
    call.criticality = criticality
    return call


class Caller(threading.Thread):
    """A thread that makes one call through a gate and says what came of it.

    Attributes:
        inside: set while the call is under way; it ends when `finish` is set.
        outcome: what the call returned, or what it raised.
    """

    def __init__(self, around: Callable[..., Any], call: Call | None = None) -> None:
        super().__init__(daemon=True)
        self._around = around
        self._call = call or a_call()
        self.inside = threading.Event()
        self.finish = threading.Event()
        self.outcome: Any = None

    def run(self) -> None:
        def attempt(_call: Call) -> str:
            self.inside.set()
            self.finish.wait(60)
            return "done"

        try:
            self.outcome = self._around(self._call, attempt)
        except BaseException as error:
            self.outcome = error

    def end(self) -> Any:
        """Let the call end and return what came of it."""
        self.finish.set()
        self.join(60)
        assert not self.is_alive()
        return self.outcome


def waiting(
    gate: Gate, call: Call | None = None, around: Callable[..., Any] | None = None
) -> Caller:
    """Start a caller and return once it stands in line."""
    before = gate.waiting
    caller = Caller(around or Backpressure(gate).around, call)
    caller.start()
    until(lambda: gate.waiting == before + 1, pause_s=0.001)
    return caller


async def tasks_settle() -> None:
    """Let every task run until it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


class Chain:
    """A gate with everything before it: two nodes' gates, batches that take two permits."""

    def __init__(self, limit: int = 3, queue_timeout_s: float = 0.0) -> None:
        self.gate = Gate(limit, queue_timeout_s)
        self.nodes = NodeGates()
        self.nodes.resize(2, queue_timeout_s, "fifo")
        self._per_node = PerNode(self.nodes, lambda call: call.args[0])
        self._weighted = WeightedBackpressure(self.gate, lambda call: call.args[1])

    def call(self, nodes: tuple[str, ...] = ("A1",), weight: int = 1, **more: Any):
        call = a_call(**more)
        call.args = (nodes, weight)
        return call

    def around(self, call, attempt: Callable[..., Any]) -> Any:
        return self._per_node.around(call, lambda call: self._weighted.around(call, attempt))

    async def around_async(self, call, attempt: Callable[..., Any]) -> Any:
        return await self._per_node.around_async(
            call, lambda call: self._weighted.around_async(call, attempt)
        )

    @property
    def gates(self) -> list[Gate]:
        return [self.gate, *self.nodes.by_name.values()]

    def assert_all_home(self) -> None:
        for gate in self.gates:
            assert (gate.in_flight, gate.waiting, gate.debt) == (0, 0, 0)
            assert len(gate.permits) == gate.limit


FORMS = {
    "a single record": (("A1",), 1),
    "a batch on two nodes": (("A1", "A2"), 2),
    "no node known": ((), 1),
}


def nothing(_call: object) -> None:
    """An attempt that ends at once."""
    return
