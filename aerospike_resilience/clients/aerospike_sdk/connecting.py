"""How the SDK is given a cluster's description."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

from ...model.durations import ms_to_s
from ...model.support import Native, Support
from ..aerospike_native.connecting import seeds
from ..aerospike_native.package import native
from ..contract.connecting import Trouble
from ..shared.connecting import GATE, QUEUE, CommonConnector, put, trouble_of_text


def _timedelta(value_ms: float) -> timedelta:
    return timedelta(seconds=ms_to_s(value_ms))


def _setting(name: str) -> Native:
    return Native(f"settings.{name}", _timedelta, "timedelta")


SUPPORT: Final[Mapping[str, Support]] = {
    "hosts": Native("hosts", seeds),
    "auth_mode": Native("auth.mode", str),
    "user": Native("auth.user"),
    "password": Native("auth.password"),
    "cluster_name": Native("calls.cluster_name"),
    "app_id": Native("calls.app_id"),
    "timeout": _setting("tend_timeout"),
    "login_timeout": _setting("login_timeout"),
    "wait_for_connection_to_complete": _setting("wait_for_connection_to_complete"),
    "max_socket_idle": _setting("max_socket_idle_time"),
    "tend_interval": _setting("tend_interval"),
    "min_conns_per_node": Native("settings.min_connections_per_node"),
    "max_conns_per_node": Native("settings.max_connections_per_node"),
    "conn_pools_per_node": Native("settings.conn_pools_per_node"),
    "max_error_rate": Native("settings.max_errors_in_error_window", note="0 is no limit"),
    "error_rate_window": Native("settings.num_tend_intervals_in_error_window", unit="tends"),
    "use_services_alternate": Native("calls.using_services_alternate"),
    "force_single_node": Native("calls.force_single_node"),
    "fail_if_not_connected": Native(
        "calls.fail_if_not_connected", note="with False connect() does what the SDK's page says"
    ),
    "strict_config": Native("calls.with_strict_config"),
    "rack_ids": Native(
        "racks", list, note="preferring_racks(), and reads with replica: prefer_rack"
    ),
    "ip_map": Native("calls.ip_map", dict),
    "tls": Native("", note="with_tls_config()"),
    "tls_name": Native("tls.tls_name"),
    "ca_file": Native("tls.ca_file"),
    "client_cert_file": Native("tls.client_cert_file"),
    "client_key_file": Native("tls.client_key_file"),
    "protocols": Native("tls.protocols", list),
    "ciphers": Native("tls.ciphers", list),
    "for_login_only": Native("tls.for_login_only"),
    "max_concurrent_operations": GATE,
    "operation_queue_timeout_ms": QUEUE,
    "transactions": Native("settings.transactions"),
    "metrics": Native("settings.metrics"),
    # What only a policy file says:
    "connect_timeout": _setting("wait_for_connection_to_complete"),
}

_LOGINS: Final = {
    "internal": "with_native_credentials",
    "external": "with_external_credentials",
    "external_insecure": "with_external_insecure_credentials",
}


class _SdkConnector(CommonConnector):
    """The answers of both."""

    adapter = "aerospike-sdk"
    package = "aerospike_sdk"
    distribution = "aerospike-resilience[sdk]"
    support = SUPPORT

    def arguments(
        self,
        values: Mapping[str, Any],
        policies: Mapping[str, Mapping[str, Any]],  # noqa: ARG002 - sessions get the profile as a behavior
    ) -> dict[str, Any]:
        """Return what the SDK's own ``ClusterDefinition`` is given."""
        found = self.converted(values)
        found["hosts"] = [
            (f"[{host.name}]" if ":" in host.name else host.name, host.port, host.tls_name)
            for host in values["hosts"]
        ]
        if values.get("tls"):
            put(found, "tls.for_login_only", values.get("for_login_only", False))
        return found

    def prepare(self) -> None:
        """Import the package in a thread that does not end."""
        native()

    def discard(self, client: Any) -> None:
        """Close the native client of a cluster."""
        with suppress(Exception):
            client._sdk_client._client.close_blocking()  # noqa: SLF001 - the seam

    def trouble(self, error: BaseException) -> Trouble:
        """Return what an error of connecting means, by its text."""
        return trouble_of_text(str(error))

    def node_count(self, client: Any) -> int:
        """Return how many nodes a connected cluster knows."""
        return len(client.node_names())

    def _definition(self, module: str, arguments: Mapping[str, Any]) -> Any:
        """Return the SDK's own definition of the cluster."""
        native()  # imported so that it leaves the process's event loops alone
        sdk: Any = importlib.import_module("aerospike_sdk")
        settings: Any = importlib.import_module("aerospike_sdk.policy.system_settings")
        own: Any = importlib.import_module(module)
        definition = own.ClusterDefinition(hosts=[sdk.Host(*host) for host in arguments["hosts"]])
        for method, value in arguments.get("calls", {}).items():
            getattr(definition, method)(value)
        if "racks" in arguments:
            definition.preferring_racks(*arguments["racks"])
        if "settings" in arguments:
            given = dict(arguments["settings"])
            if "transactions" in given:
                given["transactions"] = settings.TransactionSettings(**_said(given["transactions"]))
            definition.with_system_settings(settings.SystemSettings(**given))
        if "tls" in arguments:
            definition.with_tls_config(**arguments["tls"])
        auth = arguments.get("auth", {})
        if auth.get("mode") == "pki":
            definition.with_certificate_credentials()
        elif auth.get("mode", "none") != "none":
            getattr(definition, _LOGINS[auth["mode"]])(auth["user"], auth["password"].reveal())
        return definition

    @staticmethod
    def _may_be_unconnected(arguments: Mapping[str, Any]) -> bool:
        return arguments.get("calls", {}).get("fail_if_not_connected") is False


