"""Attempt: one native call, with the time and the tries it may use. The end of every chain."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ...concurrency.event_loop_lag import Lag, lag_of_running_loop
from ...errors import DeadlineExceededError
from ...model.attempt import Attempt
from ...model.attempt_policy import AttemptPolicy, Tailor
from ...model.call import Call
from ...model.durations import (
    NO_LIMIT_MS,
    limit_s_to_ms_rounded_down,
    ms_to_s,
    remaining_whole_ms,
)
from ...model.failure import CALLER, NATIVE_BREAKER, NODE, POOL_EXHAUSTED, Failure
from ...model.operation import Key
from ...model.plan import early_s
from ...model.rows import worst_of
from ...model.stream import Stream
from ..base import LinkedAsync, Proceed, ProceedAsync
from ..retry.error_notes import annotate
from .shielded import Shielded


class NativeAttempt:
    """Make the native call, and classify its failure.

    It reads the clock right before and right after the native call, so that the time of other
    interceptors is not charged to the node.

    Args:
        tailor: makes native policies for attempts that need one of their own.
        error: what to raise when no time is left.
        clock: seconds on the clock that the whole chain uses.
        name: from a node's ``host:port`` to its name; None where it is unknown.
        owners: from a record's key to the names of the nodes that hold it, master first.
        outlives_cancellation: whether the client's calls go on when their task is cancelled.
        lag: returns the lag of what runs the awaited calls; by default of the event loop.
        crowded: whether more operations are under way than may hurry.
    """

    __slots__ = (
        *("_clock", "_crowded", "_error", "_lag", "_name", "_outlives", "_owners", "_tailor"),
    )

    def __init__(
        self,
        tailor: Tailor,
        error: Callable[
            [str, dict[str, Any]], DeadlineExceededError
        ] = DeadlineExceededError.with_facts,
        clock: Callable[[], float] = time.monotonic,
        name: Callable[[str], str | None] = lambda _address: None,
        owners: Callable[[Key | None], tuple[str, ...]] = lambda _key: (),
        *,
        outlives_cancellation: bool = False,
        lag: Callable[[], Lag] = lag_of_running_loop,
        crowded: Callable[[], bool] = lambda: False,
    ) -> None:
        self._crowded = crowded
        self._lag = lag
        self._name = name
        self._owners = owners
        self._tailor = tailor
        self._error = error
        self._clock = clock
        self._outlives = outlives_cancellation

    def end(self) -> Proceed:
        """Return the end of a chain."""
        clock, policy_for = self._clock, self.policy_for

        def attempt(call: Call) -> Any:
            plan = call.plan
            if call.tries_left < 1:
                raise _out_of_tries(call)
            policy = policy_for(call) if call.tailored else plan.first
            call.began = call.now
            try:
                result = plan.send(call.args, call.kwargs, policy)
            except Exception as error:
                self.failed(call, error)
                raise
            call.now = clock()
            if plan.rows is not None:
                self._partly(call, result)
            elif plan.operation.streams and isinstance(result, Stream):
                result.when_done(functools.partial(self._stream_ended, call))
            if call.failure is None:
                call.tries_left -= 1
            return result

        return attempt

    def end_async(self) -> LinkedAsync:
        """Return the end of a chain, for clients whose methods are awaited."""
        clock, policy_for, outlives = self._clock, self.policy_for, self._outlives
        lag_here, crowded = self._lag, self._crowded

        async def attempt(call: Call) -> Any:
            plan = call.plan
            if call.tries_left < 1:
                raise _out_of_tries(call)
            lag = lag_here()
            hurries = plan.failover and not call.steered
            if hurries and (call.now > lag.late_after or crowded()):
                _be_patient(call)
            policy = policy_for(call) if call.tailored else plan.first
            call.began, lag_s = call.now, lag.begin()
            try:
                pending = plan.send(call.args, call.kwargs, policy)
                if outlives:
                    call.pending = pending
                    result = await Shielded(pending)
                    call.pending = (
                        None  # its result, a stream perhaps, must not be kept by the call
                    )
                else:
                    result = await pending
            except Exception as error:
                self.failed(call, error)
                raise
            finally:
                lag.end()
            call.now = clock()
            if call.now - call.began >= call.early_s:  # the lag shows nothing about a node
                call.began = min(call.began + lag.since(lag_s), call.now)
            if plan.rows is not None:
                self._partly(call, result)
            elif plan.operation.streams and isinstance(result, Stream):
                result.when_done(functools.partial(self._stream_ended, call))
            if call.failure is None:
                call.tries_left -= 1
            return result

        return attempt

    def around(self, call: Call, proceed: Proceed) -> Any:  # noqa: ARG002 - nothing stands behind it
        """Make the native call, as the end of a chain does."""
        return self.end()(call)

    async def around_async(self, call: Call, proceed: ProceedAsync) -> Any:  # noqa: ARG002
        """Make the native call, as the end of a chain does."""
        return await self.end_async()(call)

    def policy_for(self, call: Call) -> Any:
        """Return the native policy for an attempt that has less time, fewer tries or its own pace.

        Raises:
            DeadlineExceededError: less than a millisecond is left.
        """
        plan = call.plan
        if plan.policy is None:
            return None
        total_ms = NO_LIMIT_MS
        if not math.isinf(call.deadline):
            total_ms = remaining_whole_ms(call.deadline - call.now)
            if not total_ms:
                raise call.refuse(self._too_late(call))
        retries = 0 if call.frugal else min(plan.native_retries, call.tries_left - 1)
        return self._tailor(
            plan.operation.family,
            plan.fields,
            AttemptPolicy(
                total_ms,
                self._socket_timeout_ms(call, total_ms, retries + 1),
                retries,
                call.commit_master,
                call.leave_master,
            ),
        )

    @staticmethod
    def _socket_timeout_ms(call: Call, total_ms: int, tries: int) -> int:
        """Return how long one try may take, in milliseconds.

        The tries of the last attempt share all the remaining time, as no attempt follows. Otherwise a
        cluster that became slower than ``socket_timeout`` everywhere would fail calls that the bare client
        serves. A first attempt that is also the last keeps its short socket timeout where a node's state
        asks for it. Once a short attempt failed at the replica too, the next one is not shortened.
        """
        hurries = call.steered and not call.attempts
        if call.tries_left <= tries and not hurries and total_ms:
            call.patience_s = max(call.patience_s, ms_to_s(total_ms) / tries)
        timeout_s = call.patience_s
        if math.isinf(timeout_s):
            return total_ms
        timeout_ms = limit_s_to_ms_rounded_down(timeout_s)
        if total_ms:
            timeout_ms = min(timeout_ms, total_ms)
        call.early_s = early_s(ms_to_s(timeout_ms))
        return timeout_ms

    def _too_late(self, call: Call) -> DeadlineExceededError:
        operation, had_s = call.plan.operation.name, call.deadline - call.started
        return self._error(
            f"{operation} was not sent: nothing is left of the {had_s * 1000:.0f} ms it had",
            {"operation": operation, "profile": call.plan.profile, "deadline_s": had_s},
        )

    def _stream_ended(self, call: Call, error: BaseException | None) -> None:
        """Record the end of a stream, whose records arrived after the call had returned."""
        if isinstance(error, Exception):
            self.failed(call, error)
            annotate(error, call)

    def failed(self, call: Call, error: Exception) -> None:
        """Read the clock, and record on a call what its native call raised."""
        call.now = self._clock()
        plan = call.plan
        call.raised = call.error = error
        if plan.rows is not None and (part := plan.rows.rows_in_error(error)) is not None:
            self._partly(call, part)
            return
        failure = plan.classify(error, plan.operation)
        if failure.kind is CALLER and failure.code is None:
            # The client did not raise it: the call had a wrong argument, or the application's signal
            # handler raised during the request. It does not show what happened to the request.
            call.raised = call.error = None
            return
        if failure.node is None and failure.address is not None:
            failure = replace(failure, node=self._name(failure.address))
        call.failure = failure
        self._record(call, failure, type(error).__name__)

    def _partly(self, call: Call, result: Any) -> None:
        """Record the failed rows of a batch that returned. The attempt failed as its worst row did."""
        rows = call.plan.rows
        failures = rows.failures(result) if rows is not None else {}
        if rows is not None and failures:
            whole = rows.whole(result)
            all_failures = [*failures.values(), *([whole] if whole is not None else [])]
            worst = worst_of(all_failures)
            in_doubt = any(failure.in_doubt for failure in failures.values())
            call.failure = failure = replace(worst, in_doubt=in_doubt)
            self._record(call, failure, f"{len(failures)} rows")

    def _record(self, call: Call, failure: Failure, error: str) -> None:
        nodes = call.nodes
        if not nodes and (failure.fault is NODE or failure.kind is POOL_EXHAUSTED):
            nodes = self._owners(call.key)
        tries = _tries_made(call, failure)
        call.tries_left -= tries
        number, took_s = len(call.attempts) + 1, max(call.now - call.began, 0.0)
        call.attempts += (Attempt(number, took_s, tries, failure, error, nodes),)


def _tries_made(call: Call, failure: Failure) -> int:
    """Return how many requests an attempt made, as far as the client reports it."""
    if failure.tries == 1 and call.now - call.began < call.early_s:
        return 1  # answered before a first try could have ended
    may = 1 if call.frugal else min(call.plan.native_retries + 1, call.tries_left)
    if failure.kind is NATIVE_BREAKER and failure.tries is None:
        # The last try was refused and not sent. Each that was sent before waited for its whole socket
        # timeout.
        waited = int((call.now - call.began) / call.early_s) if call.early_s > 0 else 0
        return min(waited, may - 1)
    if failure.tries is None:
        return may
    if failure.answered and failure.tries < may and call.early_s > 0:
        # The answer ended the last try. Each try before it waited for its whole socket timeout.
        waited = int((call.now - call.began) / call.early_s)
        return min(failure.tries + waited, may)
    return failure.tries


def _be_patient(call: Call) -> None:
    """Have the tries of an attempt share all the time that is left.

    Its event loop is late, which makes every node look slow: whoever leaves one for another only adds to
    the load. Or so many calls are under way that their haste would have the client's own breaker shut
    nodes.
    """
    if not math.isinf(call.deadline):
        each_s = (call.deadline - call.now) / (call.plan.native_retries + 1)
        if each_s > call.patience_s:
            call.patience_s, call.tailored = each_s, True


def _out_of_tries(call: Call) -> BaseException:
    """Return the error to raise when an interceptor proceeds again and no try is left."""
    if call.error is not None:
        return call.error
    return RuntimeError(
        f"{call.plan.operation.name} has used the {call.plan.max_tries} tries that max_retries gives it "
        f"under profile {call.plan.profile!r}: an interceptor cannot proceed once more"
    )
