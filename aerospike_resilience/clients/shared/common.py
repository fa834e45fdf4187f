"""The answers that are the same in most adapters. An adapter overrides those that differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ...model.operation import Operation
from ..contract import (
    CoalescedMethod,
    KeywordsMatchProfile,
    NativeConfig,
    NoNativeConfig,
    Seam,
)
from ..contract.operations import SlotSender
from .statement import BuilderCalls


class CommonAdapter:
    """The answers of a client that does its work itself and shows little of its state."""

    returns_futures: bool = False
    outlives_cancellation: bool = False
    coalesced_methods: Mapping[str, CoalescedMethod] = {}
    keywords_match_profile: KeywordsMatchProfile | None = None
    config_variables: Mapping[str, str] = {}
    own_gate: str = ""

    def seam(self, client: Any) -> Seam | None:  # noqa: ARG002
        """Return None: the client does its work itself."""
        return None

    def is_closed(self, client: Any) -> bool:  # noqa: ARG002
        """Return False: a closed client looks like one that is not connected yet."""
        return False

    def seed(self, client: Any) -> str:  # noqa: ARG002
        """Return nothing: the client does not tell what it was given."""
        return ""

    def raised_as(self, error: BaseException) -> type[BaseException]:
        """Return the error's own class: the application gets it as the client raised it."""
        return type(error)

    def target(self, operation: Operation, arguments: Mapping[str, Any]) -> tuple[str, str] | None:
        """Return what the parameters for a namespace and a set hold."""
        namespace, set_name = (arguments.get(name) for name in operation.place)
        found = (_name(namespace), _name(set_name))
        return found if any(found) else None

    def lazy_place(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[str, str] | None:
        """Return the first two arguments, by whatever name."""
        given = [*args, *(kwargs[name] for name in _PLACE if name in kwargs)]
        namespace, set_name, *_ = (*given, None, None)
        return (namespace, _name(set_name)) if isinstance(namespace, str) else None

    def own_connection(self, client: Any) -> Mapping[str, Any]:  # noqa: ARG002
        """Return nothing: the client does not show its configuration."""
        return {}

    def native_config(self, client: Any) -> NativeConfig:  # noqa: ARG002
        """Return the answers of a client without a dynamic configuration."""
        return NoNativeConfig()

    def statement(self, operation: Operation, arguments: Mapping[str, Any]) -> str:  # noqa: ARG002
        """Return nothing: no method of the client makes a query by itself."""
        return ""

    def lazy_statement(self, created_with: Sequence[Any], builder_calls: BuilderCalls) -> str:  # noqa: ARG002
        """Return nothing: the client has no objects that touch the database later."""
        return ""

    def policy_keywords(self, operation: Operation) -> tuple[str, ...]:
        """Return the operation's own parameter for its policy."""
        return (operation.policy,) if operation.policy else ()

    def slot_sender(self, client: Any, operation: Operation) -> SlotSender | None:  # noqa: ARG002
        """Return None: the client has no such way."""
        return None

    def configured(self, own: Mapping[str, Any], policy: Any) -> bool:  # noqa: ARG002
        """Return False: the client does not show its configuration."""
        return False

    def own_family(self, operation: Operation) -> str:
        """Return the operation's own family."""
        return operation.family


_PLACE: Final = ("namespace", "ns", "set", "set_name")
"""Names of a lazy object's first two parameters, of all clients, the namespace first."""


def _name(value: object) -> str:
    return value if isinstance(value, str) else ""


def is_of_class(client: object, package: str, *class_names: str) -> bool:
    """Return whether an object is of a class of a package, or of a class derived from it.

    Compares names, so that the package need not be imported.

    Args:
        client: the object.
        package: the top-level package.
        class_names: the names of the classes.
    """
    return any(
        cls.__module__.partition(".")[0] == package and cls.__name__ in class_names
        for cls in client.__class__.__mro__
    )
