"""Bare and wrapped in turn, and the table of what became of their calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from aerospike_resilience.clients.aerospike.operations import OPERATIONS
from aerospike_resilience.profiles import PolicyLibrary

from .load import Load, work_through
from .nodes import Nodes
from .outcomes import Parts, Times
from .surfaces import Wanted


def compare(
    client: str,
    fault: str,
    make_nodes: Callable[[], Nodes],
    *,
    profile: str,
    rounds: int = 1,
    load: Load = Load(),  # noqa: B008 - immutable
    times: Times = Times(),  # noqa: B008 - immutable
    tend_ms: int = 0,
    tend_timeout_ms: int = 0,
    overrides: dict[str, Any] | None = None,
    subjects: Sequence[str] = ("bare", "wrapped"),
) -> Iterator[tuple[str, Parts]]:
    """Yield what became of the calls, for the bare and the wrapped client in turn."""
    totals = totals_ms(profile)
    for number in range(rounds):
        for subject in subjects if number % 2 == 0 else tuple(reversed(subjects)):
            with make_nodes() as nodes:
                chosen = profile if subject == "wrapped" else ""
                words = overrides if chosen else None
                wanted = Wanted(nodes.hosts, chosen, totals, tend_ms, words, tend_timeout_ms)
                yield subject, work_through(client, fault, nodes, wanted, load, times)


HEADING: Final = (
    f"{'client':<27}{'fault':<6}{'':<8}{'phase':<7}{'reads/s':>8}{'failed':>8}{'p99 ms':>8}{'max':>6}"
    f"  {'writes/s':>8}{'served':>8}{'failed':>8}{'refused':>8}{'max':>6}"
)


def lines(client: str, fault: str, subject: str, parts: Parts) -> Iterator[str]:
    """Yield the lines of the table under `HEADING`."""
    for phase in ("before", "fault", "after"):
        reads, writes = parts.get(f"reads {phase}"), parts.get(f"writes {phase}")
        if reads is None or writes is None:
            continue
        yield (
            f"{client:<27}{fault:<6}{subject:<8}{phase:<7}{reads.served:>8.0f}{reads.failed:>7.2f}%"
            f"{reads.p99_ms:>8.1f}{reads.max_ms:>6.0f}  {writes.made:>8.0f}{writes.served:>8.0f}"
            f"{writes.failed:>7.1f}%{writes.refused:>7.1f}%{writes.max_ms:>6.0f}"
        )


def totals_ms(profile: str) -> tuple[int, int]:
    """Return a shipped profile's ``total_timeout`` of a read and of a write, in milliseconds."""
    chosen = PolicyLibrary.of(None).load(profile)
    found = (
        chosen.settings(OPERATIONS[name], retryable=True).get("total_timeout")
        for name in ("get", "put")
    )
    read, write = (1000 if setting is None else setting.value for setting in found)
    return read, write
