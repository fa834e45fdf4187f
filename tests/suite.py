"""The whole suite, as `make test` runs it: first what may run side by side, then what needs a core.

Each pass is an ordinary pytest run, so every argument of pytest can be given to both.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
TOGETHER = ("-n", "auto", "--dist", "worksteal", "--only", "together")
ALONE = ("-n", "auto", "--dist", "loadfile", "--only", "alone")
PASSES = (TOGETHER, ALONE)

NOTHING_COLLECTED = 5
"""How pytest ends when there was no test to run: one of the passes may well have none."""


def environment() -> dict[str, str]:
    """Return what pytest is run in: one in which modules are compiled once.

    Container images often forbid Python to write bytecode. Then every worker, and every process that a
    test starts, compiles all that it imports anew: five seconds of processor time a worker for the tests.
    """
    return {name: said for name, said in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def outcome(codes: Sequence[int]) -> int:
    """Return how the suite ended, from how its passes ended: the first that failed decides."""
    ran = [code for code in codes if code != NOTHING_COLLECTED]
    return next((code for code in ran if code), 0) if ran else NOTHING_COLLECTED


def run_pass(arguments: Sequence[str]) -> int:
    """Run pytest once and return how it ended."""
    command = [sys.executable, "-m", "pytest", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment(), check=False).returncode


def run(arguments: Sequence[str]) -> int:
    """Run both passes, the second also where the first failed."""
    return outcome([run_pass([*options, *arguments]) for options in PASSES])


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
