"""Users, logins and sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .settings import NodeSettings

if TYPE_CHECKING:
    from .connection import Connection


class Security:
    """Who may log in.

    Args:
        settings: The node's settings.
    """

    def __init__(self, settings: NodeSettings) -> None:
        self._settings = settings

    @classmethod
    def of(cls, settings: NodeSettings) -> Security | None:
        """Return the security of a node, or None where it is off."""
        return cls(settings) if settings.users is not None else None

    def respond(self, body: bytes, connection: Connection) -> bytes:
        """Answer an admin frame."""
        raise NotImplementedError
