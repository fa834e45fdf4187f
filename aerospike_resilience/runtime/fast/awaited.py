"""Fused methods that are awaited: two functions for each operation, made from the templates below.

They do what the fused methods that block do (`blocking`). Where the client returns a future, the call
begins when it is made, and neither a coroutine nor a task is needed for a success (`under_way`). Where the
client has coroutine functions, the fused method is one coroutine function.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any, Final

from ... import ambient
from ...clients.shared.derived import client_class
from ...model.operation import Key
from ...model.plan import Plan
from ..engine import Engine
from .first_attempts import NOTHING, FirstAttempt, Fit
from .forms import ABSENT, Form, given
from .lane import Lane
from .loop_calls import LoopCalls
from .template import ANY_FORM, PLAIN, RAISE, General, both, fused_method
from .under_way import NativeCall, Slot, go_on, is_final

_PATIENT: Final = """
        if plan.patient is not None and (
            began > under_way.lag.late_after or len(gate.permits) <= gate.crowded_at
        ):$UNLESS_FIT
            sent, early_s = plan.patient, plan.patient_early_s$EARLY"""
"""While the event loop is late, or many calls are under way, no read is hurried: see `Plan.patient`."""

_BEGUN: Final = (
    _PATIENT
    + """$FIRST
        permits, taken, failed, call = gate.permits, True, None, None
        try:  # an interrupt comes after a call, never before: in here, the permit is ours
            try:
                permits.pop()
            except IndexError:
                taken = False
            else:
                try:
                    $SENT
                except Exception as error:
                    failed = $FAILED
                except BaseException as error:
                    if call is not None:  # the permit is released below, once
                        call.calls.under_way.discard(call)
                        call.target = None  # telemetry records its end here$COUNTED
                    lane.first.ended($TARGET, $FIT, plan, {key}, began, error)
                    raise
                else:
                    taken = False
                    return $RETURNED
        finally:
            if taken:
                permits.append(None)
                if gate.waiting or gate.debt:
                    gate.settle()
        if failed is not None:
            return $ENDED
        refused = lane.first.refused($FIT, $TARGET, plan, {key}, began)
        if refused:
            $REFUSE
        return $AGAIN"""
)
"""A call that begins when it is made. The words behind ``$`` differ between the two ways to make it."""

_BY_FUTURE: Final = {
    "$FIRST": "",
    "$COUNTED": "",
    "$SENT": """budget.operations += 1$BEGIN
                    native = ({bare_call}) if sent is None else ({call})
                    loop = native.get_loop()
                    calls = under_way.latest
                    if calls.loop is not loop:
                        calls = under_way.of(loop)
                    lag = calls.lag
                    if not lag.ticking:
                        lag.start()
                    call, outer = NativeCall(), Future(loop=loop)
                    call.lane, call.plan, call.fit, call.values = lane, plan, $FIT, ({before})
                    call.began, call.early_s, call.lag_s = began, early_s, lag.total_s
                    call.permits, call.calls, call.outer = permits, calls, outer
                    $LISTEN
                    calls.add(call)
                    native.add_done_callback(call.native_done)$LEAVE""",
    "$FAILED": """lane.first.failed(
                        $FIT, $TARGET, plan, given(({before})), {key}, began, error
                    )""",
    "$RETURNED": "outer",
    "$ENDED": "refused_at_the_call(under_way.of(running_loop()), lane, failed)",
}
"""By the client's own method, which returns a future."""

_BY_SLOT: Final = {
    "$FIRST": "$TRACED",
    "$COUNTED": """
                    budget.operations += 1""",
    "$SENT": """calls = under_way.latest
                    loop = running_loop()
                    if calls.loop is not loop:
                        calls = under_way.of(loop)
                    lag = calls.lag
                    if not lag.ticking:
                        lag.start()
                    call = Slot()
                    call.lane, call.plan, call.fit, call.values = lane, plan, $FIT, ({before})
                    call.began, call.early_s, call.lag_s = began, early_s, lag.total_s
                    call.permits, call.calls = permits, calls
                    call.outer, call.context = Future(loop=loop), copy_context()
                    $LISTEN
                    calls.add(call)
                    submit(call, sent, None if lane.health.eventual else sent, {or_none})
                    budget.operations += 1""",
    "$FAILED": "calls.under_way.discard(call) or True",
    "$RETURNED": "call.outer",
    "$ENDED": "$BY_FUTURE",
}
"""As a window of one, which completes a slot. What the client refuses so is refused by its own method.

A call for which a span is to be started is made by that method at once.
"""

_PLAIN: Final = {
    **PLAIN,
    "$UNLESS_FIT": "",
    "$EARLY": "",
    "$TRACED": "",
    "$LISTEN": "call.target = None",
    "$BY_FUTURE": "by_future({plain_values})",
}

_ANY_FORM: Final = {
    **ANY_FORM,
    "$UNLESS_FIT": """
            if fit is not None:
                return {again}""",
    "$EARLY": """
            if traced is not None:
                traced.early_s = early_s""",
    "$LISTEN": "call.listen(target)",
    "$TRACED": """
        if traced is not None:
            return $BY_FUTURE""",
    "$BY_FUTURE": "by_future(*given(first or ({signed})), **named)",
}

