"""Renders the figures as a table, and a page with picture and table."""

from __future__ import annotations

import base64
import html
from pathlib import Path
from typing import Any, Final

from rich.table import Table

PHASES: Final = ("before", "during", "after")
_COLUMNS: Final = (
    *("use of the client", "phase", "kind", "served/s", "failed", "p50 ms", "p99 ms", "max ms"),
    "errors",
)


def rows(results: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Return the table's rows as text."""
    return [
        (
            result["title"],
            phase,
            kind,
            _number(figures["served_per_s"]),
            "-" if figures["error_share"] is None else f"{figures['error_share']:.1%}",
            _number(figures["p50_ms"]),
            _number(figures["p99_ms"]),
            _number(figures["max_ms"]),
            ", ".join(f"{count} {name}" for name, count in figures["errors"].items()),
        )
        for result in results
        for kind in ("reads", "writes")
        for phase in PHASES
        for figures in [result["phases"][phase][kind]]
    ]


def facts(result: dict[str, Any]) -> str:
    """Return one line with a variant's other checks."""
    said = [
        f"slowest call {_overrun(result)}",
        f"{result['lost_writes'] or 'no'} acknowledged writes lost",
    ]
    if result["variant"] == "resilient":
        opened = result["healthy_nodes_opened"]
        said.append(f"healthy nodes opened: {', '.join(opened) if opened else 'none'}")
        if result["closed_after_s"] is not None:
            said.append(f"all closed {result['closed_after_s']} s after the fault")
    return f"{result['title']}: {'; '.join(said)}"


def table(results: list[dict[str, Any]]) -> Table:
    """Return the table for a terminal."""
    found = Table(title=None, show_edge=False, pad_edge=False)
    for name in _COLUMNS:
        number = name.endswith(("ms", "/s")) or name == "failed"
        found.add_column(name, justify="right" if number else "left", no_wrap=number)
    last = ""
    for row in rows(results):
        if last and row[0] != last:
            found.add_section()
        title = "" if row[0] == last else row[0]
        last = row[0]
        style = "bold" if row[1] == "during" else ""
        found.add_row(title, *row[1:], style=style)
    return found


def page(results: list[dict[str, Any]], picture: Path | None, command: str) -> str:
    """Return a self-contained page: the picture, the table, the configurations."""
    shown = ""
    if picture is not None:
        data = base64.b64encode(picture.read_bytes()).decode()
        shown = f'<img alt="Reads and writes over time" src="data:image/png;base64,{data}">'
    head = "".join(f"<th>{html.escape(name)}</th>" for name in _COLUMNS)
    body = "".join(
        f'<tr class="{row[1]}">'
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in row)
        + "</tr>"
        for row in rows(results)
    )
    configs = "".join(
        f"<li><b>{html.escape(one['title'])}</b>: {html.escape(one['config'])}. "
        f"{html.escape(facts(one))}.</li>"
        for one in results
    )
    return _PAGE.format(
        picture=shown, head=head, body=body, configs=configs, command=html.escape(command)
    )


_PAGE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>aerospike-resilience demo</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1200px; padding: 0 1rem }}
img {{ max-width: 100% }}
table {{ border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums }}
th, td {{ padding: .2rem .6rem; text-align: left; border-bottom: 1px solid #e6e6e6 }}
tr.during td {{ background: #f3ead2; font-weight: 600 }}
code {{ background: #f4f4f4; padding: .1rem .3rem }}
</style>
<h1>One node of three has a fault</h1>
{picture}
<h2>Figures</h2>
<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>
<h2>What was run</h2>
<ul>{configs}</ul>
<p>Made by <code>{command}</code>. The load and the cluster share one machine.</p>
</html>
"""


def _overrun(result: dict[str, Any]) -> str:
    over, limit = result["worst_overrun_ms"], result["total_timeout_ms"]
    if over <= 0:
        return f"within its {limit} ms"
    return f"{over:.0f} ms over its {limit} ms"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
