"""The report: the figures of two profiles side by side, as a table and as facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rich.markup import escape
from rich.table import Table

from .requirements import KINDS, PHASES

_COLUMNS: Final = (
    *("phase", "calls", "profile", "served/s", "failed", "p50 ms", "p99 ms", "max ms"),
    *("requests/call", "failed by kind"),
)


def table(one: Mapping[str, Any]) -> Table:
    """Return the table of one fault: for each phase and kind of call, a row for each profile."""
    found = Table(title=None, show_edge=False, pad_edge=False)
    for name in _COLUMNS:
        right = name.endswith(("ms", "/s", "/call")) or name == "failed"
        found.add_column(name, justify="right" if right else "left", no_wrap=right)
    for phase in PHASES:
        for kind in KINDS:
            results = [r for r in one["results"] if r["phases"][phase][kind]["calls"]]
            for place, result in enumerate(results):
                figures = result["phases"][phase][kind]
                first = place == 0
                found.add_row(
                    *(phase if first else "", kind if first else "", escape(result["title"])),
                    *cells(figures),
                    style="bold" if phase == "during" else "",
                )
        found.add_section()
    return found


def cells(figures: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a row's figures as text."""
    share = figures["error_share"]
    return (
        number(figures["served_per_s"]),
        "-" if share is None else f"{share:.1%}",
        *(number(figures[name]) for name in ("p50_ms", "p99_ms", "max_ms")),
        "-"
        if figures["requests_per_operation"] is None
        else f"{figures['requests_per_operation']:.2f}",
        ", ".join(f"{count} {name}" for name, count in figures["errors"].items()),
    )


def facts(result: Mapping[str, Any]) -> str:
    """Return one line with what a run shows besides its table."""
    node = result["fault"]["node"]
    said = []
    if node is not None:
        opened, closed = result["opened_after_s"], result["closed_after_s"]
        said.append("never opened" if opened is None else f"node {node} opened after {opened:g} s")
        if opened is not None:
            said.append(
                "not closed again" if closed is None else f"closed {closed:g} s after the fault"
            )
        if others := result["healthy_nodes_opened"]:
            said.append(f"healthy nodes opened: {', '.join(others)}")
    if result["fault"]["kind"] != "none":
        recovered = result["recovered_after_s"]
        said.append(
            "calls did not recover"
            if recovered is None
            else f"calls went well again {recovered:g} s after it"
        )
    if (over := result["worst_overrun_ms"]) > 0:
        said.append(f"slowest call {over:.0f} ms over its {result['total_timeout_ms']} ms")
    if result["lost_writes"] is not None:
        said.append(f"{result['lost_writes'] or 'no'} acknowledged writes lost")
    if "simulated_per_s" in result:
        made, per_s = result["operations"], result["simulated_per_s"]
        said.append(f"{made:,} calls simulated, {per_s:,} in a second of processor time")
    return f"{result['title']}: {'; '.join(said)}"


def number(value: float | None) -> str:
    """Return a number with as many digits as say something."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
