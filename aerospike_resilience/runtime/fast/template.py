"""The text that the templates of fused methods share, and how a template becomes a function.

A template has the parameters of the client's method, by position, so that a plain call needs no packing of
arguments. Arguments given by name are looked up one by one. Those that the method would refuse, such as one
given twice, go to the general chain as they were given, and the client itself raises what it raises.
"""

from __future__ import annotations

import functools
import itertools
import linecache
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from .forms import Form

General: TypeAlias = Callable[..., Any]
"""An operation's wrapped method that sends every call through the general chain."""

PLAIN_HEAD: Final = """({signature}/, *more, **named):
        lane = engine.runtime.lane
        plan = lane.plans[{name!r}]{placed}
        if more or named or {not_plain}not plan or current() is not None:
            return {any_form}({signed}more, named)
        gate, budget = lane.gate, lane.budget
        if budget.spent or gate.waiting or not lane.health.calm:
            refused = lane.first.refused(None, None, plan, {key}, clock())
            if refused:
                $REFUSE
            return {general_call}
        sent, early_s, began = plan.first, plan.early_s, clock()"""
"""How a plain call begins: it finds its `lane`, `plan`, `sent`, `early_s` and when it `began`. Nobody
listens to it. The function named ``any_form`` makes calls of other forms.

Refusals come first: Python 3.11 finds the line of an error by a walk over all instructions before it."""

HEAD: Final = """({signed}more, named):
        lane = engine.runtime.lane
        first, rest = None, named{policy_absent}
        if not lane.open:
            if {partial}more or named:
                return {again}
            return {general_call}
        if named:
            {by_name}
        plan, around, began = lane.known[{name!r}], current(), clock()
        if {unusual}more or rest or plan is None:
            plan = None
            if not ({gap}more or rest):
                plan = lane.plan_of(form, ({values}))
        if plan is not None and (
            around is None
            or not around.using
            and on_clock(around.deadline, clock) - began > plan.total_timeout_s
        ):
            fit = target = traced = None
            sent, early_s = plan.first, plan.early_s
            if lane.telemetry is not None and (around is None or not around.inside):
                heard = lane.telemetry.listen(plan, {key}, early_s)
                if heard is None:
                    return {again}
                target, traced = heard
        else:
            fit = None
            if not ({gap}more):
                fit = lane.fit(engine, form, ({values}), rest, around, began, plan)
            if fit is None:
                return {again}
            lane, plan, sent, early_s, _, _, _, target, traced = fit
        gate, budget = lane.gate, lane.budget
        if budget.spent or gate.waiting or not lane.health.calm:
            refused = lane.first.refused(fit, target, plan, {key}, began)
            if refused:
                $REFUSE
            return {again}"""
"""How a call of any form begins: it finds its `lane`, `plan`, `fit`, `sent`, `early_s` and when it `began`,
and who listens: `target` takes its duration, and `traced` is the same if a span is to be started. Or the
general chain makes it."""


def both(
    template: str, plain: Mapping[str, str], any_form: Mapping[str, str], *, define: str = "def"
) -> str:
    """Return a template for plain calls and for those of other forms, which differ in some words.

    Args:
        template: what follows the head of either, with words that begin with ``$``.
        plain: what they mean for plain calls.
        any_form: what they mean for calls of other forms.
        define: begins the definition of either.
    """
    return (
        f"def make({{cells}}):\n    {define} any_form"
        + _worded(HEAD + template, any_form)
        + f"\n\n    {define} fused"
        + _worded(PLAIN_HEAD + template, plain)
        + "\n\n    return fused\n"
    )


def _worded(text: str, words: Mapping[str, str]) -> str:
    for word, meaning in words.items():
        text = text.replace(word, meaning)
    return text


RAISE: Final = {"$REFUSE": "raise refused.pop()"}

PLAIN: Final = {
    "$FIT": "None",
    "$TARGET": "None",
    "$BEGIN": "",
    "$LEAVE": "",
    "$ADD": "",
    "$AGAIN": "{general_call}",
}
"""What the words mean for plain calls, to which nobody listens."""

ANY_FORM: Final = {
    "$FIT": "fit",
    "$TARGET": "target",
    "$BEGIN": """
                    if traced is not None:
                        traced.begin()""",
    "$LEAVE": """
                    if traced is not None:
                        traced.leave()""",
    "$ADD": """
                    if target is not None:
                        target.add(ended - began)""",
    "$AGAIN": "{again}",
}
"""What the words mean for calls of other forms."""


