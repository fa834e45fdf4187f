"""An explanation: every value in force, with its origin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Explanation:
    """What an operation gets, and why.

    Attributes:
        profile: the profile's name.
        operation: the method.
        target: ``namespace.set``, where one was asked about.
        rows: field, value and origin, sorted by field.
    """

    profile: str
    operation: str
    target: str
    rows: tuple[tuple[str, Any, str], ...]

    def __str__(self) -> str:
        head = f"{self.operation} under profile {self.profile!r}"
        if self.target:
            head += f" in {self.target}"
        if not self.rows:
            return f"{head}: everything as the client has it"
        names = max(len(name) for name, _, _ in self.rows)
        values = max(len(str(value)) for _, value, _ in self.rows)
        lines = [f"  {n:<{names}}  {v!s:>{values}}  {origin}" for n, v, origin in self.rows]
        return "\n".join([f"{head}:", *lines])

    def overridden(self, native: Mapping[str, Any]) -> Explanation:
        """Return it with what the client's own dynamic configuration decides in its place.

        Args:
            native: the fields that it decides, with their values.
        """
        if not native:
            return self
        rows = {name: (name, value, origin) for name, value, origin in self.rows}
        for name, value in native.items():
            instead = f", overrides {rows[name][1]} from {rows[name][2]}" if name in rows else ""
            rows[name] = (name, value, f"the client's dynamic configuration{instead}")
        return replace(self, rows=tuple(sorted(rows.values())))

    def value(self, field: str) -> Any:
        """Return a field's value.

        Raises:
            KeyError: the profile says nothing about it.
        """
        return {name: value for name, value, _ in self.rows}[field]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "profile": self.profile,
            "operation": self.operation,
            "target": self.target or None,
            "fields": {
                name: {"value": value, "origin": origin} for name, value, origin in self.rows
            },
        }
