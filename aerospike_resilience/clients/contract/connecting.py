"""What a connector answers: how one client is given the description of a cluster, and connected with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol, TypeAlias

from ...model.support import Support

Trouble: TypeAlias = Literal["", "credentials", "cluster_name", "tls", "unreachable"]
"""What kept a client from connecting; empty if its error does not say."""


class Connector(Protocol):
    """One client, blocking or awaited, as `connect()` creates it.

    Settings have the names of a policy file's ``connection`` and of the builders' arguments; durations are
    in milliseconds.
    """

    kind: str
    """The client, as `connect()` takes it."""

    adapter: str
    """The name of its adapter."""

    package: str
    """The package that is imported."""

    distribution: str
    """What to install."""

    awaited: bool
    """Whether connecting, and every operation, is awaited."""

    support: Mapping[str, Support]
    """What it can do with each setting."""

    pairs: Mapping[str, str]
    """Settings that mean something only together: each other's name."""

    families: Mapping[str, str]
    """The policies of its configuration, and the operation whose policy each gets; empty if it has none."""

    def prepare(self) -> None:
        """Do what must be done before a thread that soon ends opens a client."""
        ...

    def together(self, values: Mapping[str, Any]) -> str:
        """Return why values, each good by itself, cannot go together; empty if they can."""
        ...

    def arguments(
        self, values: Mapping[str, Any], policies: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, Any]:
        """Return what the client is given, as plain values; passwords stay secrets.

        Args:
            values: settings that the client has itself.
            policies: the policies of its configuration.
        """
        ...

    def policy_fields(self, family: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return those fields of a policy that the client's configuration takes, as it takes them."""
        ...

    def open(self, arguments: Mapping[str, Any]) -> Any:
        """Return a connected client. Only for blocking ones."""
        ...

    async def open_async(self, arguments: Mapping[str, Any]) -> Any:
        """Return a connected client. Only for awaited ones."""
        ...

    def unconnected(self, arguments: Mapping[str, Any]) -> Any:
        """Return a client whose own ``connect`` is yet to be called; None if there is no such client."""
        ...

    def login(self, arguments: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the arguments of the client's own ``connect``."""
        ...

    def discard(self, client: Any) -> None:
        """Close a client that nobody will use, from any thread."""
        ...

    async def discard_async(self, client: Any) -> None:
        """Close an awaited client that nobody will use, in its event loop."""
        ...

    def trouble(self, error: BaseException) -> Trouble:
        """Return what an error of connecting means."""
        ...

    def info(self, client: Any, command: str) -> Any:
        """Ask a node; return its answer's text, or for an awaited client a coroutine of it."""
        ...

    def node_count(self, client: Any) -> int:
        """Return how many nodes a connected client knows."""
        ...
