"""Retry: send failed operations again, where that is safe, can help and is within the budget.

Only the native client can move a read to the next replica, and it does so by itself. `Decisions` decides
whether the operation makes another native call, and after what sleep.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from ...model.call import Call
from ..base import Link, Proceed, ProceedAsync
from .backoff import Backoff
from .budget import RetryBudget
from .closing import Closing
from .counters import RetryCounters
from .decisions import Decisions
from .partial_batch import PartialBatch
from .tenacity_rules import TenacityRules
from .verification import Found, look, look_async, to_verify


class Resumable(Protocol):
    """The retry link and the links inside it."""

    def __call__(self, call: Call, first: Proceed | None = None) -> Any:
        """Make the call. Its first attempt is `first`, where that is given."""
        ...


class ResumableAsync(Protocol):
    """The same for clients whose methods are awaited."""

    def __call__(self, call: Call, first: ProceedAsync | None = None) -> Coroutine[Any, Any, Any]:
        """Make the call. Its first attempt is `first`, where that is given."""
        ...


class Retry(Link):
    """Make further attempts after a failed one.

    Args:
        backoff: how long to sleep between attempts.
        budget: limits the retries of all operations together; None for no limit but ``max_retries``.
        closing: set when the client is being closed; it ends every sleep.
        counters: the client's retry counters.
        rules: the application's own rules, tenacity objects.
        clock: seconds on the clock that the whole chain uses.
    """

    __slots__ = ("_budget", "_closing", "_decisions", "_of_results", "counters")

    def __init__(
        self,
        backoff: Backoff,
        budget: RetryBudget | None,
        closing: Closing | None = None,
        counters: RetryCounters | None = None,
        rules: TenacityRules | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counters = counters or RetryCounters()
        self._decisions = Decisions(backoff, budget, self.counters, rules, clock)
        self._budget = budget
        self._closing = closing or Closing()
        self._of_results = rules if rules is not None and rules.of_results else None

    @property
    def budget(self) -> RetryBudget | None:
        """The retry budget; None where the profile has none."""
        return self._budget

    @property
    def judges_results(self) -> bool:
        """Whether the application has a rule for results."""
        return self._of_results is not None

    def link(self, proceed: Proceed) -> Resumable:
        """Proceed; after a failure, sleep and proceed again as long as `Decisions` says so.

        Given what takes the place of the first attempt, it begins and counts no operation: the call was
        begun elsewhere, and its first attempt is over.
        """
        decisions = self._decisions

        def retry(call: Call, first: Proceed | None = None) -> Any:
            if first is None:
                first = proceed
                self._begin(call)
            if call.plan.rows is not None:
                return self._around_batch(call, proceed, PartialBatch(call))
            while True:
                try:
                    result = first(call)
                except Exception as error:
                    verdict = decisions.of_failure(call, error)
                    if verdict.sleep_s is None and (wanted := to_verify(call, error)) is not None:
                        found = look(call, proceed, wanted)
                        if found is Found.APPLIED:
                            return call.plan.verification.result
                        verdict = decisions.after_look(call, found, verdict)
                    if verdict.sleep_s is None or self._closing.sleep(verdict.sleep_s):
                        call.gave_up = verdict.reason or "closed"
                        raise
                    if decisions.too_late(call, verdict.sleep_s):
                        raise
                else:
                    if self._of_results is None:
                        return result
                    verdict = decisions.of_result(call, result, self._of_results)
                    if verdict.sleep_s is None or self._closing.sleep(verdict.sleep_s):
                        return result
                    if decisions.too_late(call, verdict.sleep_s):
                        return result
                decisions.prepare(call)
                first = proceed

        return retry

    def link_async(self, proceed: ProceedAsync) -> ResumableAsync:
        """Proceed; after a failure, sleep and proceed again as long as `Decisions` says so.

        Given what takes the place of the first attempt, it begins and counts no operation: the call was
        begun elsewhere, and its first attempt is over.
        """
        decisions = self._decisions

        async def retry(call: Call, first: ProceedAsync | None = None) -> Any:
            if first is None:
                first = proceed
                self._begin(call)
            if call.plan.rows is not None:
                return await self._around_batch_async(call, proceed, PartialBatch(call))
            while True:
                try:
                    result = await first(call)
                except Exception as error:
                    verdict = decisions.of_failure(call, error)
                    if verdict.sleep_s is None and (wanted := to_verify(call, error)) is not None:
                        found = await look_async(call, proceed, wanted)
                        if found is Found.APPLIED:
                            return call.plan.verification.result
                        verdict = decisions.after_look(call, found, verdict)
                    if verdict.sleep_s is None or await self._closing.sleep_async(verdict.sleep_s):
                        call.gave_up = verdict.reason or "closed"
                        raise
                    if decisions.too_late(call, verdict.sleep_s):
                        raise
                else:
                    if self._of_results is None:
                        return result
                    verdict = decisions.of_result(call, result, self._of_results)
                    if verdict.sleep_s is None or await self._closing.sleep_async(verdict.sleep_s):
                        return result
                    if decisions.too_late(call, verdict.sleep_s):
                        return result
                decisions.prepare(call)
                first = proceed

        return retry

    def _around_batch(self, call: Call, proceed: Proceed, batch: PartialBatch) -> Any:
        decisions = self._decisions
        while True:
            try:
                batch.absorb(proceed(call))
            except Exception as error:
                if not decisions.owns(call, error):
                    raise
                batch.absorb_error(error)
            verdict = decisions.of_batch(call, batch)
            if verdict.sleep_s is None or self._closing.sleep(verdict.sleep_s):
                call.gave_up = verdict.reason or "closed"
                return batch.outcome()
            if decisions.too_late(call, verdict.sleep_s):
                return batch.outcome()
            decisions.prepare(call)
            batch.narrow()

    async def _around_batch_async(
        self, call: Call, proceed: ProceedAsync, batch: PartialBatch
    ) -> Any:
        decisions = self._decisions
        while True:
            try:
                batch.absorb(await proceed(call))
            except Exception as error:
                if not decisions.owns(call, error):
                    raise
                batch.absorb_error(error)
            verdict = decisions.of_batch(call, batch)
            if verdict.sleep_s is None or await self._closing.sleep_async(verdict.sleep_s):
                call.gave_up = verdict.reason or "closed"
                return batch.outcome()
            if decisions.too_late(call, verdict.sleep_s):
                return batch.outcome()
            decisions.prepare(call)
            batch.narrow()

    def _begin(self, call: Call) -> None:
        """Count the operation, and limit it to one try where the budget allows no second."""
        if call.attempts or call.failure is not None:
            call.next_attempt()  # an interceptor outside proceeds again
        if self._budget is not None:
            self._budget.operations += 1
            if self._budget.spent:
                self._decisions.limit(call)
