"""Any order of events, against a model of the gate that is too slow to use and too plain to be wrong."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from aerospike_resilience.errors import BackpressureError
from aerospike_resilience.interceptors import Gate
from aerospike_resilience.interceptors.gate.backpressure import WeightedBackpressure
from tests.interceptors.gating import a_call

CLASSES = ("critical", "default", "sheddable")


@dataclass
class Op:
    """An operation as the model knows it."""

    number: int
    weight: int
    criticality: str
    held: int = 0


class Model:
    """What a gate should do, in lists."""

    def __init__(self, limit: int) -> None:
        self.limit, self.order, self.closed = limit, "fifo", False
        self.running: list[Op] = []
        self.line: list[Op] = []
        self.refused: dict[int, str] = {}

    @property
    def free(self) -> int:
        return max(self.limit - sum(op.held for op in self.running), 0)

    def in_order(self) -> list[Op]:
        """The line, next to be served first."""
        return [
            op
            for criticality in CLASSES
            for op in self.line[:: -1 if self.order == "lifo" else 1]
            if op.criticality == criticality
        ]

    def settle(self) -> None:
        while self.line:
            op = self.in_order()[0]
            needs = min(op.weight, self.limit)
            if self.free < needs:
                return
            self.line.remove(op)
            op.held = needs
            self.running.append(op)

    def arrive(self, op: Op) -> None:
        if op.criticality == "sheddable" and self.line:
            self.refused[op.number] = "shed"
            return
        self.line.append(op)
        self.settle()
        if op not in self.line:
            return
        if self.closed:
            self.line.remove(op)
            self.refused[op.number] = "closed"
        elif len(self.line) > 1:
            for other in [other for other in self.line if other.criticality == "sheddable"]:
                self.line.remove(other)
                self.refused[other.number] = "shed"

    def end(self, op: Op) -> None:
        (self.running if op in self.running else self.line).remove(op)
        self.settle()

    def close(self) -> None:
        self.closed = True
        for op in self.line:
            self.refused[op.number] = "closed"
        self.line.clear()


class GateMachine(RuleBasedStateMachine):
    """Arrivals of every weight and class, ends, cancellations, resizes, closing."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.gate = Gate(3)
        self.model = Model(3)
        self.numbered = 0
        self.tasks: dict[int, asyncio.Task] = {}
        self.ends: dict[int, asyncio.Future] = {}

    def teardown(self) -> None:
        async def cancel_all() -> None:
            for task in self.tasks.values():
                task.cancel()
            await asyncio.gather(*self.tasks.values(), return_exceptions=True)

        self.loop.run_until_complete(cancel_all())
        self.loop.close()
        assert (self.gate.in_flight, self.gate.waiting, self.gate.debt) == (0, 0, 0)

    def run_until_idle(self) -> None:
        async def idle() -> None:
            for _ in range(12):
                await asyncio.sleep(0)

        self.loop.run_until_complete(idle())

    @rule(weight=st.integers(1, 4), criticality=st.sampled_from(CLASSES))
    def arrive(self, weight: int, criticality: str) -> None:
        self.numbered += 1
        number = self.numbered
        end = self.ends[number] = self.loop.create_future()
        backpressure = WeightedBackpressure(self.gate, lambda _call: weight)

        async def attempt(_call: object) -> None:
            await end

        async def one() -> None:
            await backpressure.around_async(a_call(criticality=criticality), attempt)

        self.tasks[number] = self.loop.create_task(one())
        self.run_until_idle()
        self.model.arrive(Op(number, weight, criticality))

    @precondition(lambda self: self.model.running)
    @rule(data=st.data())
    def finish(self, data) -> None:
        op = data.draw(st.sampled_from(self.model.running), "the one that ends")
        if data.draw(st.booleans(), "well"):
            self.ends[op.number].set_result(None)
        else:
            self.ends[op.number].set_exception(ValueError())
        self.run_until_idle()
        self.model.end(op)

    @precondition(lambda self: self.model.running or self.model.line)
    @rule(data=st.data())
    def cancel(self, data) -> None:
        op = data.draw(st.sampled_from(self.model.running + self.model.line), "the one cancelled")
        self.tasks[op.number].cancel()
        self.run_until_idle()
        self.model.end(op)

    @rule(limit=st.integers(0, 6), order=st.sampled_from(["fifo", "lifo"]))
    def resize(self, limit: int, order: str) -> None:
        self.gate.resize(limit, 0.0, order)
        self.run_until_idle()
        self.model.limit, self.model.order = limit, order
        self.model.settle()

    @rule()
    def close(self) -> None:
        self.gate.close()
        self.run_until_idle()
        self.model.close()

    @rule()
    def reopen(self) -> None:
        self.gate.reopen()
        self.model.closed = False

    @invariant()
    def permits_are_conserved(self) -> None:
        assert self.gate.in_flight == sum(op.held for op in self.model.running)
        assert len(self.gate.permits) == self.model.free

    @invariant()
    def the_line_is_in_order(self) -> None:
        assert self.gate.waiting == len(self.model.line)
        assert sorted(self.alive()) == sorted(
            op.number for op in self.model.running + self.model.line
        )
        front = self.gate._queue.front()
        if front is not None:
            first = self.model.in_order()[0]
            assert (front.weight, front.criticality) == (first.weight, first.criticality)

    @invariant()
    def a_sheddable_one_waits_alone_or_not_at_all(self) -> None:
        if any(place.criticality == "sheddable" for place in self.gate._queue):
            assert self.gate.waiting == 1

    @invariant()
    def refusals_have_their_reason(self) -> None:
        found = {
            number: error.reason
            for number, task in self.tasks.items()
            if task.done()
            and not task.cancelled()
            and isinstance(error := task.exception(), BackpressureError)
        }
        assert found == self.model.refused

    def alive(self) -> list[int]:
        return [number for number, task in self.tasks.items() if not task.done()]


TestGateMachine = GateMachine.TestCase
TestGateMachine.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
