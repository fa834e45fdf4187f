"""The settings of a connection: names, ranges, and a description that holds the values given for them.

Names are those of a policy file's ``connection``; what no file may hold (hosts, logins, certificates) has
the name of the builder's argument. Durations are in milliseconds here, whatever the unit of a source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final, NamedTuple

from ..errors import ClientConfigError, Problem
from ..model.secret import Secret, SecretFile
from ..model.wording import shown

MOST_CONNECTIONS: Final = 100_000
LEAST_TEND_MS: Final = 250
DAY_MS: Final = 24 * 3_600_000


class AuthMode(StrEnum):
    """How a client logs in."""

    NONE = "none"
    INTERNAL = "internal"
    EXTERNAL = "external"
    EXTERNAL_INSECURE = "external_insecure"
    PKI = "pki"


class Given(NamedTuple):
    """A value, and where it was given."""

    value: Any
    origin: str


Check = Callable[[Any], str]
"""Returns what is wrong with a value; empty if nothing is."""


def count(least: int, most: int) -> Check:
    """Return the check of a whole number."""

    def check(value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, int):
            return f"a whole number is needed, not {shown(value)}"
        if not least <= value <= most:
            return f"{value} is not between {least} and {most}"
        return ""

    return check


def duration(least_ms: float = 0) -> Check:
    """Return the check of a duration in milliseconds."""

    def check(value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"a number is needed, not {shown(value)}"
        if not least_ms <= value <= DAY_MS:
            return f"{value:g} ms is not between {least_ms:g} ms and 24 h"
        return ""

    return check


def flag(value: Any) -> str:
    """Check a truth value."""
    return "" if isinstance(value, bool) else f"True or False is needed, not {shown(value)}"


def text(value: Any) -> str:
    """Check a text."""
    return "" if isinstance(value, str) and value else f"a text is needed, not {shown(value)}"


def names(value: Any) -> str:
    """Check a list of texts."""
    if isinstance(value, list | tuple) and value and all(isinstance(one, str) for one in value):
        return ""
    return f"a list of names is needed, not {shown(value)}"


def _racks(value: Any) -> str:
    check = count(0, 1_000_000)
    if not isinstance(value, list | tuple) or not value:
        return f"a list of rack ids is needed, not {shown(value)}"
    if problem := next(filter(None, map(check, value)), ""):
        return problem
    return "" if len(set(value)) == len(value) else "a rack is named twice"


def _addresses(value: Any) -> str:
    if isinstance(value, Mapping) and all(
        isinstance(one, str) and one for pair in value.items() for one in pair
    ):
        return ""
    return f"a dict from address to address is needed, not {shown(value)}"


def _mode(value: Any) -> str:
    return "" if value in list(AuthMode) else f"there is no authentication mode {shown(value)}"


def _secret(value: Any) -> str:
    return "" if isinstance(value, Secret | SecretFile) else "a password is text"


def _anything(_value: Any) -> str:
    return ""


CHECKS: Final[Mapping[str, Check]] = {
    "hosts": _anything,
    "auth_mode": _mode,
    "user": text,
    "password": _secret,
    "cluster_name": text,
    "app_id": text,
    "timeout": duration(1),
    "login_timeout": duration(1),
    "wait_for_connection_to_complete": duration(),
    "max_socket_idle": duration(),
    "tend_interval": duration(LEAST_TEND_MS),
    "min_conns_per_node": count(0, MOST_CONNECTIONS),
    "max_conns_per_node": count(1, MOST_CONNECTIONS),
    "conn_pools_per_node": count(1, 1000),
    "max_error_rate": count(0, 2**31 - 1),
    "error_rate_window": count(1, 2**31 - 1),
    "use_services_alternate": flag,
    "force_single_node": flag,
    "fail_if_not_connected": flag,
    "strict_config": flag,
    "rack_ids": _racks,
    "ip_map": _addresses,
    "tls": flag,
    "tls_name": text,
    "ca_file": text,
    "client_cert_file": text,
    "client_key_file": text,
    "protocols": names,
    "ciphers": names,
    "for_login_only": flag,
    "max_concurrent_operations": count(0, MOST_CONNECTIONS),
    "operation_queue_timeout_ms": duration(),
    "transactions": _anything,
    "metrics": _anything,
}
"""Every setting that a description may hold, and the check of its values."""

_POOL: Final = ("min_conns_per_node", "max_conns_per_node", "conn_pools_per_node")

NEEDS_LOGIN: Final = (AuthMode.INTERNAL, AuthMode.EXTERNAL, AuthMode.EXTERNAL_INSECURE)


@dataclass(frozen=True, slots=True)
class Description:
    """A cluster as it was described, whichever way.

    Attributes:
        source: how: ``ClusterDefinition``, ``ClientConfig``, a URL, the environment.
        settings: each setting that was given, by its name.
        client: the client that the description asks for; None if it does not.
        profile: the profile that it asks for; None if it does not.
    """

    source: str
    settings: Mapping[str, Given] = field(default_factory=dict)
    client: str | None = None
    profile: str | None = None

    def value(self, name: str, default: Any = None) -> Any:
        """Return a setting's value."""
        found = self.settings.get(name)
        return default if found is None else found.value

    def checked(self, known: Mapping[str, str] | None = None) -> Description:
        """Return the description, if it can be used.

        Args:
            known: the source's own names for settings, where they differ.

        Raises:
            ClientConfigError: it cannot; the error holds every problem.
        """
        if found := list(problems(self, known or {})):
            raise ClientConfigError(found)
        return self

    def with_settings(self, changes: Mapping[str, Given]) -> Description:
        """Return the description with settings over its own."""
        return replace(self, settings={**self.settings, **changes})


