"""Foresight: a link that changes no call and counts what the profile compared with would have done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ...model.call import Call
from ...model.failure import NOBODY, FailureKind
from ...model.operation import Key, Operation
from ...model.plan import Plan
from ...model.rows import BatchCall
from ...nodes import ClusterHealth
from ..base import Link, LinkedAsync, Proceed, ProceedAsync
from ..retry.budget import RetryBudget
from .counts import Became, Foreseen, WouldHave
from .virtual_gate import Ticket, VirtualGate


class Compared(NamedTuple):
    """What the profile compared with says.

    Attributes:
        plan: its plan of an operation.
        gate: its gate; None where it has none.
        budget: its retry budget; None where it has none.
        slow_s: how long a read waits for its node at most if another attempt can follow, in seconds; None
            where the profile adapts no timeout.
        refuses_for_replica: whether a write is refused for an open replica.
    """

    plan: Callable[[Operation], Plan]
    gate: VirtualGate | None
    budget: RetryBudget | None
    slow_s: float | None
    refuses_for_replica: bool


class Begun(NamedTuple):
    """What is foreseen when a call begins.

    Attributes:
        ticket: its place at the virtual gate; None where there is no gate.
        foreseen: what would be done for the state of its nodes; None if nothing.
    """

    ticket: Ticket | None
    foreseen: Foreseen | None


class Foresight(Link):
    """Count what would have been done to a call, beside what became of it.

    Nodes are judged by this profile's own breaker, which is in shadow.

    Args:
        health: the state of every node.
        compared: what the other profile says.
        counts: the client's counters.
    """

    __slots__ = ("_compared", "_counts", "_health")

    def __init__(self, health: ClusterHealth, compared: Compared, counts: WouldHave) -> None:
        self._health = health
        self._compared = compared
        self._counts = counts

    def link(self, proceed: Proceed) -> Proceed:
        """Foresee, proceed, count."""

        def foresight(call: Call) -> Any:
            begun = self._begin(call)
            try:
                result = proceed(call)
            except BaseException as error:
                self._broke(call, begun, error)
                raise
            self._ended(call, begun)
            return result

        return foresight

    def link_async(self, proceed: ProceedAsync) -> LinkedAsync:
        """Foresee, proceed, count."""

        async def foresight(call: Call) -> Any:
            begun = self._begin(call)
            try:
                result = await proceed(call)
            except BaseException as error:
                self._broke(call, begun, error)
                raise
            self._ended(call, begun)
            return result

        return foresight

    def _begin(self, call: Call) -> Begun:
        compared = self._compared
        if compared.budget is not None:
            compared.budget.operations += 1
        gate = compared.gate
        ticket = gate.enter(call.now, call.deadline) if gate is not None else None
        return Begun(ticket, None if self._health.calm else self._foresee(call))

    def _foresee(self, call: Call) -> Foreseen | None:
        """Return what would be done for the state of nodes; of a batch, to the first row it is done to."""
        rows = call.plan.rows
        if rows is None:
            return self._foresee_one(call.plan, call.key)
        try:
            keys = rows.sent(BatchCall(call.plan, call.args, call.kwargs))
        except Exception:  # noqa: BLE001 - not a batch: the client raises the better error
            return None
        found = [one for key in keys if (one := self._foresee_one(call.plan, key)) is not None]
        refused = [one for one in found if one.action == "refused"]
        return next(iter((*refused, *found)), None)

    def _ended(self, call: Call, begun: Begun) -> None:
        """Count a call that returned; of a batch some rows may have failed."""
        self._settle(call, begun, "served" if call.failure is None else "failed")

    def _broke(self, call: Call, begun: Begun, error: BaseException) -> None:
        """Count a call that raised. A miss is an answer; what is interrupted shows nothing."""
        failure = call.failure
        if failure is not None and call.owns(error):
            self._settle(call, begun, "served" if failure.fault is NOBODY else "failed")
        elif begun.ticket is not None and self._compared.gate is not None:
            self._compared.gate.leave(begun.ticket, call.now)

    def _settle(self, call: Call, begun: Begun, became: Became) -> None:
        count, gate = self._counts.count, self._compared.gate
        if begun.ticket is not None and gate is not None and gate.leave(begun.ticket, call.now):
            count(Foreseen("shed", "", "timeout"), became)
            return
        if begun.foreseen is not None:
            count(begun.foreseen, became)
            if begun.foreseen.action == "refused":
                return
        elif (slow := self._too_slow(call)) is not None:
            count(slow, became)
        if became == "failed" and (again := self._again(call)) is not None:
            count(again, became)

    def _foresee_one(self, plan: Plan, key: Key | None) -> Foreseen | None:
        """Return what would be done to a call on one record for the state of the nodes that it needs."""
        names = self._health.maps.owners(key)
        nodes = [node for name in names if (node := self._health.by_name.get(name)) is not None]
        if not nodes or any(node.breaker.isolated for node in nodes):
            return None  # an order counts in shadow too, so what is done is real
        if plan.writes:
            needed = nodes if self._compared.refuses_for_replica else nodes[:1]
            shut = next((node for node in needed if not node.breaker.closed), None)
            return Foreseen("refused", shut.address.name, shut.breaker.why) if shut else None
        master, others = nodes[0], nodes[1:]
        if master.well:
            return None
        name, closed = master.address.name, master.breaker.closed
        reachable = others if self._compared.plan(plan.operation).failover else []
        if reachable and (closed or any(node.breaker.closed for node in reachable)):
            return Foreseen("hurried", name, "suspect" if closed else master.breaker.why)
        return None if closed else Foreseen("refused", name, master.breaker.why)

    def _too_slow(self, call: Call) -> Foreseen | None:
        """Return that a read waited longer for its node than it would have been let."""
        slow_s = self._compared.slow_s
        if slow_s is None or call.plan.writes or call.now - call.began < slow_s:
            return None
        names = self._health.maps.owners(call.key)
        if len(names) < 2 or not self._compared.plan(call.plan.operation).failover:
            return None
        return Foreseen("hurried", names[0], "slow")

    def _again(self, call: Call) -> Foreseen | None:
        """Return that a failed call would have been tried again."""
        failure, plan = call.failure, self._compared.plan(call.plan.operation)
        if failure is None or not failure.retryable:
            return None
        if failure.in_doubt and not call.plan.idempotent and call.plan.rows is None:
            return None
        if sum(attempt.tries for attempt in call.attempts) >= plan.max_tries:
            return None
        late = call.now - call.started >= plan.total_timeout_s
        if late and failure.kind is not FailureKind.TIMEOUT:  # its own timeouts are shorter
            return None
        budget = self._compared.budget
        if budget is not None and not budget.withdraw(1, call.now):
            return None
        names = self._health.maps.owners(call.key)
        node = self._health.registry.named(failure).node or (names[0] if names else "")
        return Foreseen("retried", node, str(failure.kind))
