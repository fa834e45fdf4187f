"""The lane: what the fused calls of one runtime read.

A runtime has one lane. A reload swaps the runtime and with it the lane, so a call never mixes two profiles.

A fused call may be made while all of this holds. Each condition is one attribute read:

* ``lane.plans`` has a plan for the operation, or `plan_of` or `fit` finds one for this form of call;
* ``lane.budget.spent`` is false: every call may make the tries that its plan gives it;
* ``lane.health.calm`` is true: no node needs asking about;
* ``lane.gate.waiting`` is 0, and ``lane.gate.permits`` has a permit to take.

Otherwise the call goes through the general chain from the start, before anything was counted or taken.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from contextvars import Context
from typing import TYPE_CHECKING, Any

from ...ambient import Ambient, on_clock
from ...interceptors import Interceptor
from ...model.call import Call
from ...model.durations import ms_to_s, remaining_whole_ms
from ...model.operation import Key
from ...model.plan import Plan
from ..planner import Planner
from .first_attempts import DEFAULT, NOTHING, FirstAttempts, Fit
from .forms import ABSENT, Form, given
from .links import (
    Balance,
    Calm,
    Namespaces,
    NoBudget,
    NoGate,
    NoHealth,
    NoNamespaces,
    Permits,
    shipped,
)
from .table import BoundedTable
from .taken import taken

if TYPE_CHECKING:
    from ...interceptors.telemetry.fused import Heard


class Lane:
    """What the fused calls of one runtime read.

    Args:
        chain: the runtime's interceptors, outermost first.
        plans: the plan of each operation's plain form, by name.
        planner: makes the plans of other forms; None where there are none.
        namespaces: knows which namespaces are strongly consistent, and which have one copy of each record.
        plain: whether `plans` hold for every namespace and set.

    Attributes:
        open: whether calls may take it at all: the chain is made of the shipped links, in their order, and
            none of them judges results or gates by node.
        telemetry: tells of its calls; None where nobody listens.
        known: by an operation's name, its plan if plain calls may take the lane; None if not.
        plans: the same where nobody listens to calls; None for every operation where somebody does.
        plain: whether a call's plan is the same for every namespace and set.
        places: whether `placed` may find the plan of a plain call to which nobody listens.
        gate: the gate that holds the permits.
        budget: the retry budget.
        health: the nodes' health.
        first: what becomes of first attempts that did not succeed at once. Read only while `open`.
        recent: takes the successes: key, begin, end, whether it writes.
    """

    __slots__ = (
        "_attempt",
        "_namespaces",
        "_place",
        "_planner",
        "_plans",
        "_single",
        "_strong",
        "budget",
        "first",
        "gate",
        "health",
        "known",
        "open",
        "places",
        "plain",
        "plans",
        "recent",
        "telemetry",
    )

    def __init__(
        self,
        chain: Sequence[Interceptor],
        plans: Mapping[str, Plan],
        planner: Planner | None = None,
        namespaces: Namespaces | None = None,
        *,
        plain: bool = False,
    ) -> None:
        links = shipped(chain)
        self.plain = plain
        self.places = False
        self._planner = planner if links is not None else None
        self._place = planner.place if planner is not None else _no_place
        self._namespaces: Namespaces = namespaces or NoNamespaces()
        self._strong = self._single = frozenset[str]()
        self._plans = BoundedTable()
        self.open = links is not None
        self.telemetry = None if links is None else links.telemetry
        self.plans: Mapping[str, Plan | None] = dict.fromkeys(plans)
        self.known: Mapping[str, Plan | None] = self.plans
        self.gate: Permits = NoGate()
        self.budget: Balance = NoBudget()
        self.health: Calm = NoHealth()
        self.recent: deque[Any] = deque(maxlen=0)
        if links is None:
            return
        self.take(plans, plain=plain)
        if links.retry.budget is not None:
            self.budget = links.retry.budget
        if links.gate is not None:
            self.gate = links.gate.gate
        if links.breaker is not None:
            self.health, self.recent = links.breaker.health, links.breaker.health.calls.recent
        self._attempt = links.attempt
        self.first = FirstAttempts(links, self.recent)

    def take(self, plans: Mapping[str, Plan], *, plain: bool) -> None:
        """Take the plans of plain calls from now on.

        Args:
            plans: by an operation's name.
            plain: whether they hold for every namespace and set. If not, none of them is taken.
        """
        self.plain = plain
        if self.open:
            self.known = taken(plans, plain=plain)
            if self.telemetry is None:
                self.plans = self.known
                self.places = not plain and self._planner is not None

    def listen(self, plan: Plan, key: Key, early_s: float, context: Context) -> Heard | None:
        """Return who listens to a plain call in another context; None where it needs the chain.

        Args:
            plan: its plan.
            key: the record's key.
            early_s: from how many seconds on a success may have left its first node.
            context: the context.
        """
        telemetry = self.telemetry
        if telemetry is None:
            return None, None
        return context.copy().run(telemetry.listen, plan, key, early_s)

    def plan_of(
        self, form: Form, values: tuple[Any, ...], idempotent: bool | None = None
    ) -> Plan | None:
        """Return the plan of a call of any form; None if it takes the general chain.

        Args:
            form: the operation's form.
            values: its arguments, the policy last; `ABSENT` for those that were not given.
            idempotent: whether it may be sent again, as the application declares; None if it does not.
        """
        policy = values[-1]
        if policy is not ABSENT and policy is not None:
            return self.find(form, values, policy, idempotent)
        if idempotent is not None or (form.judged and form.is_judged(values)):
            return self.find(form, values, None, idempotent)
        return self.known[form.name] or self.placed(form, values[0])

    def fit(
        self,
        engine: Any,
        form: Form,
        values: tuple[Any, ...],
        named: Mapping[str, Any],
        around: Ambient | None,
        began: float,
        plan: Plan | None = None,
    ) -> Fit | None:
        """Return how a call of another form is made; None if it takes the general chain.

        Args:
            engine: what the client's operations run on.
            form: the operation's form.
            values: its arguments, the policy last; `ABSENT` for those that were not given.
            named: what else was given by name.
            around: the ambient values.
            began: when it began, on the chain's clock.
            plan: its plan without the ambient values; None if that was not looked for.
        """
        lane, deadline, idempotent, critical = self, math.inf, None, DEFAULT
        policy = values[-1]
        if named and not (
            form.matches is not None and form.matches(form.operation, named, self.health.eventual)
        ):
            if policy is not ABSENT or len(named) != 1 or form.names[-1] not in named:
                return None
            policy = named[form.names[-1]]
        if around is not None:
            if around.using and (using := around.using.get(id(engine))) is not None:
                lane = engine.runtime_for(using).lane
                idempotent, critical = using.idempotent, using.criticality or DEFAULT
            deadline = around.deadline
            if deadline < math.inf:
                deadline = on_clock(deadline, engine.shared.clock)
        if plan is None or lane is not self or idempotent is not None or policy is not values[-1]:
            if policy is not values[-1]:
                values = (*values[:-1], policy)
            plan = lane.plan_of(form, values, idempotent)
            if plan is None:
                return None
        sent, early_s, patience_s = plan.first, plan.early_s, plan.patience_s
        if deadline == math.inf or deadline - began > plan.total_timeout_s:
            deadline = math.inf
        else:
            shorter = lane.shortened(plan, remaining_whole_ms(deadline - began))
            if shorter is None:
                return None
            sent, early_s, patience_s = shorter
        target = traced = None
        if lane.telemetry is not None and not (around is not None and around.inside):
            heard = lane.telemetry.listen(plan, values[0], early_s)
            if heard is None:
                return None
            target, traced = heard
        return lane, plan, sent, early_s, patience_s, deadline, critical, target, traced

    def placed(self, form: Form, key: Key) -> Plan | None:
        """Return a call's plan where namespace and set decide it; None if they do not.

        Args:
            form: the operation's form.
            key: the record's key.
        """
        if self.plain:
            return None
        planner = self._planner
        if planner is None or (place := self._place(key)) is None:
            return None
        namespaces, plans = self._namespaces, self._plans
        if self._strong is not namespaces.strong or self._single is not namespaces.single:
            plans = self._begin_anew()
        index = (form.name, place)
        plan: Plan | None = plans.young.get(index) or plans.get(index)
        if plan is None:
            plan = planner.plan(form.operation, (key,), NOTHING)
            if plan is not None:
                plans.put(index, plan)
        return plan

    def find(
        self, form: Form, values: tuple[Any, ...], policy: Any, idempotent: bool | None
    ) -> Plan | None:
        """Return the plan of a call whose arguments decide it; None if it takes the general chain.

        Args:
            form: the operation's form.
            values: its arguments, the policy last; `ABSENT` for those that were not given.
            policy: the caller's own policy; None where there is none.
            idempotent: whether it may be sent again, as the application declares; None if it does not.
        """
        planner, said, place, traits = self._planner, None, None, None
        if planner is None:
            return None
        if policy is not None:
            said = planner.policy_content(form.operation, policy)
            if said is None:
                return None
        if not self.plain and (place := self._place(values[0])) is None:
            return None
        namespaces = self._namespaces
        plans = self._plans
        if self._strong is not namespaces.strong or self._single is not namespaces.single:
            plans = self._begin_anew()
        if form.judged:
            traits = form.traits(values)
        index = (form.name, place, said, traits, idempotent)
        plan: Plan | None = plans.young.get(index) or plans.get(index)
        if plan is None:
            named = {} if policy is None else {form.names[-1]: policy}
            plan = planner.plan(form.operation, given(values[:-1]), named, idempotent=idempotent)
            if plan is not None:
                plans.put(index, plan)
        return plan

    def _begin_anew(self) -> BoundedTable:
        """Forget the plans found so far, as something was learned about a namespace."""
        strong, single = self._namespaces.strong, self._namespaces.single
        plans = self._plans = BoundedTable()  # before the marks: who sees them finds this table
        self._strong, self._single = strong, single
        return plans

    def shortened(self, plan: Plan, left_ms: int) -> tuple[Any, float, float] | None:
        """Return a first attempt's policy, with its times, for less time than the plan gives.

        Args:
            plan: the call's plan.
            left_ms: how much time it has, in whole milliseconds.

        Returns:
            The policy, from how many seconds on a success is slow, and the socket timeout of one try in
            seconds; None if no time is left.
        """
        if left_ms < 1:
            return None
        table = plan.shortened
        if table is None:
            table = plan.shortened = BoundedTable()
        found: tuple[Any, float, float] | None = table.get(left_ms)
        if found is None:
            call = Call(plan, (), NOTHING, None, ms_to_s(left_ms))
            policy = self._attempt.policy_for(call)
            found = policy, call.early_s, call.patience_s
            table.put(left_ms, found)
        return found


def _no_place(_key: Key) -> None:
    return None
