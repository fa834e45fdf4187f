"""``python -m benchmarks``: run the benches, print tables, write JSON."""

from __future__ import annotations

import argparse
import importlib
import json
import platform
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .harness import Figure, measure

BENCHES = (
    *("chain", "telemetry", "awaited", "parts", "cluster", "clients", "embedded"),
    *("policies", "startup"),
)
"""One module each: ``TITLE``, ``cases()`` and ``verdict()``, and ``CLOCK`` for processor time.
Or ``HEADER`` and a ``run()`` of its own."""


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only", choices=BENCHES, action="append", help="only this bench; repeatable"
    )
    parser.add_argument("--quick", action="store_true", help="few short rounds: shape, not figures")
    parser.add_argument(
        "--json", type=Path, default=Path("build/bench.json"), help="where to write"
    )
    arguments = parser.parse_args()
    rounds, seconds = (3, 0.001) if arguments.quick else (21, 0.02)
    results: dict[str, Any] = {"python": platform.python_version(), "benches": {}}
    for name in arguments.only or BENCHES:
        bench: Any = importlib.import_module(f"benchmarks.{name}")
        if hasattr(bench, "run"):
            results["benches"][name] = {"figures": _run(bench, quick=arguments.quick), "said": []}
            continue
        clock = getattr(bench, "CLOCK", time.perf_counter_ns)
        figures = measure(bench.cases(), rounds, seconds, clock)
        said = bench.verdict({figure.name: figure.ns for figure in figures})
        _print(bench.TITLE, figures, said)
        results["benches"][name] = {"figures": [asdict(figure) for figure in figures], "said": said}
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(results, indent=1))
    print(f"written to {arguments.json}")


def _run(bench: Any, *, quick: bool) -> list[dict[str, Any]]:
    print(f"\n{bench.TITLE}\n{bench.HEADER}")
    figures = []
    for figure in bench.run(quick=quick):
        print(figure, flush=True)
        figures.append(asdict(figure))
    print()
    return figures


def _print(title: str, figures: list[Figure], said: list[str]) -> None:
    width = max(len(figure.name) for figure in figures)
    print(f"\n{title}\n{'':<{width}}  {'ns':>9} {'IQR':>7} {'x':>7} {'above':>9}")
    for figure in figures:
        print(
            f"{figure.name:<{width}}  {figure.ns:>9,.0f} {figure.iqr_ns:>7,.0f} "
            f"{figure.ratio:>7.1f} {figure.above_ns:>9,.0f}"
        )
    for line in said:
        print(line)
    print()


if __name__ == "__main__":
    main()
