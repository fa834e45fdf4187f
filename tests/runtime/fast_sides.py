"""Two clients over the same scripted stand-in, whose results and states a test compares.

They differ in one thing only: one has a chain that is not made of the shipped classes alone, so that no
call of it takes the fused path.
"""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aerospike.exception as theirs

from aerospike_resilience import ambient, deadline, resilient
from aerospike_resilience.interceptors import Deadline
from aerospike_resilience.interceptors.gate.queue import Waiter
from aerospike_resilience.model.operation import NodeAddress
from aerospike_resilience.nodes import TEND_THREAD
from aerospike_resilience.nodes.partitions import PARTITIONS, PartitionMap
from tests.fakes import FakeClock
from tests.runtime.listeners import SURROUNDINGS, Listener

KEY = ("test", "demo", 1)
OTHER = ("test", "other", 1)
READS, WRITES, COUNTS = [{"op": 1, "bin": "n"}], [{"op": 2, "bin": "n", "val": 1}], [{"op": 5}]

SETTINGS = """\
version: 1
extends: latency
retry: {{sleep: 0, max_sleep: 0, budget: {{ratio: {ratio}, min_per_second: {reserve}}}}}
breaker: {{max_error_rate: 3, on_replica_open: {replica}}}
backpressure: {{max_concurrent_operations: 2}}
forked_client: allow
policy:
  all: {{total_timeout: {total}, socket_timeout: 40ms, max_retries: {retries}}}
{more}
"""
FILES = (
    SETTINGS.format(ratio=0.1, reserve=10, total="250ms", retries=2, replica="fail", more=""),
    SETTINGS.format(
        ratio=0.0, reserve=0.1, total="100ms", retries=3, replica="commit_master", more=""
    ),
    SETTINGS.format(
        ratio=0.1,
        reserve=1,
        total="250ms",
        retries=2,
        replica="wait",
        more="sets: {test.demo: {reads: {total_timeout: 80ms}, writes: {max_retries: 2}}}",
    ),
)
"""What a reload may put in force: a retry budget that is soon spent, options for one set."""

ERRORS: Mapping[str, Any] = {
    "missing": lambda: theirs.RecordNotFound(2, "Record not found"),
    "exists": lambda: theirs.RecordExistsError(5, "exists"),
    "generation": lambda: theirs.RecordGenerationError(3, "generation"),
    "timeout": lambda: theirs.TimeoutError(9, "Timeout: iterations=1 lastNode=127.0.0.1:3000"),
    "timeout in doubt": lambda: theirs.TimeoutError(9, "Timeout", "f", *(1, True)),
    "server timeout": lambda: theirs.TimeoutError(9, "Server timeout"),
    "overload": lambda: theirs.DeviceOverload(18, "overload"),
    "no connection": lambda: theirs.NoMoreConnectionsError(-7, "none"),
    "reset": lambda: theirs.ConnectionError(-10, "reset 127.0.0.1:3000"),
    "argument": lambda: TypeError("of the client"),
    "interrupt": KeyboardInterrupt,
}


