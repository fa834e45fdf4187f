"""Checks the arguments of `LocalCluster`, and converts them to the nodes' settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from .certificates import Certificate
from .credentials import credential_of
from .faults import seconds
from .server.security import ROLE_NAMES
from .server.settings import TlsFiles

Duration = float | str
Users = Mapping[str, str | tuple[str, Sequence[str]]]

MAX_NODES: Final = 8


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
) -> dict[str, Any]:
    """Return the settings that all nodes have in common.

    Raises:
        ValueError: An argument is invalid.
    """
    if not 1 <= replication_factor <= MAX_NODES:
        raise ValueError(f"replication_factor is 1 to {MAX_NODES}, not {replication_factor!r}")
    if isinstance(namespaces, str) or not namespaces:
        raise ValueError("namespaces is a sequence of names, for example ('test',)")
    if client_ca_file is not None and tls is None:
        raise ValueError("client_ca_file= needs tls=: without TLS there are no certificates")
    if heartbeat_timeout < 3:
        raise ValueError(f"heartbeat_timeout is 3 or more, not {heartbeat_timeout!r}")
    return {
        "namespaces": tuple(namespaces),
        "replication_factor": replication_factor,
        "heartbeat_s": seconds(heartbeat_interval),
        "heartbeat_timeout": heartbeat_timeout,
        "cluster_name": cluster_name,
        "default_ttl_s": int(seconds(default_ttl)),
        "max_record_size": max_record_size,
        "expiry": expiry,
        "users": None if users is None else _with_credentials(users),
        "session_ttl_s": int(seconds(session_ttl)),
        "tls": tls and TlsFiles(tls.certificate, tls.key, client_ca_file or "", tls.name),
    }


def _with_credentials(users: Users) -> dict[str, tuple[str, tuple[str, ...]]]:
    found = {}
    for user, entry in users.items():
        password, roles = (entry, ROLE_NAMES) if isinstance(entry, str) else entry
        unknown = [role for role in roles if role not in ROLE_NAMES]
        if unknown:
            known = ", ".join(ROLE_NAMES)
            raise ValueError(f"no role is called {unknown[0]!r}; there are {known}")
        found[user] = (credential_of(password), tuple(roles))
    return found
