"""Measuring small costs: rounds interleaved, lower quartiles, the empty loop subtracted.

On a machine with other work the least disturbed rounds tell what a call costs: the lower quartile of a
case's samples. Where nothing waits, processor time of the thread is measured instead of wall time.
"""

from __future__ import annotations

import contextlib
import gc
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """Something to be called again and again.

    Attributes:
        name: what it is.
        call: the thing itself, without arguments.
        note: what it is made of, for the reader of the table.
        within: makes a block in which it is called, whose own cost is not measured.
    """

    name: str
    call: Callable[[], object]
    note: str = ""
    within: Callable[[], AbstractContextManager[object]] = contextlib.nullcontext


@dataclass(frozen=True, slots=True)
class Figure:
    """What a case costs.

    Attributes:
        name: the case.
        ns: the lower quartile, in nanoseconds a call, the empty loop subtracted.
        iqr_ns: the distance between the quartiles.
        ratio: how many times the first case.
        above_ns: how much more than the first case.
    """

    name: str
    ns: float
    iqr_ns: float
    ratio: float
    above_ns: float


def measure(
    cases: Sequence[Case],
    rounds: int,
    seconds: float,
    clock: Callable[[], int] = time.perf_counter_ns,
) -> list[Figure]:
    """Measure cases in turn, round after round, so that a slow minute hits all of them.

    Args:
        cases: the first is what the others are compared with.
        rounds: samples of each.
        seconds: about how long one sample takes.
        clock: what is measured, in nanoseconds: wall time, or processor time where nothing waits.
    """
    empty = Case("", lambda: None)
    counts = {case.name: _count(case, seconds, clock) for case in (empty, *cases)}
    samples: dict[str, list[float]] = {case.name: [] for case in (empty, *cases)}
    enabled = gc.isenabled()
    gc.disable()
    try:
        for _ in range(rounds):
            for case in (empty, *cases):
                samples[case.name].append(_sample(case, counts[case.name], clock))
            gc.collect()
    finally:
        if enabled:
            gc.enable()
    loop_ns = _quiet(samples[""])
    base_ns = max(_quiet(samples[cases[0].name]) - loop_ns, 1.0)
    figures = []
    for case in cases:
        ns = _quiet(samples[case.name]) - loop_ns
        low, _, high = statistics.quantiles(samples[case.name], n=4)
        figures.append(
            Figure(
                case.name, round(ns), round(high - low), round(ns / base_ns, 1), round(ns - base_ns)
            )
        )
    return figures


def _quiet(samples: Sequence[float]) -> float:
    return statistics.quantiles(samples, n=4)[0]


def _count(case: Case, seconds: float, clock: Callable[[], int]) -> int:
    """Return how many calls take about so long. A single slow call, such as the first, does not count."""

    def took_s() -> float:
        return min(_sample(case, count, clock) for _ in range(3)) * count / 1e9

    count = 1
    while (took := took_s()) < seconds / 10:
        count *= 4
    return max(int(count * seconds / max(took, 1e-9)), 1)


def _sample(case: Case, count: int, clock: Callable[[], int]) -> float:
    call = case.call
    with case.within():
        began = clock()
        for _ in range(count):
            call()
        return (clock() - began) / count
