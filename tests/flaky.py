"""`make flaky`: run the whole suite again and again, beside busy processes and undisturbed.

What ever failed is printed as a table, with how often it did and beside which noise.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from tests.suite import PASSES, run_pass

BUSY = "while True: pass"
NOISY_TIMEOUT_S = 600
"""Of each test while others take the cores; a test that hangs still ends."""


@dataclass
class Runs:
    """All runs of one kind.

    Attributes:
        kind: `noisy` or `undisturbed`.
        wanted: how many runs there should be.
        wall_s: how long each run took.
        cpu_s: processor seconds of each run, of the processes that ended in it.
        failed: how often each test failed.
        broken: how often pytest itself ended in an error.
    """

    kind: str
    wanted: int
    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)
    broken: int = 0
    green: int = 0


@contextlib.contextmanager
def busy(processes: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Keep so many cores busy meanwhile."""
    started = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(processes)]
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait()


def failures(report: Path) -> list[str]:
    """Return the tests that failed or broke, as a JUnit report tells of them."""
    if not report.exists():
        return []
    return [
        f"{case.get('classname')}::{case.get('name')}"
        for case in ElementTree.parse(report).iter("testcase")
        if case.find("failure") is not None or case.find("error") is not None
    ]


def run_once(runs: Runs, arguments: Sequence[str]) -> None:
    """Run both passes of the suite and take note of what became of them."""
    began, spent = time.monotonic(), os.times()
    found: set[str] = set()
    codes = []
    with tempfile.TemporaryDirectory() as folder:
        for number, options in enumerate(PASSES):
            report = Path(folder) / f"{number}.xml"
            codes.append(run_pass([*options, "-q", f"--junit-xml={report}", *arguments]))
            found.update(failures(report))
    after = os.times()
    runs.wall_s.append(time.monotonic() - began)
    runs.cpu_s.append(
        after.children_user + after.children_system - spent.children_user - spent.children_system
    )
    runs.failed.update(found)
    broken = any(code not in (0, 1, 5) for code in codes)
    runs.broken += broken
    runs.green += not found and not broken and 1 not in codes


def table(all_runs: Sequence[Runs]) -> str:
    """Return how the runs went, and which tests ever failed."""
    lines = []
    for runs in all_runs:
        walls = ", ".join(f"{wall:.0f}" for wall in runs.wall_s)
        cpus = ", ".join(f"{cpu:.0f}" for cpu in runs.cpu_s)
        lines.append(
            f"{runs.kind:<12} {runs.green} of {runs.wanted} green; wall {walls} s; processor {cpus} s"
        )
    tests = sorted({test for runs in all_runs for test in runs.failed})
    if not tests:
        return "\n".join([*lines, "", "no test ever failed"])
    heads = "".join(f"{runs.kind:>13}" for runs in all_runs)
    lines += ["", f"{heads}  test that failed"]
    for test in tests:
        shares = (f"{runs.failed[test]} of {len(runs.wall_s)}" for runs in all_runs)
        lines.append("".join(f"{share:>13}" for share in shares) + f"  {test}")
    return "\n".join(lines)


def main(given: Sequence[str]) -> int:
    """Run everything; return 0 only if every run was green."""
    parser = argparse.ArgumentParser(prog="python -m tests.flaky", description=__doc__)
    parser.add_argument("--noisy", type=int, default=5, help="runs beside busy processes")
    parser.add_argument("--undisturbed", type=int, default=3, help="runs without them")
    parser.add_argument("--busy", type=int, default=2, help="how many busy processes")
    asked, arguments = parser.parse_known_args(given)
    noisy, undisturbed = Runs("noisy", asked.noisy), Runs("undisturbed", asked.undisturbed)
    all_runs = [runs for runs in (noisy, undisturbed) if runs.wanted]
    for runs in all_runs:
        for _ in range(runs.wanted):
            with busy(asked.busy if runs is noisy else 0):
                run_once(
                    runs,
                    [f"--timeout={NOISY_TIMEOUT_S}", *arguments] if runs is noisy else arguments,
                )
            print(f"\n{table(all_runs)}\n", flush=True)
    return 0 if all(runs.green == runs.wanted for runs in all_runs) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
