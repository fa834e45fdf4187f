"""What an adapter answers about connection: how a client is created, configured, found and asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from ...model.operation import NodeSource, Operation


@dataclass(frozen=True, slots=True)
class Creation:
    """A way to create a client, for wrapping every client that a process creates.

    Attributes:
        module: the module that holds it.
        attribute: its name there; ``Class.__init__`` for a class whose instances are wrapped in place.
        how: what it is: a ``class``, a ``function``, an ``awaitable`` function or an ``init``. A ``bare``
            one goes on creating clients that are not wrapped, as another creation wraps what holds them.
        hosts: turns its arguments into the hosts that the client is for, as ``host:port``.
    """

    module: str
    attribute: str
    how: Literal["class", "function", "awaitable", "init", "bare"]
    hosts: Callable[[tuple[Any, ...], Mapping[str, Any]], list[str]] = lambda _args, _kwargs: []


class Seam(Protocol):
    """The place inside an application's object where the client that does the work is held."""

    target: Any
    """The client that does the work."""

    def install(
        self, wrapped: Any, resilience: Any, name: str, scopes: Mapping[str, Mapping[str, Any]]
    ) -> Any:
        """Replace `target` with a wrapped client; return what the application is to use.

        Args:
            wrapped: the wrapped client.
            resilience: the value of the attribute ``resilience`` of what is returned.
            name: a name for the profile, for objects that carry it.
            scopes: the profile's policy fields by scope (``reads_point`` …).
        """
        ...

    def follow(self, scopes: Mapping[str, Mapping[str, Any]]) -> None:
        """Apply a reloaded profile."""
        ...

    def remove(self) -> None:
        """Undo `install` on the object that the application gave."""
        ...


class NativeConfig(Protocol):
    """A client's own dynamic configuration. It overrides policies, even those of single calls.

    Fields have the names and values of a policy file.
    """

    def overrides(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the fields that it decides now, by family. Sends nothing to any node."""
        ...

    def unclear(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the fields of which the client does not show who decides them, it or the application."""
        ...

    def behaviors(self) -> tuple[str, ...]:
        """Return the names of configurations that only some sessions use."""
        ...

    def of_behavior(self, name: str, operation: Operation, *, retryable: bool) -> Mapping[str, Any]:
        """Return the fields that one of `behaviors` decides for an operation.

        Args:
            name: the behavior.
            operation: the method.
            retryable: whether the operation may be sent again.
        """
        ...


class NoNativeConfig:
    """The answers of a client that has no dynamic configuration."""

    def overrides(self) -> Mapping[str, Mapping[str, Any]]:
        """Return nothing."""
        return {}

    def unclear(self) -> Mapping[str, Mapping[str, Any]]:
        """Return nothing."""
        return {}

    def behaviors(self) -> tuple[str, ...]:
        """Return nothing."""
        return ()

    def of_behavior(
        self,
        name: str,  # noqa: ARG002
        operation: Operation,  # noqa: ARG002
        *,
        retryable: bool,  # noqa: ARG002
    ) -> Mapping[str, Any]:
        """Return nothing."""
        return {}


class ConnectionAnswers(Protocol):
    """A client as an object: how it is created and configured, and what it knows of its cluster."""

    creations: tuple[Creation, ...]
    """Every way to create such a client."""

    in_forked_child: Mapping[str, Any]
    """Policy fields that must have these values in a forked child, where the client's threads are not."""

    why_not_forked: str
    """Why a forked child cannot share the client with its parent, as the end of a sentence."""

    config_variables: Mapping[str, str]
    """What a configuration file of the client decides, by the environment variable that names the file."""

    own_gate: str
    """What a limit of concurrent operations in the client's configuration counts; empty if it has none."""

    def is_closed(self, client: Any) -> bool:
        """Return whether the client has been closed."""
        ...

    def seam(self, client: Any) -> Seam | None:
        """Return where the client that does the work is held; None if it is this very object."""
        ...

    def source(self, client: Any) -> NodeSource:
        """Return the client's view of its cluster."""
        ...

    def own_connection(self, client: Any) -> Mapping[str, Any]:
        """Return the connection settings of the application's client; empty if it cannot say.

        Names are those of a policy file's ``connection``. Durations are in milliseconds, except
        ``max_socket_idle``, which is in seconds.
        """
        ...

    def native_config(self, client: Any) -> NativeConfig:
        """Return what watches the client's dynamic configuration; a `NoNativeConfig` if it has none."""
        ...

    def seed(self, client: Any) -> str:
        """Return the first host that the client was given, as ``host:port``; empty where it does not tell.

        A client that only tells the nodes it knows answers with the first that it learned.
        """
        ...
