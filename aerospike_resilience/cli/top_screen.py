"""The screen of `top`: a client's state as tables for a terminal."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ..live.state import State

BARS: Final = "▁▂▃▄▅▆▇█"
POINTS: Final = 24
"""How many of the last values a line of bars shows."""

CHANGES: Final = 10
"""How many changes are shown where the height of the terminal is not known."""

OTHER_LINES: Final = 20
"""Lines of the screen without nodes and changes."""

STYLES: Final = {
    "closed": "green",
    "suspect": "yellow",
    "half-open": "yellow",
    "open": "bold red",
    "isolated": "magenta",
}


class Screen:
    """Renders states one after the other; it remembers a little of them for the lines of bars."""

    def __init__(self) -> None:
        self._p99: dict[str, deque[float | None]] = {}
        self._in_flight: deque[float | None] = deque(maxlen=POINTS)

    def render(self, state: State, height: int | None = None) -> RenderableType:
        """Return what to show of a state.

        Args:
            state: the state.
            height: the lines there are; None if that does not matter.
        """
        nodes: Mapping[str, Any] = state.get("nodes", {})
        for name, node in nodes.items():
            self._p99.setdefault(name, deque(maxlen=POINTS)).append(node["p99_ms"])
        self._in_flight.append(state["gate"]["in_flight"])
        room = CHANGES if height is None else max(height - OTHER_LINES - len(nodes), 1)
        parts: list[RenderableType] = [_head(state), *_notices(state), self._nodes(nodes)]
        middle = Table.grid(expand=True, padding=(0, 1))
        for _ in range(3):
            middle.add_column(ratio=1)
        middle.add_row(self._gate(state["gate"]), _retries(state), _profile(state["profile"]))
        parts.append(middle)
        if would := state.get("would_have"):
            parts.append(_would_have(would))
        parts.append(_changes(state, room))
        return Group(*parts)

    def _nodes(self, nodes: Mapping[str, Any]) -> RenderableType:
        rows = Table(expand=True, box=None, pad_edge=False, header_style="dim")
        rows.add_column("node", no_wrap=True, min_width=3)
        rows.add_column("state", no_wrap=True, min_width=9)
        for name in ("p50", "p99"):
            rows.add_column(name, justify="right", no_wrap=True, min_width=7)
        rows.add_column("p99 lately", no_wrap=True)
        for name in ("left early", "errors"):
            rows.add_column(name, justify="right", no_wrap=True)
        rows.add_column("why", overflow="ellipsis", no_wrap=True, ratio=1)
        for name, node in nodes.items():
            shown = "suspect" if node["suspect"] and node["state"] == "closed" else node["state"]
            rows.add_row(
                Text(name, style="bold"),
                Text(shown, style=STYLES.get(shown, "")),
                *(_ms(node["p50_ms"]), _ms(node["p99_ms"]), bars(self._p99[name])),
                *(str(node["left_early"]), str(sum(node["errors"].values()))),
                escape("" if shown == "closed" else node["reason"]),
            )
        return Panel(rows, title="Nodes", title_align="left", border_style="dim")

    def _gate(self, gate: Mapping[str, Any]) -> RenderableType:
        limit = gate["limit"]
        used = (
            f"{gate['in_flight']} of {limit} in flight"
            if limit
            else f"{gate['in_flight']} in flight"
        )
        lines: list[RenderableType] = [Text(used, style="bold")]
        if limit:
            full = gate["in_flight"] >= limit
            lines.append(
                ProgressBar(limit, gate["in_flight"], complete_style="red" if full else "blue")
            )
        lines += [
            Text(bars(self._in_flight)),
            f"waiting {gate['waiting']}, waited so far {gate['waited']}",
            f"refused: {_counted(gate['rejected'])}",
        ]
        return Panel(Group(*lines), title="Gate", title_align="left", border_style="dim")


def bars(values: Sequence[float | None] | deque[float | None]) -> str:
    """Return values as a line of bars; the highest bar is the greatest value."""
    most = max((value for value in values if value is not None), default=0.0)
    step = len(BARS) - 1
    return "".join(
        " " if value is None else BARS[round(step * value / most) if most > 0 else 0]
        for value in values
    )


def _head(state: State) -> RenderableType:
    process = state.get("process", {})
    head = Table.grid(expand=True)
    head.add_column(ratio=1)
    head.add_column(justify="right")
    head.add_row(
        Text.assemble(
            (state["name"], "bold"),
            f"  {state['client']} on {process.get('host')}, process {process.get('pid')}",
        ),
        Text(_time(state.get("at", "")), style="dim"),
    )
    return head


def _notices(state: State) -> list[RenderableType]:
    found = []
    if state["verdict"]:
        found.append(
            "most nodes fail at once: the cluster or this process's own network is the cause"
        )
    if error := state["profile"]["reload_error"]:
        found.append(f"the last reload changed nothing: {error}")
    if (storage := state["storage"]) and storage["problem"]:
        found.append(f"nodes are not shared through {storage['where']}: {storage['problem']}")
    if state["isolate_unknown"]:
        found.append(f"the profile isolates unknown nodes: {', '.join(state['isolate_unknown'])}")
    return [Text(f"! {text}", style="bold red") for text in found]


def _retries(state: State) -> RenderableType:
    retry = state["retry"]
    budget = "no budget" if retry["budget"] is None else f"{retry['budget']:.0f} left in the budget"
    return Panel(
        Group(
            Text(budget, style="bold"),
            f"retries so far {retry['retries']}",
            f"not retried: {_counted(retry['suppressed'])}",
            f"reads leave a node after {_ms(state['adaptive_timeout_ms'])}",
        ),
        title="Retries",
        title_align="left",
        border_style="dim",
    )


def _profile(profile: Mapping[str, Any]) -> RenderableType:
    files = profile["files"]
    return Panel(
        Group(
            Text(profile["name"], style="bold"),
            Text(f"fingerprint {profile['fingerprint']}"),
            Text(files[0] if files else "", overflow="fold", style="dim"),
        ),
        title="Profile",
        title_align="left",
        border_style="dim",
    )


def _would_have(would: Mapping[str, Any]) -> RenderableType:
    lines = [
        Text(f"{action}: {_by_node(found)}") for action, found in would.get("actions", {}).items()
    ]
    return Panel(Group(*lines), title="Would have done", title_align="left", border_style="dim")


def _by_node(found: Mapping[str, Mapping[str, Mapping[str, int]]]) -> str:
    told = [
        f"{node + ' ' if node else ''}{reason} {counts['served'] + counts['failed']} "
        f"({counts['failed']} failed)"
        for node, reasons in found.items()
        for reason, counts in reasons.items()
    ]
    return ", ".join(told) or "none"


def _changes(state: State, room: int) -> RenderableType:
    lines = [
        (one["at"], f"node {one['node']}: {one['from']} -> {one['to']} ({one['reason']})")
        for one in state.get("transitions", ())
    ]
    lines += [(one.get("at", ""), _told(one)) for one in state.get("changes", ())]
    lines.sort(key=lambda line: line[0], reverse=True)
    shown = [Text(f"{_time(at)}  {text}", overflow="ellipsis", no_wrap=True) for at, text in lines]
    body = Group(*shown[:room]) if shown else Text("none yet", style="dim")
    return Panel(body, title="Recent changes", title_align="left", border_style="dim")


def _told(change: Mapping[str, Any]) -> str:
    head = f"profile {change['profile']}: " if change.get("profile") else ""
    if text := change.get("text"):
        outcome = change.get("outcome", "changed")
        return f"{head}{'' if outcome == 'changed' else f'{outcome}: '}{text}"
    left_out = ("at", "fingerprint", "fingerprint_before", "profile")
    return head + ", ".join(
        f"{name} {value}"
        for name, value in change.items()
        if name not in left_out and value not in (None, "")
    )


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count) or "none"


def _ms(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2f} ms" if value < 10 else f"{value:.0f} ms"


def _time(at: str) -> str:
    return at[11:23] if len(at) > 19 else at