def problems(description: Description, known: Mapping[str, str]) -> Iterator[Problem]:
    """Yield every mistake of a description: of single values, and of values together."""
    bad = set()
    for name, given in description.settings.items():
        if problem := CHECKS[name](given.value):
            bad.add(name)
            yield Problem(description.source, 0, 0, known.get(name, name), problem)

    def wrong(name: str, message: str) -> Problem:
        return Problem(description.source, 0, 0, known.get(name, name), message)

    value = description.value
    if not value("hosts"):
        yield wrong("hosts", "at least one host is needed, such as ('localhost', 3000)")
    least, most, pools = map(value, _POOL)
    if not bad.intersection(_POOL) and most is not None:
        if (least or 0) > most:
            yield wrong("min_conns_per_node", f"{least} is more than max_conns_per_node, {most}")
        if (pools or 0) > most:
            yield wrong("conn_pools_per_node", f"{pools} pools cannot share {most} connections")
    yield from _login_problems(description, bad, wrong)
    if bool(value("client_cert_file")) != bool(value("client_key_file")):
        yield wrong("client_cert_file", "client_cert_file and client_key_file are needed together")


def _login_problems(
    description: Description, bad: set[str], wrong: Callable[[str, str], Problem]
) -> Iterator[Problem]:
    value = description.value
    mode = value("auth_mode", AuthMode.NONE)
    if mode in NEEDS_LOGIN:
        for name in ("user", "password"):
            if value(name) is None:
                yield wrong(name, f"the authentication mode {mode} needs one")
    elif mode == AuthMode.PKI and not {"tls"} & bad:
        if not value("client_cert_file"):
            yield wrong(
                "auth_mode", "a login by certificate needs client_cert_file and client_key_file"
            )
        unnamed = [
            host.name for host in value("hosts") or () if not (host.tls_name or value("tls_name"))
        ]
        if unnamed:
            yield wrong(
                "hosts",
                f"a login by certificate needs a TLS name for each host: {', '.join(unnamed)}",
            )
    elif (
        mode == AuthMode.NONE
        and "auth_mode" not in bad
        and (value("user") is not None or value("password") is not None)
    ):
        yield wrong("auth_mode", "user and password are given, but nothing to log in with")
    if value("for_login_only") and mode == AuthMode.NONE:
        yield wrong("for_login_only", "TLS for the login alone needs a login")
