"""Tenacity rules: an application's tenacity objects (waits, predicates, stops) as retry rules.

They only add to this library's rules. No predicate makes a write in doubt be sent again, no sleep ends
after the deadline, and the number of tries stays within its limit.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from ...errors import ResilienceError
from ...model.call import Call

if TYPE_CHECKING:
    import tenacity
    from tenacity.retry import RetryBaseT
    from tenacity.stop import StopBaseT
    from tenacity.wait import WaitBaseT


class TenacityRules:
    """An application's own retry rules, given as tenacity objects.

    Args:
        wait: how long to sleep, in seconds, instead of the profile's ``backoff``.
        retry: which failures are worth another attempt, of those that may be made again at all; and
            which results are, where it is or holds tenacity's ``retry_if_result``.
        stop: when to give up, unless this library's rules do so earlier.

    Raises:
        ResilienceError: the package ``tenacity`` is not installed.
        TypeError: one of them cannot be called, is a class, or is to be awaited.
    """

    __slots__ = ("_retry", "_retrying", "_stop", "_tenacity", "_wait", "of_results")

    def __init__(
        self,
        wait: WaitBaseT | None = None,
        retry: RetryBaseT | None = None,
        stop: StopBaseT | None = None,
    ) -> None:
        for name, rule in (("wait", wait), ("retry", retry), ("stop", stop)):
            _check(name, rule)
        self._wait = wait
        self._retry = retry
        self._stop = stop
        try:
            import tenacity
        except ImportError:
            raise ResilienceError(
                "wait=, retry= and stop= need the package tenacity: "
                "pip install 'aerospike-resilience[tenacity]'"
            ) from None
        self._tenacity = tenacity
        self._retrying = tenacity.Retrying()
        self.of_results = _holds(retry, (tenacity.retry_if_result, tenacity.retry_if_not_result))

    def objects(self, call: Call, error: Exception | None, sleep_s: float) -> bool:
        """Return whether the application wants no further attempt.

        Args:
            call: the call, after a failed attempt.
            error: what it raised; None for a batch some of whose rows failed, which `retry` is not asked
                about.
            sleep_s: how long would be slept first, in seconds.
        """
        state = self._state(call, error)
        state.upcoming_sleep = sleep_s
        if self._stop is not None and self._stop(state):
            return True
        return self._retry is not None and error is not None and not self._retry(state)

    def wants_another(self, call: Call, result: Any) -> bool:
        """Return whether the application does not want the result of an attempt that went well."""
        state = self._state(call, None)
        state.outcome = self._tenacity.Future(state.attempt_number)
        state.outcome.set_result(result)
        return self._retry is not None and bool(self._retry(state))

    def stops(self, call: Call, sleep_s: float) -> bool:
        """Return whether the application's stop says so, after an attempt whose result it did not want."""
        state = self._state(call, None)
        state.upcoming_sleep = sleep_s
        return self._stop is not None and bool(self._stop(state))

    def sleep_s(self, call: Call, error: Exception | None) -> float | None:
        """Return how long to sleep, in seconds; None where the profile decides."""
        return None if self._wait is None else float(self._wait(self._state(call, error)))

    def _state(self, call: Call, error: Exception | None) -> tenacity.RetryCallState:
        state = self._tenacity.RetryCallState(self._retrying, None, (), {})
        state.attempt_number = max(len(call.attempts), 1)
        state.start_time = call.started
        state.outcome_timestamp = call.now
        state.idle_for = sum(attempt.slept_s for attempt in call.attempts)
        state.outcome = self._tenacity.Future(state.attempt_number)
        # Waits that look at the error need one.
        state.outcome.set_exception(error or RuntimeError("rows of the batch failed"))
        return state


def _check(name: str, rule: Any) -> None:
    if rule is None:
        return
    if isinstance(rule, type):
        raise TypeError(
            f"{name}= takes one of tenacity's {name}_* objects, not a class; write {rule.__name__}(…)"
        )
    if not callable(rule):
        raise TypeError(f"{name}= takes one of tenacity's {name}_* objects, not {rule!r}")
    if isinstance(rule, type):
        raise TypeError(
            f"{name}= takes an object, not the class {rule.__name__}: write {rule.__name__}(…)"
        )
    if inspect.iscoroutinefunction(rule) or inspect.iscoroutinefunction(type(rule).__call__):
        raise TypeError(
            f"{name}= takes a rule that answers at once, for awaited calls too; {rule!r} is awaited"
        )


def _holds(rule: Any, classes: tuple[type, ...]) -> bool:
    """Return whether a predicate is of one of the classes, or combines such a predicate with others."""
    return isinstance(rule, classes) or any(
        _holds(joined, classes) for joined in getattr(rule, "retries", ())
    )
