"""How the C client is given a cluster's description."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from ...model.support import Native, Refused, Support
from ..contract.connecting import Trouble
from ..shared.connecting import (
    GATE,
    QUEUE,
    WIDE_RATE,
    WIDE_WINDOW,
    CommonConnector,
    in_milliseconds,
    plain,
    refused,
    trouble_of_code,
    whole_ms,
    whole_s,
)
from .policies import FIELDS, NUMBERS

_AUTH: Final = {"internal": 0, "external": 1, "external_insecure": 2, "pki": 3}
"""The client's numbers; aerospike-py has others."""

_LEAST_DELAY_MS: Final = 3000
"""The least ``timeout_delay`` above 0 that the client's configuration takes."""

_WITH_CONNECT_TIMEOUT: Final = tuple(
    family for family, fields in FIELDS.items() if "connect_timeout" in fields
)


def _hosts(hosts: Any) -> list[tuple[Any, ...]]:
    return [tuple(host) if host.tls_name else tuple(host)[:2] for host in hosts]


SUPPORT: Final[Mapping[str, Support]] = {
    "hosts": Native("hosts", _hosts),
    "auth_mode": Native("policies.auth_mode", _AUTH.__getitem__, note="a number of its own"),
    "user": Native("user"),
    "password": Native("password"),
    "cluster_name": Native("cluster_name"),
    "app_id": Native("app_id"),
    "timeout": in_milliseconds("connect_timeout"),
    "login_timeout": in_milliseconds("policies.login_timeout_ms"),
    "wait_for_connection_to_complete": Native(
        "policies.<each>.connect_timeout", whole_ms, "ms", "in the policy of each kind of operation"
    ),
    "max_socket_idle": Native("max_socket_idle", whole_s, "s"),
    "tend_interval": in_milliseconds("tend_interval"),
    "min_conns_per_node": Native("min_conns_per_node"),
    "max_conns_per_node": Native("max_conns_per_node"),
    "conn_pools_per_node": Refused(
        "the C client has one pool for each node", "leave it out, or conn_pools_per_node of 1"
    ),
    "max_error_rate": Native(
        "max_error_rate", lambda rate: rate or WIDE_RATE, note="0, no limit, is as wide as it goes"
    ),
    "error_rate_window": Native("error_rate_window", unit="tends"),
    "use_services_alternate": Native("use_services_alternate"),
    "force_single_node": Native("force_single_node"),
    "fail_if_not_connected": Native("fail_if_not_connected"),
    "strict_config": Refused(
        "only the SDK has a configuration file to be strict about", "leave it out"
    ),
    "rack_ids": Native(
        "rack_ids", list, note="with rack_aware, and reads with replica: prefer_rack"
    ),
    "ip_map": Refused(
        "the C client does not translate addresses",
        "using_services_alternate(), with alternate-access-address on the server, or another client",
    ),
    "tls": Native("tls.enable"),
    "tls_name": Native("", note="the third part of each host"),
    "ca_file": Native("tls.cafile"),
    "client_cert_file": Native("tls.certfile"),
    "client_key_file": Native("tls.keyfile"),
    "protocols": Native("tls.protocols", lambda names: " ".join(f"+{name}" for name in names)),
    "ciphers": Native("tls.cipher_suite", ":".join),
    "for_login_only": Native("tls.for_login_only"),
    "max_concurrent_operations": GATE,
    "operation_queue_timeout_ms": QUEUE,
    **refused(
        "only the SDK drives transactions and exports metrics by itself",
        "client='aerospike_sdk', or the profile's telemetry",
        ("transactions", "metrics"),
    ),
    # What only a policy file says:
    "connect_timeout": in_milliseconds("connect_timeout"),
    "thread_pool_size": Native("thread_pool_size"),
    "compression_threshold": Native("compression_threshold"),
    "use_shared_connection": Native("use_shared_connection"),
    "validate_keys": Native("validate_keys"),
    "strict_types": Native("strict_types"),
    "send_bool_as": Native(
        "send_bool_as",
        {"pickle": 0, "integer": 1, "bool": 2}.__getitem__,
        note="a number of its own",
    ),
    "rack_aware": Native("rack_aware"),
    "rack_id": Native("rack_id"),
    "shm": Native("shm", dict),
}


