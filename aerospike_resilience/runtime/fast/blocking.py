"""Fused methods that block: one function for each operation, made from the template below.

The template has the parameters of the client's method, so that a call needs no packing of arguments.
Debuggers and tracebacks show its lines where they stand here.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from ... import ambient
from ..engine import Engine
from .forms import ABSENT, Form, given

General: TypeAlias = Callable[..., Any]
"""An operation's wrapped method that sends every call through the general chain."""

_LINE: Final = sys._getframe().f_lineno + 1  # noqa: SLF001 - where the template's first line stands
_TEMPLATE: Final = """def make(engine, form, method, general, clock):
    def fused({signature}, *more, **named):
        lane = engine.runtime.lane
        {policy_absent}
        if not lane.open and {key} is not ABSENT and not (more or named):
            return {general_call}
        began = clock()
        if more or named:
            row = None if more else form.by_name(({values}), named)
            if row is None:
                return general(*given(({values})), *more, **named)
            {values} = row
        plan, fit = lane.plans[{name!r}], None
        if plan is None or current() is not None or {unusual}:
            fit = lane.fit(engine, form, ({values}), current(), began)
            if fit is None:
                return general(*form.by_position(({values}), named), **named)
            lane, plan, sent, early_s = fit[:4]
        else:
            sent, early_s = plan.first, plan.early_s
        gate, budget = lane.gate, lane.budget
        permits = gate.permits
        taken = not (budget.spent or gate.waiting) and lane.health.calm
        try:  # an interrupt comes after a call, never before: in here, the permit is ours
            try:
                if taken:
                    permits.pop()
            except IndexError:
                taken = False
            if taken:
                budget.operations += 1
                try:
                    if sent is None:
                        result = {bare_call}
                    else:
                        result = {call}
                except Exception as error:
                    failed = lane.first.answered(plan, {key}, began, clock(), early_s, error)
                    if failed is None:
                        failed = lane.first.failed(fit, plan, given(({before})), {key}, began, error)
                else:
                    ended = clock()
                    if ended - began < early_s:
                        lane.recent.append(({key}, began, ended, plan.writes))
                    else:
                        lane.first.slow(fit, plan, given(({before})), {key}, began, ended)
                    return result
        finally:
            if taken:
                permits.append(None)
                if gate.waiting or gate.debt:
                    gate.settle()
        if taken:
            return lane.first.resume(failed)
        refused = lane.first.refused(fit, plan, {key})
        if refused:
            raise refused.pop()
        return general(*form.by_position(({values}), named), **named)
    return fused
"""


def fused(
    engine: Engine, form: Form, method: Callable[..., Any], general: General
) -> Callable[..., Any]:
    """Return an operation's fused method.

    Args:
        engine: what the client's operations run on.
        form: the operation's form.
        method: the client's method.
        general: sends a call of any form through the general chain.
    """
    make = _made(
        form.name, form.before, form.names, form.judged, form.policy_by_position, form.sent_as
    )
    function: Callable[..., Any] = make(engine, form, method, general, engine.shared.clock)
    return function


@functools.cache
def _made(
    name: str,
    before: tuple[str, ...],
    names: tuple[str, ...],
    judged: tuple[str, ...],
    policy_by_position: bool,
    sent_as: tuple[str, ...],
) -> Callable[..., Any]:
    """Return the template's function for one operation of one client."""
    by_position = names if policy_by_position else before
    policy = names[-1]
    unusual = [f"{policy} is not ABSENT", f"{names[0]} is ABSENT"]
    if judged == ("meta",):
        unusual.append("meta is not ABSENT")
    text = _TEMPLATE.format(
        name=name,
        key=before[0],
        before=_row(before),
        values=_row(names),
        signature="".join(f"{one}=ABSENT, " for one in by_position) + "/",
        policy_absent="pass" if policy_by_position else f"{policy} = ABSENT",
        unusual=" or ".join(unusual),
        general_call=_call(names if policy_by_position else before, (), of="general"),
        bare_call=_call(before, ()),
        call=_sent(before, sent_as),
    )
    scope: dict[str, Any] = {"ABSENT": ABSENT, "current": ambient.current, "given": given}
    exec(compile("\n" * (_LINE - 1) + text, __file__, "exec"), scope)
    made: Callable[..., Any] = scope["make"]
    return made


def _row(names: tuple[str, ...]) -> str:
    return "".join(f"{name}, " for name in names)


def _sent(before: tuple[str, ...], sent_as: tuple[str, ...]) -> str:
    """Return a call with a policy, with ``policy_sc`` only where it may apply."""
    if "policy_sc" not in sent_as:
        return _call(before, sent_as)
    without = tuple(name for name in sent_as if name != "policy_sc")
    return f"({_call(before, without)}) if lane.health.eventual else ({_call(before, sent_as)})"


def _call(before: tuple[str, ...], sent_as: tuple[str, ...], of: str = "method") -> str:
    """Return a call with the arguments that were given, and no others."""
    policies = "".join(f", {name}=sent" for name in sent_as)
    calls = [f"{of}({', '.join(before[:count])}{policies})" for count in range(1, len(before) + 1)]
    text = calls[0]
    for name, call in zip(before[1:], calls[1:], strict=True):
        text = f"{call} if {name} is not ABSENT else {text}"
    return text
