"""`ConnectionExplanation`: each value of a connection, its origin, and what the client was given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from .secret import HIDDEN, Secret, SecretFile

_MOST: Final = 40
"""The most characters of a value in the text."""


class ConnectionValue(NamedTuple):
    """One setting of a connection.

    Attributes:
        setting: its name, as in a policy file's ``connection``.
        value: its value; durations in milliseconds; a secret's is hidden.
        origin: where it comes from: ``SystemSettings: tend_interval``, ``policies/latency.yaml:9``.
        given: what became of it: the client's own name and value, who does it instead, or why it is left
            out.
    """

    setting: str
    value: Any
    origin: str
    given: str


@dataclass(frozen=True, slots=True)
class ConnectionExplanation:
    """How a client is connected.

    Attributes:
        client: the client, as `connect()` takes it.
        profile: the profile's name.
        values: every setting.
        arguments: all that the client was given, without secrets.
        findings: what goes against the advice for connections.
    """

    client: str
    profile: str
    values: tuple[ConnectionValue, ...]
    arguments: Mapping[str, Any]
    findings: tuple[str, ...] = ()

    def __str__(self) -> str:
        head = f"{self.client}, profile {self.profile!r}"
        rows = [("setting", "value", "origin", "given to the client"), *map(_texts, self.values)]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        lines = [
            "  ".join(
                [*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[3]]
            )
            for row in rows
        ]
        return "\n".join([head, *lines, *(f"! {finding}" for finding in self.findings)])


def without_secrets(value: Any) -> Any:
    """Return plain values, in which a text stands for each secret."""
    if isinstance(value, Mapping):
        return {name: without_secrets(one) for name, one in value.items()}
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        return type(value)(map(without_secrets, value))
    if isinstance(value, Secret):
        return HIDDEN
    return repr(value) if isinstance(value, SecretFile) else value


def _texts(row: ConnectionValue) -> tuple[str, str, str, str]:
    value = str(row.value)
    if len(value) > _MOST:
        value = value[: _MOST - 1] + "…"
    return row.setting, value, row.origin, row.given
