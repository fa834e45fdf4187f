"""The map of the house in CONTRIBUTING.md, read from the tree: its rooms, and the way of a `get`."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.trace import NoOpTracerProvider

from aerospike_resilience import TelemetryProviders, resilient

ROOT = Path(__file__).resolve().parent.parent
HOUSE = ROOT / "aerospike_resilience"

DEPTH = 2
"""How many folders deep a room may lie to be on the map."""


def rooms() -> str:
    """Return every room and every module beside them, with the first line of its docstring."""
    lines = ["| room | what lives there |", "|---|---|"]
    lines += [f"| `{_name(path)}` | {first_line(path)} |" for path in sorted(_rooms(), key=_rank)]
    return "\n".join(lines) + "\n"


def journey() -> str:
    """Return the files that a plain `get` passes from the application to the client, and what each does."""
    lines = [
        f"{number}. `{file}`: {first_line(HOUSE / file)}" for number, file in enumerate(way(), 1)
    ]
    return "\n".join(lines) + "\n"


class StandIn:
    """A client that answers at once, so that nothing is on the way but this library."""

    def get(self, key: Any, policy: Any = None) -> Any:  # noqa: ARG002 - the C client's signature
        """Return a record."""
        return key, {}, {}

    def is_connected(self) -> bool:
        """Say that it is."""
        return True

    def get_node_names(self) -> list[str]:
        """Know no node."""
        return []

    def get_policies(self) -> dict[str, Any]:
        """Have no policies."""
        return {}

    def close(self) -> None:
        """Close nothing."""


class PassOn:
    """An interceptor that does nothing."""

    def around(self, call: Any, proceed: Any) -> Any:
        """Proceed."""
        return proceed(call)

    async def around_async(self, call: Any, proceed: Any) -> Any:
        """Proceed."""
        return await proceed(call)


def way() -> list[str]:
    """Return the files of the library in which a plain `get` runs, in order; values (model/) are none."""
    none = TelemetryProviders(
        tracer_provider=NoOpTracerProvider(), meter_provider=NoOpMeterProvider()
    )
    whole = [("before", "telemetry", PassOn())]  # so that the call takes the whole chain
    client = resilient(
        StandIn(),
        "latency",
        adapter="aerospike",
        telemetry=none,
        interceptors=whole,
        clock=lambda: 0.0,  # the way of a slow answer is longer
    )
    seen: dict[str, None] = {}

    def look(frame: FrameType, event: str, _argument: Any) -> None:
        file = Path(frame.f_code.co_filename.partition(" <")[0])  # behind it: what a template made
        if event == "call" and file.is_relative_to(HOUSE):
            seen.setdefault(str(file.relative_to(HOUSE)))

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        client.get(("test", "demo", 1))
    finally:
        sys.setprofile(before)
        client.close()
    return [file for file in seen if not file.startswith("model/")]


def first_line(path: Path) -> str:
    """Return the first line of a module's or package's docstring, as Markdown."""
    file = path / "__init__.py" if path.is_dir() else path
    text = ast.get_docstring(ast.parse(file.read_text())) or ""
    return text.partition("\n")[0].replace("``", "`").replace("|", "\\|").rstrip(".")


def _rooms() -> Iterator[Path]:
    for path in HOUSE.rglob("*"):
        depth = len(path.relative_to(HOUSE).parts)
        is_room = path.is_dir() and (path / "__init__.py").exists() and depth <= DEPTH
        is_module = path.suffix == ".py" and path.name != "__init__.py" and depth == 1
        if is_room or is_module:
            yield path


def _name(path: Path) -> str:
    return f"{path.relative_to(HOUSE)}{'/' if path.is_dir() else ''}"


def _rank(path: Path) -> tuple[int, str]:
    """Rank rooms as the contract of imports does, outermost first, and then by name."""
    order = _layers()
    top = path.relative_to(HOUSE).parts[0].removesuffix(".py")
    return (order.index(top) if top in order else len(order)), _name(path)


def _layers() -> list[str]:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    return [
        name.strip().rpartition(".")[2]
        for layer in contracts["contracts"][0]["layers"]
        for name in layer.split("|")
    ]
