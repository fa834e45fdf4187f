"""Mapping: a description and a profile become what one client is given, or are refused by name."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ..clients import adapter_named, every_operation
from ..clients.contract.connecting import Connector
from ..clients.shared.connecting import WIDE_RATE, WIDE_WINDOW
from ..errors import ClientConfigError, Problem, UnsupportedSettingError
from ..model.connection_explanation import (
    ConnectionExplanation,
    ConnectionValue,
    without_secrets,
)
from ..model.durations import s_to_ms
from ..model.secret import SecretFile
from ..model.support import ByUs, Native, Refused
from ..profiles import Profile
from ..runtime.planner import Planner
from ..wrapping.scopes import by_scope
from .client_config import advice
from .host import Host
from .settings import CHECKS, Description, Given

TIMEOUT_MS: Final = 1000
"""How long a first contact may take, where nothing says otherwise: the guide's default."""

_FULFILLED: Final[Mapping[str, Any]] = {
    "conn_pools_per_node": 1,
    **dict.fromkeys(("tls", "for_login_only", "force_single_node", "strict_config"), False),
}
"""Values that a client without the setting has anyway."""

_OF_PROFILE: Final = (
    *("min_conns_per_node", "max_conns_per_node", "conn_pools_per_node", "max_socket_idle"),
    *("tend_interval", "max_error_rate", "error_rate_window", "timeout", "login_timeout"),
    *("use_services_alternate", "fail_if_not_connected", "rack_ids", "cluster_name"),
)
"""Settings that the profile in force repeats, so that it says what the client has."""

_MS: Final = ("max_socket_idle", "tend_interval", "timeout", "login_timeout")

_FILES: Final = ("ca_file", "client_cert_file", "client_key_file")


@dataclass(frozen=True, slots=True)
class ConnectionPlan:
    """All that connecting one client needs.

    Attributes:
        connector: the client's connector.
        description: the cluster.
        values: the settings that the client gets, by their names.
        policies: the policies of the client's configuration.
        arguments: what the client is given.
        overrides: settings over the profile's, in the shape of a policy file.
        explanation: the same for people.
    """

    connector: Connector
    description: Description
    values: Mapping[str, Any]
    policies: Mapping[str, Mapping[str, Any]]
    arguments: Mapping[str, Any]
    overrides: Mapping[str, Any]
    explanation: ConnectionExplanation

    def with_hosts(self, hosts: tuple[Host, ...]) -> ConnectionPlan:
        """Return the plan with its seeds in another order."""
        values = {**self.values, "hosts": hosts}
        arguments = self.connector.arguments(values, self.policies)
        return replace(self, values=values, arguments=arguments)

    def with_password_of_now(self) -> Mapping[str, Any]:
        """Return the arguments, with a password that is in a file read now.

        Raises:
            ClientConfigError: the file cannot be read.
        """
        password = self.values.get("password")
        if not isinstance(password, SecretFile):
            return self.arguments
        try:
            values = {**self.values, "password": password.read()}
        except ValueError as error:
            source = self.description.source
            raise ClientConfigError([Problem(source, 0, 0, "password", str(error))]) from None
        return self.connector.arguments(values, self.policies)


def planned(
    description: Description,
    connector: Connector,
    profile: Profile,
    *,
    overrides: Mapping[str, Any] | None = None,
    allow_unsupported: bool = False,
) -> ConnectionPlan:
    """Return how a client is connected.

    Args:
        description: the cluster, checked.
        connector: the client's connector.
        profile: the profile, without `overrides`.
        overrides: the application's settings over the profile's.
        allow_unsupported: whether a setting that is beyond the client is a warning.

    Raises:
        UnsupportedSettingError: a setting of the description is beyond the client.
        ClientConfigError: a file of the description cannot be read.
        PolicyFileError: `overrides` is broken.
    """
    if broken := list(_unreadable(description)):
        raise ClientConfigError(broken)
    said = profile if overrides is None else profile.with_overrides(overrides)
    given = _supported(description, connector, allow_unsupported=allow_unsupported)
    settings, left_out = _filled(given, connector, said)
    ours = merged(_ours(given, said), overrides or {})
    effective = profile.with_overrides(ours) if ours else profile
    policies = dict(_policies(connector, effective))
    values = {
        name: one.value
        for name, one in settings.items()
        if isinstance(connector.support.get(name), Native)
    }
    arguments = connector.arguments(values, policies)
    limit = effective.backpressure.max_concurrent_operations
    explanation = ConnectionExplanation(
        connector.kind,
        profile.name,
        (
            *(_row(connector, name, one) for name, one in sorted(settings.items())),
            *(_left_out(name, one, why) for name, (one, why) in sorted(left_out.items())),
            *_policy_rows(connector, policies),
        ),
        without_secrets(arguments),
        tuple(advice(description, limit, values.get("max_conns_per_node", 0))),
    )
    return ConnectionPlan(connector, description, values, policies, arguments, ours, explanation)


