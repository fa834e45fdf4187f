"""The whole suite, as `make test` runs it: first what may run side by side, then what may not.

Each pass is an ordinary pytest run, so every argument of pytest can be given to both.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
TOGETHER = ("-n", "auto", "--dist", "worksteal", "--only", "together")
ALONE = ("-n0", "--only", "alone")
PASSES = (TOGETHER, ALONE)

NOTHING_COLLECTED = 5
"""How pytest ends when there was no test to run: one of the passes may well have none."""


def outcome(codes: Sequence[int]) -> int:
    """Return how the suite ended, from how its passes ended: the first that failed decides."""
    ran = [code for code in codes if code != NOTHING_COLLECTED]
    return next((code for code in ran if code), 0) if ran else NOTHING_COLLECTED


def run(arguments: Sequence[str]) -> int:
    """Run both passes, the second also where the first failed."""
    codes = []
    for options in PASSES:
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *arguments], cwd=ROOT, check=False
        )
        codes.append(ended.returncode)
    return outcome(codes)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
