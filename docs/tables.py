"""Write the tables and pages of docs/ and CONTRIBUTING.md that the code itself can tell.

``python docs/tables.py`` rewrites them.
"""

from __future__ import annotations

import re
import sys
import typing
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from aerospike_resilience.clients import ADAPTERS, Adapter
from aerospike_resilience.clients.aerospike_sdk.behavior import SETTINGS
from aerospike_resilience.clients.connectors import connector
from aerospike_resilience.clients.contract.connecting import Connector
from aerospike_resilience.connection import client_config, system_settings
from aerospike_resilience.connection.definition import ClusterDefinition
from aerospike_resilience.model.operation import Kind, Shape
from aerospike_resilience.model.support import ByUs, Native, Refused
from aerospike_resilience.profiles.fields import PolicyFields
from aerospike_resilience.profiles.synonyms import FIELD_SYNONYMS

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import alerts  # beside this file, which is no package
import house
import panels
import reference
import signals

from tests.testing import differences

DOCS = Path(__file__).resolve().parent
PAGES = (
    DOCS / "clients.md",
    DOCS / "not-a-server.md",
    DOCS / "panels.md",
    DOCS / "runbook.md",
    house.ROOT / "CONTRIBUTING.md",
    *sorted((DOCS / "recipes").glob("*.md")),
    *sorted((DOCS / "reference").glob("*.md")),
    *sorted((DOCS / "lint").glob("*.md")),
)
MARKED = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- /table -->)", re.DOTALL)

SHOWN = ("aerospike", "aerospike-py", "aerospike-native", "aerospike-sdk")
"""The awaited client of aerospike-py takes what the blocking one takes."""


@cache
def tables() -> dict[str, str]:
    """Return every table by its name."""
    return {
        **reference.tables(),
        "fields": fields(),
        "errors": errors(),
        "settings": settings(),
        "rooms": house.rooms(),
        "journey": house.journey(),
        "metrics": signals.metrics(),
        "spans": signals.spans(),
        "events": signals.events(),
        "words": signals.words(),
        "alerts": alerts.alerts(),
        "panels": panels.panels(),
        "alert_pictures": panels.alert_pictures(),
        "differences": differences.table(),
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


CONNECTED = ("aerospike", "aerospike_py", "aerospike_native", "aerospike_sdk")
"""Awaited clients are given what the blocking ones are given."""

METHODS: dict[str, tuple[Any, ...]] = {
    "with_native_credentials": ("user", "password"),
    "with_external_credentials": ("user", "password"),
    "with_external_insecure_credentials": ("user", "password"),
    "with_certificate_credentials": (),
    "validate_cluster_name_is": ("name",),
    "cluster_name": ("name",),
    "app_id": ("name",),
    "preferring_racks": (1, 2),
    "using_services_alternate": (),
    "force_single_node": (),
    "with_strict_config": (),
    "fail_if_not_connected": (False,),
    "with_ip_map": ({"a": "b"},),
    "ip_map": ({"a": "b"},),
}
"""The methods of `ClusterDefinition` that give a setting, and arguments for them."""


def settings() -> str:
    """Return what becomes of each way to say something of a connection, for each client."""
    lines = [
        "| you say | " + " | ".join(f"`{kind}`" for kind in CONNECTED) + " |",
        "|---|" + "---|" * len(CONNECTED),
    ]
    for said, names in _sayings().items():
        cells = [_support(connector(kind), names) for kind in CONNECTED]
        lines.append(f"| `{said}` | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _sayings() -> dict[str, list[str]]:
    """Return the settings that each method and each field gives."""
    found = {}
    for method, arguments in METHODS.items():
        given = getattr(ClusterDefinition("host", 3000), method)(*arguments)
        found[f".{method}()"] = _given(given)
    for part in (
        "tls_name",
        "ca_file",
        "client_cert_file",
        "client_key_file",
        "protocols",
        "ciphers",
    ):
        builder = ClusterDefinition("host", 3000).with_tls_config_of()
        found[f".with_tls_config_of().{part}()"] = _given(getattr(builder, part)("x").done())
    builder = ClusterDefinition("host", 3000).with_tls_config_of().for_login_only()
    found[".with_tls_config_of().for_login_only()"] = _given(builder.done())
    for name, setting in system_settings.NAMES.items():
        found[f"SystemSettings.{name}"] = [setting]
    for name in ("transactions", "metrics"):
        found[f"SystemSettings.{name}"] = [name]
    own = {"idle_timeout": "max_socket_idle"}
    for name in client_config.FIELDS:
        found[f"ClientConfig.{name}"] = [own.get(name, name)]
    return found


def _given(definition: ClusterDefinition) -> list[str]:
    return [
        name
        for name in definition._described().settings
        if name not in ("hosts", "user", "password")
    ]


def _support(one: Connector, names: list[str]) -> str:
    """Return what a client does with settings: its own names, what we do, or why not."""
    found = [one.support[name] for name in names]
    refused = [support for support in found if isinstance(support, Refused)]
    if refused:
        return f"refused: {refused[0].why}"
    cells = []
    for name, support in zip(names, found, strict=True):
        if isinstance(support, ByUs):
            cells.append(f"done by us: {support.how}")
        elif isinstance(support, Native) and name != "tls":
            unit = f" ({support.unit})" if support.unit else ""
            cells.append(f"`{support.name}`{unit}" if support.name else support.note)
    return ", ".join(cells) or "works"


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
    for path, text in reference.pages().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(written(text))
    for page in PAGES:
        page.write_text(written(page.read_text()))
