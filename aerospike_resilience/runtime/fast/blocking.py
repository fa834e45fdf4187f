"""Fused methods that block: two functions for each operation, made from the template below.

One makes plain calls, the other one those of other forms.

Debuggers and tracebacks show the lines of the function that was made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ... import ambient
from ..engine import Engine
from .first_attempts import NOTHING
from .forms import ABSENT, Form, given
from .template import ANY_FORM, PLAIN, RAISE, General, both, fused_method

_BLOCKING: Final = both(
    """
        permits, taken = gate.permits, True
        try:  # an interrupt comes after a call, never before: in here, the permit is ours
            try:
                permits.pop()
            except IndexError:
                taken = False
            else:
                budget.operations += 1
                try:$BEGIN
                    if sent is None:
                        result = {bare_call}
                    else:
                        result = {call}
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
                        lane.first.slow($FIT, plan, given(({before})), {key}, began, ended)$ADD
                    return result
        finally:
            if taken:
                permits.append(None)
                if gate.waiting or gate.debt:
                    gate.settle()
        if taken:
            return lane.first.resume(failed)
        refused = lane.first.refused($FIT, $TARGET, plan, {key}, began)
        if refused:
            $REFUSE
        return $AGAIN""",
    {**PLAIN, **RAISE},
    {**ANY_FORM, **RAISE},
)


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
    cells = {
        "engine": engine,
        "form": form,
        "method": method,
        "general": general,
        "clock": engine.shared.clock,
        "current": ambient.current,
        "on_clock": ambient.on_clock,
        "given": given,
        "ABSENT": ABSENT,
        "NOTHING": NOTHING,
    }
    return fused_method("blocking", _BLOCKING, form, cells)
