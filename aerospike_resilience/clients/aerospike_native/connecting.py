"""How the native client is given a cluster's description."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from ...model.support import Native, Refused, Support
from ..contract.connecting import Trouble
from ..shared.connecting import (
    GATE,
    QUEUE,
    CommonConnector,
    in_milliseconds,
    plain,
    refused,
    trouble_of_text,
)
from .package import native


def seeds(hosts: Any, tls_name: str | None = None) -> str:
    """Return hosts as ``host:tls_name:port,…``."""
    found = []
    for host in hosts:
        name = f"[{host.name}]" if ":" in host.name else host.name
        tls = host.tls_name or tls_name
        found.append(f"{name}:{tls}:{host.port}" if tls else f"{name}:{host.port}")
    return ",".join(found)


SUPPORT: Final[Mapping[str, Support]] = {
    "hosts": Native("seeds", seeds),
    "auth_mode": Native("auth.mode", str.upper, note="an AuthMode"),
    "user": Native("auth.user"),
    "password": Native("auth.password"),
    "cluster_name": Native("policy.cluster_name"),
    "app_id": Native("policy.application_id"),
    "timeout": in_milliseconds("policy.timeout"),
    "login_timeout": in_milliseconds("policy.login_timeout"),
    "wait_for_connection_to_complete": in_milliseconds("policy.connect_timeout"),
    "max_socket_idle": in_milliseconds("policy.idle_timeout"),
    "tend_interval": in_milliseconds("policy.tend_interval"),
    "min_conns_per_node": Native("policy.min_conns_per_node"),
    "max_conns_per_node": Native("policy.max_conns_per_node"),
    "conn_pools_per_node": Native("policy.conn_pools_per_node"),
    "max_error_rate": Native("policy.max_error_rate", note="0 is no limit"),
    "error_rate_window": Native("policy.error_rate_window", unit="tends"),
    "use_services_alternate": Native("policy.use_services_alternate"),
    "force_single_node": Native("policy.seed_only_cluster"),
    "fail_if_not_connected": Native("policy.fail_if_not_connected"),
    "strict_config": Refused(
        "only the SDK has a configuration file to be strict about", "leave it out"
    ),
    "rack_ids": Native("policy.rack_ids", list, note="and reads with replica: prefer_rack"),
    "ip_map": Native("policy.ip_map", dict),
    "tls": Native("", note="a TlsConfig"),
    "tls_name": Native("", note="the second part of each seed"),
    "ca_file": Native("tls.cafile"),
    "client_cert_file": Native("tls.certfile", note="TlsConfig.with_client_auth()"),
    "client_key_file": Native("tls.keyfile", note="TlsConfig.with_client_auth(); PKCS#8"),
    "protocols": Native("tls.protocols", list),
    "ciphers": Native("tls.ciphers", list),
    "for_login_only": Native("tls.for_login_only"),
    "max_concurrent_operations": GATE,
    "operation_queue_timeout_ms": QUEUE,
    **refused(
        "only the SDK drives transactions and exports metrics by itself",
        "client='aerospike_sdk', or the profile's telemetry",
        ("transactions", "metrics"),
    ),
    # What only a policy file says:
    "connect_timeout": in_milliseconds("policy.connect_timeout"),
    "opening_connection_threshold": Native("policy.opening_connection_threshold"),
    "per_client_runtime_workers": Native("policy.per_client_runtime_workers"),
    "buffer_reclaim_threshold": Native("policy.buffer_reclaim_threshold"),
}


class NativeConnector(CommonConnector):
    """`aerospike_native.Client`, connected and closed without awaiting."""

    kind = "aerospike_native"
    adapter = "aerospike-native"
    package = "aerospike_native"
    distribution = "aerospike-resilience[sdk]"
    support = SUPPORT

    def arguments(
        self,
        values: Mapping[str, Any],
        policies: Mapping[str, Mapping[str, Any]],  # noqa: ARG002 - it has none
    ) -> dict[str, Any]:
        """Return seeds, the fields of a ``ClientPolicy``, of its login and of its TLS."""
        found = self.converted(values)
        found["seeds"] = seeds(values["hosts"], values.get("tls_name"))
        if values.get("tls"):
            found.setdefault("tls", {})
        return found

    def open(self, arguments: Mapping[str, Any]) -> Any:
        """Return a connected client."""
        return native().new_client_blocking(client_policy(arguments), arguments["seeds"])

    def prepare(self) -> None:
        """Import the package in a thread that does not end."""
        native()

    def discard(self, client: Any) -> None:
        """Close a client."""
        with suppress(Exception):
            client.close_blocking()

    def trouble(self, error: BaseException) -> Trouble:
        """Return what an error of connecting means, by its text."""
        return trouble_of_text(str(error))

    def info(self, client: Any, command: str) -> Any:
        """Ask a node."""
        return client.info_blocking(command).get(command, "")

    def node_count(self, client: Any) -> int:
        """Return how many nodes a connected client knows."""
        return len(client.node_names())


class AsyncNativeConnector(NativeConnector):
    """`aerospike_native.Client`, connected and closed by awaiting."""

    kind = "aerospike_native.async"
    awaited = True

    async def open_async(self, arguments: Mapping[str, Any]) -> Any:
        """Return a connected client."""
        return await native().new_client(client_policy(arguments), arguments["seeds"])

    async def info(self, client: Any, command: str) -> str:
        """Ask a node."""
        found: str = (await client.info(command)).get(command, "")
        return found


def client_policy(arguments: Mapping[str, Any]) -> Any:
    """Return a ``ClientPolicy``."""
    package = native()
    policy = package.ClientPolicy()
    for name, value in arguments.get("policy", {}).items():
        setattr(policy, name, value)
    auth = arguments.get("auth", {})
    mode = auth.get("mode", "NONE")
    if mode == "PKI":
        policy.set_pki_auth()
    elif mode != "NONE":
        policy.set_auth_mode(
            getattr(package.AuthMode, mode), user=auth["user"], password=plain(auth["password"])
        )
    if "tls" in arguments:
        policy.tls_config = tls_config(arguments["tls"])
    return policy


def tls_config(given: Mapping[str, Any]) -> Any:
    """Return a ``TlsConfig``."""
    cls, own = native().TlsConfig, dict(given)
    cafile, certificate = own.pop("cafile", None), own.pop("certfile", None)
    key = own.pop("keyfile", None)
    if certificate is None:
        return cls(cafile, **own)
    return cls.with_client_auth(cafile, certificate, key, **own)
