"""Attempt: one native call, with the time and the tries it may use."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from ...errors import DeadlineExceededError
from ...model.attempt import Attempt
from ...model.call import Call
from ...model.failure import Failure, FailureKind, Fault
from ...model.operation import Key
from ...model.plan import early_s
from ..base import Proceed, ProceedAsync
from .shielded import Shielded


class Tailor(Protocol):
    """An adapter's way to make a native policy for one attempt."""

    def __call__(
        self,
        family: str,
        fields: Mapping[str, Any],
        *,
        total_timeout_ms: int,
        socket_timeout_ms: int,
        max_retries: int,
        commit_master: bool,
        leave_master: bool,
    ) -> Any:
        """Return a native policy: `fields` with these in their place; 0 ms stands for no limit."""
        ...


def _weight(failure: Failure) -> tuple[bool, bool]:
    return failure.retryable, failure.kind is FailureKind.OVERLOAD


class NativeAttempt:
    """Make the native call, and say what its failure means.

    Args:
        tailor: makes native policies for attempts that need one of their own.
        error: what to raise when no time is left.
        clock: seconds on the clock that the whole chain uses.
        name: from a node's ``host:port`` to its name; None where it is unknown.
        owners: from a record's key to the names of the nodes that hold it, master first.
    """

    __slots__ = ("_clock", "_error", "_name", "_owners", "_tailor")

    def __init__(
        self,
        tailor: Tailor,
        error: Callable[..., DeadlineExceededError] = DeadlineExceededError,
        clock: Callable[[], float] = time.monotonic,
        name: Callable[[str], str | None] = lambda _address: None,
        owners: Callable[[Key | None], tuple[str, ...]] = lambda _key: (),
    ) -> None:
        self._name = name
        self._owners = owners
        self._tailor = tailor
        self._error = error
        self._clock = clock

    def around(self, call: Call, proceed: Proceed) -> Any:
        """Proceed to the native call, which takes its policy from `policy_for`."""
        call.failure = None
        began = call.now
        try:
            result = proceed(call)
        except Exception as error:
            self._failed(call, began, error)
            raise
        if call.plan.rows is not None:
            self._partly(call, began, result)
        return result

    async def around_async(self, call: Call, proceed: ProceedAsync) -> Any:
        """Proceed to the native call, which takes its policy from `policy_for`."""
        call.failure = None
        began = call.now
        try:
            result = await proceed(call)
        except Exception as error:
            self._failed(call, began, error)
            raise
        if call.plan.rows is not None:
            self._partly(call, began, result)
        return result

    def send(self, call: Call) -> Any:
        """Make the native call: the end of every chain. Its result may be an awaitable."""
        plan = call.plan
        return plan.send(
            call.args, call.kwargs, self.policy_for(call) if call.tailored else plan.policy
        )

    def send_lasting(self, call: Call) -> Awaitable[Any]:
        """Make a native call that goes on when its task is cancelled, and let it be known."""
        future: asyncio.Future[Any] = self.send(call)
        call.pending = future
        return Shielded(future)

    def policy_for(self, call: Call) -> Any:
        """Return the native policy for an attempt that has less time, fewer tries or its own pace.

        Raises:
            DeadlineExceededError: less than a millisecond is left.
        """
        plan = call.plan
        if plan.policy is None:
            return None
        total_ms = 0
        if not math.isinf(call.deadline):
            total_ms = int((call.deadline - call.now) * 1000)
            if total_ms < 1:
                call.failure = Failure(FailureKind.REFUSED, fault=Fault.LOCAL)
                operation = plan.operation.name
                raise self._error(
                    f"{operation} was not sent: nothing is left of the "
                    f"{(call.deadline - call.started) * 1000:.0f} ms it had",
                    operation=operation,
                    profile=plan.profile,
                    deadline_s=call.deadline - call.started,
                )
        retries = 0 if call.frugal else min(plan.native_retries, call.tries_left - 1)
        return self._tailor(
            plan.operation.family,
            plan.fields,
            total_timeout_ms=total_ms,
            socket_timeout_ms=self._socket_timeout_ms(call, total_ms, retries + 1),
            max_retries=retries,
            commit_master=call.commit_master,
            leave_master=call.leave_master,
        )

    @staticmethod
    def _socket_timeout_ms(call: Call, total_ms: int, tries: int) -> int:
        """Choose how long one try may take.

        The last attempt is patient: nothing comes after it, so its tries share all that is left.
        Without that a cluster that became slower than ``socket_timeout`` everywhere would fail calls
        that the bare client serves. A first attempt that is also the last stays in a hurry where a node's
        state asks for it; after a hurried one failed at the replica too, hurrying has had its chance.
        """
        hurries = call.steered and not call.attempts
        if call.tries_left <= tries and not hurries and total_ms:
            call.patience_s = max(call.patience_s, total_ms / 1000 / tries)
        timeout_s = call.patience_s
        if math.isinf(timeout_s):
            return total_ms
        timeout_ms = max(int(timeout_s * 1000), 1)
        if total_ms:
            timeout_ms = min(timeout_ms, total_ms)
        call.early_s = early_s(timeout_ms / 1000)
        return timeout_ms

    def _failed(self, call: Call, began: float, error: Exception) -> None:
        call.now = self._clock()
        if call.failure is None:  # else: refused on our side of the wire, nothing was sent
            plan = call.plan
            if plan.rows is not None and (part := plan.rows.rows_in_error(error)) is not None:
                self._partly(call, began, part)
                return
            failure = plan.classify(error, plan.operation)
            if failure.node is None and failure.address is not None:
                failure = replace(failure, node=self._name(failure.address))
            call.failure = failure
            self._record(call, began, type(error).__name__)

    def _partly(self, call: Call, began: float, result: Any) -> None:
        """Note the failed rows of a batch that returned; the worst of them stands for the attempt.

        An overload is the worst, as it bounds how often anything is sent again.
        """
        call.now = self._clock()
        rows = call.plan.rows
        failures = rows.failures(result) if rows is not None else {}
        if rows is not None and failures:
            whole = rows.whole(result)
            told = [*failures.values(), *([whole] if whole is not None else [])]
            worst = max(told, key=_weight)
            in_doubt = any(failure.in_doubt for failure in failures.values())
            call.failure = replace(worst, in_doubt=in_doubt)
            self._record(call, began, f"{len(failures)} rows")

    def _record(self, call: Call, began: float, error: str) -> None:
        failure = call.failure
        nodes = call.nodes
        if not nodes and failure is not None and failure.fault is Fault.NODE:
            nodes = self._owners(call.key)
        tries = 1 if call.frugal else min(call.plan.native_retries + 1, call.tries_left)
        if failure is not None and failure.tries is not None:
            tries = failure.tries
        call.tries_left -= tries
        call.attempts += (
            Attempt(
                number=len(call.attempts) + 1,
                duration_s=max(call.now - began, 0.0),
                tries=tries,
                failure=failure,
                error=error,
                nodes=nodes,
            ),
        )
