"""Checks the arguments of `LocalCluster`, and converts them to the nodes' settings."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from .certificates import Certificate
from .credentials import credential_of
from .faults import seconds
from .server.security import ROLE_NAMES
from .server.settings import TlsFiles

Duration = float | str
Users = Mapping[str, str | tuple[str | None, Sequence[str]] | None]

MAX_NODES: Final = 8
MAX_PORT: Final = 65_535


def node_names(nodes: int, wanted: Sequence[str] | None) -> tuple[str, ...]:
    """Return the nodes' names.

    Raises:
        ValueError: There are too many, or the names do not match.
    """
    if not 1 <= nodes <= MAX_NODES:
        raise ValueError(f"a LocalCluster has 1 to {MAX_NODES} nodes, not {nodes!r}")
    names = tuple(wanted) if wanted else tuple(f"A{n + 1}" for n in range(nodes))
    if len(set(names)) != nodes or len(names) != nodes:
        raise ValueError(f"node_names needs {nodes} different names, not {names!r}")
    return names


def common_settings(
    *,
    replication_factor: int,
    namespaces: Sequence[str],
    cluster_name: str,
    heartbeat_interval: Duration,
    heartbeat_timeout: int,
    default_ttl: Duration,
    max_record_size: int,
    expiry: bool,
    users: Users | None,
    session_ttl: Duration,
    tls: Certificate | None,
    client_ca_file: str | None,
    external_users: Users | None,
    strong: Sequence[str],
    index_build: Duration,
    truncate_delay: Duration,
    placement: dict[str, Any],
) -> dict[str, Any]:
    """Return the settings that all nodes have in common; `placement` is from `placement_of`.

    Raises:
        ValueError: An argument is invalid.
    """
    if not 1 <= replication_factor <= MAX_NODES:
        raise ValueError(f"replication_factor is 1 to {MAX_NODES}, not {replication_factor!r}")
    if isinstance(namespaces, str) or not namespaces:
        raise ValueError("namespaces is a sequence of names, for example ('test',)")
    if client_ca_file is not None and tls is None:
        raise ValueError("client_ca_file= needs tls=: without TLS there are no certificates")
    if external_users is not None and users is None:
        raise ValueError(
            "external_users= needs users=: without it there are no logins; {} is enough"
        )
    if heartbeat_timeout < 3:
        raise ValueError(f"heartbeat_timeout is 3 or more, not {heartbeat_timeout!r}")
    if isinstance(strong, str) or not set(strong) <= set(namespaces):
        raise ValueError(f"strong= names some of namespaces={tuple(namespaces)!r}, not {strong!r}")
    return {
        "namespaces": tuple(namespaces),
        "strong": tuple(strong),
        "index_build_s": seconds(index_build),
        "truncate_delay_s": seconds(truncate_delay),
        "replication_factor": replication_factor,
        "heartbeat_s": seconds(heartbeat_interval),
        "heartbeat_timeout": heartbeat_timeout,
        "cluster_name": cluster_name,
        "default_ttl_s": int(seconds(default_ttl)),
        "max_record_size": max_record_size,
        "expiry": expiry,
        "users": None if users is None else _with(credential_of, users),
        "external_users": _with(_digest, external_users or {}),
        "session_ttl_s": int(seconds(session_ttl)),
        "tls": tls and TlsFiles(tls.certificate, tls.key, client_ca_file or "", tls.name),
        **placement,
    }


def checked_port(port: int | None, nodes: int) -> int | None:
    """Return the first node's port.

    Raises:
        ValueError: There are not that many ports above it.
    """
    if port is not None and not 1 <= port <= MAX_PORT - nodes + 1:
        raise ValueError(f"port is 1 to {MAX_PORT - nodes + 1} for {nodes} nodes, not {port!r}")
    return port


def placement_of(
    names: tuple[str, ...],
    racks: Sequence[int] | None,
    access_addresses: Sequence[str | None] | None,
    alternate_access_addresses: Sequence[str | None] | None,
) -> dict[str, Any]:
    """Return where the nodes are, and where they say they are.

    Raises:
        ValueError: There is not one entry a node, or a rack is no number of 0 or more.
    """
    return {
        "racks": None if racks is None else _placed(names, racks),
        "access": _addresses(names, "access_addresses", access_addresses),
        "alternate_access": _addresses(
            names, "alternate_access_addresses", alternate_access_addresses
        ),
    }


def _placed(names: tuple[str, ...], racks: Sequence[int]) -> dict[str, int]:
    if len(racks) != len(names) or not all(isinstance(r, int) and r >= 0 for r in racks):
        raise ValueError(f"racks needs {len(names)} numbers from 0, one a node, not {racks!r}")
    return dict(zip(names, racks, strict=True))


def _addresses(
    names: tuple[str, ...], argument: str, given: Sequence[str | None] | None
) -> dict[str, str]:
    if given is None:
        return {}
    if isinstance(given, str) or len(given) != len(names):
        raise ValueError(
            f"{argument} needs {len(names)} entries, one a node (None for its own address), "
            f"not {given!r}"
        )
    return {name: address for name, address in zip(names, given, strict=True) if address}


def _digest(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()


def _with(hashed: Callable[[str], str], users: Users) -> dict[str, tuple[str, tuple[str, ...]]]:
    found = {}
    for user, entry in users.items():
        password, roles = (entry, ROLE_NAMES) if entry is None or isinstance(entry, str) else entry
        unknown = [role for role in roles if role not in ROLE_NAMES]
        if unknown:
            known = ", ".join(ROLE_NAMES)
            raise ValueError(f"no role is called {unknown[0]!r}; there are {known}")
        found[user] = ("" if password is None else hashed(password), tuple(roles))
    return found
