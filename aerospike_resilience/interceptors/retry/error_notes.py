"""Error notes: write what was tried on the error of a failed call, as notes and as ``error.attempts``."""

from __future__ import annotations

import contextlib
import functools
import logging
from typing import Any, Final

from ...model.annotations import add_note, read, set_attribute
from ...model.attempt import Attempt
from ...model.call import Call
from ...model.failure import FailureKind
from ...model.identity import ClientIdentity
from ...model.outcome import Outcome, is_answer
from ...model.plan import Plan

_log = logging.getLogger("aerospike_resilience.call")

_OURS: Final = "aerospike-resilience: "
"""The beginning of this library's notes."""

_ABSENT: Final = object()

_REASONS = {
    "failure": "",
    "tries": "max_retries is used up",
    "in_doubt": "the write may have been applied and is not idempotent",
    "overload": "the server is overloaded",
    "deadline": "the next attempt would have ended past the deadline",
    "budget": "the retry budget is spent",
    "rules": "the application's own retry or stop rule says so",
    "closed": "the client was closed meanwhile",
}

_ECHOES = (FailureKind.CONFLICT, FailureKind.RECORD)
"""Answers that an earlier attempt of the same write can bring about: "generation", "exists" and, for
a remove, "not found"."""


def annotate(error: BaseException, call: Call) -> None:
    """Write on `error` what was tried. It stays the same object; what cannot be set on it is left out.

    Called once, when the operation has ended, and only for an error that an attempt raised. An
    interceptor's own error stays as it is.

    Sets ``error.attempts``, ``error.client_name`` and ``error.in_doubt``: if a conditional write was sent
    before and now gets a conflict, the earlier attempt may have caused it, so the write is in doubt. What
    an earlier call wrote on the same object is replaced.
    """
    if not isinstance(error, Exception) or not (error is call.error or call.owns(error)):
        return
    _forget(error)
    attempts, reason = call.attempts, call.gave_up
    if not attempts:
        return
    operation = call.plan.operation
    _set(error, call.plan, attempts)
    if _log.isEnabledFor(logging.DEBUG):
        _log_end(call.plan, Outcome.of(call, error, 0.0).kind, attempts, call.span)
    if len(attempts) == 1 and not _REASONS.get(reason):
        return  # such as a missing record: there is nothing to add to what the client says
    if _any_in_doubt(attempts[:-1]) and (call.failure is not None and call.failure.kind in _ECHOES):
        add_note(
            error,
            f"{_OURS}{operation.name} was sent {len(attempts)} times and an earlier "
            "attempt may have been applied, so this answer may be about this very write",
        )
    why = _REASONS.get(reason)
    client = f" of client {call.plan.client_name!r}" if call.plan.client_name else ""
    add_note(
        error,
        f"{_OURS}{operation.name} under profile {call.plan.profile!r}{client}: "
        + "; ".join(_sentence(attempt) for attempt in attempts)
        + (f". No further attempt: {why}" if why else ""),
    )


def annotate_answer(error: Exception, plan: Plan, attempt: Attempt) -> None:
    """Write on `error` what was tried, where that was one try whose answer is final. See `annotate`."""
    _forget(error)
    _set(error, plan, (attempt,))
    if _log.isEnabledFor(logging.DEBUG):
        failure = attempt.failure
        missed = failure is not None and is_answer(failure, writes=plan.writes)
        _log_end(plan, "miss" if missed else "failed", (attempt,))


def _set(error: Exception, plan: Plan, attempts: tuple[Attempt, ...]) -> None:
    set_attribute(error, "attempts", attempts)
    set_attribute(error, "client_name", plan.client_name)
    if plan.writes or read(error, "in_doubt", _ABSENT) is not _ABSENT:
        _answer(error, in_doubt=_any_in_doubt(attempts))


def _log_end(plan: Plan, kind: str, attempts: tuple[Attempt, ...], span: Any = None) -> None:
    log = ClientIdentity(plan.client_name, plan.profile).log(_log.name)
    extra = {}
    if span is not None:
        context = span.get_span_context()
        extra["aerospike_trace_id"] = f"{context.trace_id:032x}"
        extra["aerospike_span_id"] = f"{context.span_id:016x}"
    log.debug("%s ended as %s: %s", plan.operation.name, kind, attempts, extra=extra)


def _any_in_doubt(attempts: tuple[Attempt, ...]) -> bool:
    return any(a.failure is not None and a.failure.in_doubt for a in attempts)


def _forget(error: Exception) -> None:
    """Remove an earlier call's notes from an error object that is raised again."""
    try:
        own = error.__dict__
        if own:  # a new error of most clients has none
            own.pop("attempts", None)
            if notes := getattr(error, "__notes__", None):
                notes[:] = [note for note in notes if not str(note).startswith(_OURS)]
    except Exception:  # noqa: BLE001 - its notes may be no list, or unreadable
        return


def _answer(error: Exception, *, in_doubt: bool) -> None:
    """Set whether the write may have been applied; a read is never in doubt.

    Some clients' errors have ``in_doubt`` in a slot that cannot be written. The class of such an error is
    replaced by a derived class that returns this value.
    """
    if set_attribute(error, "in_doubt", in_doubt):
        return
    answer = read(error, "in_doubt", _ABSENT)
    if answer is not _ABSENT and bool(answer) is not in_doubt:
        with contextlib.suppress(Exception):
            cls: Any = type(error)
            error.__class__ = _answering(cls, in_doubt)


@functools.cache
def _answering(cls: Any, in_doubt: bool) -> type[Exception]:
    """Return a class derived from `cls`, with its name, whose instances return this ``in_doubt``.

    They are copied and pickled as those of `cls` are.
    """

    def reduce(self: Any, protocol: Any) -> tuple[Any, ...]:
        _cls, args, *state = cls.__reduce_ex__(self, protocol)
        return _answered, (cls, in_doubt, args), *state

    return type(
        cls.__name__,
        (cls,),
        {
            "in_doubt": in_doubt,
            "__slots__": (),
            "__module__": cls.__module__,
            "__reduce_ex__": reduce,
        },
    )


def _answered(cls: Any, in_doubt: bool, args: tuple[Any, ...]) -> Exception:
    error: Exception = cls(*args)
    error.__class__ = _answering(cls, in_doubt)
    return error


def _sentence(attempt: Attempt) -> str:
    what = attempt.failure.kind.replace("_", " ") if attempt.failure else "succeeded"
    where = f" at {attempt.failure.node}" if attempt.failure and attempt.failure.node else ""
    slept = f", then slept {attempt.slept_s * 1000:.0f} ms" if attempt.slept_s else ""
    tries = f" ({attempt.tries} tries)" if attempt.tries > 1 else ""
    return f"attempt {attempt.number}{tries} {what}{where} after {attempt.duration_s * 1000:.0f} ms{slept}"
