"""Descriptions in text: a URL, and the environment's variables."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

from ..errors import ClientConfigError, Problem
from ..model.duration_text import milliseconds
from ..model.secret import Secret, SecretFile
from ..model.wording import shown, suggestion
from .host import Host
from .settings import CHECKS, AuthMode, Description, Given, problems

SCHEME: Final = "aerospike://"
DEFAULT_PORT: Final = 3000
VARIABLE: Final = "AEROSPIKE_"

_FLAGS: Final = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}


def _count(value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise ValueError(f"a whole number is needed, not {shown(value)}") from None


def _flag(value: str) -> bool:
    found = _FLAGS.get(value.lower())
    if found is None:
        raise ValueError(f"true or false is needed, not {shown(value)}")
    return found


def _ms(bare_ms: float) -> Callable[[str], float]:
    def read(value: str) -> float:
        try:
            return milliseconds(float(value), bare_ms)
        except ValueError:
            return milliseconds(value)

    return read


def _mode(value: str) -> AuthMode:
    if value.lower() not in list(AuthMode):
        raise ValueError(
            f"there is no authentication mode {shown(value)}{suggestion(value, AuthMode)}"
        )
    return AuthMode(value.lower())


def _list(value: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in value.split(",") if one.strip())


def _racks(value: str) -> tuple[int, ...]:
    return tuple(map(_count, _list(value)))


def _ip_map(value: str) -> dict[str, str]:
    pairs = [one.partition("=") for one in _list(value)]
    if not all(found for _, found, _ in pairs):
        raise ValueError("pairs such as 10.0.0.1=192.168.0.1 are needed")
    return {given: reachable for given, _, reachable in pairs}


READERS: Final[Mapping[str, tuple[str, Callable[[str], Any]]]] = {
    "user": ("user", str),
    "password": ("password", Secret),
    "password_file": ("password", SecretFile),
    "auth_mode": ("auth_mode", _mode),
    "cluster_name": ("cluster_name", str),
    "app_id": ("app_id", str),
    "timeout": ("timeout", _ms(1)),
    "login_timeout": ("login_timeout", _ms(1)),
    "idle_timeout": ("max_socket_idle", _ms(1000)),
    "tend_interval": ("tend_interval", _ms(1)),
    "max_conns_per_node": ("max_conns_per_node", _count),
    "min_conns_per_node": ("min_conns_per_node", _count),
    "conn_pools_per_node": ("conn_pools_per_node", _count),
    "max_error_rate": ("max_error_rate", _count),
    "error_rate_window": ("error_rate_window", _count),
    "use_services_alternate": ("use_services_alternate", _flag),
    "force_single_node": ("force_single_node", _flag),
    "fail_if_not_connected": ("fail_if_not_connected", _flag),
    "rack_ids": ("rack_ids", _racks),
    "ip_map": ("ip_map", _ip_map),
    "max_concurrent_operations": ("max_concurrent_operations", _count),
    "operation_queue_timeout_ms": ("operation_queue_timeout_ms", _ms(1)),
    "tls": ("tls", _flag),
    "tls_name": ("tls_name", str),
    "ca_file": ("ca_file", str),
    "client_cert_file": ("client_cert_file", str),
    "client_key_file": ("client_key_file", str),
}
"""By the name in a URL's query: the setting, and how its text is read. A bare number is in the unit of
the guide's field. In the environment the name is in capitals behind ``AEROSPIKE_``."""


