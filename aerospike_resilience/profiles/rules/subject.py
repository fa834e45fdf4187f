"""What a rule gets to check, and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeAlias

from ...model.operation import Kind, Operation, Shape
from ..layers import Setting
from ..profile import Profile


class Executing(Protocol):
    """A method that returns an object which touches the database later."""

    @property
    def executing(self) -> Mapping[str, Operation]:
        """The operation behind each method of that object."""
        ...


class Client(Protocol):
    """The part of an adapter that rules use."""

    name: str

    @property
    def operations(self) -> Mapping[str, Operation]:
        """Every method that touches the database, by name."""
        ...

    @property
    def lazy(self) -> Mapping[str, Executing]:
        """Every method that returns an object which touches it later, by name."""
        ...

    @property
    def cannot(self) -> Mapping[str, str]:
        """The fields that the client cannot apply or takes differently, each with one sentence why."""
        ...

    @property
    def config_variables(self) -> Mapping[str, str]:
        """Variables that name a configuration file of the client's own, and what that file sets."""
        ...

    @property
    def own_gate(self) -> str:
        """What the client's own gate counts; empty if the client has none."""
        ...

    def fields(self, operation: Operation, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return those of a profile's settings that would be sent to the client."""
        ...


Found: TypeAlias = Iterator[tuple[str, str, str]]
"""Origin, message and fix."""

Resolved: TypeAlias = tuple[Operation, bool, Mapping[str, Setting]]
"""An operation, whether it is safe to send twice, and the fields in force for it."""


@dataclass(frozen=True)
class Subject:
    """One profile on one client.

    Attributes:
        profile: the profile.
        client: the client's adapter.
        environment: the process's environment variables that the client's `config_variables` name.
    """

    profile: Profile
    client: Client
    environment: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        """Every operation of the client, queries and scans included."""
        later = (one for lazy in self.client.lazy.values() for one in lazy.executing.values())
        return tuple(dict.fromkeys((*self.client.operations.values(), *later)))

    @cached_property
    def resolved(self) -> tuple[Resolved, ...]:
        """The values of reads and writes; each write both as idempotent and as not idempotent."""
        return tuple(
            (operation, retryable, self.profile.settings(operation, retryable=retryable))
            for operation in self.operations
            if operation.kind in (Kind.READ, Kind.WRITE)
            for retryable in ((True, False) if operation.kind is Kind.WRITE else (True,))
        )

    def takes(self, operation: Operation, name: str, one: Setting) -> bool:
        """Return whether a field of the profile is sent with an operation."""
        return bool(self.client.fields(operation, {name: one.value}))


Rule: TypeAlias = Callable[[Subject], Found]


def value(settings: Mapping[str, Setting], name: str, default: Any = 0) -> Any:
    """Return a field's value, or `default` if the profile does not set it."""
    return settings[name].value if name in settings else default


def side(operation: Operation) -> str:
    """Return ``reads``, ``batch writes`` and so on, for messages."""
    kind = "reads" if operation.kind is Kind.READ else "writes"
    return kind if operation.shape is Shape.POINT else f"{operation.shape} {kind}"
