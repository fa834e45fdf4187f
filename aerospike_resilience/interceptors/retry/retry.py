"""Retry: send again what failed, where that is safe, useful and paid for.

The native client moves a read to the next replica by itself, because only it can; what is decided
here is whether the operation makes another native call at all, and after what sleep.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from ...model.attempt import Attempt
from ...model.call import Call
from ...model.failure import FailureKind, Fault
from ...model.operation import Shape
from ...model.rows import ExpectedWrite
from ..base import Link, LinkedAsync, Proceed, ProceedAsync
from .backoff import Backoff
from .budget import RetryBudget
from .closing import Closing
from .partial_batch import PartialBatch
from .tenacity_rules import TenacityRules
from .verification import Found, Verification, is_uncertain, judge

MAX_OVERLOAD_RETRIES: Final = 2
"""Overload answers are retried at most this often whatever the profile says, as the MongoDB drivers'
client-backpressure specification has it: under overload retries are the load. A number of retries that the
caller gives for the very call is obeyed."""


SHORTEST_S: Final = 0.001
"""An attempt that has less time than this is not made: clients count in whole milliseconds."""


def _to_verify(call: Call, error: Exception) -> ExpectedWrite | None:
    """Return what a write in doubt wanted; None where nobody asked to look, or a look would not tell."""
    verification: Verification | None = call.plan.verification
    if verification is None or not call.owns(error) or not is_uncertain(call):
        return None
    return verification.wanted(call)


def _missing(read: Call, wanted: ExpectedWrite) -> Found:
    """Judge by a read that failed: a record that is not there is an answer."""
    gone = read.failure is not None and read.failure.kind is FailureKind.RECORD
    return judge(wanted, None) if gone else Found.UNCERTAIN


def _was_sent(call: Call) -> bool:
    """Return whether the attempt that just failed reached a node: no free connection is no load to it."""
    failure = call.failure
    return bool(call.attempts) and (failure is None or failure.fault is not Fault.LOCAL)


def _refused_for_load(call: Call) -> int:
    """Return how many tries were answered with an overload, those inside native calls included."""
    return sum(
        attempt.tries
        for attempt in call.attempts
        if attempt.failure is not None and attempt.failure.kind is FailureKind.OVERLOAD
    )


class Verdict(NamedTuple):
    """Whether to send again.

    Attributes:
        sleep_s: how long to sleep first, in seconds; None to give up.
        reason: why it gives up: ``failure`` (another try cannot help), ``tries``, ``in_doubt``,
            ``overload``, ``deadline``, ``budget`` or ``rules`` (the application's); empty if it goes on.
    """

    sleep_s: float | None
    reason: str = ""


@dataclass(slots=True)
class RetryCounters:
    """What retrying has come to so far; outlives a reload.

    Attributes:
        retries: attempts beyond an operation's first.
        suppressed: failed operations that were not tried again although they could have been, by
            reason.
    """

    retries: int = 0
    suppressed: Counter[str] = field(default_factory=Counter)


class Retry(Link):
    """Make further attempts after a failed one.

    Args:
        backoff: how long to sleep between attempts.
        budget: what retries may cost; None for no bound but ``max_retries``.
        closing: set when the client is being closed; it ends every sleep.
        counters: what retrying has come to so far.
        rules: what the application says besides, in tenacity's words.
        clock: seconds on the clock that the whole chain uses.
    """

    __slots__ = (
        *("_backoff", "_budget", "_clock", "_closing", "_of_results", "_rules"),
        "counters",
    )

    def __init__(
        self,
        backoff: Backoff,
        budget: RetryBudget | None,
        closing: Closing | None = None,
        counters: RetryCounters | None = None,
        rules: TenacityRules | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._backoff = backoff
        self._budget = budget
        self._closing = closing or Closing()
        self.counters = counters or RetryCounters()
        self._rules = rules
        self._of_results = rules if rules is not None and rules.of_results else None
        self._clock = clock

    def link(self, proceed: Proceed) -> Proceed:
        """Proceed; after a failure, sleep and proceed again as long as `decide` says so."""

        def retry(call: Call) -> Any:
            self._begin(call)
            if call.plan.rows is not None:
                return self._around_batch(call, proceed, PartialBatch(call))
            while True:
                try:
                    result = proceed(call)
                except Exception as error:
                    verdict = self.decide(call, error)
                    if verdict.sleep_s is None and (wanted := _to_verify(call, error)) is not None:
                        found = self._look(call, proceed, wanted)
                        if found is Found.APPLIED:
                            return call.plan.verification.result
                        verdict = self._after_look(call, found, verdict)
                    if verdict.sleep_s is None or self._closing.sleep(verdict.sleep_s):
                        call.gave_up = verdict.reason or "closed"
                        raise
                    if self._too_late(call, verdict.sleep_s):
                        raise
                else:
                    if self._of_results is None:
                        return result
                    verdict = self._decide_result(call, result, self._of_results)
                    if verdict.sleep_s is None or self._closing.sleep(verdict.sleep_s):
                        return result
                    if self._too_late(call, verdict.sleep_s):
                        return result
                self._prepare(call)

        return retry

    def link_async(self, proceed: ProceedAsync) -> LinkedAsync:
        """Proceed; after a failure, sleep and proceed again as long as `decide` says so."""

        async def retry(call: Call) -> Any:
            self._begin(call)
            if call.plan.rows is not None:
                return await self._around_batch_async(call, proceed, PartialBatch(call))
            while True:
                try:
                    result = await proceed(call)
                except Exception as error:
                    verdict = self.decide(call, error)
                    if verdict.sleep_s is None and (wanted := _to_verify(call, error)) is not None:
                        found = await self._look_async(call, proceed, wanted)
                        if found is Found.APPLIED:
                            return call.plan.verification.result
                        verdict = self._after_look(call, found, verdict)
                    if verdict.sleep_s is None or await self._closing.sleep_async(verdict.sleep_s):
                        call.gave_up = verdict.reason or "closed"
                        raise
                    if self._too_late(call, verdict.sleep_s):
                        raise
                else:
                    if self._of_results is None:
                        return result
                    verdict = self._decide_result(call, result, self._of_results)
                    if verdict.sleep_s is None or await self._closing.sleep_async(verdict.sleep_s):
                        return result
                    if self._too_late(call, verdict.sleep_s):
                        return result
                self._prepare(call)

        return retry

    def _around_batch(self, call: Call, proceed: Proceed, batch: PartialBatch) -> Any:
        while True:
            try:
                batch.absorb(proceed(call))
            except Exception as error:
                if not self._owns(call, error):
                    raise
                batch.absorb_error(error)
            verdict = self._decide_batch(call, batch)
            if verdict.sleep_s is None or self._closing.sleep(verdict.sleep_s):
                call.gave_up = verdict.reason or "closed"
                return batch.outcome()
            if self._too_late(call, verdict.sleep_s):
                return batch.outcome()
            self._prepare(call)
            batch.narrow()

    async def _around_batch_async(
        self, call: Call, proceed: ProceedAsync, batch: PartialBatch
    ) -> Any:
        while True:
            try:
                batch.absorb(await proceed(call))
            except Exception as error:
                if not self._owns(call, error):
                    raise
                batch.absorb_error(error)
            verdict = self._decide_batch(call, batch)
            if verdict.sleep_s is None or await self._closing.sleep_async(verdict.sleep_s):
                call.gave_up = verdict.reason or "closed"
                return batch.outcome()
            if self._too_late(call, verdict.sleep_s):
                return batch.outcome()
            self._prepare(call)
            batch.narrow()

    def _begin(self, call: Call) -> None:
        """Count the operation, and save a try where the budget affords no second one."""
        if call.attempts or call.failure is not None:
            call.next_attempt()  # an interceptor outside proceeds again
        if self._budget is not None:
            self._budget.operations += 1
            if self._budget.spent:
                self._save(call)

    def _owns(self, call: Call, error: Exception) -> bool:
        """Return whether an error is the attempt's; record one that an interceptor injected."""
        if not call.owns(error):
            return False
        if call.raised is None and call.failure is not None:
            call.raised = call.error = error
            call.now = self._clock()
            call.tries_left -= 1
            number, name = len(call.attempts) + 1, type(error).__name__
            call.attempts += (Attempt(number, 0.0, 1, call.failure, name, call.nodes),)
        return True

    def _decide_batch(self, call: Call, batch: PartialBatch) -> Verdict:
        return self._decide(call, batch.error) if batch.again else Verdict(None, "failure")

    def decide(self, call: Call, error: Exception) -> Verdict:
        """Decide about a call whose last attempt raised.

        Args:
            call: the call.
            error: what was raised. An interceptor's own error is the last word.
        """
        if not self._owns(call, error):
            return Verdict(None, "failure")
        return self._decide(call, error)

    def _decide(self, call: Call, error: Exception | None) -> Verdict:
        """Decide by ``call.failure``. Without an error it is that of a batch that returned."""
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
            self.counters.suppressed[reason] += 1
        return Verdict(None, reason)

    def _decide_result(self, call: Call, result: Any, rules: TenacityRules) -> Verdict:
        """Decide about an attempt that went well, as the application has a rule for results.

        Of operations on one record, and of writes only if they may be applied twice. The last result goes
        to the caller whatever the rule says of it.
        """
        plan = call.plan
        if plan.operation.shape is not Shape.POINT or not (plan.idempotent or not plan.writes):
            return Verdict(None)
        if not rules.wants_another(call, result):
            return Verdict(None)
        before = call.attempts
        tries = min(plan.native_retries, call.tries_left)  # beyond the one that is counted already
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
        self.counters.suppressed[reason] += 1
        return Verdict(None, reason)

    def _pay(self, call: Call) -> bool:
        """Pay for another attempt; one that puts the operation on the wire at last costs nothing."""
        if self._budget is None or not _was_sent(call):
            return True
        return self._budget.withdraw(1, call.now)

    @staticmethod
    def _objection(call: Call) -> str:
        failure, plan = call.failure, call.plan
        if failure is None or not failure.retryable:
            return "failure"
        if (
            failure.kind is FailureKind.OVERLOAD
            and not plan.asked_for
            and _refused_for_load(call) > MAX_OVERLOAD_RETRIES
        ):
            return "overload"
        if call.tries_left < 1:
            return "tries"
        if failure.in_doubt and not plan.idempotent and plan.rows is None:
            return "in_doubt"  # of a batch only the rows that may be sent again are
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

    @staticmethod
    def _look(call: Call, proceed: Proceed, wanted: ExpectedWrite) -> Found:
        """Read the record of a write in doubt, and say what became of the write."""
        verification: Verification = call.plan.verification
        read = verification.read(call)
        try:
            return judge(wanted, verification.record(proceed(read)))
        except Exception:  # noqa: BLE001 - the write's own error is what the caller gets
            return _missing(read, wanted)

    @staticmethod
    async def _look_async(call: Call, proceed: ProceedAsync, wanted: ExpectedWrite) -> Found:
        """Read the record of a write in doubt, and say what became of the write."""
        verification: Verification = call.plan.verification
        read = verification.read(call)
        try:
            return judge(wanted, verification.record(await proceed(read)))
        except Exception:  # noqa: BLE001 - the write's own error is what the caller gets
            return _missing(read, wanted)

    def _after_look(self, call: Call, found: Found, verdict: Verdict) -> Verdict:
        """Decide again about a write that is now known not to have been applied."""
        if found is not Found.NOT_APPLIED or verdict.reason != "in_doubt" or call.failure is None:
            return verdict
        call.failure = replace(call.failure, in_doubt=False)
        *before, last = call.attempts
        call.attempts = (*before, replace(last, failure=call.failure))
        return self._decide(call, None)

    def _save(self, call: Call) -> None:
        """Have a call make one try only, while the budget affords no second one."""
        if call.plan.native_retries and self._budget is not None:
            call.frugal = not self._budget.affords(1, call.now)
            call.tailored = call.tailored or call.frugal

    def _account(self, call: Call) -> None:
        """Count the tries that the client made by itself in the attempt that just failed."""
        if self._budget is not None and _was_sent(call) and call.attempts[-1].tries > 1:
            self._budget.charge(call.attempts[-1].tries - 1, call.now)

    def _too_late(self, call: Call, slept_s: float) -> bool:
        """Note the sleep, and return whether more time passed in it than the call had left."""
        *before, last = call.attempts
        call.attempts = (*before, replace(last, slept_s=slept_s))
        call.now = self._clock()
        if call.deadline - call.now >= SHORTEST_S:
            return False
        call.gave_up = "deadline"
        self.counters.suppressed["deadline"] += 1
        return True

    def _prepare(self, call: Call) -> None:
        """Make a call ready for its next attempt."""
        self.counters.retries += 1
        call.next_attempt()
        if not call.plan.asked_for and (refused := _refused_for_load(call)):
            call.tries_left = min(call.tries_left, 1 + MAX_OVERLOAD_RETRIES - refused)
        if self._budget is not None and self._budget.spent:
            self._save(call)
