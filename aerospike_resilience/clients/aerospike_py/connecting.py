"""How the clients of aerospike-py are given a cluster's description."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from ...model.support import ByUs, Native, Refused, Support
from ..contract.connecting import Trouble
from ..shared.connecting import (
    GATE,
    QUEUE,
    CommonConnector,
    in_milliseconds,
    plain,
    refused,
    trouble_of_text,
    whole_s,
)

_AUTH: Final = {"internal": 0, "external": 1, "external_insecure": 1}
"""The client's numbers; the C client has others."""

_BREAKER: Final = "its breaker is fixed: 100 errors in one tend"

SUPPORT: Final[Mapping[str, Support]] = {
    "hosts": Native("hosts", lambda hosts: [(_address(host.name), host.port) for host in hosts]),
    "auth_mode": Native("auth_mode", _AUTH.__getitem__, note="a number of its own"),
    "user": Native("", note="the first argument of connect()"),
    "password": Native("", note="the second argument of connect()"),
    "cluster_name": Native("cluster_name"),
    "app_id": Refused("aerospike-py does not name the application", "another client"),
    "timeout": in_milliseconds("timeout"),
    "login_timeout": Refused("aerospike-py logs in within its timeout", "timeout"),
    "wait_for_connection_to_complete": Refused(
        "aerospike-py opens connections within its timeout", "timeout (tend_timeout)"
    ),
    "max_socket_idle": Native("idle_timeout", whole_s, "s"),
    "tend_interval": in_milliseconds("tend_interval"),
    "min_conns_per_node": Native("min_conns_per_node"),
    "max_conns_per_node": Native("max_conns_per_node"),
    "conn_pools_per_node": Native("conn_pools_per_node"),
    "max_error_rate": Refused(_BREAKER, "breaker.max_error_rate of the profile, or another client"),
    "error_rate_window": Refused(
        _BREAKER, "breaker.error_rate_window of the profile, or another client"
    ),
    "use_services_alternate": Native("use_services_alternate"),
    "force_single_node": Refused("aerospike-py always asks for the other nodes", "another client"),
    "fail_if_not_connected": ByUs("connect() goes on connecting in the background"),
    "strict_config": Refused(
        "only the SDK has a configuration file to be strict about", "leave it out"
    ),
    "rack_ids": Refused("aerospike-py has no setting for racks", "another client"),
    "ip_map": Refused(
        "aerospike-py does not translate addresses",
        "using_services_alternate(), with alternate-access-address on the server, or another client",
    ),
    **refused(
        "aerospike-py has no TLS",
        "another client, or a proxy that speaks TLS",
        (
            *("tls", "tls_name", "ca_file", "client_cert_file", "client_key_file", "protocols"),
            *("ciphers", "for_login_only"),
        ),
    ),
    "max_concurrent_operations": GATE,
    "operation_queue_timeout_ms": QUEUE,
    **refused(
        "only the SDK drives transactions and exports metrics by itself",
        "client='aerospike_sdk', or the profile's telemetry",
        ("transactions", "metrics"),
    ),
}


def _address(name: str) -> str:
    return f"[{name}]" if ":" in name else name


class AerospikePyConnector(CommonConnector):
    """`aerospike_py.Client`."""

    kind = "aerospike_py"
    adapter = "aerospike-py"
    package = "aerospike_py"
    distribution = "aerospike-resilience[aerospike-py]"
    support = SUPPORT

    def arguments(
        self,
        values: Mapping[str, Any],
        policies: Mapping[str, Mapping[str, Any]],  # noqa: ARG002 - it has none
    ) -> dict[str, Any]:
        """Return the client's config, and the arguments of its ``connect``."""
        connect = {name: values[name] for name in ("user", "password") if name in values}
        return {"config": self.converted(values), "connect": connect}

    def open(self, arguments: Mapping[str, Any]) -> Any:
        """Return a connected client."""
        package: Any = importlib.import_module(self.package)
        client = package.Client(arguments["config"])
        return client.connect(*map(plain, arguments["connect"].values()))

    def unconnected(self, arguments: Mapping[str, Any]) -> Any:
        """Return a client that is not connected."""
        package: Any = importlib.import_module(self.package)
        return package.Client(arguments["config"])

    def login(self, arguments: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return user and password, in clear."""
        return tuple(map(plain, arguments["connect"].values()))

    def trouble(self, error: BaseException) -> Trouble:
        """Return what an error of connecting means; most say nothing."""
        return trouble_of_text(str(error))

    def info(self, client: Any, command: str) -> Any:
        """Ask a node."""
        return client.info_random_node(command)

    def node_count(self, client: Any) -> int:
        """Return how many nodes a connected client knows."""
        return len(client.get_node_names())


class AerospikePyAsyncConnector(AerospikePyConnector):
    """`aerospike_py.AsyncClient`."""

    kind = "aerospike_py.async"
    adapter = "aerospike-py-async"
    awaited = True

    async def open_async(self, arguments: Mapping[str, Any]) -> Any:
        """Return a connected client."""
        package: Any = importlib.import_module(self.package)
        client = package.AsyncClient(arguments["config"])
        await client.connect(*map(plain, arguments["connect"].values()))
        return client

    async def info(self, client: Any, command: str) -> str:
        """Ask a node."""
        found: str = await client.info_random_node(command)
        return found

    def unconnected(self, arguments: Mapping[str, Any]) -> Any:
        """Return a client that is not connected."""
        package: Any = importlib.import_module(self.package)
        return package.AsyncClient(arguments["config"])

    def discard(self, client: Any) -> None:
        """Close a client in an event loop of its own: it belongs to none."""

        async def close() -> None:
            await client.close()

        with suppress(Exception):
            asyncio.run(close())