class SdkConnector(_SdkConnector):
    """The SDK's awaited ``Cluster``."""

    kind = "aerospike_sdk"
    awaited = True

    async def open_async(self, arguments: Mapping[str, Any]) -> Any:
        """Return a connected cluster."""
        definition = self._definition("aerospike_sdk.aio.cluster_definition", arguments)
        if not self._may_be_unconnected(arguments):
            return await definition.connect()
        client, cluster = _parts("aerospike_sdk.aio", "Client", definition)
        await client.connect()
        return cluster(client)

    async def info(self, client: Any, command: str) -> str:
        """Ask a node."""
        native_client = client._sdk_client._client  # noqa: SLF001 - the seam
        found: str = (await native_client.info(command)).get(command, "")
        return found


class SdkSyncConnector(_SdkConnector):
    """The SDK's blocking ``Cluster``."""

    kind = "aerospike_sdk.sync"

    def open(self, arguments: Mapping[str, Any]) -> Any:
        """Return a connected cluster."""
        definition = self._definition("aerospike_sdk.sync.cluster_definition", arguments)
        if not self._may_be_unconnected(arguments):
            return definition.connect()
        client, cluster = _parts("aerospike_sdk.sync", "SyncClient", definition)
        client.connect()
        return cluster(client)

    def info(self, client: Any, command: str) -> Any:
        """Ask a node."""
        return client._sdk_client._client.info_blocking(command).get(command, "")  # noqa: SLF001 - the seam


def _parts(room: str, client_class: str, definition: Any) -> tuple[Any, Any]:
    """Return the SDK's client, yet to be connected, and the class of clusters.

    The SDK's own connect raises where no node answers, although ``fail_if_not_connected(False)`` is set. So
    the cluster is put together from the same parts without that check.
    """
    loader: Any = importlib.import_module("aerospike_sdk.policy.sdk_config_loader")
    clients: Any = importlib.import_module(f"{room}.client")
    clusters: Any = importlib.import_module(f"{room}.cluster")
    definition._validate()  # noqa: SLF001 - what its connect() does
    settings, _path, _raw = loader.load_at_connect(
        definition._cluster_name,  # noqa: SLF001
        definition._system_settings,  # noqa: SLF001
        strict=definition._strict_config,  # noqa: SLF001
    )
    client = getattr(clients, client_class)(
        seeds=definition._build_seeds_string(),  # noqa: SLF001
        policy=definition._get_policy(settings),  # noqa: SLF001
    )
    client._sdk_settings = settings  # noqa: SLF001
    return client, clusters.Cluster


def _said(settings: Any) -> dict[str, Any]:
    names = ("implicit_batch_write_transactions", "sleep_between_attempts", "number_of_attempts")
    return {name: getattr(settings, name) for name in names}
