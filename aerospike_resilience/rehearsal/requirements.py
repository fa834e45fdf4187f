"""Requirements: conditions on the figures of a rehearsal or a simulation, as a gate for CI.

``reads.failed <= 0``, ``stall.during.writes.p99_ms < 50``, ``reads.p99_ms <= old * 1.2``.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from .faults import SIMULATED_FAULTS

PHASES: Final = ("before", "during", "after")
KINDS: Final = ("reads", "writes")

FIGURES: Final = (
    *("calls", "failed", "error_share", "served_per_s", "p50_ms", "p99_ms", "max_ms"),
    "requests_per_operation",
)
"""Figures of the reads or the writes of a phase."""

OF_RUN: Final = (
    *("opened_after_s", "closed_after_s", "recovered_after_s", "lost_writes"),
    "worst_overrun_ms",
)
"""Figures of a whole run."""

_COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "==": operator.eq,
}

_TEXT: Final = re.compile(
    r"\s*([a-z0-9_.]+)\s*(<=|>=|==|<|>)\s*(?:(old)\s*(?:([*+])\s*)?)?([0-9]+(?:\.[0-9]+)?)?\s*(%)?\s*"
)


class RequirementError(ValueError):
    """A requirement cannot be read; the message says what it may be."""


class Shortfall(NamedTuple):
    """A requirement that was not met.

    Attributes:
        text: the requirement.
        where: fault and phase.
        found: the figure; None where there is none.
    """

    text: str
    where: str
    found: float | None

    def __str__(self) -> str:
        found = "there is no such figure" if self.found is None else f"it is {self.found:g}"
        return f"not met ({self.where}): {self.text}; {found}"


@dataclass(frozen=True, slots=True)
class Requirement:
    """A condition on a figure of the new profile. It must hold for every fault and phase that it fits.

    Attributes:
        text: as given.
        fault: the fault it is about; empty for every.
        phase: the phase it is about; empty for every.
        kind: ``reads`` or ``writes``; empty for figures of a whole run.
        figure: one of `FIGURES` or `OF_RUN`.
        comparison: how the figure is compared.
        limit: the number; with `of_old` a factor or what is added.
        of_old: ``*`` or ``+`` where the limit is in terms of the old profile's figure; else empty.
    """

    text: str
    fault: str
    phase: str
    kind: str
    figure: str
    comparison: str
    limit: float
    of_old: str

    @classmethod
    def parse(cls, text: str) -> Requirement:
        """Return the requirement that a text is.

        Raises:
            RequirementError: it is none.
        """
        found = _TEXT.fullmatch(text)
        if found is None or (found[5] is None and (found[3] is None or found[4])):
            raise RequirementError(
                f"{text!r} is no requirement; write a figure, a comparison and a number, such as "
                "'reads.failed <= 0', 'stall.during.writes.p99_ms < 50' or 'reads.p99_ms <= old * 1.2'"
            )
        if found[3] and found[5] and not found[4]:
            raise RequirementError(f"{text!r}: write old * {found[5]} or old + {found[5]}")
        limit = float(found[5] or 1.0) / (100 if found[6] else 1)
        of_old = (found[4] or "*") if found[3] else ""
        return cls(text.strip(), *_path(text, found[1].split(".")), found[2], limit, of_old)

    def check(self, figures: Mapping[str, Any]) -> Iterator[Shortfall]:
        """Yield where the figures of `rehearse` or `simulate` do not meet it."""
        for one in figures["faults"]:
            if self.fault not in ("", one["fault"]):
                continue
            new = _of_role(one, "new")
            old = _of_role(one, "old")
            for phase in PHASES if self.kind else ("",):
                if self.phase in ("", phase):
                    yield from self._checked(one["fault"], phase, new, old)

    def _checked(
        self, fault: str, phase: str, new: Mapping[str, Any], old: Mapping[str, Any] | None
    ) -> Iterator[Shortfall]:
        where = f"{fault}, {phase}" if phase else fault
        found, limit = self._figure(new, phase), self.limit
        if self.of_old:
            before = None if old is None else self._figure(old, phase)
            if before is None:
                yield Shortfall(f"{self.text} (old has none)", where, found)
                return
            limit = before * self.limit if self.of_old == "*" else before + self.limit
        if found is None or not _COMPARISONS[self.comparison](found, limit):
            yield Shortfall(self.text, where, found)

    def _figure(self, result: Mapping[str, Any], phase: str) -> float | None:
        value: float | None = (
            result["phases"][phase][self.kind][self.figure] if self.kind else result[self.figure]
        )
        return value


def _of_role(one: Mapping[str, Any], role: str) -> Any:
    return next((result for result in one["results"] if result["variant"] == role), None)


def _path(text: str, words: list[str]) -> tuple[str, str, str, str]:
    """Return fault, phase, kind and figure of a path."""
    *places, figure = words
    fault = places.pop(0) if places and places[0] in SIMULATED_FAULTS else ""
    phase = places.pop(0) if places and places[0] in PHASES else ""
    kind = places.pop(0) if places and places[0] in KINDS else ""
    known = FIGURES if kind else OF_RUN
    if places:
        raise RequirementError(
            f"{text!r}: {places[0]!r} is none of {', '.join((*SIMULATED_FAULTS, *PHASES, *KINDS))}"
        )
    if figure not in known:
        hint = "" if kind or figure not in FIGURES else f"; write reads.{figure} or writes.{figure}"
        raise RequirementError(f"{text!r}: {figure!r} is none of {', '.join(known)}{hint}")
    return fault, phase, kind, figure
