"""Breaker: ask the cluster's health before an attempt, tell it what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ...errors import CircuitOpenError
from ...model.call import Call
from ...model.stream import Stream
from ...nodes import Admission, ClusterHealth
from ..base import Proceed, ProceedAsync
from .open_rows import OpenRows


class Breaker:
    """Keep attempts away from open nodes and feed the evidence of every attempt to the right one.

    It stands innermost, so that it sees attempts and not operations.

    Args:
        health: the state of every node.
        error: what to raise for an open node; the client's own class combined with
            `CircuitOpenError`.
        clock: seconds on the clock that the whole chain uses.
    """

    __slots__ = ("_admission", "_clock", "health")

    def __init__(
        self,
        health: ClusterHealth,
        error: Callable[..., CircuitOpenError] = CircuitOpenError,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.health = health
        self._admission = Admission(health, error)
        self._clock = clock

    def around(self, call: Call, proceed: Proceed) -> Any:
        """Ask, proceed, tell."""
        health = self.health
        calm = health.calm
        if not calm:
            if call.plan.rows is not None:
                return self._around_rows(call, proceed, OpenRows(call, self._admission))
            self._admission.admit(call)
        began = call.now
        try:
            result = proceed(call)
        except BaseException as error:
            self._tell_error(call, began, error)
            raise
        # Written out for the one case that has to be fast: all is well, and so was the call.
        if calm and call.key is not None and (ended := self._clock()) - began < call.early_s:
            health.recent.append((call.key, began, ended, call.plan.writes))
        else:
            self._tell(call, began, result)
        return result

    async def around_async(self, call: Call, proceed: ProceedAsync) -> Any:
        """Ask, proceed, tell."""
        health = self.health
        calm = health.calm
        if not calm:
            if call.plan.rows is not None:
                return await self._around_rows_async(call, proceed, OpenRows(call, self._admission))
            self._admission.admit(call)
        began = call.now
        try:
            result = await proceed(call)
        except BaseException as error:
            self._tell_error(call, began, error)
            raise
        if calm and call.key is not None and (ended := self._clock()) - began < call.early_s:
            health.recent.append((call.key, began, ended, call.plan.writes))
        else:
            self._tell(call, began, result)
        return result

    def _around_rows(self, call: Call, proceed: Proceed, batch: OpenRows) -> Any:
        began = call.now
        try:
            part = proceed(call)
        except BaseException as error:
            self._tell_rows_error(call, began, error, batch)
            raise
        self._tell(call, began, part)
        return batch.completed(call, part)

    async def _around_rows_async(self, call: Call, proceed: ProceedAsync, batch: OpenRows) -> Any:
        began = call.now
        try:
            part = await proceed(call)
        except BaseException as error:
            self._tell_rows_error(call, began, error, batch)
            raise
        self._tell(call, began, part)
        return batch.completed(call, part)

    def _tell_rows_error(
        self, call: Call, began: float, error: BaseException, batch: OpenRows
    ) -> None:
        self._tell_error(call, began, error)
        if isinstance(error, Exception):
            batch.completed_error(call, error)

    def _tell_error(self, call: Call, began: float, error: BaseException) -> None:
        """Tell the cluster's health of an attempt that raised; some errors carry a batch's rows."""
        rows = call.plan.rows
        if rows is not None and isinstance(error, Exception):
            part = rows.rows_in_error(error)
            if part is not None:
                self._tell_rows(call, part, began)
                return
        self.health.failed(call, began)
        self._admission.leave_master(call)

    def _tell_rows(self, call: Call, part: Any, began: float) -> None:
        self.health.rows_failed(call, part, began)
        self._admission.leave_master(call)

    def _tell(self, call: Call, began: float, result: Any) -> None:
        """Tell the cluster's health of an attempt that returned."""
        health = self.health
        if call.failure is not None:
            self._tell_rows(call, result, began)
            return
        ended = self._clock()
        if ended - began >= call.early_s or call.leases:
            health.answered(call, began, ended)
        elif call.key is not None:
            health.recent.append((call.key, began, ended, call.plan.writes))
            if call.steered and not call.leave_master:
                health.hurried(call)
        elif isinstance(result, Stream):
            result.when_done(lambda error: self._tell_ended(call, began, error))

    def _tell_ended(self, call: Call, began: float, error: BaseException | None) -> None:
        """Tell the cluster's health of a stream that broke off."""
        if isinstance(error, Exception):
            call.now = self._clock()
            call.failure = call.plan.classify(error, call.plan.operation)
            self.health.failed(call, began)
