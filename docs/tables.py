"""Write the tables of docs/ and CONTRIBUTING.md that the code itself can tell.

``python docs/tables.py`` rewrites them.
"""

from __future__ import annotations

import re
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aerospike_resilience.clients import ADAPTERS, Adapter
from aerospike_resilience.clients.aerospike_sdk.behavior import SETTINGS
from aerospike_resilience.model.operation import Kind, Shape
from aerospike_resilience.profiles.fields import PolicyFields
from aerospike_resilience.profiles.synonyms import FIELD_SYNONYMS

sys.path.insert(0, str(Path(__file__).resolve().parent))

import house  # beside this file, which is no package

PAGES = (Path(__file__).resolve().parent / "clients.md", house.ROOT / "CONTRIBUTING.md")
MARKED = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- /table -->)", re.DOTALL)

SHOWN = ("aerospike", "aerospike-py", "aerospike-native", "aerospike-sdk")
"""The awaited client of aerospike-py takes what the blocking one takes."""


def tables() -> dict[str, str]:
    """Return every table by its name."""
    return {
        "fields": fields(),
        "errors": errors(),
        "rooms": house.rooms(),
        "journey": house.journey(),
    }


def fields() -> str:
    """Return which client takes which policy field, for which operations, and why not."""
    adapters = {adapter.name: adapter for adapter in ADAPTERS}
    lines = [
        "| policy field | " + " | ".join(f"`{name}`" for name in SHOWN) + " |",
        "|---|" + "---|" * len(SHOWN),
    ]
    for name, field in PolicyFields.model_fields.items():
        if name in FIELD_SYNONYMS:
            continue
        cells = [_cell(adapters[client], name, _samples(field.annotation)) for client in SHOWN]
        lines.append(f"| `{name}` | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def errors() -> str:
    """Return which of the client's errors each of ours also is."""
    lines = [
        "| | `CircuitOpenError` | `BackpressureError` | `DeadlineExceededError` |",
        "|---|---|---|---|",
    ]
    for adapter in ADAPTERS:
        refusals = adapter.refusals
        cells = [
            _own_base(cls)
            for cls in (refusals.circuit_open, refusals.backpressure, refusals.deadline)
        ]
        lines.append(f"| `{adapter.name}` | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _own_base(cls: type[BaseException]) -> str:
    theirs = [
        base
        for base in cls.__mro__
        if not base.__module__.startswith(("aerospike_resilience", "builtins.", "pybreaker"))
        and base not in (TimeoutError, OSError, Exception, BaseException, object)
    ]
    return f"`{theirs[0].__name__}`"


def _samples(annotation: Any) -> Iterator[Any]:
    """Yield values that a field may have."""
    for part in (annotation, *typing.get_args(annotation)):
        if typing.get_origin(part) is typing.Literal:
            yield from typing.get_args(part)
            return
        if part is bool:
            yield True
            return
    yield 1


def _cell(adapter: Adapter, name: str, samples: Iterator[Any]) -> str:
    taken = set()
    lazy = [one for lazy in adapter.lazy.values() for one in lazy.executing.values()]
    for sample in samples:
        for operation in (*adapter.operations.values(), *lazy):
            if operation.policy and adapter.fields(operation, {name: sample}):
                taken.add(_kind(operation.kind, operation.shape))
    if adapter.name == "aerospike-sdk" and not taken and name in SETTINGS:
        taken.add("queries")  # what its builders read from the behavior itself
    because = adapter.cannot.get(name)
    limits = [
        f"not `{value.partition(': ')[2]}`: {why}"
        for value, why in adapter.cannot.items()
        if value.startswith(f"{name}: ")
    ]
    if not taken:
        return f"no: {because}" if because else "no"
    order = ("reads", "writes", "batches", "queries", "info")
    return "; ".join([", ".join(kind for kind in order if kind in taken), *limits])


def _kind(kind: Kind, shape: Shape) -> str:
    if shape is Shape.BATCH:
        return "batches"
    if shape is Shape.QUERY:
        return "queries"
    if kind is Kind.READ:
        return "reads"
    return "writes" if kind is Kind.WRITE else "info"


def written(text: str) -> str:
    """Return a page with its tables as they are now."""
    found = tables()
    return MARKED.sub(lambda match: f"{match[1]}{found[match[2]]}{match[3]}", text)


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(written(page.read_text()))
