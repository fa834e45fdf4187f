"""A virtual environment with what the wheel installs, to run programs in, and what they import."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import aerospike_resilience

ROOT = Path(aerospike_resilience.__file__).parent.parent

PTH = (ROOT / "aerospike_resilience.pth").read_text()

Run = Callable[..., subprocess.CompletedProcess[str]]


def installed(home: Path) -> Run:
    """Make a virtual environment that has what the wheel puts there, and nothing else of ours.

    Return a function that runs a program in it. The dependencies are this environment's; their directory is
    named after our line ran.
    """
    venv.create(home, with_pip=False)
    (site,) = (home / "lib").glob("python*/site-packages")
    for name in ("aerospike_resilience", "policies", "_aerospike_resilience_startup.py"):
        (site / name).symlink_to(ROOT / name)
    (site / "aerospike_resilience.pth").write_text(PTH)
    ours = next(path for path in sys.path if path.endswith("site-packages"))
    (site / "zzz_dependencies.pth").write_text(f"{ours}\n")
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "AEROSPIKE_RESILIENCE"))
    }

    def run(
        code: str, *arguments: str, flags: tuple[str, ...] = (), **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [home / "bin" / "python", *flags, "-c", code, *arguments],
            cwd=home,
            env={**inherited, "AEROSPIKE_NO_UVLOOP": "1", **environment},
            capture_output=True,
            text=True,
            timeout=200,
            check=True,
        )

    return run


def imports_in(python: Run) -> Callable[..., frozenset[str]]:
    """Return a function that runs a program and returns the modules that are there then."""

    def modules(code: str, **environment: str) -> frozenset[str]:
        told = python(f"{code}\nimport sys; print(*sys.modules)", **environment)
        return frozenset(told.stdout.splitlines()[-1].split())

    return modules
