"""Fused windows: many calls of one operation that cross to the client together, each as a slot.

A window may be larger than what the gate has left, and its calls come from several tasks. So each call is
looked at by itself, and those that may not take the fused path are left to the general chain.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Mapping, Sequence
from typing import Any

from ... import ambient
from ...clients import CoalescedMethod
from ..engine import Engine
from .lane import Lane
from .marked import matches_profile
from .under_way import Slot

Calls = Sequence[tuple[Any, ...]]
"""The positional arguments of each call, the record's key first."""


class FusedWindow:
    """Sends the calls of one client's window by the fused path.

    Args:
        client: the client.
        window: the method that makes many calls.
        engine: what the client's operations run on.
    """

    def __init__(self, client: Any, window: CoalescedMethod, engine: Engine) -> None:
        self._client = client
        self._window = window
        self._engine = engine
        adapter = engine.shared.adapter
        self._operation = adapter.operations[window.operation]
        self._matches = matches_profile(adapter)

    def send(
        self, calls: Calls, futures: Sequence[asyncio.Future[Any]], policies: Mapping[str, Any]
    ) -> tuple[Calls, Sequence[asyncio.Future[Any]]]:
        """Send what may be sent at once; return the calls that are left, and their futures.

        Args:
            calls: the calls.
            futures: the future of each, which its caller waits for.
            policies: policies that were given for all.
        """
        engine, operation = self._engine, self._window.operation
        lane: Lane = engine.runtime.lane
        plan, gate, budget = lane.known.get(operation), lane.gate, lane.budget
        if plan is None or plan.first is None or not self._says_nothing(policies, lane):
            return calls, futures
        if budget.spent or gate.waiting or not lane.health.calm:
            return calls, futures
        shared, loop = engine.shared, asyncio.get_running_loop()
        under_way = shared.under_way.of(loop)
        lag, began = under_way.ticking(), shared.clock()
        sent, early_s = plan.first, plan.early_s
        permits = gate.permits
        if plan.patient is not None and (
            began > lag.late_after or len(permits) - len(calls) < gate.crowded_at
        ):
            sent, early_s = plan.patient, plan.patient_early_s
        slots: list[Slot] = []
        try:
            for args, future in zip(calls, futures, strict=True):
                context = context_of_waiter(future)
                if ambient.of_context(context) is not None:
                    break
                heard = lane.listen(plan, args[0], early_s, context)
                if heard is None or heard[1] is not None:  # the general chain starts spans
                    break
                try:
                    permits.pop()
                except IndexError:
                    break
                slot = Slot()
                slot.lane, slot.plan, slot.fit, slot.values = lane, plan, None, args
                slot.began, slot.early_s, slot.lag_s = began, early_s, lag.total_s
                slot.permits, slot.calls = permits, under_way
                slot.outer, slot.context = future, context
                slot.listen(heard[0])
                under_way.add(slot)
                slots.append(slot)
            if slots:
                self._window.submit(self._client, calls[: len(slots)], slots, sent)
        except BaseException as error:
            for slot in slots:
                slot.target = None
                slot.release()
            if isinstance(
                error, Exception
            ):  # nothing was sent; the general chain finds whose fault it is
                return calls, futures
            raise
        budget.operations += len(slots)
        return calls[len(slots) :], futures[len(slots) :]

    def _says_nothing(self, policies: Mapping[str, Any], lane: Lane) -> bool:
        if self._matches is None:
            return not policies
        return self._matches(self._operation, policies, lane.health.eventual)


def context_of_waiter(future: asyncio.Future[Any]) -> contextvars.Context:
    """Return the context of the task that waits for a future; the present one if none waits yet.

    The client sends the calls of one turn of the event loop together, in the context of whichever task
    came first. Each call's context is found through its future: asyncio keeps it with the callback that
    wakes the task, in ``_callbacks`` of every implementation of a future in CPython.
    """
    for _wakeup, context in getattr(future, "_callbacks", None) or ():
        found: contextvars.Context = context
        return found
    return contextvars.copy_context()