class AerospikeConnector(CommonConnector):
    """`aerospike.Client`."""

    kind = "aerospike"
    adapter = "aerospike"
    package = "aerospike"
    distribution = "aerospike-resilience[aerospike]"
    support = SUPPORT
    families = MappingProxyType(
        {
            "read": "get",
            "write": "put",
            "operate": "increment",
            "remove": "remove",
            "apply": "apply",
            "batch": "batch_read",
            "batch_parent_write": "batch_write",
            "query": "query",
            "scan": "scan",
            "info": "info_all",
            "admin": "admin_query_users_info",
            "txn_verify": "system_txn_verify",
            "txn_roll": "system_txn_roll",
        }
    )

    def together(self, values: Mapping[str, Any]) -> str:
        """Return why the breaker's two values cannot go together: the client would reset both."""
        rate, window = values.get("max_error_rate"), values.get("error_rate_window", 1)
        if not rate or 1 <= rate / window <= WIDE_RATE / WIDE_WINDOW:
            return ""
        return (
            f"max_error_rate of {rate} in error_rate_window of {window}: the C client takes 1 to 100 "
            "errors for each tend of the window, and silently goes back to 100 in 1 otherwise"
        )

    def arguments(
        self, values: Mapping[str, Any], policies: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, Any]:
        """Return the client's config."""
        values = dict(values)
        if values.get("tls"):
            name = values.get("tls_name")
            values["hosts"] = [
                host if host.tls_name else type(host)(host.name, host.port, name or host.name)
                for host in values["hosts"]
            ]
        if values.get("max_error_rate") == 0:
            values["error_rate_window"] = WIDE_WINDOW
        found = self.converted({name: one for name, one in values.items() if name != CONNECTING})
        if "rack_ids" in found:
            found["rack_aware"] = True
        own = found.setdefault("policies", {})
        for family, fields in policies.items():
            own[family] = dict(fields)
        if CONNECTING in values:
            for family in (*_WITH_CONNECT_TIMEOUT, "batch_parent_write"):
                own.setdefault(family, {})["connect_timeout"] = whole_ms(values[CONNECTING])
        return found

    def policy_fields(self, family: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields that the configuration takes; it takes no ``timeout_delay`` of 1 to 2999 ms."""
        found = dict(fields)
        if family in ("txn_verify", "txn_roll"):
            found = {
                name: NUMBERS[name].get(value, value) if name in NUMBERS else value
                for name, value in fields.items()
                if name in FIELDS["read"]
            }
        if 0 < found.get("timeout_delay", 0) < _LEAST_DELAY_MS:
            del found["timeout_delay"]
        return found

    def open(self, arguments: Mapping[str, Any]) -> Any:
        """Return a connected client."""
        package: Any = importlib.import_module(self.package)
        return package.client(_revealed(arguments))

    def login(self, arguments: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return user and password, in clear."""
        return tuple(plain(arguments[name]) for name in ("user", "password") if name in arguments)

    def trouble(self, error: BaseException) -> Trouble:
        """Return what an error of connecting means, by its code."""
        code, text = (*error.args, None, "")[:2]
        return "unreachable" if _PEERS in str(text) else trouble_of_code(code)

    def info(self, client: Any, command: str) -> Any:
        """Ask a node."""
        return client.info_random_node(command)

    def node_count(self, client: Any) -> int:
        """Return how many nodes a connected client knows."""
        return len(client.get_nodes())


_PEERS: Final = "Peers not reachable"

CONNECTING: Final = "wait_for_connection_to_complete"


def _revealed(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config with the password in clear. Only for the call that passes it on."""
    return {name: plain(value) for name, value in arguments.items()}
