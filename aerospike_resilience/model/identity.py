"""Identity: a wrapped client's name and its profile's, for log lines and errors."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

E = TypeVar("E", bound=BaseException)


class ClientIdentity:
    """A wrapped client's name and the name of its profile; neither changes.

    Args:
        name: the ``name=`` of `resilient()`, or a generated name; empty for what belongs to no client.
        profile: the name of the profile that the client was wrapped with.

    Attributes:
        closed: whether the client was closed, so that another client may take its name.
    """

    __slots__ = ("__weakref__", "closed", "name", "profile")

    def __init__(self, name: str = "", profile: str = "") -> None:
        self.name = name
        self.profile = profile
        self.closed = False

    def __repr__(self) -> str:
        return f"<client {self.name!r}, profile {self.profile!r}>"

    def log(self, logger: str) -> ClientLog:
        """Return the logger of that name, which puts the client's name into every line."""
        return ClientLog(logging.getLogger(logger), self)

    def error(self, error: Callable[..., E], message: str, **facts: Any) -> E:
        """Return a new error with the client's name in its message and as its ``client_name``.

        Args:
            error: the error's class.
            message: the rest of its message.
            facts: further arguments of the class.
        """
        made = error(f"{message} (client {self.name!r})" if self.name else message, **facts)
        vars(made)["client_name"] = self.name
        return made

    def refusal(
        self, made: Callable[[str, dict[str, Any]], E], message: str, facts: dict[str, Any]
    ) -> E:
        """Return a new refusal with the client's name in its message and as its ``client_name``.

        Args:
            made: makes the error, of its message and its attributes.
            message: the rest of its message.
            facts: its attributes.
        """
        facts["client_name"] = self.name
        return made(f"{message} (client {self.name!r})" if self.name else message, facts)


class ClientLog(logging.LoggerAdapter[logging.Logger]):
    """A logger for one client's log lines.

    Every line begins with the client's and the profile's name. Its record has them as the fields
    ``aerospike_client`` and ``aerospike_profile``, besides the line's own ``extra``.

    Args:
        logger: the logger that gets the lines.
        identity: the client.
    """

    def __init__(self, logger: logging.Logger, identity: ClientIdentity) -> None:
        super().__init__(
            logger,
            {"aerospike_client": identity.name, "aerospike_profile": identity.profile},
        )
        self._head = (
            f"client {identity.name!r}, profile {identity.profile!r}: " if identity.name else ""
        )

    def log(  # type: ignore[override]  # logging's own signature names each keyword
        self,
        level: int,
        msg: str,
        *args: Any,
        stacklevel: int = 1,
        extra: Mapping[str, object] | None = None,
        **kwargs: Any,
    ) -> None:
        """Log one line. All other methods (``warning``, ``exception``, …) end here."""
        if self.isEnabledFor(level):
            # A profile's name may hold a percent sign, which must not be read as a placeholder.
            line = (self._head.replace("%", "%%") if args else self._head) + msg
            self.logger.log(
                level,
                line,
                *args,
                stacklevel=stacklevel + 1,
                extra={**(self.extra or {}), **(extra or {})},
                **kwargs,
            )