def merged(weaker: Mapping[str, Any], stronger: Mapping[str, Any]) -> dict[str, Any]:
    """Return two nested mappings as one."""
    found = dict(weaker)
    for key, value in stronger.items():
        other = found.get(key)
        both = isinstance(other, Mapping) and isinstance(value, Mapping)
        found[key] = merged(other, value) if both and other is not None else value
    return found


def _unreadable(description: Description) -> Iterator[Problem]:
    for name in _FILES:
        path = description.value(name)
        if path is not None and not os.access(path, os.R_OK):
            yield Problem(description.source, 0, 0, name, f"{path!r} cannot be read")


def _supported(
    description: Description, connector: Connector, *, allow_unsupported: bool
) -> dict[str, Given]:
    """Return the settings of a description that the client, or this library for it, can do."""
    found, beyond = {}, {}
    for name, given in description.settings.items():
        support = connector.support[name]
        if isinstance(support, Refused) and _FULFILLED.get(name, ...) != given.value:
            beyond[name] = f"{support.why}. What would work: {support.instead}"
        elif isinstance(support, Native) and (why := support.refuses(given.value)):
            beyond[name] = why
        elif not isinstance(support, Refused):
            found[name] = given
    if not beyond and (why := connector.together({name: one.value for name, one in found.items()})):
        pair = [name for name in connector.pairs if name in found]
        beyond = dict.fromkeys(pair[:1], why)
        if allow_unsupported:
            found = {name: one for name, one in found.items() if name not in pair}
    if beyond:
        lines = [
            f"{name} ({description.settings[name].origin}) with client={connector.kind!r}: {why}"
            for name, why in beyond.items()
        ]
        if not allow_unsupported:
            hint = "allow_unsupported=True leaves out what a client cannot do, with a warning"
            raise UnsupportedSettingError(
                "\n".join([*lines, hint]), settings=list(beyond), client=connector.kind
            )
        for line in lines:
            warnings.warn(f"left out: {line}", stacklevel=5)
    return found


def _filled(
    given: Mapping[str, Given], connector: Connector, profile: Profile
) -> tuple[dict[str, Given], dict[str, tuple[Given, str]]]:
    """Return all settings: the given ones, those of the profile, and our own; and what is left out."""
    found, left_out = dict(given), {}
    cannot = adapter_named(connector.adapter).cannot
    taken = {connector.support[name].name for name in given if _is_native(connector, name)}  # type: ignore[union-attr]
    for name, one in _of_profile(profile):
        support = connector.support.get(name)
        if name in given or connector.pairs.get(name) in given:
            continue
        if isinstance(support, Native) and (not support.name or support.name not in taken):
            check = CHECKS.get(name)
            if check is not None and (problem := check(one.value)):
                left_out[name] = (one, problem)
            else:
                found[name] = one
        elif not isinstance(support, ByUs):
            why = cannot.get(
                f"connection.{name}", getattr(support, "why", "the client has no such setting")
            )
            left_out[name] = (one, why)
    if "timeout" not in found and "connect_timeout" not in found:
        found["timeout"] = Given(TIMEOUT_MS, "default of connect()")
    if _is_native(connector, "max_error_rate"):
        pair = {name: found[name].value for name in connector.pairs if name in found}
        if pair and connector.together(pair):
            for name in pair:
                left_out[name] = (found.pop(name), connector.together(pair))
            pair = {}
        if not pair:
            origin = "connect(): wide, as the profile's breaker decides"
            found["max_error_rate"] = Given(WIDE_RATE, origin)
            found["error_rate_window"] = Given(WIDE_WINDOW, origin)
    return found, left_out


