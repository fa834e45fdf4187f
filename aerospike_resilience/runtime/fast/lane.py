"""The lane: what the fused calls of one runtime read, and where a failed first attempt goes on.

A runtime has one lane. A reload swaps the runtime and with it the lane, so a call never mixes two profiles.

A fused call may be made while all of this holds. Each condition is one attribute read:

* ``lane.plans`` has a plan for the operation, or `Lane.fit` finds one for this form of call;
* ``lane.budget.spent`` is false: every call may make the tries that its plan gives it;
* ``lane.health.calm`` is true: no node needs asking about;
* ``lane.gate.waiting`` is 0, and ``lane.gate.permits`` has a permit to take.

Otherwise the call goes through the general chain from the start, before anything was counted or taken.
"""

from __future__ import annotations

import marshal
import math
from collections import deque
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeAlias, cast

from ...ambient import Ambient, on_clock
from ...interceptors import Interceptor
from ...interceptors.retry.error_notes import annotate_answer
from ...model.attempt import Attempt
from ...model.call import Call
from ...model.durations import ms_to_s, remaining_whole_ms
from ...model.failure import NOBODY, RECORD
from ...model.operation import Criticality, Key
from ...model.plan import Plan
from ..chain import end_operation
from ..planner import Planner
from ..traceback import without_our_frames
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

NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
DEFAULT: Final[Criticality] = "default"

_content: Final = marshal.dumps
"""Write down what a caller's policy says, so that it can be looked up.

It is made for this: it takes dicts, lists, numbers and text, tells 1 from True, and raises `ValueError` for
any other object, such as a transaction. Version 2 of its format depends on nothing but the values.
"""


Fit: TypeAlias = tuple["Lane", Plan, Any, float, float, float, Criticality]
"""How a call of another form is made: its lane, its plan, the native policy to send (None for none), from
how many seconds on a success is slow, the socket timeout of one try in seconds, when the call must have
ended on the chain's clock (``inf`` for the plan's own timeout), and how much it matters that it is not
refused."""


class FirstAttempt:
    """A failed first attempt on its way into the general chain. Its permit is yet to be released.

    Attributes:
        call: the call, with the failed attempt recorded and the node charged.
        errors: the error alone, until it is raised again. No frame may keep it: a traceback that leads to
            a frame that holds its error is a reference cycle.
    """

    __slots__ = ("call", "errors")

    def __init__(self, call: Call, error: BaseException) -> None:
        self.call = call
        self.errors = [error]

    def again(self, _call: Call) -> Any:
        """Raise the error. The chain gets it instead of the first attempt."""
        raise self.errors.pop()

    async def again_async(self, _call: Call) -> Any:
        """Raise the error, for awaited calls."""
        raise self.errors.pop()


