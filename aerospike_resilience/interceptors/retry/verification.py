"""Verification: read the record of a conditional write in doubt, where that shows if it was applied.

A write that checks the generation, or that only creates, can be applied once at most, so the record shows
whether it was. If the generation is still the expected one, the write was not applied, and sending it
again is safe even if the first request arrives late, as only one of both can pass the check. If it is one
higher and the record holds what was to be written, it was applied. Anything else is not certain and stays
in doubt.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, NamedTuple

from ...model.call import Call
from ...model.failure import RECORD, FailureKind
from ...model.rows import ExpectedWrite
from ..base import Proceed, ProceedAsync


class Found(enum.Enum):
    """What the record shows about a write in doubt."""

    APPLIED = enum.auto()
    NOT_APPLIED = enum.auto()
    UNCERTAIN = enum.auto()


class Verification(NamedTuple):
    """How one operation's writes are verified. Built with its plan.

    Attributes:
        wanted: from a call to the write it expects; None where the record would not show it.
        read: from a call to one that reads its record.
        record: from what the read returned to generation and bins.
        result: what the operation returns when all went well.
    """

    wanted: Callable[[Call], ExpectedWrite | None]
    read: Callable[[Call], Call]
    record: Callable[[Any], tuple[int, dict[str, Any]]]
    result: Any


def _is_uncertain(call: Call) -> bool:
    """Return whether an attempt, the last or an earlier one, may have applied the write."""
    failure = call.failure
    if failure is None:
        return False
    earlier = any(a.failure is not None and a.failure.in_doubt for a in call.attempts[:-1])
    return failure.in_doubt or (earlier and failure.kind is FailureKind.CONFLICT)


def judge(wanted: ExpectedWrite, record: tuple[int, dict[str, Any]] | None) -> Found:
    """Return whether a write was applied, by its record.

    Args:
        wanted: what it was to write.
        record: the record's generation and bins now; None if there is none.
    """
    if record is None:
        return Found.NOT_APPLIED if wanted.generation == 0 else Found.UNCERTAIN
    generation, bins = record
    if wanted.generation and generation == wanted.generation:
        return Found.NOT_APPLIED
    holds = all(
        name not in bins if value is None else bins.get(name) == value
        for name, value in wanted.bins.items()
    )
    return Found.APPLIED if holds and generation == wanted.generation + 1 else Found.UNCERTAIN


def to_verify(call: Call, error: Exception) -> ExpectedWrite | None:
    """Return what a write in doubt expects; None without verification, or where a read decides nothing."""
    verification: Verification | None = call.plan.verification
    if verification is None or not call.owns(error) or not _is_uncertain(call):
        return None
    return verification.wanted(call)


def look(call: Call, proceed: Proceed, wanted: ExpectedWrite) -> Found:
    """Read the record of a write in doubt, and return whether the write was applied."""
    verification: Verification = call.plan.verification
    read = verification.read(call)
    try:
        return judge(wanted, verification.record(proceed(read)))
    except Exception:  # noqa: BLE001 - the caller gets the write's own error
        return _judge_failure(read, wanted)


async def look_async(call: Call, proceed: ProceedAsync, wanted: ExpectedWrite) -> Found:
    """Read the record of a write in doubt, and return whether the write was applied."""
    verification: Verification = call.plan.verification
    read = verification.read(call)
    try:
        return judge(wanted, verification.record(await proceed(read)))
    except Exception:  # noqa: BLE001 - the caller gets the write's own error
        return _judge_failure(read, wanted)


def _judge_failure(read: Call, wanted: ExpectedWrite) -> Found:
    """Judge by the failure of a read: "record not found" is an answer too."""
    gone = read.failure is not None and read.failure.kind is RECORD
    return judge(wanted, None) if gone else Found.UNCERTAIN