def from_url(url: str) -> Description:
    """Return the description in ``aerospike://user@host1:3000,host2/?cluster_name=shop&client=aerospike``.

    Raises:
        ClientConfigError: it cannot be used; the message repeats no password.
    """
    found: list[Problem] = []

    def wrong(key: str, message: str) -> None:
        found.append(Problem("URL", 0, 0, key, message))

    rest = url.removeprefix(SCHEME)
    if rest == url:
        wrong("", f"it begins with {SCHEME}, as aerospike://user@host1:3000,host2:3000/")
        raise ClientConfigError(found)
    address, _, query = rest.partition("?")
    login, _, place = address.rpartition("@")
    place = place.removesuffix("/")
    settings: dict[str, Given] = {}
    if "/" in place:
        wrong("", "between hosts and query is no path; a namespace is named by each call's key")
        place = place.partition("/")[0]
    words: dict[str, str] = {}
    if login:
        words["user"], has_password, password = login.partition(":")
        if has_password:
            words["password"] = password
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        if name in words:
            wrong(name, "it is given twice")
        words[name] = value
    plain = {name: unquote(value) for name, value in words.items()}
    asked = {name: plain.pop(name, None) or None for name in ("client", "profile")}
    for name in plain:
        if name not in READERS:
            wrong(name, f"a URL has no such setting{suggestion(name, READERS)}")
    try:
        settings["hosts"] = Given(tuple(Host.parse_hosts(unquote(place), DEFAULT_PORT)), "URL")
    except ValueError as error:
        wrong("hosts", str(error))
    return _finished("URL", settings, plain, found, wrong, asked)


def from_environment(environment: Mapping[str, str] | None = None) -> Description:
    """Return the description in ``AEROSPIKE_HOSTS`` and its companions.

    Raises:
        ClientConfigError: there is no ``AEROSPIKE_HOSTS``, or a variable cannot be used.
    """
    variables = os.environ if environment is None else environment
    found: list[Problem] = []

    def wrong(key: str, message: str) -> None:
        found.append(Problem("environment", 0, 0, VARIABLE + key.upper(), message))

    settings: dict[str, Given] = {}
    hosts = variables.get(VARIABLE + "HOSTS", "").strip()
    if hosts.startswith(SCHEME):
        return from_url(hosts)
    if not hosts:
        wrong("hosts", "connect() without a description needs it: host1:3000,host2:3000")
        raise ClientConfigError(found)
    try:
        settings["hosts"] = Given(tuple(Host.parse_hosts(hosts, DEFAULT_PORT)), VARIABLE + "HOSTS")
    except ValueError as error:
        wrong("hosts", str(error))
    plain = {
        name: variables[VARIABLE + name.upper()]
        for name in READERS
        if variables.get(VARIABLE + name.upper())
    }
    asked = {
        name: variables.get(f"{VARIABLE}{name.upper()}") or None for name in ("client", "profile")
    }
    return _finished("environment", settings, plain, found, wrong, asked)


def _finished(
    source: str,
    settings: dict[str, Given],
    plain: Mapping[str, str],
    found: list[Problem],
    wrong: Callable[[str, str], None],
    asked: Mapping[str, str | None],
) -> Description:
    if "password" in plain and "password_file" in plain:
        wrong("password_file", "a password is given too; one of the two is enough")
    for name, written in plain.items():
        if name not in READERS:
            continue
        setting, read = READERS[name]
        try:
            value = read(written)
        except ValueError as error:
            wrong(name, str(error))
            continue
        if problem := CHECKS[setting](value):
            wrong(name, problem)
        else:
            where = f"{VARIABLE}{name.upper()}" if source == "environment" else f"URL: {name}"
            settings[setting] = Given(value, where)
    if "user" in settings and "auth_mode" not in settings and "auth_mode" not in plain:
        settings["auth_mode"] = Given(AuthMode.INTERNAL, "the default for a user")
    if "tls" not in settings and any(
        name in settings for name in ("tls_name", "ca_file", "client_cert_file")
    ):
        settings["tls"] = Given(value=True, origin="the TLS settings beside it")
    description = Description(source, settings, asked["client"], asked["profile"])
    found += _together(description, {problem.key for problem in found})
    if found:
        raise ClientConfigError(found)
    return description


def _together(description: Description, wrongly: set[str]) -> Iterator[Problem]:
    prefix = VARIABLE if description.source == "environment" else ""
    for problem in problems(description, {"max_socket_idle": "idle_timeout"}):
        key = prefix + (problem.key.upper() if prefix else problem.key)
        if key not in wrongly and problem.key != "password":
            yield Problem(problem.where, 0, 0, key, problem.message)
