"""An explanation: every value in force, with its origin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from .spelling import NOT_SET, field_text

OWN: Final = "the client's own"
"""The origin of what the profile leaves to the client."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The values in force for an operation, and where they come from.

    Attributes:
        profile: the profile's name.
        operation: the method.
        target: ``namespace.set``, if one was given.
        rows: field, value and origin, sorted by field.
        sent: the values that a first attempt sends to the client, in the client's own form, by field. Of
            ``max_retries`` only the native retries, as the chain makes the others itself. Fields of
            `rows` that are not in it are not sent. None if no client is known.
        elsewhere: the values in sessions that are created with a behavior of the client's own
            configuration file: fields and values, by behavior.
    """

    profile: str
    operation: str
    target: str
    rows: tuple[tuple[str, Any, str], ...]
    sent: Mapping[str, Any] | None = None
    elsewhere: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __str__(self) -> str:
        head = f"{self.operation} under profile {self.profile!r}"
        if self.target:
            head += f" in {self.target}"
        notes = [
            f"  in sessions with behavior {name!r} of the client's configuration file: "
            + ", ".join(f"{field} {field_text(field, value)}" for field, value in fields.items())
            for name, fields in self.elsewhere.items()
        ]
        table = self.table()
        if not table:
            return "\n".join([f"{head}: everything as the client has it", *notes])
        if self.sent is not None:
            table = (("field", "value", "sent", "from"), *table)
        widths = [max(len(row[at]) for row in table) for at in range(3)]
        lines = [
            f"  {name:<{widths[0]}}  {value:>{widths[1]}}  "
            + (f"{sent:>{widths[2]}}  " if self.sent is not None else "")
            + origin
            for name, value, sent, origin in table
        ]
        return "\n".join([f"{head}:", *lines, *notes])

    def table(self) -> tuple[tuple[str, str, str, str], ...]:
        """Return field, value, what is sent and the origin of each as text, for people to read.

        Values are written as in a policy file, with units; sent values are in the client's own form.
        Fields that are sent though the profile does not set them come last.
        """
        sent = self.sent or {}
        said = {name for name, _, _ in self.rows}
        return (
            *(
                (
                    name,
                    field_text(name, value),
                    str(sent[name]) if name in sent else "not sent",
                    origin,
                )
                for name, value, origin in self.rows
            ),
            *((name, NOT_SET, str(sent[name]), OWN) for name in sorted(sent.keys() - said)),
        )

    def with_sent(self, sent: Mapping[str, Any]) -> Explanation:
        """Return a copy with the values that are sent to the client."""
        return replace(self, sent=sent)

    def overridden(self, native: Mapping[str, Any]) -> Explanation:
        """Return a copy in which the client's own dynamic configuration overrides fields.

        Args:
            native: the fields that it sets, with their values.
        """
        if not native:
            return self
        rows = {name: (name, value, origin) for name, value, origin in self.rows}
        for name, value in native.items():
            instead = ""
            if name in rows:
                _, profiles, origin = rows[name]
                instead = f", overrides {field_text(name, profiles)} from {origin}"
            rows[name] = (name, value, f"the client's dynamic configuration{instead}")
        return replace(self, rows=tuple(sorted(rows.values())))

    def with_behaviors(self, elsewhere: Mapping[str, Mapping[str, Any]]) -> Explanation:
        """Return a copy with the values in sessions that are created with a behavior."""
        return replace(self, elsewhere=elsewhere)

    def value(self, field: str) -> Any:
        """Return a field's value.

        Raises:
            KeyError: the profile does not set it.
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
            "behaviors": {name: {**fields} for name, fields in self.elsewhere.items()},
            "sent": None
            if self.sent is None
            else {
                name: value if isinstance(value, int | float | str) else str(value)
                for name, value in self.sent.items()
            },
        }
