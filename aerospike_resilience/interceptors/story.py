"""The story of a failed call: notes on the error, and the attempts as data on ``error.attempts``."""

from __future__ import annotations

import contextlib
import logging

from ..call import Attempt, Call, FailureKind

_log = logging.getLogger("aerospike_resilience.call")

_REASONS = {
    "failure": "",
    "tries": "max_retries is used up",
    "in_doubt": "the write may have been applied and is not idempotent",
    "overload": "the server is overloaded",
    "deadline": "the next attempt would have ended past the deadline",
    "budget": "the retry budget is spent",
    "rules": "the application's own retry or stop rule says so",
}

_ECHOES = (FailureKind.CONFLICT, FailureKind.RECORD)
"""Answers that an earlier attempt of the same write can bring about: "generation", "exists" and, for
a remove, "not found"."""


def tell(error: Exception, call: Call, reason: str) -> None:
    """Write on `error` what was tried; the error stays the same object.

    Sets ``error.attempts`` and, on writes, ``error.in_doubt``: a conflict answered to a conditional
    write that was sent before may be the write's own, so it is in doubt and not somebody else's.
    """
    attempts = call.attempts
    if not attempts:
        return
    operation = call.plan.operation
    error.attempts = attempts  # type: ignore[attr-defined]
    if call.plan.writes:
        with contextlib.suppress(AttributeError):  # some clients' errors answer for themselves
            error.in_doubt = any(a.failure and a.failure.in_doubt for a in attempts)  # type: ignore[attr-defined]
        if any(a.failure and a.failure.in_doubt for a in attempts[:-1]) and (
            call.failure is not None and call.failure.kind in _ECHOES
        ):
            error.add_note(
                f"aerospike-resilience: {operation.name} was sent {len(attempts)} times and an earlier "
                "attempt may have been applied, so this answer may be about this very write"
            )
    if len(attempts) > 1 or _REASONS.get(reason):
        why = _REASONS.get(reason)
        error.add_note(
            f"aerospike-resilience: {operation.name} under profile {call.plan.profile!r}: "
            + "; ".join(_sentence(attempt) for attempt in attempts)
            + (f". No further attempt: {why}" if why else "")
        )
    _log.debug("%s failed: %s", operation.name, attempts)


def _sentence(attempt: Attempt) -> str:
    what = attempt.failure.kind.replace("_", " ") if attempt.failure else "succeeded"
    where = f" at {attempt.failure.node}" if attempt.failure and attempt.failure.node else ""
    slept = f", then slept {attempt.slept_s * 1000:.0f} ms" if attempt.slept_s else ""
    tries = f" ({attempt.tries} tries)" if attempt.tries > 1 else ""
    return f"attempt {attempt.number}{tries} {what}{where} after {attempt.duration_s * 1000:.0f} ms{slept}"