class Scripted:
    """Answers as the script says: each answer is how long it takes, and what it is."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.script: list[tuple[float, str]] = []
        self.calls: list[Any] = []

    def _answer(self, name: str, arguments: tuple[Any, ...], policy: Any) -> Any:
        self.calls.append((name, arguments, dict(policy) if policy is not None else None))
        took_s, what = self.script.pop(0) if self.script else (0.0, "ok")
        self.clock.pass_s(took_s)
        if what != "ok":
            raise ERRORS[what]()
        return name, len(self.calls)

    def get(self, key: Any, policy: Any = None) -> Any:
        return self._answer("get", (key,), policy)

    def put(self, key: Any, bins: Any, meta: Any = None, policy: Any = None) -> Any:
        return self._answer("put", (key, bins, meta), policy)

    def increment(
        self,
        key: Any,
        bin: Any,  # noqa: A002 - the client's name
        offset: Any,
        meta: Any = None,
        policy: Any = None,
    ) -> Any:
        return self._answer("increment", (key, bin, offset, meta), policy)

    def operate(self, key: Any, list: Any, meta: Any = None, policy: Any = None) -> Any:  # noqa: A002
        return self._answer("operate", (key, list, meta), policy)

    def is_connected(self) -> bool:
        return True

    def get_node_names(self) -> list[dict[str, Any]]:
        return []

    def get_key_partition_id(self, namespace: str, set_name: str, key: Any) -> int:
        return 1

    def close(self) -> None:
        return None


class NotShipped(Deadline):
    """A link that behaves as the shipped one and is none."""


def not_shipped(chain: list[Any]) -> list[Any]:
    return [NotShipped(one._error, one._clock) if type(one) is Deadline else one for one in chain]


class Side:
    """One of the two clients, with all that is compared."""

    def __init__(self, policies: Path, *, fused: bool, listener: str = "nobody") -> None:
        self.name = "side-fused" if fused else "side-general"
        self.clock = FakeClock()
        ambient._Monotonic.now = staticmethod(self.clock)
        self.stub = Scripted(self.clock)
        self.listener = Listener(listener)
        self.client: Any = resilient(
            self.stub,
            "scripted",
            name=self.name,
            policies=str(policies),
            adapter="aerospike",
            clock=self.clock,
            arrange=None if fused else not_shipped,
            **self.listener.options,
        )
        self.engine = self.client.resilience._engine
        TEND_THREAD.discard(self.engine._tended)
        assert self.engine.runtime.lane.open is fused
        health = self.health = self.engine.shared.health
        health.registry._random = random.Random(1)
        names = {name: NodeAddress(name, "127.0.0.1", 3000 + n) for n, name in enumerate("AB")}
        health.adopt(PartitionMap({"test": (("A", "B"),) * PARTITIONS}))
        with health.notices, health.lock:
            health.update_nodes_locked(names)
        self.taken = 0
        self.waiter: Waiter | None = None

    def do(self, step: tuple[Any, ...]) -> Any:
        """Take one step of the script, and return what it came to."""
        ambient._Monotonic.now = staticmethod(self.clock)
        what, *details = step
        return getattr(self, what)(*details)

    def call(self, form: str, around: str, answers: list[tuple[float, str]]) -> Any:
        self.stub.script = list(answers)
        with AROUND[around](self.client):
            try:
                return FORMS[form](self.client)
            except BaseException as error:
                return told(error).replace(self.name, "side")

    def wait(self, seconds: float) -> None:
        self.clock.pass_s(seconds)

    def fill(self) -> None:
        """Take every permit, and have the gate refuse at once whoever would wait."""
        gate = self.engine.shared.gates.main
        self.engine.shared.gates.close()
        self.taken += len(gate.permits)
        gate.permits.clear()

    def empty(self) -> None:
        """Undo `fill` and `crowd`."""
        gate = self.engine.shared.gates.main
        if self.waiter is not None:
            gate._queue.leave(self.waiter)
            gate.waiting, self.waiter = 0, None
        self.engine.shared.gates.reopen()
        gate.permits.extend([None] * self.taken)
        self.taken = 0

    def crowd(self) -> None:
        """Have somebody wait at the gate, and everybody who would wait refused."""
        gate = self.engine.shared.gates.main
        self.fill()
        if not gate.waiting:
            self.waiter = Waiter()
            gate._queue.join(self.waiter)
            gate.waiting = 1

    def isolate(self, node: str) -> None:
        """Shut a node by order."""
        self.client.resilience.isolate(node)

    def release(self, node: str) -> None:
        """Undo `isolate`."""
        self.client.resilience.release(node)

    def open(self, node: str) -> None:
        """Shut a node for its errors."""
        with self.health.notices, self.health.lock:
            self.health.by_name[node].breaker.open(self.clock(), "made so")
            self.health.settle_locked()

    def tend(self) -> None:
        with self.health.notices, self.health.lock:
            self.health.calls.fold_locked()
            self.health.settle_locked()
        self.engine._pace(0.02)

    def heal(self) -> None:
        """Have every node forgiven, so that all is calm."""
        with self.health.notices, self.health.lock:
            self.health.inquiries.clear()
            for node in self.health.by_name.values():
                node.forget(self.clock())
            self.health.settle_locked()

    def reload(self) -> Any:
        return self.client.resilience.reload().error is None

    def fork(self) -> None:
        shared = self.engine.shared
        for one in (shared.budget, shared.gates.main, shared.gates, self.health, self.engine):
            one.after_fork()
        self.taken, self.waiter = 0, None

    def state(self) -> dict[str, Any]:
        shared, health = self.engine.shared, self.health
        gate, budget = shared.gates.main, shared.budget
        return {
            "calls": self.stub.calls,
            "spans": self.listener.spans(),
            "permits": (len(gate.permits), gate.waiting, gate.debt, dict(gate.rejected)),
            "budget": (budget.operations, budget.spent, budget.balance(self.clock.now)),
            "retries": (shared.retries.retries, dict(shared.retries.suppressed)),
            "samples": list(health.calls.recent),
            "calm": (health.calm, health.verdict, health.inquiries),
            "nodes": {
                name: (
                    *(dict(node.errors), node.left_early, node.asked_since, node.last_alive),
                    *(node.breaker.state, node.latency._samples),
                )
                for name, node in health.by_name.items()
            },
            "clock": self.clock.now,
        }


def told(error: BaseException) -> str:
    """What an application sees of an error."""
    shown = {
        name: value
        for name, value in vars(error).items()
        if not name.startswith("__") and not isinstance(value, BaseException)
    }
    return repr((type(error).__name__, str(error), shown, getattr(error, "__notes__", None)))


POLICY = {"total_timeout": 60, "max_retries": 1}
FORMS: Mapping[str, Any] = {
    "get": lambda c: c.get(KEY),
    "get by name": lambda c: c.get(key=KEY),
    "get elsewhere": lambda c: c.get(OTHER),
    "get, policy": lambda c: c.get(KEY, POLICY),
    "get, policy by name": lambda c: c.get(KEY, policy=dict(POLICY)),
    "get, policy refused": lambda c: c.get(KEY, {"total_timeout": "long"}),
    "get, no policy": lambda c: c.get(KEY, policy=None),
    "get, empty policy": lambda c: c.get(KEY, {}),
    "get without key": lambda c: c.get(),
    "get, key twice": lambda c: c.get(KEY, key=KEY),
    "get, unknown name": lambda c: c.get(KEY, other=1),
    "put": lambda c: c.put(KEY, {"n": 1}),
    "put without bins": lambda c: c.put(KEY),
    "put, meta": lambda c: c.put(KEY, {"n": 1}, {"ttl": 1}),
    "put, meta by name": lambda c: c.put(KEY, {"n": 1}, meta={"gen": 1}),
    "put all by name": lambda c: c.put(meta={}, bins={}, key=KEY, policy={"exists": 1}),
    "put, meta and no bins": lambda c: c.put(KEY, meta={}),
    "put if generation": lambda c: c.put(KEY, {}, {"gen": 2}, {"gen": 1}),
    "increment": lambda c: c.increment(KEY, "n", 1),
    "operate, reads": lambda c: c.operate(KEY, READS),
    "operate, writes": lambda c: c.operate(KEY, WRITES),
    "operate, counts": lambda c: c.operate(KEY, COUNTS, {}),
    "operate, nothing": lambda c: c.operate(KEY, None),
}
AROUND: Mapping[str, Any] = {
    "deadline": lambda _c: deadline(10),
    "short deadline": lambda _c: deadline(0.03),
    "deadline passed": lambda _c: deadline(0),
    "using overrides": lambda c: c.resilience.using(
        overrides={"policy": {"all": {"total_timeout": 70}}}
    ),
    "using idempotent": lambda c: c.resilience.using(idempotent=True),
    "using critical": lambda c: c.resilience.using(criticality="critical"),
    "using sheddable": lambda c: c.resilience.using(criticality="sheddable"),
    **{name: lambda _c, made=made: made() for name, made in SURROUNDINGS.items()},
}


def show(what: str, played: Mapping[str, int], taken: Mapping[str, int]) -> None:
    """Write what the equivalence tests drove into the file that ``EQUIVALENCE_STATISTICS`` names.

    Args:
        what: which calls.
        played: how many scripts, and how many steps of each kind.
        taken: how often the fused side took each of its branches.
    """
    file = os.environ.get("EQUIVALENCE_STATISTICS")
    if not file:
        return
    for title, found in (("played", played), ("branches of the fused path", taken)):
        told = ", ".join(f"{name} {number:,}" for name, number in sorted(found.items()))
        with Path(file).open("a") as lines:
            lines.write(f"{what}, {title}: {told}\n")
