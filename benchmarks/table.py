"""``python -m benchmarks.table``: write the tables of docs/benchmarks.md from what a run measured."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .chain import BARE_MISS, BUDGETS, MISS
from .telemetry import MISS as MISS_PLAIN
from .telemetry import NONE as PLAIN

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
MARKED = re.compile(r"(<!-- measured: (\w+) -->\n).*?(<!-- /measured -->)", re.DOTALL)


def main() -> None:
    """Write the tables for which the file has figures; leave the others as they are."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.table", description=__doc__)
    parser.add_argument("json", type=Path, nargs="?", default=Path("build/bench.json"))
    arguments = parser.parse_args()
    benches = json.loads(arguments.json.read_text())["benches"]
    PAGE.write_text(written(PAGE.read_text(), benches))


def written(page: str, benches: Mapping[str, Any]) -> str:
    """Return the page with new tables.

    Args:
        page: the text, with places such as ``<!-- measured: chain -->``.
        benches: what was measured, by the name of the bench.
    """
    tables = {"chain": chain, "telemetry": telemetry, "awaited": awaited, "clients": clients}

    def table(found: re.Match[str]) -> str:
        name = found[2]
        if name not in benches:
            return found[0]
        return found[1] + tables[name](benches[name]["figures"]) + found[3]

    return MARKED.sub(table, page)


def chain(figures: Sequence[Mapping[str, Any]]) -> str:
    """Return what each form of call costs above the bare one, the cheapest first."""
    ns = {figure["name"]: figure["ns"] for figure in figures}
    bare = ns.pop("bare call")
    bare_miss = ns.pop(BARE_MISS)
    peer = ns["pybreaker"] - bare
    above = {name: found - (bare_miss if name == MISS else bare) for name, found in ns.items()}
    lines = [
        f"| | ns above a bare call ({bare:,.0f} ns) | × pybreaker | budget |",  # noqa: RUF001 - for readers
        "|---|---:|---:|---:|",
    ]
    for name, cost in sorted(above.items(), key=lambda one: one[1]):
        budget = f"{BUDGETS[name]:.2f}" if name in BUDGETS else ""
        shown = f"**{name}**" if name.startswith("resilient") else name
        lines.append(f"| {shown} | {cost:,.0f} | {cost / peer:.2f} | {budget} |")
    return "\n".join(lines) + "\n"


def telemetry(figures: Sequence[Mapping[str, Any]]) -> str:
    """Return what telemetry adds to a call, beside what the SDK costs alone."""
    ns = {figure["name"]: figure["ns"] for figure in figures}
    lines = ["| | ns | above the same call without an SDK |", "|---|---:|---:|"]
    for name, cost in ns.items():
        less = ns[MISS_PLAIN] if name.startswith("resilient, a miss") else ns[PLAIN]
        above = f"{cost - less:,.0f}" if name.startswith(("resilient", "by hand")) else ""
        shown = f"**{name}**" if name.startswith("resilient") else name
        lines.append(f"| {shown} | {cost:,.0f} | {above} |")
    return "\n".join(lines) + "\n"


def awaited(figures: Sequence[Mapping[str, Any]]) -> str:
    """Return what each way to await a call costs above the bare one."""
    lines = ["| | ns | above the bare client |", "|---|---:|---:|"]
    lines += [f"| {one['name']} | {one['ns']:,.0f} | {one['above_ns']:,.0f} |" for one in figures]
    return "\n".join(lines) + "\n"


def clients(figures: Sequence[Mapping[str, Any]]) -> str:
    """Return what wrapping costs each client."""
    lines = [
        "| client | bare | wrapped | lost, by wall time | lost, by processor time | quietest quarter |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for one in figures:
        noisy = " (too noisy)" if one["noisy"] else ""
        lines.append(
            f"| {one['name']} | {one['bare_us']:.1f} µs | {one['wrapped_us']:.1f} µs | "
            f"{_share(one['lost'], one['quartiles'])}{noisy} | "
            f"{_share(one['lost_cpu'], one['cpu_quartiles'])} | {one['quiet']:.0%} |"
        )
    return "\n".join(lines) + "\n"


def _share(middle: float, quartiles: Sequence[float]) -> str:
    low, high = quartiles
    return f"{middle:.0%} ({low * 100:.0f} to {high * 100:.0f})"


if __name__ == "__main__":
    main()
