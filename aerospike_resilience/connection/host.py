"""`Host`: the address of a node at which a client begins."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple, Self

from ..model.wording import shown

_BRACKETED: Final = re.compile(r"\[([^\[\]]+)\](?::(.*))?", re.DOTALL)

_BLANK: Final = re.compile(r"[\s,]")


class _Address(NamedTuple):
    name: str
    port: int
    tls_name: str | None


class Host(_Address):
    """The address of a seed: ``(name, port, tls_name)``.

    Attributes:
        name: a host name or an IP address; IPv6 with or without brackets.
        port: the port.
        tls_name: the name that the server's certificate must carry; None for the one of the TLS settings.

    Raises:
        TypeError: the name or the TLS name is no text.
        ValueError: the name is empty or holds blanks or commas; the port is no whole number from 1 to
            65535.
    """

    __slots__ = ()

    def __new__(cls, name: str, port: int, tls_name: str | None = None) -> Self:
        """Create it, checked."""
        for what, text in (("host's name", name), ("tls_name", tls_name)):
            if text is None and what == "tls_name":
                continue
            if not isinstance(text, str):
                raise TypeError(f"a {what} is text, not {shown(text)}")
            if not text or _BLANK.search(text):
                raise ValueError(f"{shown(text)} is no {what}")
        plain = name[1:-1] if name.startswith("[") and name.endswith("]") else name
        return super().__new__(cls, plain, _port(port, shown(port)), tls_name)

    @classmethod
    def of(cls, name: str, port: int) -> Self:
        """Return the host of a name and a port."""
        return cls(name, port)

    @classmethod
    def parse_hosts(cls, host_string: str, default_port: int) -> list[Self]:
        """Return the hosts in a text: ``host1:3000,host2``, ``[::1]:3000``, ``host:tls_name:port``.

        Args:
            host_string: segments, separated by commas.
            default_port: the port of segments that name none.

        Raises:
            ValueError: a segment is empty, or its port is no whole number from 1 to 65535; the message
                quotes the segment.
            TypeError: it is no text.
        """
        if not isinstance(host_string, str):
            raise TypeError(
                f"hosts are text such as 'host1:3000,host2:3000', not {shown(host_string)}"
            )
        return [cls._parsed(segment.strip(), default_port) for segment in host_string.split(",")]

    @classmethod
    def _parsed(cls, segment: str, default_port: int) -> Self:
        bracketed = _BRACKETED.fullmatch(segment)
        if bracketed is not None:
            name, rest = bracketed[1], bracketed[2]
            parts = [] if rest is None else rest.split(":")
        elif segment.count(":") > 2:
            raise ValueError(
                f"host segment {shown(segment)}: an IPv6 address goes in brackets, [::1]:3000"
            )
        else:
            name, *parts = segment.split(":")
        if not name or len(parts) > 2:
            raise ValueError(f"host segment {shown(segment)} is no host:port")
        port = _port(parts[-1], f"host segment {shown(segment)}") if parts else default_port
        try:
            return cls(name, port, parts[0] if len(parts) == 2 else None)
        except ValueError as error:
            raise ValueError(f"host segment {shown(segment)}: {error}") from None

    @property
    def address(self) -> str:
        """``name:port``, with brackets around an IPv6 address."""
        return f"[{self.name}]:{self.port}" if ":" in self.name else f"{self.name}:{self.port}"

    def __repr__(self) -> str:
        tls = "" if self.tls_name is None else f", tls_name={self.tls_name!r}"
        return f"Host({self.name!r}, {self.port}{tls})"

    def __str__(self) -> str:
        return self.address


def _port(given: Any, where: str) -> int:
    """Return a port.

    Args:
        given: the port, or text of digits.
        where: what the error begins with.
    """
    if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) < 10:
        given = int(given)
    if isinstance(given, bool) or not isinstance(given, int):
        raise ValueError(f"{where}: the port {shown(given)} is no whole number")  # noqa: TRY004 - the vendor's class
    if not 1 <= given <= 65_535:
        raise ValueError(f"{where}: the port {given} is not between 1 and 65535")
    return given
