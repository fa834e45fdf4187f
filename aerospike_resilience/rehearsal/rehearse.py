"""Rehearse: work through each fault with each profile, and put the figures side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..model.traffic import OperationTraffic, Traffic
from .experiment import Setup, run
from .faults import FaultName
from .mix import steps
from .subjects import Subject

DEFAULT_TRAFFIC: Final = Traffic(
    (
        OperationTraffic("get", 350.0, "test", "demo", writes=False, record_bytes=200),
        OperationTraffic("put", 150.0, "test", "demo", writes=True, record_bytes=200),
    )
)
"""Without a file: 500 calls a second from 16 threads, 70 % of them reads."""

MOST_PER_S: Final = 1000.0
"""The rate to which a busier service is scaled down, in calls a second: load and cluster share one
machine."""

MOST_THREADS: Final = 64

Progress = Callable[[str, str, str, float], None]
"""Called with the fault, the subject's title, the present step, and the elapsed share of this run."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is rehearsed.

    Attributes:
        subjects: the profiles, in the order in which they are shown.
        faults: what happens to one node, one after the other.
        traffic: what the load imitates.
        rate: calls a second; None for the traffic's own, up to `MOST_PER_S`.
        threads: threads of the load; None for the traffic's concurrency, up to `MOST_THREADS`.
        seconds: how long each fault lasts, and the time after it.
    """

    subjects: Sequence[Subject]
    faults: Sequence[FaultName]
    traffic: Traffic = DEFAULT_TRAFFIC
    rate: float | None = None
    threads: int | None = None
    seconds: float = 3.0


def rehearse(
    plan: Plan, progress: Progress = lambda _fault, _subject, _what, _share: None
) -> dict[str, Any]:
    """Work through all faults with all subjects, and return the figures.

    Subjects run one after the other, each on a cluster of its own: at once they would take time and
    processors from each other. They make the same calls in the same order.

    Raises:
        Exception: what `connect()` raises for a profile that cannot be used here.
    """
    traffic, notes = plan.traffic, []
    rate = plan.rate or min(traffic.rate_per_s, MOST_PER_S)
    if round(rate, 1) != round(traffic.rate_per_s, 1):
        notes.append(
            f"{traffic.rate_per_s:,.0f} calls a second are rehearsed as {rate:,.0f} of the same mix"
        )
    mix, made_otherwise = steps(traffic)
    notes += made_otherwise
    threads = plan.threads or min(max(traffic.concurrency, 1), MOST_THREADS)
    nodes = [traffic.nodes[name] for name in sorted(traffic.nodes)]
    found = []
    for fault in plan.faults:
        setup = Setup(
            threads,
            rate,
            fault,
            mix=mix,
            nodes=nodes,
            warm_up_s=min(1.0, plan.seconds),
            before_s=min(2.0, plan.seconds),
            during_s=plan.seconds,
            after_s=plan.seconds,
        )
        results = []
        for subject in plan.subjects:
            title = subject.variant.title

            def said(what: str, share: float, fault: str = fault, title: str = title) -> None:
                progress(fault, title, what, share)

            results.append(run(subject.variant, setup, said))
        found.append({"fault": fault, "results": results})
    return {
        "version": 1,
        "profiles": {
            subject.role: {
                "label": subject.label,
                "name": subject.profile.name,
                "fingerprint": subject.profile.fingerprint,
            }
            for subject in plan.subjects
        },
        "threads": threads,
        "rate": rate,
        "notes": notes,
        "traffic": traffic.as_dict(),
        "faults": found,
    }