class Answer:
    """An error that is the answer to a call, such as that there is no record. It is raised as it is.

    Attributes:
        errors: the error alone, as in `FirstAttempt`.
    """

    __slots__ = ("errors",)

    def __init__(self, error: BaseException) -> None:
        self.errors = [error]


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
            none of them judges results, gates by node or listens.
        plans: by an operation's name, its plan if plain calls may take the lane; None if not.
        plain: whether a call's plan is the same for every namespace and set.
        gate: the gate that holds the permits.
        budget: the retry budget.
        health: the nodes' health.
        recent: takes the successes: key, begin, end, whether it writes.
    """

    __slots__ = (
        "_attempt",
        "_breaker",
        "_namespaces",
        "_place",
        "_planner",
        "_plans",
        "_retry",
        "_retry_async",
        "_single",
        "_strong",
        "budget",
        "gate",
        "health",
        "open",
        "plain",
        "plans",
        "recent",
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
        self._planner = planner if links is not None else None
        self._place = planner.place if planner is not None else _no_place
        self._namespaces: Namespaces = namespaces or NoNamespaces()
        self._strong = self._single = frozenset[str]()
        self._plans = BoundedTable()
        self.open = links is not None
        self.plans: Mapping[str, Plan | None] = dict.fromkeys(plans)
        self.gate: Permits = NoGate()
        self.budget: Balance = NoBudget()
        self.health: Calm = NoHealth()
        self.recent: deque[Any] = deque(maxlen=0)
        if links is None:
            return
        self.take(plans, plain=plain)
        self._attempt, self._breaker = links.attempt, links.breaker
        if links.retry.budget is not None:
            self.budget = links.retry.budget
        if links.gate is not None:
            self.gate = links.gate.gate
        if links.breaker is not None:
            self.health, self.recent = links.breaker.health, links.breaker.health.recent
        inner, inner_async = links.attempt.end(), links.attempt.end_async()
        for link in reversed(links.inside_retry):
            inner, inner_async = link.link(inner), link.link_async(inner_async)
        self._retry = links.retry.link(inner)
        self._retry_async = links.retry.link_async(inner_async)

    def take(self, plans: Mapping[str, Plan], *, plain: bool) -> None:
        """Take the plans of plain calls from now on.

        Args:
            plans: by an operation's name.
            plain: whether they hold for every namespace and set. If not, none of them is taken.
        """
        self.plain = plain
        if self.open:
            self.plans = {
                name: plan if plain and plan.operation.read_only is None else None
                for name, plan in plans.items()
            }

    def fit(
        self,
        engine: Any,
        form: Form,
        values: tuple[Any, ...],
        around: Ambient | None,
        began: float,
    ) -> Fit | None:
        """Return how a call of another form is made; None if it takes the general chain.

        Args:
            engine: what the client's operations run on.
            form: the operation's form.
            values: its arguments, the policy last; `ABSENT` for those that were not given.
            around: the ambient values.
            began: when it began, on the chain's clock.
        """
        if values[0] is ABSENT:
            return None
        deadline, idempotent, critical = math.inf, None, DEFAULT
        lane = self
        if around is not None:
            if around.using and (using := around.using.get(id(engine))) is not None:
                lane = engine.runtime_for(using).lane
                idempotent, critical = using.idempotent, using.criticality or DEFAULT
            deadline = on_clock(around.deadline, engine.shared.clock)
        policy = values[-1]
        if policy is ABSENT:
            policy = None
        plan = lane.plans[form.name]
        if plan is None or policy is not None or idempotent is not None or form.judged:
            plan = lane.find(form, values, policy, idempotent)
            if plan is None:
                return None
        if deadline - began > plan.total_timeout_s or deadline == math.inf:
            return lane, plan, plan.first, plan.early_s, plan.patience_s, math.inf, critical
        shorter = lane.shortened(plan, remaining_whole_ms(deadline - began))
        if shorter is None:
            return None
        return lane, plan, *shorter, deadline, critical

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
        planner, said, place = self._planner, None, None
        if planner is None:
            return None
        if policy is not None:
            try:
                said = _content(policy, 2)
            except ValueError:  # it holds what may change, or is no dict
                return None
        if not self.plain and (place := self._place(values[0])) is None:
            return None
        plans = self._plans
        if (
            self._strong is not self._namespaces.strong
            or self._single is not self._namespaces.single
        ):
            plans = self._begin_anew()
        traits = form.traits(values) if form.judged else None
        index = (form.name, place, said, traits, idempotent)
        plan: Plan | None = plans.get(index)
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

    def _plain(self, plan: Plan) -> Fit:
        """Return how a plain call is made."""
        return self, plan, plan.first, plan.early_s, plan.patience_s, math.inf, DEFAULT

    # ----- where a first attempt goes on

    def answered(
        self, plan: Plan, key: Key, began: float, ended: float, early_s: float, error: Exception
    ) -> Answer | None:
        """Note an error that answers about the record, on which no link has anything to decide.

        It does what `failed` and `resume` do for such an error, and makes no `Call` for it.

        Args:
            plan: the call's plan.
            key: the record's key.
            began: when it began, on the chain's clock.
            ended: when it ended.
            early_s: from how many seconds on a first try may have failed before.
            error: what the client raised.

        Returns:
            What `resume` takes; None if `failed` has to look.
        """
        failure = plan.classify(error, plan.operation)
        if (
            failure.kind is not RECORD
            or failure.tries != 1
            or failure.retryable
            or failure.address is not None
            or failure.fault is not NOBODY
            or ended - began >= early_s
            or plan.verification is not None
        ):
            return None
        self.recent.append((key, began, ended, False))  # of the master, without its replica
        took_s = max(ended - began, 0.0)
        annotate_answer(error, plan, Attempt(1, took_s, 1, failure, type(error).__name__))
        return Answer(error)

    def failed(
        self,
        fit: Fit | None,
        plan: Plan,
        args: tuple[Any, ...],
        key: Key,
        began: float,
        error: Exception,
    ) -> FirstAttempt:
        """Record a first attempt that raised, as the chain's inner links do. Called before its release.

        Args:
            fit: how the call was made; None for a plain call.
            plan: its plan.
            args: its positional arguments, without a policy.
            key: the record's key.
            began: when it began, on the chain's clock.
            error: what the client raised.
        """
        call = _call(fit or self._plain(plan), args, key, began)
        self._attempt.failed(call, error)
        if self._breaker is not None:
            self._breaker.report_error(call, error)
        return FirstAttempt(call, error)

    def slow(
        self,
        fit: Fit | None,
        plan: Plan,
        args: tuple[Any, ...],
        key: Key,
        began: float,
        ended: float,
    ) -> None:
        """Report a success that was slow to come. Called before its permit is released."""
        if self._breaker is not None:
            call = _call(fit or self._plain(plan), args, key, began)
            call.now = ended
            self._breaker.health.answered(call, began, ended)

    def resume(self, first: FirstAttempt | Answer) -> Any:
        """Return what the operation comes to in the general chain. Called after the permit is released.

        The chain neither begins the operation again nor counts it again: it decides about the failed
        attempt, and what follows is an ordinary second attempt.
        """
        if type(first) is Answer:
            try:
                raise first.errors.pop()  # noqa: TRY301 - one frame less, in the traceback too
            except BaseException as error:
                without_our_frames(error)
                raise
        first = cast("FirstAttempt", first)
        call = first.call
        try:
            return first.again(call) if _final(call) else self._retry(call, first.again)
        except BaseException as error:
            end_operation(call, error)
            raise

    async def resume_async(self, first: FirstAttempt | Answer) -> Any:
        """Do as `resume` does, for awaited calls."""
        if type(first) is Answer:
            try:
                raise first.errors.pop()  # noqa: TRY301 - one frame less, in the traceback too
            except BaseException as error:
                without_our_frames(error)
                raise
        first = cast("FirstAttempt", first)
        call = first.call
        try:
            return (
                first.again(call)
                if _final(call)
                else await self._retry_async(call, first.again_async)
            )
        except BaseException as error:
            end_operation(call, error)
            raise


def _call(fit: Fit, args: tuple[Any, ...], key: Key, began: float) -> Call:
    _lane, plan, _policy, early_s, patience_s, deadline, criticality = fit
    call = Call(plan, args, NOTHING, key, min(deadline, began + plan.total_timeout_s))
    call.started = call.now = call.began = began
    call.early_s, call.patience_s = early_s, patience_s
    if deadline < math.inf:
        call.tailored = True
    if criticality != DEFAULT:
        call.criticality = criticality
    return call


def _final(call: Call) -> bool:
    """Return whether an only try was answered about the record: the retry link has nothing to decide."""
    failure = call.failure
    if (
        failure is None
        or failure.kind is not RECORD
        or failure.retryable
        or call.attempts[0].tries != 1
        or call.plan.verification is not None
    ):
        return False
    call.gave_up = "failure"
    return True


def _no_place(_key: Key) -> None:
    return None
