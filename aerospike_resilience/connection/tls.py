"""`TlsBuilder`: TLS for a `ClusterDefinition`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from ..model.wording import shown

if TYPE_CHECKING:
    from .definition import ClusterDefinition


class TlsBuilder:
    """Describes TLS, one part a method; `done` returns to the definition.

    TLS is on from the moment this builder is made.
    """

    def __init__(self, definition: ClusterDefinition) -> None:
        self._definition = definition

    def tls_name(self, name: str) -> Self:
        """Give the name that the servers' certificate must carry, for hosts without their own."""
        return self._put("tls_name", name)

    def ca_file(self, path: str) -> Self:
        """Give the authorities that sign servers' certificates, as a PEM file; else the system's."""
        return self._put("ca_file", path)

    def client_cert_file(self, path: str) -> Self:
        """Give the client's own certificate, as a PEM file."""
        return self._put("client_cert_file", path)

    def client_key_file(self, path: str) -> Self:
        """Give the key of the client's certificate, as a PEM file."""
        return self._put("client_key_file", path)

    def protocols(self, *protocols: str | Sequence[str]) -> Self:
        """Give the versions of TLS that are allowed, such as ``"TLSv1.2", "TLSv1.3"``."""
        return self._put("protocols", listed("protocols", protocols))

    def ciphers(self, *ciphers: str | Sequence[str]) -> Self:
        """Give the cipher suites that are allowed."""
        return self._put("ciphers", listed("ciphers", ciphers))

    def for_login_only(self, enabled: bool = True) -> Self:
        """Use TLS for the login alone."""
        return self._put("for_login_only", enabled)

    def done(self) -> ClusterDefinition:
        """Return to the definition."""
        return self._definition

    def _put(self, name: str, value: Any) -> Self:
        self._definition._give(f"with_tls_config_of().{name}", **{name: value})  # noqa: SLF001 - its other half
        return self


def listed(name: str, given: Any) -> tuple[str, ...]:
    """Return names that were given one by one, or as one list.

    Raises:
        TypeError: they are no texts.
        ValueError: there are none.
    """
    if isinstance(given, str):
        raise TypeError(f"{name} takes a list of names, not a single text: [{given!r}]")
    if len(given) == 1 and not isinstance(given[0], str):
        given = given[0]
    if not isinstance(given, list | tuple) or not all(isinstance(one, str) for one in given):
        raise TypeError(f"{name} takes names, not {shown(given)}")
    if not given:
        raise ValueError(f"{name} needs at least one name; leave it out for the client's own")
    return tuple(given)
