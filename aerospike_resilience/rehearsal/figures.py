"""Computes figures from samples: before, during and after the fault, and over time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .load import Sample

BIN_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class Phase:
    """A period, in seconds since the load began."""

    name: str
    begins: float
    ends: float

    def holds(self, sample: Sample) -> bool:
        """Return whether a call belongs to it; one in flight when a fault begins belongs to the fault."""
        answered = sample.sent + sample.took_s
        if self.name == "before":
            return self.begins <= sample.sent and answered < self.ends
        if self.name == "during":
            return answered >= self.begins and sample.sent < self.ends
        return self.begins <= sample.sent < self.ends


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the smallest value that at least `share` of the sorted values do not exceed."""
    if not values:
        return None
    return values[max(math.ceil(share * len(values)) - 1, 0)]


def of_phase(samples: Iterable[Sample], phase: Phase, offered: float) -> dict[str, Any]:
    """Return a phase's figures.

    Args:
        samples: calls of one kind.
        phase: the phase.
        offered: offered calls of that kind, per second.
    """
    inside = [sample for sample in samples if phase.holds(sample)]
    took = sorted(sample.took_s for sample in inside)
    errors = Counter(sample.error for sample in inside if sample.error)
    lasted = phase.ends - phase.begins
    return {
        "offered_per_s": round(offered, 1),
        "calls": len(inside),
        "failed": errors.total(),
        "served_per_s": round((len(inside) - errors.total()) / lasted, 1),
        "answered_per_s": round(len(inside) / lasted, 1),
        "error_share": round(errors.total() / len(inside), 4) if inside else None,
        "errors": dict(errors.most_common()),
        "p50_ms": _ms(percentile(took, 0.5)),
        "p99_ms": _ms(percentile(took, 0.99)),
        "max_ms": _ms(took[-1] if took else None),
    }


def over_time(samples: Sequence[Sample], ends: float) -> dict[str, list[float | None]]:
    """Return the series that the chart draws, in bins of `BIN_S`."""
    bins = max(int(ends / BIN_S), 1)
    reads: list[list[Sample]] = [[] for _ in range(bins)]
    writes: list[list[Sample]] = [[] for _ in range(bins)]
    for sample in samples:
        place = int((sample.sent + sample.took_s) / BIN_S)
        if place < bins:
            (writes if sample.write else reads)[place].append(sample)
    return {
        "t_s": [round((place + 0.5) * BIN_S, 3) for place in range(bins)],
        "reads_served_per_s": [sum(not s.error for s in one) / BIN_S for one in reads],
        "reads_failed_per_s": [sum(bool(s.error) for s in one) / BIN_S for one in reads],
        "read_p99_ms": [_ms(percentile(sorted(s.took_s for s in one), 0.99)) for one in reads],
        "writes_served_per_s": [sum(not s.error for s in one) / BIN_S for one in writes],
        "writes_failed_per_s": [sum(bool(s.error) for s in one) / BIN_S for one in writes],
    }


WELL: Final = 0.01
"""The share of failed calls in a bin of time up to which all is well."""


def recovered_after_s(series: dict[str, list[float | None]], until_s: float) -> float | None:
    """Return how many seconds after the fault calls began to go well, to the end; None if they never did.

    Args:
        series: what `over_time` returns.
        until_s: when the fault ended, in seconds since the load began.
    """
    recovered_s: float | None = 0.0
    for place, middle_s in enumerate(series["t_s"]):
        ends_s = (middle_s or 0.0) + BIN_S / 2
        if ends_s <= until_s:
            continue
        failed = sum(series[f"{kind}_failed_per_s"][place] or 0.0 for kind in ("reads", "writes"))
        served = sum(series[f"{kind}_served_per_s"][place] or 0.0 for kind in ("reads", "writes"))
        if not served or failed > WELL * (served + failed):
            recovered_s = None
        elif recovered_s is None:
            recovered_s = round(ends_s - BIN_S - until_s, 2)
    return recovered_s


def worst_overrun_ms(samples: Iterable[Sample], total_timeout_s: float) -> float:
    """Return by how many milliseconds the slowest call exceeded its total timeout; negative if none did."""
    return round((max(sample.took_s for sample in samples) - total_timeout_s) * 1000, 1)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 2)
