"""Decisions of retry: whether an operation makes another native call, after what sleep, and who pays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, NamedTuple

from ...model.attempt import Attempt
from ...model.call import Call
from ...model.failure import LOCAL, NATIVE_BREAKER, OVERLOAD, POOL_EXHAUSTED
from ...model.operation import Shape
from .backoff import Backoff
from .budget import RetryBudget
from .counters import RetryCounters
from .partial_batch import PartialBatch
from .tenacity_rules import TenacityRules
from .verification import Found

MAX_OVERLOAD_RETRIES: Final = 2
"""Overload answers are retried at most this often whatever the profile says, as the MongoDB drivers'
client-backpressure specification has it: under overload, retries add to the load. A number of retries
that the caller passes to the call itself is obeyed."""

SHORTEST_S: Final = 0.001
"""The least time for an attempt, in seconds: clients count in whole milliseconds."""


class Verdict(NamedTuple):
    """The decision whether to send again.

    Attributes:
        sleep_s: how long to sleep first, in seconds; None to give up.
        reason: why it gives up: ``failure`` (another try cannot help), ``tries``, ``in_doubt``,
            ``overload``, ``deadline``, ``budget`` or ``rules`` (the application's); empty if it goes on.
    """

    sleep_s: float | None
    reason: str = ""


class Decisions:
    """Decides about calls whose attempts ended, and keeps the accounts: budget, counters, tries left.

    Args:
        backoff: how long to sleep between attempts.
        budget: limits the retries of all operations together; None for no limit but ``max_retries``.
        counters: the client's retry counters.
        rules: the application's own rules, tenacity objects.
        clock: seconds on the clock that the whole chain uses.
    """

    __slots__ = ("_backoff", "_budget", "_clock", "_counters", "_rules")

    def __init__(
        self,
        backoff: Backoff,
        budget: RetryBudget | None,
        counters: RetryCounters,
        rules: TenacityRules | None,
        clock: Callable[[], float],
    ) -> None:
        self._backoff = backoff
        self._budget = budget
        self._counters = counters
        self._rules = rules
        self._clock = clock

    def owns(self, call: Call, error: Exception) -> bool:
        """Return whether the attempt raised an error; record one that an interceptor injected."""
        if not call.owns(error):
            return False
        if call.raised is None and call.failure is not None:
            call.raised = call.error = error
            call.now = self._clock()
            call.tries_left -= 1
            number, name = len(call.attempts) + 1, type(error).__name__
            call.attempts += (Attempt(number, 0.0, 1, call.failure, name, call.nodes),)
        return True

    def of_failure(self, call: Call, error: Exception) -> Verdict:
        """Decide about a call whose last attempt raised.

        Args:
            call: the call.
            error: what was raised. An interceptor's own error is final.
        """
        if not self.owns(call, error):
            return Verdict(None, "failure")
        return self._decide(call, error)

    def of_batch(self, call: Call, batch: PartialBatch) -> Verdict:
        """Decide about a batch after an attempt, by the rows that may be sent again."""
        return self._decide(call, batch.error) if batch.again else Verdict(None, "failure")

    def of_result(self, call: Call, result: Any, rules: TenacityRules) -> Verdict:
        """Decide about a successful attempt, where the application has a rule for results.

        Applies to operations on one record, and to writes only if they may be applied twice. The caller
        gets the last result even if the rule rejects it.
        """
        plan = call.plan
        if plan.operation.shape is not Shape.POINT or not (plan.idempotent or not plan.writes):
            return Verdict(None)
        if not rules.wants_another(call, result):
            return Verdict(None)
        before = call.attempts
        tries = min(plan.native_retries, call.tries_left)  # beyond the one already counted
        attempt = Attempt(
            len(before) + 1, max(call.now - call.began, 0.0), tries + 1, nodes=call.nodes
        )
        call.attempts = (*before, attempt)
        sleep_s = self._sleep_s(call, None)
        if call.tries_left - tries < 1:
            reason = "tries"
        elif rules.stops(call, sleep_s):
            reason = "rules"
        elif call.now + sleep_s >= call.deadline:
            reason = "deadline"
        elif not self._pay(call):
            reason = "budget"
        else:
            call.tries_left -= tries
            return Verdict(sleep_s)
        call.attempts = before
        self._counters.suppressed[reason] += 1
        return Verdict(None, reason)

    def after_look(self, call: Call, found: Found, verdict: Verdict) -> Verdict:
        """Decide again about a write that is now known not to have been applied."""
        if found is not Found.NOT_APPLIED or verdict.reason != "in_doubt" or call.failure is None:
            return verdict
        call.failure = replace(call.failure, in_doubt=False)
        *before, last = call.attempts
        call.attempts = (*before, replace(last, failure=call.failure))
        return self._decide(call, None)

    def too_late(self, call: Call, slept_s: float) -> bool:
        """Record the sleep, and return whether it used up the call's remaining time."""
        *before, last = call.attempts
        call.attempts = (*before, replace(last, slept_s=slept_s))
        call.now = self._clock()
        if call.deadline - call.now >= SHORTEST_S:
            return False
        call.gave_up = "deadline"
        self._counters.suppressed["deadline"] += 1
        return True

    def prepare(self, call: Call) -> None:
        """Prepare a call for its next attempt."""
        self._counters.retries += 1
        call.retries += 1
        call.next_attempt()
        if not call.plan.asked_for and (refused := _refused_for_load(call)):
            call.tries_left = min(call.tries_left, 1 + MAX_OVERLOAD_RETRIES - refused)
        if self._budget is not None and self._budget.spent:
            self.limit(call)

    def limit(self, call: Call) -> None:
        """Limit a call to one try, while the budget allows no second."""
        if call.plan.native_retries and self._budget is not None:
            call.frugal = not self._budget.affords(1, call.now)
            call.tailored = call.tailored or call.frugal

    def _decide(self, call: Call, error: Exception | None) -> Verdict:
        """Decide by ``call.failure``. Without an error it is the failure of a batch that returned."""
        self._account(call)
        reason = self._objection(call)
        if not reason:
            sleep_s = self._sleep_s(call, error)
            if self._rules is not None and self._rules.objects(call, error, sleep_s):
                reason = "rules"
            elif call.now + sleep_s >= call.deadline:
                reason = "deadline"
            elif not self._pay(call):
                reason = "budget"
            else:
                return Verdict(sleep_s)
        if reason != "failure":
            self._counters.suppressed[reason] += 1
        return Verdict(None, reason)

    def _pay(self, call: Call) -> bool:
        """Withdraw another attempt from the budget, unless it adds no load."""
        if self._budget is None or not _adds_load(call):
            return True
        return self._budget.withdraw(1, call.now)

    @staticmethod
    def _objection(call: Call) -> str:
        failure, plan = call.failure, call.plan
        if failure is None or not failure.retryable:
            return "failure"
        if (
            failure.kind is OVERLOAD
            and not plan.asked_for
            and _refused_for_load(call) > MAX_OVERLOAD_RETRIES
        ):
            return "overload"
        unsent = sum(attempt.tries == 0 for attempt in call.attempts)
        if call.tries_left < 1 or unsent > plan.max_tries or _shut(call):
            return "tries"
        if failure.in_doubt and not plan.idempotent and plan.rows is None:
            return "in_doubt"  # a batch sends again only the rows for which that is safe
        return ""

    def _sleep_s(self, call: Call, error: Exception | None) -> float:
        """Return how long to sleep, in seconds: never less than ``sleep_between_retries``."""
        return max(self._backoff_s(call, error), call.plan.sleep_between_retries_s)

    def _backoff_s(self, call: Call, error: Exception | None) -> float:
        if self._rules is not None:
            wanted_s = self._rules.sleep_s(call, error)
            if wanted_s is not None:
                return min(max(wanted_s, 0.0), self._backoff.max_sleep_s)
        last_s = call.attempts[-2].slept_s if len(call.attempts) > 1 else 0.0
        return self._backoff.sleep_s(len(call.attempts), last_s)

    def _account(self, call: Call) -> None:
        """Count what the client did in the attempt that just failed, and charge its own tries."""
        failure = call.failure
        if failure is not None and failure.kind is POOL_EXHAUSTED and call.attempts:
            node = failure.node or next(iter(call.attempts[-1].nodes), None)
            if node is not None:
                self._counters.exhausted[node] += 1
        native = call.attempts[-1].tries - 1 if call.attempts else 0
        if native > 0:
            self._counters.native += native
            if self._budget is not None and _adds_load(call):
                self._budget.charge(native, call.now)


def _adds_load(call: Call) -> bool:
    """Return whether to send again what just failed adds load to nodes that serve.

    It does not if nothing was sent: there was no free connection, the node refused connections, or the
    client's own breaker refused. And it does not if a read leaves a node that does not answer for a replica
    that does, or a write leaves out a replica that does not: the nodes that serve are asked once, as ever.
    """
    failure = call.failure
    if not call.attempts or call.moves:
        return False
    return failure is None or (failure.fault is not LOCAL and call.attempts[-1].tries > 0)


def _refused_for_load(call: Call) -> int:
    """Return how many tries got an overload answer, those inside native calls included."""
    return sum(
        attempt.tries
        for attempt in call.attempts
        if attempt.failure is not None and attempt.failure.kind is OVERLOAD
    )


def _shut(call: Call) -> bool:
    """Return whether the client's own breaker shuts every node that an attempt may have asked.

    It stays so for up to a second, and some clients count what they refuse: asking on would only keep it
    shut. Where an attempt might begin anywhere, all its tries may have met the same node, and another is
    worth it.
    """
    failure = call.failure
    return failure is not None and failure.kind is NATIVE_BREAKER and not call.began_anywhere
