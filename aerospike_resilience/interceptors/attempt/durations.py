"""Durations of attempts, by node: a link right before the attempt, where the profile asks for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ...errors import RefusedError
from ...model.call import Call
from ...model.failure import RECORD
from ...model.operation import Key
from ...model.outcome import NOT_FOUND
from ...telemetry.durations import AttemptDurations
from ..base import Link, LinkedAsync, Proceed, ProceedAsync


class AttemptTimer(Link):
    """Record how long each attempt takes, whatever it comes to.

    The node is the one that failed, or else the first that the attempt asks: the record's master.

    Args:
        durations: where they go.
        owners: from a record's key to the names of the nodes that hold it, master first.
        on_broken: called with the step that an exporter made fail, and its exception.
        clock: seconds on the clock that the whole chain uses.
    """

    __slots__ = ("_clock", "_durations", "_on_broken", "_owners")

    def __init__(
        self,
        durations: AttemptDurations,
        owners: Callable[[Key | None], tuple[str, ...]],
        on_broken: Callable[[str, Exception], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._durations = durations
        self._owners = owners
        self._on_broken = on_broken
        self._clock = clock

    def link(self, proceed: Proceed) -> Proceed:
        """Proceed, and record how long it took."""

        def timed(call: Call) -> Any:
            began = self._clock()
            try:
                result = proceed(call)
            except BaseException as error:
                self._record(call, began, error)
                raise
            self._record(call, began, None)
            return result

        return timed

    def link_async(self, proceed: ProceedAsync) -> LinkedAsync:
        """Proceed, and record how long it took."""

        async def timed(call: Call) -> Any:
            began = self._clock()
            try:
                result = await proceed(call)
            except BaseException as error:
                self._record(call, began, error)
                raise
            self._record(call, began, None)
            return result

        return timed

    def _record(self, call: Call, began: float, error: BaseException | None) -> None:
        try:
            node = self._node(call)
            self._durations.cell(node, _outcome(call, error)).add(self._clock() - began)
        except Exception as broken:  # noqa: BLE001 - telemetry must not make a call fail
            self._on_broken("the duration of an attempt could not be recorded", broken)

    def _node(self, call: Call) -> str:
        failure = call.failure
        if failure is not None and failure.node is not None:
            return failure.node
        nodes = call.nodes or self._owners(call.key)
        return nodes[0] if nodes else ""


def _outcome(call: Call, error: BaseException | None) -> str:
    failure = call.failure
    if error is None:
        return "ok" if failure is None else "partial"
    if not isinstance(error, Exception):
        return "cancelled"
    if isinstance(error, RefusedError):
        return "refused"  # there was no time left to send it
    missed = failure is not None and failure.kind is RECORD and failure.code == NOT_FOUND
    return "miss" if missed and not call.plan.writes else "failed"
