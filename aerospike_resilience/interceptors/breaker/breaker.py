"""Breaker: ask the cluster's health before an attempt, and report the attempt's outcome to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...errors import CircuitOpenError
from ...model.call import Call
from ...model.plan import MASTER
from ...model.stream import Stream
from ...nodes import Admission, ClusterHealth
from ..base import Link, LinkedAsync, Proceed, ProceedAsync
from .open_rows import OpenRows


class Breaker(Link):
    """Keep attempts away from open nodes, and report the outcome of every attempt to the cluster's health.

    It is innermost, so that it sees attempts and not operations.

    Args:
        health: the state of every node.
        error: what to raise for an open node; the client's own class combined with
            `CircuitOpenError`.

    Attributes:
        refused_at_once: returns the error for a call that needs an open node, by its plan and its key; None
            if its attempt has to ask.
    """

    __slots__ = ("_admission", "health", "refused_at_once")

    def __init__(
        self,
        health: ClusterHealth,
        error: Callable[[str, dict[str, Any]], CircuitOpenError] = CircuitOpenError.with_facts,
    ) -> None:
        self.health = health
        self._admission = Admission(health, error)
        self.refused_at_once = self._admission.refused_at_once

    def link(self, proceed: Proceed) -> Proceed:
        """Ask, proceed, report."""
        health, admission = self.health, self._admission
        reports = health.calls

        def breaker(call: Call) -> Any:
            calm = health.calm
            if call.attempts:
                admission.leave_master(call)
            if not calm:
                if call.plan.rows is not None:
                    return self._around_rows(call, proceed, OpenRows(call, admission))
                admission.admit(call)
            try:
                result = proceed(call)
            except BaseException as error:
                self.report_error(call, error)
                raise
            # Written out for the one case that has to be fast: no node is open, and the call succeeded.
            if calm and call.key is not None and call.now - call.began < call.early_s:
                reports.recent.append((call.key, call.began, call.now, call.plan.answered_by))
            else:
                self._report(call, result)
            return result

        return breaker

    def link_async(self, proceed: ProceedAsync) -> LinkedAsync:
        """Ask, proceed, report."""
        health, admission = self.health, self._admission
        reports = health.calls

        async def breaker(call: Call) -> Any:
            calm = health.calm
            if call.attempts:
                admission.leave_master(call)
            if not calm:
                if call.plan.rows is not None:
                    return await self._around_rows_async(call, proceed, OpenRows(call, admission))
                admission.admit(call)
            try:
                result = await proceed(call)
            except BaseException as error:
                self.report_error(call, error)
                raise
            # Written out for the one case that has to be fast: no node is open, and the call succeeded.
            if calm and call.key is not None and call.now - call.began < call.early_s:
                reports.recent.append((call.key, call.began, call.now, call.plan.answered_by))
            else:
                self._report(call, result)
            return result

        return breaker

    def _around_rows(self, call: Call, proceed: Proceed, batch: OpenRows) -> Any:
        try:
            part = proceed(call)
        except BaseException as error:
            self._report_rows_error(call, error, batch)
            raise
        self._report(call, part)
        return batch.completed(call, part)

    async def _around_rows_async(self, call: Call, proceed: ProceedAsync, batch: OpenRows) -> Any:
        try:
            part = await proceed(call)
        except BaseException as error:
            self._report_rows_error(call, error, batch)
            raise
        self._report(call, part)
        return batch.completed(call, part)

    def _report_rows_error(self, call: Call, error: BaseException, batch: OpenRows) -> None:
        self.report_error(call, error)
        if isinstance(error, Exception):
            batch.completed_error(call, error)

    def report_error(self, call: Call, error: BaseException) -> None:
        """Report an attempt that raised to the cluster's health; some errors carry a batch's rows.

        An interceptor's own error says nothing about a node, so it is not reported.
        """
        rows = call.plan.rows
        if not call.owns(error):
            self.health.give_back(call)
        elif (
            rows is not None
            and isinstance(error, Exception)
            and (part := rows.rows_in_error(error)) is not None
        ):
            self.health.calls.rows_failed(call, part, call.began)
        else:
            self.health.calls.failed(call, call.began)

    def _report(self, call: Call, result: Any) -> None:
        """Report an attempt that returned to the cluster's health."""
        reports = self.health.calls
        if call.failure is not None:
            reports.rows_failed(call, result, call.began)
        elif call.now - call.began >= call.early_s or call.leases:
            reports.answered(call, call.began, call.now)
        elif call.key is not None:
            answered_by = MASTER if call.commit_master else call.plan.answered_by
            reports.recent.append((call.key, call.began, call.now, answered_by))
            if call.steered and not call.leave_master:
                reports.hurried(call)
        elif isinstance(result, Stream):
            result.when_done(lambda error: self._report_end(call, error))

    def _report_end(self, call: Call, error: BaseException | None) -> None:
        """Report a stream that broke off to the cluster's health."""
        if error is not None and call.owns(error):
            self.health.calls.failed(call, call.began)