_FAIL: Final = {"$REFUSE": "return failed_future(refused)"}

_BEGUN_BY_FUTURE, _BEGUN_BY_SLOT = (
    both(_BEGUN, {**way, **_PLAIN, **_FAIL}, {**way, **_ANY_FORM, **_FAIL})
    for way in (_BY_FUTURE, _BY_SLOT)
)

_COROUTINE: Final = both(
    _PATIENT
    + """
        lag = under_way.lag
        if not lag.ticking:
            lag = under_way.of(running_loop()).ticking()
        permits, taken, lag_s = gate.permits, True, lag.total_s
        try:  # an interrupt comes after a call, never before: in here, the permit is ours
            try:
                permits.pop()
            except IndexError:
                taken = False
            else:
                budget.operations += 1
                try:$BEGIN
                    if sent is None:
                        result = await ({bare_call})
                    else:
                        result = await ({call})
                except Exception as error:
                    if lane.first.answered($TARGET, plan, {key}, began, clock(), early_s, error):
                        raise
                    failed = lane.first.failed(
                        $FIT, $TARGET, plan, given(({before})), {key}, began, error
                    )
                except BaseException as error:
                    lane.first.ended($TARGET, $FIT, plan, {key}, began, error)
                    raise
                else:
                    ended = clock()
                    if ended - began < early_s:
                        lane.recent.append(({key}, began, ended, plan.answered_by))
                    else:
                        lag_s = under_way.lag_since(lag, lag_s)
                        slow(
                            *(lag_s, lane, $FIT, plan, given(({before}))),
                            *({key}, began, ended, early_s),
                        )$ADD
                    return result
        finally:
            if taken:
                permits.append(None)
                if gate.waiting or gate.debt:
                    gate.settle()
        if taken:
            return await lane.first.resume_async(failed)
        refused = lane.first.refused($FIT, $TARGET, plan, {key}, began)
        if refused:
            $REFUSE
        return $AGAIN""",
    {**_PLAIN, **RAISE},
    {**_ANY_FORM, **RAISE},
    define="async def",
)


def fused_awaited(
    engine: Engine, form: Form, method: Callable[..., Any], general: General
) -> Callable[..., Any]:
    """Return an operation's fused method, of the kind that the client's own is.

    Args:
        engine: what the client's operations run on.
        form: the operation's form.
        method: the client's method.
        general: sends a call of any form through the general chain.
    """
    shared = engine.shared
    client, adapter = shared.client, shared.adapter
    cells = {
        "engine": engine,
        "form": form,
        "method": method,
        "general": general,
        "under_way": shared.under_way,
        "clock": shared.clock,
        "current": ambient.current,
        "on_clock": ambient.on_clock,
        "running_loop": asyncio.get_running_loop,
        "given": given,
        "ABSENT": ABSENT,
        "NOTHING": NOTHING,
    }
    if not adapter.returns_futures:
        return fused_method("coroutine", _COROUTINE, form, {**cells, "slow": _slow})
    cells["failed_future"] = _failed_future
    own = {
        "NativeCall": NativeCall,
        "Future": asyncio.Future,
        "refused_at_the_call": _refused_at_the_call,
    }
    by_future = fused_method("future", _BEGUN_BY_FUTURE, form, {**cells, **own})
    is_own = client_class(type(client), adapter.recognises) is type(client)
    submit = adapter.slot_sender(client, form.operation) if is_own else None
    if submit is None:
        return by_future
    own = {
        "Slot": Slot,
        "Future": asyncio.Future,
        "copy_context": contextvars.copy_context,
        "submit": submit,
        "by_future": by_future,
    }
    return fused_method("slot", _BEGUN_BY_SLOT, form, {**cells, **own})


def _failed_future(refused: list[Exception]) -> asyncio.Future[Any]:
    """Return the future of a call that was refused before it was made."""
    outer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    outer.set_exception(refused.pop())
    return outer


def _refused_at_the_call(calls: LoopCalls, lane: Lane, first: FirstAttempt) -> asyncio.Future[Any]:
    """Return the future of a call that the client refused when it was made; raise what is final there."""
    outer: asyncio.Future[Any] = calls.loop.create_future()
    if is_final(first):
        try:
            lane.first.resume_async(first).send(None)
        except StopIteration as returned:
            outer.set_result(returned.value)
    else:
        go_on(calls, lane, first, outer)
        first.leave()
    return outer


def _slow(
    lag_s: float,
    lane: Lane,
    fit: Fit | None,
    plan: Plan,
    args: tuple[Any, ...],
    key: Key,
    began: float,
    ended: float,
    early_s: float,
) -> None:
    """Account for a success that came late. The event loop's own lag shows nothing about a node."""
    began = min(began + lag_s, ended)
    if ended - began < early_s:
        lane.recent.append((key, began, ended, plan.answered_by))
    else:
        lane.first.slow(fit, plan, args, key, began, ended)
