"""What importing the package costs a process, and what asking for a profile by the environment does.

Processes are started in turn, so that a slow minute hits all of them; the figure is the median of the
processor time they took and its ratio to that of Python with nothing. All run in a virtual environment of
their own, as it is after an installation, with compiled modules.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

TITLE = "Starting Python: processor time of a process, against one that does nothing"
HEADER = f"{'':<58} {'ms':>6} {'x':>6} {'above':>7}"

_ROOT = Path(__file__).parent.parent
_PROFILE = {"AEROSPIKE_RESILIENCE_PROFILE": "latency"}

_CASES: tuple[tuple[str, str, Mapping[str, str]], ...] = (
    ("python", "pass", {}),
    ("python, AEROSPIKE_RESILIENCE_PROFILE set, no client", "pass", _PROFILE),
    ("import asyncio", "import asyncio", {}),
    ("import aerospike", "import aerospike", {}),
    (
        "import opentelemetry.trace, opentelemetry.metrics",
        "import opentelemetry.trace, opentelemetry.metrics",
        {},
    ),
    ("import pybreaker, where redis is installed", "import pybreaker", {}),
    ("import aerospike_resilience", "import aerospike_resilience", {}),
    ("import aerospike, AEROSPIKE_RESILIENCE_PROFILE set", "import aerospike", _PROFILE),
)


@dataclass(frozen=True, slots=True)
class Figure:
    """What starting a process costs.

    Attributes:
        name: the case.
        ms: the median of its processor time, in milliseconds.
        ratio: how many times that of Python with nothing.
        above_ms: the median of what it takes more than Python with nothing, start by start.
    """

    name: str
    ms: float
    ratio: float
    above_ms: float

    def __str__(self) -> str:
        return f"{self.name:<58} {self.ms:>6.1f} {self.ratio:>6.2f} {self.above_ms:>7.1f}"


def run(*, quick: bool) -> Iterator[Figure]:
    """Yield the figure of each case."""
    with tempfile.TemporaryDirectory() as home:
        python, environment = _installed(Path(home), compiled_before=quick)
        samples: dict[str, list[float]] = {name: [] for name, _code, _more in _CASES}
        for number in range(1, 2) if quick else range(32):
            for name, code, more in _CASES:
                took_ms = _processor_ms([str(python), "-c", code], {**environment, **more})
                if number:  # the first start compiles what it imports
                    samples[name].append(took_ms)
    bare = samples[_CASES[0][0]]
    for name, found in samples.items():
        above_ms = statistics.median(one - other for one, other in zip(found, bare, strict=True))
        ms = statistics.median(found)
        yield Figure(name, round(ms, 1), round(ms / statistics.median(bare), 2), round(above_ms, 1))


def _installed(home: Path, *, compiled_before: bool) -> tuple[Path, dict[str, str]]:
    """Return a Python that has the package as its wheel leaves it, and the environment to run it in.

    `compiled_before` lets it use what other processes compiled, and not only what its own first start did.
    """
    venv.create(home / "venv", with_pip=False)
    (site,) = (home / "venv" / "lib").glob("python*/site-packages")
    for name in ("aerospike_resilience", "policies", "_aerospike_resilience_startup.py"):
        (site / name).symlink_to(_ROOT / name)
    line = (_ROOT / "aerospike_resilience.pth").read_text(encoding="utf-8")
    (site / "aerospike_resilience.pth").write_text(line, encoding="utf-8")
    dependencies = next(path for path in sys.path if path.endswith("site-packages"))
    (site / "zzz_dependencies.pth").write_text(f"{dependencies}\n", encoding="utf-8")
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "AEROSPIKE_"))
    }
    if not compiled_before:
        environment["PYTHONPYCACHEPREFIX"] = str(home / "compiled")
    return home / "venv" / "bin" / "python", environment


def _processor_ms(command: list[str], environment: Mapping[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
