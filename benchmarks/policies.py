"""Loading policy files: all shipped profiles, warm and as the first thing a process does."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

from aerospike_resilience.profiles import PolicyLibrary
from aerospike_resilience.profiles.names import shipped
from aerospike_resilience.profiles.source import read

from .harness import Case

TITLE = "policy files"

ALL = "all shipped profiles, parents and checks included"

BUDGET_MS = 50

PROCESSES = 7

_FRESH = """
import json, time
import aerospike_resilience
from aerospike_resilience.profiles import PolicyLibrary
begun = time.perf_counter()
import pydantic
from aerospike_resilience.profiles import rules, schema
imported = time.perf_counter()
library = PolicyLibrary()
for name in library.names():
    library.load(name)
print(json.dumps([imported - begun, time.perf_counter() - imported]))
"""


def cases() -> list[Case]:
    """Return the cases; the first is one file read and nothing checked."""
    library = PolicyLibrary()
    names, default = library.names(), shipped() / "default.yaml"

    def everything() -> None:
        for name in names:
            library.load(name)

    return [
        Case("default.yaml read", lambda: read(default)),
        Case("latency and its parent loaded", lambda: library.load("latency")),
        Case(ALL, everything),
    ]


def verdict(ns: dict[str, float]) -> list[str]:
    """Return what a process's first load costs, apart from importing what checks them."""
    imports, loads = zip(*(_fresh() for _ in range(PROCESSES)), strict=True)
    first_ms, warm_ms = statistics.median(loads) * 1000, ns[ALL] / 1e6
    return [
        f"all shipped profiles, first load of a process: {first_ms:.0f} ms; budget {BUDGET_MS} ms: "
        f"{'holds' if first_ms <= BUDGET_MS else 'EXCEEDED'}",
        f"again: {warm_ms:.0f} ms",
        "importing pydantic and the schema, once a process and before it: "
        f"{statistics.median(imports) * 1000:.0f} ms",
    ]


def _fresh() -> tuple[float, float]:
    """Return the seconds of importing and of loading in a process of their own."""
    out = subprocess.run(
        [sys.executable, "-c", _FRESH], check=True, capture_output=True, text=True
    ).stdout
    imports_s, load_s = json.loads(out)
    return imports_s, load_s
