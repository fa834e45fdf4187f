"""Fused methods that are awaited: one function for each operation, made from the templates below.

They do what the fused methods that block do (`blocking`). Where the client returns a future, the call
begins when it is made, and neither a coroutine nor a task is needed for a success (`under_way`). Where the
client has coroutine functions, the fused method is one coroutine function.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
from collections.abc import Callable
from typing import Any, Final

from ... import ambient
from ...clients.shared.derived import client_class
from ...model.operation import Key
from ...model.plan import Plan
from ..engine import Engine
from .blocking import General, _call, _row, _sent
from .first_attempts import FirstAttempt, Fit
from .forms import ABSENT, Form, given
from .lane import Lane
from .loop_calls import LoopCalls
from .marked import matches_profile
from .under_way import CallFuture, Slot, go_on, is_final

_PREAMBLE: Final = """
        lane = engine.runtime.lane
        began = clock()
        {policy_absent}
        if named and not more and matches is not None and matches(form.operation, named, lane):
            named = {{}}
        if more or named:
            row = None if more else form.by_name(({values}), named)
            if row is None:
                return {general}(*given(({values})), *more, **named)
            {values} = row
        plan, fit = lane.plans[{name!r}], None
        if plan is None or current() is not None or {unusual}:
            fit = None
            if {key} is not ABSENT:
                fit = lane.fit(engine, form, ({values}), current(), began)
            if fit is None:
                return {general}(*form.by_position(({values}), named), **named)
            lane, plan, sent, early_s = fit[:4]
        elif plan.patient is not None and began > under_way.lag.late_after:
            sent, early_s = plan.patient, plan.patient_early_s
        else:
            sent, early_s = plan.first, plan.early_s
        gate, budget = lane.gate, lane.budget
        if budget.spent or gate.waiting or not lane.health.calm:
            return {general}(*form.by_position(({values}), named), **named)"""

_BEGUN: Final = (
    """def make({cells}):
    def fused({signature}, *more, **named):"""
    + _PREAMBLE
    + """
        permits, taken, failed = gate.permits, True, None
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
                else:
                    taken = False
                    return $RETURNED
        finally:
            if taken:
                permits.append(None)
                if gate.waiting or gate.debt:
                    gate.settle()
        if failed is not None:
            return $REFUSED
        return general(*form.by_position(({values}), named), **named)
    return fused
"""
)
"""A call that begins when it is made. The words behind ``$`` differ between the two ways to make it."""

_BY_FUTURE: Final = {
    "$SENT": """budget.operations += 1
                    native = ({bare_call}) if sent is None else ({call})
                    loop = native.get_loop()
                    calls = under_way.latest
                    if calls.loop is not loop:
                        calls = under_way.of(loop)
                    if not calls.lag.ticking:
                        calls.lag.start()
                    call = CallFuture(loop=loop)
                    call.lane, call.plan, call.fit, call.values = lane, plan, fit, ({before})
                    call.began, call.early_s, call.lag_s = began, early_s, calls.lag.total_s
                    call.permits, call.calls, call._first = permits, calls, None
                    calls.add(call)
                    native.add_done_callback(call.native_done)""",
    "$FAILED": "lane.first.failed(fit, plan, given(({before})), {key}, began, error)",
    "$RETURNED": "call",
    "$REFUSED": "refused_at_the_call(under_way.of(running_loop()), lane, failed)",
}
"""By the client's own method, which returns a future."""

_BY_SLOT: Final = {
    "$SENT": """call, calls, loop = Slot(), under_way.latest, running_loop()
                    if calls.loop is not loop:
                        calls = under_way.of(loop)
                    if not calls.lag.ticking:
                        calls.lag.start()
                    call.lane, call.plan, call.fit, call.values = lane, plan, fit, ({before})
                    call.began, call.early_s, call.lag_s = began, early_s, calls.lag.total_s
                    call.permits, call.calls = permits, calls
                    call.outer, call.context = Future(loop=loop), copy_context()
                    calls.add(call)
                    submit(call, sent, None if lane.health.eventual else sent, {or_none})
                    budget.operations += 1""",
    "$FAILED": "calls.under_way.discard(call) or error",
    "$RETURNED": "call.outer",
    "$REFUSED": "by_future(*form.by_position(({values}), named), **named)",
}
"""As a window of one, which completes a slot. What the client refuses so is refused by its own method."""

