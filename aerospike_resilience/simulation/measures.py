"""Measures a simulation as it runs: figures by phase, and series over time, as a rehearsal has them."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ..errors import BackpressureError, CircuitOpenError, DeadlineExceededError
from ..rehearsal.figures import BIN_S, percentile
from .process import ADAPTER

PHASES: Final = ("before", "during", "after")
_KINDS: Final = ("reads", "writes")


class _Part:
    """The calls of one kind in one phase."""

    __slots__ = ("errors", "sent", "took")

    def __init__(self) -> None:
        self.took = array("d")
        self.errors: Counter[str] = Counter()
        self.sent = 0


class Measures:
    """What became of every simulated operation.

    Args:
        marks: when the phase before the fault, the fault, the phase after it, and the load's end begin, on
            the simulation's clock, in seconds.
        began: when the load began, on the same clock.
    """

    def __init__(self, marks: Sequence[float], began: float) -> None:
        self._marks = marks
        self._began = began
        self._parts = {phase: (_Part(), _Part()) for phase in PHASES}
        bins = max(int((marks[3] - began) / BIN_S), 1)
        self._served = [[0] * bins for _ in _KINDS]
        self._failed = [[0] * bins for _ in _KINDS]
        self._read_took = [array("d") for _ in range(bins)]
        self.operations = 0
        self.worst_s = 0.0

    def note(self, write: bool, sent: float, ended: float, error: Exception | None) -> None:
        """Note one operation."""
        self.operations += 1
        took_s = ended - sent
        if took_s > self.worst_s:
            self.worst_s = took_s
        place = int((ended - self._began) / BIN_S)
        if place < len(self._read_took):
            (self._served if error is None else self._failed)[write][place] += 1
            if not write:
                self._read_took[place].append(took_s)
        before, during, after, end = self._marks
        if sent < before or sent >= end:
            return
        # A call in flight when the fault begins belongs to the fault.
        phase = "before" if ended < during else "during" if sent < after else "after"
        part = self._parts[phase][write]
        part.took.append(took_s)
        if error is not None:
            part.errors[_kind(error, write)] += 1
        sent_in = "before" if sent < during else "during" if sent < after else "after"
        self._parts[sent_in][write].sent += 1

    def phases(
        self, offered: Callable[[str, bool], float], requests: Mapping[str, Sequence[int]]
    ) -> dict[str, Any]:
        """Return the figures of every phase.

        Args:
            offered: from a phase and whether it is about writes to the offered calls a second.
            requests: the requests that nodes got in each phase: reads and writes.
        """
        found: dict[str, Any] = {}
        for number, phase in enumerate(PHASES):
            lasted_s = self._marks[number + 1] - self._marks[number]
            found[phase] = {}
            for write, kind in enumerate(_KINDS):
                part = self._parts[phase][write]
                took, failed = sorted(part.took), part.errors.total()
                calls = len(took)
                found[phase][kind] = {
                    "offered_per_s": round(offered(phase, bool(write)), 1),
                    "calls": calls,
                    "failed": failed,
                    "served_per_s": round((calls - failed) / lasted_s, 1),
                    "answered_per_s": round(calls / lasted_s, 1),
                    "error_share": round(failed / calls, 4) if calls else None,
                    "errors": dict(part.errors.most_common()),
                    "p50_ms": _ms(percentile(took, 0.5)),
                    "p99_ms": _ms(percentile(took, 0.99)),
                    "max_ms": _ms(took[-1] if took else None),
                    "requests_per_operation": round(requests[phase][write] / part.sent, 3)
                    if part.sent
                    else None,
                }
        return found

    def series(self) -> dict[str, list[float | None]]:
        """Return the series that the chart draws, in bins of `BIN_S`."""
        served, failed = self._served, self._failed
        return {
            "t_s": [round((place + 0.5) * BIN_S, 3) for place in range(len(self._read_took))],
            "reads_served_per_s": [count / BIN_S for count in served[0]],
            "reads_failed_per_s": [count / BIN_S for count in failed[0]],
            "read_p99_ms": [_ms(percentile(sorted(took), 0.99)) for took in self._read_took],
            "writes_served_per_s": [count / BIN_S for count in served[1]],
            "writes_failed_per_s": [count / BIN_S for count in failed[1]],
        }


def _kind(error: Exception, write: bool) -> str:
    if isinstance(error, CircuitOpenError):
        return "open_node"
    if isinstance(error, BackpressureError):
        return "queue"
    if isinstance(error, DeadlineExceededError):
        return "deadline"
    return str(ADAPTER.classify(error, ADAPTER.operations["put" if write else "get"]).kind)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 2)
