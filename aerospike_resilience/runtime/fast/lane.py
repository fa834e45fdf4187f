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

import math
from collections import deque
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol, cast

from ...ambient import Ambient
from ...interceptors import (
    Backpressure,
    Breaker,
    Deadline,
    Interceptor,
    NativeAttempt,
    PermitKeeper,
    Retry,
)
from ...interceptors.base import Link
from ...interceptors.gate.backpressure import WeightedBackpressure
from ...model.call import Call
from ...model.operation import Key
from ...model.plan import Plan
from ..chain import end_operation
from .forms import Form

NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Permits(Protocol):
    """What a fused call reads of a gate."""

    permits: Any
    waiting: int
    debt: int

    def settle(self) -> None:
        """Serve the queue after a release."""
        ...


class Balance(Protocol):
    """What a fused call reads and counts of a retry budget."""

    operations: int
    spent: bool


class Calm(Protocol):
    """What a fused call reads of the nodes' health."""

    calm: bool


class Fit(NamedTuple):
    """How one fused call is made.

    Attributes:
        plan: its plan.
        policy: the native policy to send; None to send none.
        early_s: a success that took at least this long is slow, in seconds.
        patience_s: the socket timeout of one try, in seconds.
        deadline: when the call must have ended, on the chain's clock; ``inf`` for the plan's own timeout.
        tailored: whether `policy` was made for less time than the plan gives.
    """

    plan: Plan
    policy: Any
    early_s: float
    patience_s: float
    deadline: float = math.inf
    tailored: bool = False


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
        """Raise the error. This is what the chain gets in the place of the first attempt."""
        raise self.errors.pop()

    async def again_async(self, _call: Call) -> Any:
        """Raise the error, for awaited calls."""
        raise self.errors.pop()


class Lane:
    """What the fused calls of one runtime read.

    Args:
        chain: the runtime's interceptors, outermost first.
        plans: the plan of each operation's plain form, by name.

    Attributes:
        open: whether calls may take it at all: the chain is made of the shipped links, in their order, and
            none of them judges results, gates by node or listens.
        plans: by an operation's name, its plan if plain calls may take the lane; None if not.
        gate: the gate that holds the permits.
        budget: the retry budget.
        health: the nodes' health.
        recent: takes the successes: key, begin, end, whether it writes.
    """

    __slots__ = (
        "_attempt",
        "_breaker",
        "_retry",
        "_retry_async",
        "budget",
        "gate",
        "health",
        "open",
        "plans",
        "recent",
    )

    def __init__(self, chain: Sequence[Interceptor], plans: Mapping[str, Plan]) -> None:
        links = _shipped(chain)
        self.open = links is not None
        self.plans: Mapping[str, Plan | None] = dict.fromkeys(plans)
        self.gate: Permits = _NoGate()
        self.budget: Balance = _NoBudget()
        self.health: Calm = _NoHealth()
        self.recent: deque[Any] = deque(maxlen=0)
        if links is None:
            return
        self.take(plans)
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

    def take(self, plans: Mapping[str, Plan]) -> None:
        """Let plain calls take these plans from now on; none, if there are none."""
        if self.open:
            self.plans = {
                name: plan if plan.operation.read_only is None else None
                for name, plan in plans.items()
            }

    # ----- where a first attempt goes on

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
        return None

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
        call = _call(fit or plain_fit(plan), args, key, began)
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
            call = _call(fit or plain_fit(plan), args, key, began)
            call.now = ended
            self._breaker.health.answered(call, began, ended)

    def resume(self, first: FirstAttempt) -> Any:
        """Return what the operation comes to in the general chain. Called after the permit is released.

        The chain neither begins the operation again nor counts it again: it decides about the failed
        attempt, and what follows is an ordinary second attempt.
        """
        try:
            return self._retry(first.call, first.again)
        except BaseException as error:
            end_operation(first.call, error)
            raise

    async def resume_async(self, first: FirstAttempt) -> Any:
        """Do as `resume` does, for awaited calls."""
        try:
            return await self._retry_async(first.call, first.again_async)
        except BaseException as error:
            end_operation(first.call, error)
            raise


def plain_fit(plan: Plan) -> Fit:
    """Return how a plain call is made."""
    return Fit(plan, plan.policy, plan.early_s, plan.patience_s)


def _call(fit: Fit, args: tuple[Any, ...], key: Key, began: float) -> Call:
    call = Call(fit.plan, args, NOTHING, key, min(fit.deadline, began + fit.plan.total_timeout_s))
    call.started = call.now = call.began = began
    call.early_s, call.patience_s, call.tailored = fit.early_s, fit.patience_s, fit.tailored
    return call


class _Links(NamedTuple):
    """The links of a chain that a fused call can stand for."""

    retry: Retry
    gate: Backpressure | None
    breaker: Breaker | None
    attempt: NativeAttempt
    inside_retry: list[Link]


def _shipped(chain: Sequence[Interceptor]) -> _Links | None:
    """Return the links of a chain; None if it does more for a success than a fused call does."""
    if len(chain) < 3 or type(chain[0]) is not Deadline:
        return None
    retry, *inside, attempt = chain[1:]
    if type(retry) is not Retry or retry.judges_results or type(attempt) is not NativeAttempt:
        return None
    gate: Backpressure | None = None
    breaker: Breaker | None = None
    links: list[Link] = []
    for link in inside:
        # A fused call is about one record, so it weighs one permit, and its result is no stream.
        if type(link) in (Backpressure, WeightedBackpressure) and gate is None and breaker is None:
            gate = cast("Backpressure", link)
        elif type(link) is Breaker and breaker is None:
            breaker = link
        elif type(link) is not PermitKeeper or gate is None:
            return None
        links.append(cast("Link", link))
    return _Links(retry, gate, breaker, attempt, links)


class _NoPermits:
    """Permits without end."""

    def pop(self) -> None:
        """Take one."""

    def append(self, _permit: None) -> None:
        """Release one."""


class _NoGate:
    """Stands where a profile has no gate."""

    def __init__(self) -> None:
        self.permits = _NoPermits()
        self.waiting = self.debt = 0

    def settle(self) -> None:
        """Do nothing: nobody waits."""


class _NoBudget:
    """Stands where a profile has no retry budget."""

    def __init__(self) -> None:
        self.operations = 0
        self.spent = False


class _NoHealth:
    """Stands where a profile keeps no account of nodes."""

    calm = True