_COROUTINE: Final = (
    """def make({cells}):
    async def fused({signature}, *more, **named):"""
    + _PREAMBLE
    + """
        permits, taken, lag = gate.permits, True, under_way.lag
        if not lag.ticking:
            lag = under_way.of(running_loop()).ticking()
        lag_s = lag.total_s
        try:  # an interrupt comes after a call, never before: in here, the permit is ours
            try:
                permits.pop()
            except IndexError:
                taken = False
            else:
                budget.operations += 1
                try:
                    if sent is None:
                        result = await ({bare_call})
                    else:
                        result = await ({call})
                except Exception as error:
                    failed = lane.first.failed(fit, plan, given(({before})), {key}, began, error)
                else:
                    ended = clock()
                    if ended - began < early_s:
                        lane.recent.append(({key}, began, ended, plan.writes))
                    else:
                        lag_s = under_way.lag_since(lag, lag_s)
                        args = given(({before}))
                        slow(lag_s, lane, fit, plan, args, {key}, began, ended, early_s)
                    return result
        finally:
            if taken:
                permits.append(None)
                if gate.waiting or gate.debt:
                    gate.settle()
        if taken:
            return await lane.first.resume_async(failed)
        return {general}(*form.by_position(({values}), named), **named)
    return fused
"""
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
    cells = {
        "engine": engine,
        "form": form,
        "method": method,
        "general": general,
        "matches": matches_profile(shared.adapter),
        "under_way": shared.under_way,
        "clock": shared.clock,
        "current": ambient.current,
        "running_loop": asyncio.get_running_loop,
        "ABSENT": ABSENT,
        "given": given,
    }
    client, adapter = shared.client, shared.adapter
    fused: Callable[..., Any]
    if not adapter.returns_futures:
        make = _made("coroutine", form, tuple(cells), "slow")
        fused = make(*cells.values(), _slow)
        return fused
    make = _made("future", form, tuple(cells), "CallFuture", "refused_at_the_call")
    fused = make(*cells.values(), CallFuture, _refused_at_the_call)
    own = client_class(type(client), adapter.recognises) is type(client)
    submit = adapter.slot_sender(client, form.operation) if own else None
    if submit is None:
        return fused
    names = ("Slot", "Future", "copy_context", "submit", "by_future")
    make = _made("slot", form, tuple(cells), *names)
    fused = make(*(*cells.values(), Slot, asyncio.Future, contextvars.copy_context, submit, fused))
    return fused


def _made(kind: str, form: Form, *cells: Any) -> Callable[..., Any]:
    shared, *own = cells
    return _made_once(
        *(kind, form.name, form.before, form.names, form.judged, form.policy_by_position),
        *(form.sent_as, (*shared, *own)),
    )


@functools.cache
def _made_once(
    kind: str,
    name: str,
    before: tuple[str, ...],
    names: tuple[str, ...],
    judged: tuple[str, ...],
    policy_by_position: bool,
    sent_as: tuple[str, ...],
    cells: tuple[str, ...],
) -> Callable[..., Any]:
    """Return a template's function for one operation of one client."""
    by_position = names if policy_by_position else before
    policy = names[-1]
    unusual = [f"{policy} is not ABSENT", f"{names[0]} is ABSENT"]
    if judged == ("meta",):
        unusual.append("meta is not ABSENT")
    words = {
        "cells": ", ".join(cells),
        "name": name,
        "key": before[0],
        "before": _row(before),
        "values": _row(names),
        "or_none": _row(before[:1])
        + "".join(f"None if {one} is ABSENT else {one}, " for one in before[1:]),
        "signature": "".join(f"{one}=ABSENT, " for one in by_position) + "/",
        "policy_absent": "pass" if policy_by_position else f"{policy} = ABSENT",
        "unusual": " or ".join(unusual),
        "bare_call": _call(before, ()),
        "call": _sent(before, sent_as),
        "general": "await general" if kind == "coroutine" else "general",
    }
    template = _COROUTINE if kind == "coroutine" else _BEGUN
    for word, text in (_BY_SLOT if kind == "slot" else _BY_FUTURE).items():
        template = template.replace(word, text)
    scope: dict[str, Any] = {}
    text = template.format(**words)
    exec(compile(text, f"<fused {kind} {name}>", "exec"), scope)
    made: Callable[..., Any] = scope["make"]
    return made


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
        lane.recent.append((key, began, ended, plan.writes))
    else:
        lane.first.slow(fit, plan, args, key, began, ended)