def fused_method(
    kind: str, template: str, form: Form, cells: Mapping[str, Any]
) -> Callable[..., Any]:
    """Return an operation's fused method.

    Args:
        kind: what the template is for, in a word.
        template: the text of a function ``make`` that returns the method.
        form: the operation's form.
        cells: what the method uses, by name: the parameters of ``make``.
    """
    method: Callable[..., Any] = _made(kind, template, _Signature.of(form), tuple(cells))(
        *cells.values()
    )
    return method


@functools.cache
def _made(
    kind: str, template: str, signature: _Signature, cells: tuple[str, ...]
) -> Callable[..., Any]:
    general = "await general" if kind == "coroutine" else "general"
    words = _words(signature, general)
    any_form = "await any_form" if kind == "coroutine" else "any_form"
    text = template.format(cells=", ".join(cells), general=general, any_form=any_form, **words)
    # In this library's directory, so that an error's traceback is rid of it as of the chain's frames.
    module = "blocking.py" if kind == "blocking" else "awaited.py"
    where = str(Path(__file__).with_name(f"{module} <{kind} {signature.name}>"))
    linecache.cache[where] = (
        len(text),
        None,
        text.splitlines(keepends=True),
        where,
    )  # for debuggers
    scope: dict[str, Any] = {}
    exec(compile(text, where, "exec"), scope)
    maker: Callable[..., Any] = scope["make"]
    return maker


class _Signature(NamedTuple):
    """What of a form its functions depend on. The clients of one kind share them."""

    name: str
    before: tuple[str, ...]
    names: tuple[str, ...]
    judged: tuple[str, ...]
    sent_as: tuple[str, ...]
    policy_by_position: bool
    by_name: bool
    marks: bool

    @classmethod
    def of(cls, form: Form) -> _Signature:
        return cls(
            *(form.name, form.before, form.names, form.judged, form.sent_as),
            *(form.policy_by_position, form.by_name, form.matches is not None),
        )


def _words(form: _Signature, general: str) -> dict[str, Any]:
    """Return what differs between operations."""
    before, names = form.before, form.names
    policy = names[-1]
    signed = names if form.policy_by_position else before
    gaps = [
        f"({one} is ABSENT and {other} is not ABSENT)"
        for one, other in itertools.pairwise(before[1:])
    ]
    unusual = [f"{before[0]} is ABSENT", *gaps]
    # Of a client whose calls may say the profile's own policies, the policy is looked at with the others.
    policy_by_name = form.by_name and not form.marks
    has_policy = form.policy_by_position or policy_by_name
    again = f"{general}(*given(first or ({_row(signed)})), *more, **named)"
    if has_policy:
        unusual.append(f"{policy} is not ABSENT")
    if form.judged == ("meta",):
        unusual.append("meta is not ABSENT")
    gap = "".join(f"{one} or " for one in [f"{before[0]} is ABSENT", *gaps])
    judged = (policy, "meta") if form.judged == ("meta",) else (policy,)
    return {
        "name": form.name,
        "placed": f" or (lane.places and lane.placed(form, {before[0]}))"
        if form.judged in ((), ("meta",))
        else "",
        "key": before[0],
        "before": _row(before),
        "values": _row(names if has_policy else (*before, "ABSENT")),
        "or_none": _row(before[:1])
        + "".join(f"None if {one} is ABSENT else {one}, " for one in before[1:]),
        "signature": "".join(f"{one}=ABSENT, " for one in signed),
        "policy_absent": f"\n        {policy} = ABSENT"
        if has_policy and policy not in signed
        else "",
        "by_name": _by_name(signed, (*before, policy) if policy_by_name else before, again)
        if form.by_name
        else "pass",
        "again": again,
        "signed": _row(signed),
        "plain_values": f"*given(({_row(before)}))" if before[1:] else before[0],
        "unusual": "".join(f"{one} or " for one in unusual),
        "not_plain": "".join(f"{one} is not ABSENT or " for one in signed if one in judged) + gap,
        "partial": gap + (f"{policy} is not ABSENT or " if has_policy else ""),
        "gap": gap,
        "general_call": _call(before, (), of=general),
        "bare_call": _call(before, ()),
        "call": _sent(before, form.sent_as),
    }


def _row(names: tuple[str, ...]) -> str:
    return "".join(f"{name}, " for name in names)


def _by_name(signed: tuple[str, ...], names: tuple[str, ...], again: str) -> str:
    """Return the lines that take arguments given by name: all of them, or none."""
    lines = [f"first, found = ({_row(signed)}), 0"]
    for name in names:
        lines += [
            f'if {name} is ABSENT and "{name}" in named:',
            f'    {name}, found = named["{name}"], found + 1',
        ]
    lines += [
        "if found:",
        "    if found != len(named):",
        f"        return {again}",
        "    rest = NOTHING",
    ]
    return "\n            ".join(lines)


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
