"""Measuring small costs: rounds interleaved, medians, the empty loop subtracted."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """Something to be called again and again.

    Attributes:
        name: what it is.
        call: the thing itself, without arguments.
        note: what it is made of, for the reader of the table.
    """

    name: str
    call: Callable[[], object]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """What a case costs.

    Attributes:
        name: the case.
        ns: the median, in nanoseconds a call, the empty loop subtracted.
        iqr_ns: the distance between the quartiles.
        ratio: how many times the first case.
        above_ns: how much more than the first case.
    """

    name: str
    ns: float
    iqr_ns: float
    ratio: float
    above_ns: float


def measure(cases: Sequence[Case], rounds: int, seconds: float) -> list[Figure]:
    """Measure cases in turn, round after round, so that a slow minute hits all of them.

    Args:
        cases: the first is what the others are compared with.
        rounds: samples of each.
        seconds: about how long one sample takes.
    """
    empty = Case("", lambda: None)
    counts = {case.name: _count(case, seconds) for case in (empty, *cases)}
    samples: dict[str, list[float]] = {case.name: [] for case in (empty, *cases)}
    enabled = gc.isenabled()
    gc.disable()
    try:
        for _ in range(rounds):
            for case in (empty, *cases):
                samples[case.name].append(_sample(case, counts[case.name]))
            gc.collect()
    finally:
        if enabled:
            gc.enable()
    loop_ns = statistics.median(samples[""])
    base_ns = max(statistics.median(samples[cases[0].name]) - loop_ns, 1.0)
    figures = []
    for case in cases:
        ns = statistics.median(samples[case.name]) - loop_ns
        low, _, high = statistics.quantiles(samples[case.name], n=4)
        figures.append(
            Figure(
                case.name, round(ns), round(high - low), round(ns / base_ns, 1), round(ns - base_ns)
            )
        )
    return figures


def _count(case: Case, seconds: float) -> int:
    count = 1
    while (took := _sample(case, count) * count / 1e9) < seconds / 10:
        count *= 4
    return max(int(count * seconds / max(took, 1e-9)), 1)


def _sample(case: Case, count: int) -> float:
    call = case.call
    began = time.perf_counter_ns()
    for _ in range(count):
        call()
    return (time.perf_counter_ns() - began) / count