def _of_profile(profile: Profile) -> Iterator[tuple[str, Given]]:
    """Yield the profile's connection settings, with durations in milliseconds."""
    said = profile.connection.model_dump(by_alias=True, exclude_none=True)
    names = {path[1] for path in profile.leaves() if path[0] == "connection"}
    for name in sorted(names & said.keys()):
        value = said[name]
        if name in ("max_socket_idle", "tend_interval"):
            value = s_to_ms(value)
        yield name, Given(value, profile.origin(("connection", name)))


def _is_native(connector: Connector, name: str) -> bool:
    return isinstance(connector.support.get(name), Native)


def _ours(given: Mapping[str, Given], profile: Profile) -> dict[str, Any]:
    """Return what the profile is to say, in the shape of a policy file: what we do, and what was given."""
    found: dict[str, Any] = {}
    connection = {name: _written(name, given[name].value) for name in _OF_PROFILE if name in given}
    if connection:
        found["connection"] = connection
    gate = {}
    if "max_concurrent_operations" in given:
        gate["max_concurrent_operations"] = given["max_concurrent_operations"].value
    if "operation_queue_timeout_ms" in given:
        gate["operation_queue_timeout"] = f"{given['operation_queue_timeout_ms'].value}ms"
    if gate:
        found["backpressure"] = gate
    if "rack_ids" in given and _reads_anywhere(profile):
        found["policy"] = {"reads": {"replica": "prefer_rack"}}
    return found


def _reads_anywhere(profile: Profile) -> bool:
    """Return whether the profile's reads begin at the master for no reason of their own."""
    leaves = profile.leaves()
    said = [leaves.get(("policy", scope, "replica")) for scope in ("reads", "all")]
    return next((one for one in said if one is not None), "sequence") == "sequence"


def _written(name: str, value: Any) -> Any:
    if name in _MS:
        return f"{value}ms"
    return list(value) if isinstance(value, tuple) else value


def _policies(connector: Connector, profile: Profile) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each policy of the client's configuration: what a first attempt under the profile sends.

    Only fields that the profile says: the client's defaults stay for those that it does not.
    """
    if not connector.families:
        return
    adapter = adapter_named(connector.adapter)
    operations, scopes = every_operation(adapter), by_scope(profile)
    planner = Planner(adapter, None, profile)
    for family, name in connector.families.items():
        if name in operations:
            fields: Mapping[str, Any] = planner.explained(operations[name]).by_field
        else:
            fields = scopes.get(name, {})
        if found := connector.policy_fields(family, fields):
            yield family, found


def _row(connector: Connector, name: str, one: Given) -> ConnectionValue:
    support = connector.support[name]
    value = without_secrets(one.value)
    if isinstance(support, Native):
        own = support.convert(one.value) if support.name else value
        unit = f" {support.unit}" if support.unit not in ("", "timedelta") else ""
        given = f"{support.name} = {without_secrets(own)}{unit}" if support.name else support.note
        if support.name and support.note:
            given += f" ({support.note})"
    else:
        given = f"done by {support.how}" if isinstance(support, ByUs) else support.why
    return ConnectionValue(name, value, one.origin, given)


def _left_out(name: str, one: Given, why: str) -> ConnectionValue:
    return ConnectionValue(name, without_secrets(one.value), one.origin, f"left out: {why}")


def _policy_rows(
    connector: Connector, policies: Mapping[str, Mapping[str, Any]]
) -> Iterator[ConnectionValue]:
    for family, fields in policies.items():
        name = f"policies.{family}"
        origin = f"the profile's, for {connector.families[family]}"
        yield ConnectionValue(name, dict(fields), origin, f"{name} = {dict(fields)}")
