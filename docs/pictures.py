"""Draw the charts of the docs from measured figures (`make pictures`).

Each chart is drawn from a JSON file in docs/figures/, which the command beside it on docs/pictures.md
wrote. With ``--measure`` these commands run first, which takes a few minutes. The same figures always give
the same files; a test compares them. With ``--screens`` the screenshots on docs/panels.md are taken too
(`screens`).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

ROOT: Final = Path(__file__).resolve().parent.parent
FIGURES: Final = ROOT / "docs" / "figures"

COMMANDS: Final = {
    "cost": "-m benchmarks --only chain",
    "faults": "-m benchmarks.faults --client aerospike --only faults --seconds 6 --increments 200",
    "at-load": (
        "-m benchmarks.at_load --client aerospike --client aerospike-native --fault stall --rounds 1"
    ),
    "demo": "-m aerospike_resilience demo",
}
"""What measures the figures of each chart."""

INK, GREY, LINE = "#24292f", "#6b6b6b", "#d8d8d8"
OURS, OTHERS, FAILED, SHADE = "#1b7f5c", "#8a8f98", "#c8352b", "#f3ead2"
WIDTH: Final = 760


class Drawing:
    """An SVG, part by part."""

    def __init__(self, height: float, title: str) -> None:
        self._height, self._title = height, title
        self._parts: list[str] = []

    def rectangle(self, x: float, y: float, width: float, height: float, fill: str) -> None:
        """Add a rectangle."""
        self._parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{max(height, 0):.1f}" '
            f'fill="{fill}"/>'
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, stroke: str = LINE) -> None:
        """Add a line."""
        self._parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}"/>'
        )

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        fill: str = INK,
        anchor: str = "start",
        size: int = 13,
        bold: bool = False,
    ) -> None:
        """Add a line of text."""
        weight = ' font-weight="bold"' if bold else ""
        self._parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" text-anchor="{anchor}" font-size="{size}"'
            f"{weight}>{escape(text)}</text>"
        )

    def raw(self, text: str) -> None:
        """Add anything."""
        self._parts.append(text)

    def svg(self) -> str:
        """Return the whole."""
        body = "\n".join(self._parts)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self._height:g}" '
            f'font-family="system-ui, sans-serif" role="img">\n<title>{escape(self._title)}</title>\n'
            f'<rect width="{WIDTH}" height="{self._height:g}" fill="#ffffff"/>\n{body}\n</svg>\n'
        )


SHOWN: Final = {
    "resilient, no SDK": "resilient(): deadline, retry, gate, breaker",
    "resilient, in deadline()": "… in a deadline() block",
    "BoundedSemaphore": "BoundedSemaphore",
    "pybreaker": "pybreaker",
    "pybreaker + BoundedSemaphore": "pybreaker + BoundedSemaphore",
    "redress (retry)": "redress (retry)",
    "stamina": "stamina",
    "tenacity": "tenacity",
    "tenacity + pybreaker + BoundedSemaphore": "tenacity + pybreaker + BoundedSemaphore",
}


def cost(found: dict[str, Any]) -> str:
    """Draw what a call costs above the bare one, in multiples of pybreaker in the same run."""
    figures = {one["name"]: one["above_ns"] for one in found["benches"]["chain"]["figures"]}
    peer = figures["pybreaker"]
    title = "Cost of one blocking call above the bare one, in multiples of pybreaker"
    drawing = Drawing(60 + 28 * len(SHOWN), title)
    drawing.text(20, 28, title, size=15, bold=True)
    most = max(figures[name] for name in SHOWN) / peer
    for row, (name, label) in enumerate(SHOWN.items()):
        y, times = 48 + 28 * row, figures[name] / peer
        drawing.text(300, y + 15, label, anchor="end")
        fill = OURS if name.startswith("resilient") else OTHERS
        drawing.rectangle(310, y, 370 * times / most, 20, fill)
        drawing.text(318 + 370 * times / most, y + 15, f"{times:.2f}", fill=GREY)
    return drawing.svg()


def faults(found: dict[str, Any]) -> str:
    """Draw the share of failed operations for each fault, bare and wrapped."""
    cells = found["faults"]
    shares = [(cell["fault"], _failed(cell["bare"]), _failed(cell["wrapped"])) for cell in cells]
    title = "Operations that failed, refusals by an open node left aside"
    return _pairs(title, shares, lambda value: f"{value:.1%}")


def at_load(found: dict[str, Any]) -> str:
    """Draw the reads served a second while a node is stopped, bare and wrapped."""
    served: dict[str, dict[str, float]] = {}
    for run in found["runs"]:
        part = run["parts"]["reads fault"]
        served.setdefault(run["client"], {})[run["subject"]] = part["served"]
    rows = [(client, one["bare"], one["wrapped"]) for client, one in served.items()]
    title = "Reads served a second while one node of three is stopped; 1,050 are offered"
    return _pairs(title, rows, lambda value: f"{value:,.0f}")


def _failed(side: dict[str, Any]) -> float:
    made = sum(side["calls"].values())
    return float(side["failed"] / made) if made else 0.0


def _pairs(title: str, rows: list[tuple[str, float, float]], shown: Callable[[float], str]) -> str:
    drawing = Drawing(80 + 52 * len(rows), title)
    drawing.text(20, 28, title, size=15, bold=True)
    most = max((max(bare, wrapped) for _, bare, wrapped in rows), default=0) or 1
    for row, (name, bare, wrapped) in enumerate(rows):
        y = 48 + 52 * row
        drawing.text(170, y + 24, name, anchor="end")
        for value, fill, top in ((bare, OTHERS, y), (wrapped, OURS, y + 20)):
            drawing.rectangle(180, top, 480 * value / most, 17, fill)
            drawing.text(188 + 480 * value / most, top + 13, shown(value), fill=GREY, size=12)
    y = 60 + 52 * len(rows)
    drawing.rectangle(180, y, 12, 12, OTHERS)
    drawing.text(198, y + 11, "bare client", fill=GREY, size=12)
    drawing.rectangle(300, y, 12, 12, OURS)
    drawing.text(318, y + 11, "wrapped", fill=GREY, size=12)
    return drawing.svg()


def demo(found: dict[str, Any]) -> str:
    """Draw the demo as it runs: reads a second over time, for each use of the client."""
    results = found["results"]
    left, width, height, gap = 20, 720, 78, 34
    drawing = Drawing(60 + (height + gap) * len(results), "The demo, in real time")
    offered = found["rate"] / 2
    fault = results[0]["fault"]
    drawing.text(
        left, 28, "One node of three is stopped (shaded): reads a second", size=15, bold=True
    )
    times = results[0]["series"]["t_s"]
    end = times[-1] + (times[1] - times[0])
    reveal = (
        f'<clipPath id="time"><rect x="{left}" y="0" width="{width}" height="2000">'
        f'<animate attributeName="width" values="0;{width};{width}" keyTimes="0;0.75;1" dur="12s" '
        f'repeatCount="indefinite"/></rect></clipPath>'
    )
    drawing.raw(reveal)
    for row, result in enumerate(results):
        top = 62 + (height + gap) * row
        reads = result["phases"]["during"]["reads"]
        share = reads["error_share"] or 0
        drawing.text(left, top - 5, result["title"], bold=True)
        told = f"while it is stopped: {reads['served_per_s']:,.0f}/s served, {share:.0%} failed"
        drawing.text(left + width, top - 5, told, fill=GREY, anchor="end", size=12)
        start, stop = (left + width * fault[key] / end for key in ("at_s", "until_s"))
        drawing.rectangle(start, top, stop - start, height, SHADE)
        drawing.raw('<g clip-path="url(#time)">')
        _bars(drawing, result["series"], offered, (left, top, width, height))
        drawing.raw("</g>")
        drawing.line(left, top + height, left + width, top + height)
    return drawing.svg()


def _bars(
    drawing: Drawing,
    series: dict[str, Any],
    offered: float,
    area: tuple[float, float, float, float],
) -> None:
    left, top, width, height = area
    most = 1.5 * offered
    step = width / len(series["t_s"])
    for index in range(len(series["t_s"])):
        bottom = top + height
        for key, fill in (("reads_served_per_s", OURS), ("reads_failed_per_s", FAILED)):
            part = min(series[key][index], most) / most * height
            part = min(part, bottom - top)
            drawing.rectangle(left + step * index, bottom - part, step - 1, part, fill)
            bottom -= part


CHARTS: Final[dict[str, Callable[[dict[str, Any]], str]]] = {
    "cost": cost,
    "faults": faults,
    "at-load": at_load,
    "demo": demo,
}
"""What draws each chart."""


def drawn(name: str) -> str:
    """Return a chart as its figures have it."""
    return CHARTS[name](json.loads((FIGURES / f"{name}.json").read_text()))


def measure() -> None:
    """Measure the figures of every chart anew."""
    for name, command in COMMANDS.items():
        target = str(FIGURES / f"{name}.json")
        subprocess.run([sys.executable, *command.split(), "--json", target], cwd=ROOT, check=True)


if __name__ == "__main__":
    if "--measure" in sys.argv[1:]:
        measure()
    for name in CHARTS:
        (FIGURES / f"{name}.svg").write_text(drawn(name))
        print(f"docs/figures/{name}.svg")
    if "--screens" in sys.argv[1:]:
        subprocess.run([sys.executable, str(ROOT / "docs" / "screens.py")], cwd=ROOT, check=True)
