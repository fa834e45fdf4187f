"""`ClientConfig`: the cluster as the dict of aerospike-py's guide, checked whole."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypedDict

from ..errors import ClientConfigError, Problem
from ..model.durations import s_to_ms
from ..model.secret import Secret
from ..model.wording import shown, suggestion
from .host import Host
from .settings import CHECKS, AuthMode, Description, Given, duration, problems

SOURCE: Final = "ClientConfig"


class ClientConfig(TypedDict, total=False):
    """A cluster, and how to connect to it, with the guide's fields, defaults and units.

    Attributes:
        hosts: ``[("localhost", 3000), …]``, or `Host` objects.
        cluster_name: the name that the cluster must have; default: any.
        auth_mode: a constant of ``aerospike_py`` (``AUTH_INTERNAL`` 0, ``AUTH_EXTERNAL`` 1, ``AUTH_PKI``
            2), or ``"internal"``, ``"external"``, ``"external_insecure"``, ``"pki"``; default: internal.
        user: who logs in; default: nobody.
        password: the password.
        timeout: how long connecting to a node may take, in milliseconds; default: 1000.
        idle_timeout: when an unused connection is closed, in seconds; default: the client's own.
        max_conns_per_node: default: the profile's.
        min_conns_per_node: default: the profile's.
        conn_pools_per_node: default: 1.
        tend_interval: how often nodes are asked, in milliseconds, 250 or more; default: 1000.
        use_services_alternate: whether nodes are reached at their alternate addresses; default: no.
        max_concurrent_operations: how many operations may run at once; 0 for no limit; default: the
            profile's.
        operation_queue_timeout_ms: how long an operation may wait for that, in milliseconds; 0 for as long
            as its deadline; default: the profile's.
    """

    hosts: list[Host | tuple[str, int] | tuple[str, int, str | None]]
    cluster_name: str | None
    auth_mode: int | str
    user: str
    password: str
    timeout: int
    idle_timeout: int
    max_conns_per_node: int
    min_conns_per_node: int
    conn_pools_per_node: int
    tend_interval: int
    use_services_alternate: bool
    max_concurrent_operations: int
    operation_queue_timeout_ms: int


FIELDS: Final = tuple(ClientConfig.__annotations__)

AUTH_MODES: Final[Mapping[Any, AuthMode]] = {
    0: AuthMode.INTERNAL,
    1: AuthMode.EXTERNAL,
    2: AuthMode.PKI,
    **{str(mode): mode for mode in AuthMode},
}

_OTHER_NAMES: Final[Mapping[str, str]] = {
    "max_socket_idle": "idle_timeout",
    "max_socket_idle_time": "idle_timeout",
    "connect_timeout": "timeout",
    "tend_timeout": "timeout",
    "username": "user",
    "user_name": "user",
    "seeds": "hosts",
    "max_connections_per_node": "max_conns_per_node",
    "min_connections_per_node": "min_conns_per_node",
    "operation_queue_timeout": "operation_queue_timeout_ms",
    "use_service_alternative": "use_services_alternate",
}
"""What other clients call a field."""

_ELSEWHERE: Final[Mapping[str, str]] = {
    "tls": "TLS is described by a ClusterDefinition: .with_tls_config_of()",
    "policies": "timeouts and retries are the profile's: connect(profile=…), overrides={'policy': …}",
    "max_error_rate": "the client's own breaker is set by a ClusterDefinition: .with_system_settings()",
    "error_rate_window": "the client's own breaker is set by a ClusterDefinition: .with_system_settings()",
    "rack_ids": "racks are described by a ClusterDefinition: .preferring_racks()",
    "rack_id": "racks are described by a ClusterDefinition: .preferring_racks()",
    "rack_aware": "racks are described by a ClusterDefinition: .preferring_racks()",
    "fail_if_not_connected": "it is described by a ClusterDefinition: .fail_if_not_connected()",
    "password_file": "it is an argument of connect(): connect(config, password_file=…)",
    "profile": "it is an argument of connect(): connect(config, profile=…)",
    "client": "it is an argument of connect(): connect(config, client=…)",
}
"""What is no field, and where it belongs."""


def described(config: Mapping[str, Any], *, password_elsewhere: bool = False) -> Description:
    """Return a config's description.

    Args:
        config: the dict.
        password_elsewhere: whether the password comes from a file.

    Raises:
        ClientConfigError: it cannot be used; the error holds every problem.
    """
    found: list[Problem] = []

    def wrong(key: object, message: str) -> None:
        found.append(Problem(SOURCE, 0, 0, str(key), message))

    settings: dict[str, Given] = {}
    for key, value in config.items():
        if key not in FIELDS:
            wrong(key, _unknown(key))
        elif key == "hosts":
            hosts = tuple(_hosts(value, wrong))
            if hosts or not value:
                settings["hosts"] = Given(hosts, _origin("hosts"))
        elif key == "auth_mode":
            _auth_mode(value, settings, wrong)
        elif key == "password":
            if isinstance(value, str):
                settings["password"] = Given(Secret(value), _origin(key))
            else:
                wrong(key, "a password is text")
        elif key == "idle_timeout":
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if problem := duration()(s_to_ms(value) if number else value):
                wrong(key, problem)
            else:
                settings["max_socket_idle"] = Given(s_to_ms(value), _origin(key))
        elif value is not None or key != "cluster_name":
            if problem := CHECKS[key](value):
                wrong(key, problem)
            else:
                settings[key] = Given(value, _origin(key))
    if "hosts" not in settings:
        settings["hosts"] = Given((), "")
        if config.get("hosts"):  # its mistakes are in the list already
            settings["hosts"] = Given((Host("unknown", 1),), "")
    has_login = "user" in settings or "password" in settings
    if has_login and "auth_mode" not in settings and "auth_mode" not in config:
        settings["auth_mode"] = Given(AuthMode.INTERNAL, "the guide's default")
    if password_elsewhere and "password" not in settings:
        settings["password"] = Given(Secret("-"), "password_file=")
    description = Description(SOURCE, settings)
    wrongly = {problem.key for problem in found}
    found += [
        problem
        for problem in problems(description, {"max_socket_idle": "idle_timeout"})
        if problem.key not in wrongly
    ]
    if found:
        raise ClientConfigError(found)
    return description


def _origin(key: str) -> str:
    return f"{SOURCE}: {key}"


def _unknown(key: object) -> str:
    if key in _ELSEWHERE:
        return f"a ClientConfig has no such field; {_ELSEWHERE[str(key)]}"
    if key in _OTHER_NAMES:
        return f"a ClientConfig has no such field; did you mean {_OTHER_NAMES[str(key)]!r}?"
    return f"a ClientConfig has no such field{suggestion(key, FIELDS)}"


def _auth_mode(value: Any, settings: dict[str, Given], wrong: Any) -> None:
    plain = value.lower() if isinstance(value, str) else value
    if isinstance(plain, bool) or not isinstance(plain, int | str) or plain not in AUTH_MODES:
        known = "AUTH_INTERNAL 0, AUTH_EXTERNAL 1, AUTH_PKI 2, or a name"
        wrong("auth_mode", f"there is no authentication mode {shown(value)}. Known: {known}")
    else:
        settings["auth_mode"] = Given(AUTH_MODES[plain], _origin("auth_mode"))


def _hosts(value: Any, wrong: Any) -> Iterator[Host]:
    if isinstance(value, str) or not isinstance(value, list | tuple):
        wrong("hosts", f"a list such as [('localhost', 3000)] is needed, not {shown(value)}")
        return
    for number, one in enumerate(value):
        if not isinstance(one, tuple | list) or not 2 <= len(one) <= 3:
            wrong(f"hosts[{number}]", f"('localhost', 3000) is needed, not {shown(one)}")
            continue
        try:
            yield Host(*one)
        except (TypeError, ValueError) as error:
            wrong(f"hosts[{number}]", str(error))


def advice(description: Description, limit: int, pool: int) -> Iterator[str]:
    """Yield where a description goes against the guide's advice.

    Args:
        description: the cluster.
        limit: operations that may run at once; 0 for no limit.
        pool: connections that a node may have; 0 where that is unknown.
    """
    idle_ms, pools = (
        description.value("max_socket_idle", 0),
        description.value("conn_pools_per_node", 1),
    )
    if idle_ms >= SERVER_IDLE_MS:
        yield (
            f"idle_timeout of {idle_ms / 1000:g} s: the server closes a connection that was idle for "
            f"{SERVER_IDLE_MS // 1000} s (proto-fd-idle-ms), and the next call finds it closed; let it be "
            "shorter, such as 55 s"
        )
    cores = os.cpu_count() or 1
    if pools > cores:
        yield (
            f"conn_pools_per_node of {pools} on {cores} cores: more pools than cores only scatter the "
            "connections; the guide's advice is one pool for each 8 cores"
        )
    if pool and limit > pool:
        yield (
            f"max_concurrent_operations of {limit} is above max_conns_per_node of {pool}: operations that "
            "the gate lets through can fail for want of a connection"
        )


SERVER_IDLE_MS: Final = 60_000
"""The server's own ``proto-fd-idle-ms``."""
