"""Two awaited clients over the same scripted stand-in, as `fast_sides` has them for clients that block.

They return futures, take windows of one, or have coroutine functions.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aerospike_py.exception as py_errors

from aerospike_resilience import ambient, deadline, resilient
from aerospike_resilience.model.operation import NodeAddress
from aerospike_resilience.nodes.partitions import PARTITIONS, PartitionMap
from tests.conformance.surfaces import native
from tests.fakes import FakeClock
from tests.runtime.fast_sides import not_shipped, told
from tests.runtime.listeners import SURROUNDINGS, Listener

NATIVE_KEY = native.Key("test", "demo", 1)
PY_KEY = ("test", "demo", 1)
n = native.exceptions


def _native(cls: Any, code: Any, *, doubt: bool = False) -> Any:
    return lambda: cls(f"Error {code}", code, doubt, None, None, None, None, 1, "", None)


NATIVE_ERRORS: Mapping[str, Any] = {
    "missing": _native(n.RecordNotFound, native.ResultCode.KEY_NOT_FOUND_ERROR),
    "timeout": _native(n.TimeoutError, native.ResultCode.TIMEOUT),
    "timeout in doubt": _native(n.TimeoutError, native.ResultCode.TIMEOUT, doubt=True),
    "overload": _native(n.ServerError, native.ResultCode.DEVICE_OVERLOAD),
    "argument": lambda: TypeError("of the client"),
}
PY_ERRORS: Mapping[str, Any] = {
    "missing": lambda: py_errors.RecordNotFound("Record not found"),
    "timeout": lambda: py_errors.AerospikeTimeoutError("Timeout"),
    "timeout in doubt": lambda: py_errors.AerospikeTimeoutError("Timeout [in_doubt]"),
    "overload": lambda: py_errors.ServerError("AEROSPIKE_ERR (18): Device overload"),
    "argument": lambda: TypeError("of the client"),
}


class Scripted:
    """Answers as the script says, one turn of the event loop later."""

    errors: Mapping[str, Any]

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.script: list[tuple[float, str]] = []
        self.calls: list[Any] = []

    def answer(self, slot: Any, name: str, policy: Any) -> None:
        fields = (policy.total_timeout, policy.socket_timeout, policy.max_retries)
        self.calls.append((name, fields))
        if self.script and self.script[0][1] == "interrupt":
            took_s, _ = self.script.pop(0)
            self.clock.pass_s(took_s)
            raise KeyboardInterrupt  # while the client is called: nobody knows whether it was sent
        asyncio.get_running_loop().call_soon(self._complete, slot)

    def _complete(self, slot: Any) -> None:
        took_s, what = self.script.pop(0) if self.script else (0.0, "ok")
        self.clock.pass_s(took_s)
        if slot.cancelled():
            return  # a coroutine's caller has left
        if what == "ok":
            slot.set_result(len(self.calls))
        elif what == "dropped":
            slot.cancel()
        else:
            slot.set_exception(self.errors[what]())

    def is_connected(self) -> bool:
        return True

    def is_strong_consistency(self, _namespace: str) -> bool:
        return False

    def nodes(self) -> list[Any]:
        return []

    def get_node_names(self) -> list[str]:
        return []

    def close(self) -> None:
        return None


class Futures(Scripted):
    errors = NATIVE_ERRORS

    def _begun(self, name: str, policy: Any) -> asyncio.Future[Any]:
        future = asyncio.get_running_loop().create_future()
        self.answer(future, name, policy)
        return future

    def get(self, key: Any, bins: Any = None, *, policy: Any = None, policy_sc: Any = None) -> Any:
        if not isinstance(key, native.Key):
            raise TypeError("no key")
        return self._begun("get", policy)

    def put(self, key: Any, bins: Any, *, policy: Any = None, policy_sc: Any = None) -> Any:
        return self._begun("put", policy)

    def add(self, key: Any, bins: Any, *, policy: Any = None) -> Any:
        return self._begun("add", policy)


class Windows(Futures):
    def _submit_coalesced_read(
        self, keys: Any, slots: Any, _bins: Any, *, policy: Any, policy_sc: Any = None
    ) -> None:
        for slot in slots:
            self.answer(slot, "get", policy)

    def _submit_coalesced_write(
        self, keys: Any, slots: Any, _bins: Any, *, policy: Any, policy_sc: Any = None
    ) -> None:
        for slot in slots:
            self.answer(slot, "put", policy)


class _Fields:
    def __init__(self, policy: Mapping[str, Any] | None) -> None:
        for name in ("total_timeout", "socket_timeout", "max_retries"):
            setattr(self, name, (policy or {}).get(name))


class Coroutines(Scripted):
    errors = PY_ERRORS

    async def _answered(self, name: str, policy: Any) -> Any:
        future = asyncio.get_running_loop().create_future()
        self.answer(future, name, _Fields(policy))
        try:
            return await future
        finally:
            del future  # its error leads to this frame

    async def get(self, key: Any, policy: Any = None) -> Any:
        return await self._answered("get", policy)

    async def put(self, key: Any, bins: Any, meta: Any = None, policy: Any = None) -> Any:
        return await self._answered("put", policy)

    async def increment(
        self,
        key: Any,
        bin: Any,  # noqa: A002
        offset: Any,
        meta: Any = None,
        policy: Any = None,
    ) -> Any:
        return await self._answered("increment", policy)


KINDS: Mapping[str, tuple[type[Scripted], str]] = {
    "futures": (Futures, "aerospike-native"),
    "windows": (Windows, "aerospike-native"),
    "coroutines": (Coroutines, "aerospike-py-async"),
}
NATIVE_FORMS: Mapping[str, Any] = {
    "get": lambda c: c.get(NATIVE_KEY),
    "get, bins": lambda c: c.get(NATIVE_KEY, ["n"]),
    "get by name": lambda c: c.get(key=NATIVE_KEY),
    "get without key": lambda c: c.get("no key"),
    "put": lambda c: c.put(NATIVE_KEY, {"n": 1}),
    "counts": lambda c: c.add(NATIVE_KEY, {"n": 1}),
}
PY_FORMS: Mapping[str, Any] = {
    "get": lambda c: c.get(PY_KEY),
    "get, bins": lambda c: c.get(PY_KEY, None),
    "get by name": lambda c: c.get(key=PY_KEY),
    "get without key": lambda c: c.get(PY_KEY, {"total_timeout": 70}),
    "put": lambda c: c.put(PY_KEY, {"n": 1}),
    "counts": lambda c: c.increment(PY_KEY, "n", 1),
}


class Side:
    """One of the two clients, with all that is compared."""

    def __init__(self, kind: str, policies: Path, *, fused: bool, listener: str = "nobody") -> None:
        make, adapter = KINDS[kind]
        self.forms = PY_FORMS if kind == "coroutines" else NATIVE_FORMS
        self.clock = FakeClock()
        ambient._Monotonic.now = staticmethod(self.clock)
        self.stub = make(self.clock)
        self.listener = Listener(listener)
        self.client: Any = resilient(
            self.stub,
            "scripted",
            name="fused" if fused else "chain",
            policies=str(policies),
            adapter=adapter,
            clock=self.clock,
            arrange=None if fused else not_shipped,
            **self.listener.options,
        )
        self.engine = self.client.resilience._engine
        self.taken = 0
        assert self.engine.runtime.lane.open is fused
        health = self.health = self.engine.shared.health
        health.registry._random = random.Random(1)
        health.source.partition = lambda _key: ("test", 1)
        names = {name: NodeAddress(name, "127.0.0.1", 3000 + n) for n, name in enumerate("AB")}
        health.adopt(PartitionMap({"test": (("A", "B"),) * PARTITIONS}))
        with health.notices, health.lock:
            health.update_nodes_locked(names)

    async def call(
        self,
        form: str,
        limit_s: float,
        answers: list[tuple[float, str]],
        around: str = "nothing",
    ) -> Any:
        ambient._Monotonic.now = staticmethod(self.clock)
        self.stub.script = list(answers)
        try:
            with deadline(limit_s), SURROUNDINGS[around]():
                return await self.forms[form](self.client)
        except asyncio.CancelledError:
            return "dropped by the client"
        except KeyboardInterrupt:
            return "interrupted"
        except Exception as error:
            return repr(told(error)).replace("fused", "chain")

    async def leave(self, form: str, answers: list[tuple[float, str]]) -> Any:
        """Have the caller leave a call that is under way, and wait until it is over."""
        gate = self.engine.shared.gates.main
        if not gate.permits or not self.health.calm:
            return None  # it may be refused before its caller leaves, or after
        task = asyncio.ensure_future(self.call(form, 60.0, answers))
        await asyncio.sleep(0)
        task.cancel()
        end = await task
        for _ in range(100):
            if (
                not gate.in_flight - self.taken
                and not self.engine.shared.under_way.latest.under_way
            ):
                break
            await asyncio.sleep(0)
        self.health.calls.recent.clear()  # the chain takes no note of how a call ends that nobody waits for
        self.calm()
        return end

    def fill(self) -> None:
        """Take every permit, and have the gate refuse at once whoever would wait."""
        gate = self.engine.shared.gates.main
        self.engine.shared.gates.close()
        self.taken += len(gate.permits)
        gate.permits.clear()

    def empty(self) -> None:
        """Undo `fill`."""
        self.engine.shared.gates.reopen()
        self.engine.shared.gates.main.permits.extend([None] * self.taken)
        self.taken = 0

    def crowd(self) -> None:
        """Have so many calls under way that none may hurry."""
        gate = self.engine.shared.gates.main
        gate.crowded_at = gate.limit

    def ease(self) -> None:
        """Undo `crowd`."""
        self.engine.shared.gates.main.crowded_at = -1

    def isolate(self) -> None:
        """Shut a node by order."""
        self.client.resilience.isolate("A")

    def release(self) -> None:
        """Undo `isolate`."""
        self.client.resilience.release("A")

    def fork(self) -> None:
        """Go on as a forked child that uses its parent's client."""
        shared = self.engine.shared
        for one in (shared.budget, shared.gates.main, shared.gates, shared.under_way, self.health):
            one.after_fork()
        self.engine.after_fork()
        self.taken = 0

    def wait(self, seconds: float) -> None:
        self.clock.pass_s(seconds)

    def tend(self) -> None:
        with self.health.notices, self.health.lock:
            self.health.calls.fold_locked()
            self.health.settle_locked()
        self.engine._pace(0.02)

    def calm(self) -> None:
        """Forget what was held against the nodes, so that the next call may take the fused path."""
        with self.health.notices, self.health.lock:
            for node in self.health.by_name.values():
                node.forget(self.clock.now)
            self.health.settle_locked()

    def reload(self) -> Any:
        return self.client.resilience.reload().error is None

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
                name: (dict(node.errors), node.left_early, node.asked_since, node.last_alive)
                for name, node in health.by_name.items()
            },
            "under way": len(shared.under_way.latest.under_way),
            "clock": self.clock.now,
        }
