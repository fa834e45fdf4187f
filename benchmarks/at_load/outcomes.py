"""What became of the calls: figures by phase of the fault, reads and writes apart."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from aerospike_resilience import CircuitOpenError


class Times(NamedTuple):
    """How long each phase lasts, in seconds."""

    before: float = 1.5
    fault: float = 3.0
    after: float = 3.0


class Done(NamedTuple):
    """One call that has ended.

    Attributes:
        at: when it began, in seconds from the load's beginning.
        took: how long it took, in seconds.
        writes: whether it wrote.
        error: what it raised; None if it succeeded.
    """

    at: float
    took: float
    writes: bool
    error: Exception | None


@dataclass
class Part:
    """What became of the reads, or the writes, of one phase.

    Attributes:
        made: how many there were a second.
        served: how many of them succeeded.
        failed: the share that failed, in percent.
        refused: the share that an open node refused, in percent; part of `failed`.
        p99_ms: how long 99 of 100 took at most, in ms.
        max_ms: how long the longest took, in ms.
        errors: how they failed, by class.
        told: what their errors say was tried, numbers left out, for the most common.
    """

    made: float
    served: float
    failed: float
    refused: float
    p99_ms: float
    max_ms: float
    errors: dict[str, int] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)


Parts = dict[str, Part]
"""By phase and kind: ``reads fault``."""


def by_phase(done: Sequence[Done], times: Times) -> Parts:
    """Return the figures of each phase that had calls; the first 0.3 seconds are left out."""
    found: Parts = {}
    edges = (0.3, times.before, times.before + times.fault, sum(times))
    for phase, begins, ends in zip(("before", "fault", "after"), edges, edges[1:], strict=False):
        for kind in ("reads", "writes"):
            chosen = [
                one for one in done if begins <= one.at < ends and one.writes == (kind == "writes")
            ]
            if chosen:
                found[f"{kind} {phase}"] = _part(chosen, ends - begins)
    return found


def _part(chosen: Sequence[Done], seconds: float) -> Part:
    took = sorted(one.took * 1000 for one in chosen)
    errors = [one.error for one in chosen if one.error is not None]
    refused = sum(_is_refusal(error) for error in errors)
    return Part(
        made=len(chosen) / seconds,
        served=(len(chosen) - len(errors)) / seconds,
        failed=100 * len(errors) / len(chosen),
        refused=100 * refused / len(chosen),
        p99_ms=took[min(int(0.99 * len(took)), len(took) - 1)],
        max_ms=took[-1],
        errors=dict(Counter(type(error).__name__ for error in errors)),
        told=dict(Counter(_words(error) for error in errors).most_common(4)),
    )


def _is_refusal(error: BaseException) -> bool:
    cause = error.__cause__
    return isinstance(error, CircuitOpenError) or isinstance(cause, CircuitOpenError)


def _words(error: BaseException) -> str:
    notes = getattr(error, "__notes__", None) or getattr(error.__cause__, "__notes__", None)
    text = notes[-1] if notes else str(error)
    return f"{type(error).__name__}: {re.sub(r'(?<![A-Z])[0-9]+', '#', text)[:250]}"
