"""Tenacity's own objects as rules of retrying: its waits, its predicates and its stops.

What an application says with them comes on top of this library's rules and never goes around them: no
write in doubt is sent again for a predicate, nothing sleeps past a deadline, and tries stay conserved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import tenacity

from ..call import Call

if TYPE_CHECKING:
    from tenacity.retry import RetryBaseT
    from tenacity.stop import StopBaseT
    from tenacity.wait import WaitBaseT

_RETRYING: Final = tenacity.Retrying()


class TenacityRules:
    """What an application says about retrying in tenacity's words.

    Args:
        wait: how long to sleep, in seconds, in the place of the profile's ``backoff``.
        retry: which failures are worth another attempt, of those that may be made again at all.
        stop: when to give up, if not before.
    """

    __slots__ = ("_retry", "_stop", "_wait")

    def __init__(
        self,
        wait: WaitBaseT | None = None,
        retry: RetryBaseT | None = None,
        stop: StopBaseT | None = None,
    ) -> None:
        self._wait = wait
        self._retry = retry
        self._stop = stop

    def objects(self, call: Call, error: Exception | None) -> bool:
        """Return whether the application wants no further attempt.

        Args:
            call: the call, after a failed attempt.
            error: what it raised; None for a batch some of whose rows failed, which `retry` is not asked
                about.
        """
        state = self._state(call, error)
        if self._stop is not None and self._stop(state):
            return True
        return self._retry is not None and error is not None and not self._retry(state)

    def sleep_s(self, call: Call, error: Exception | None) -> float | None:
        """Return how long to sleep, in seconds; None where the profile says it."""
        return None if self._wait is None else float(self._wait(self._state(call, error)))

    @staticmethod
    def _state(call: Call, error: Exception | None) -> tenacity.RetryCallState:
        state = tenacity.RetryCallState(_RETRYING, None, (), {})
        state.attempt_number = max(len(call.attempts), 1)
        state.start_time = call.started
        state.outcome_timestamp = call.now
        state.idle_for = sum(attempt.slept_s for attempt in call.attempts)
        state.outcome = tenacity.Future(state.attempt_number)
        if error is not None:
            state.outcome.set_exception(error)
        else:
            state.outcome.set_result(None)
        return state
