"""What a cluster of ``aerospike-sdk`` is connected with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_SETTINGS: Final[Mapping[str, str]] = {
    name: name
    for name in (
        *("min_conns_per_node", "max_conns_per_node", "conn_pools_per_node", "timeout"),
        *("login_timeout", "tend_interval", "max_error_rate", "error_rate_window"),
        *("fail_if_not_connected", "use_services_alternate", "rack_ids", "cluster_name"),
    )
} | {"force_single_node": "seed_only_cluster", "app_id": "application_id"}
"""From the names of a policy file to those of the native client's policy."""


def connected_with(client: Any) -> dict[str, Any]:
    """Return a cluster's connection settings, by a policy file's names.

    The SDK keeps the native client's policy to itself; where it is kept no more, nothing is known.
    """
    policy: Any = getattr(getattr(client, "_sdk_client", None), "_policy", None)
    found = {
        ours: getattr(policy, theirs)
        for ours, theirs in _SETTINGS.items()
        if hasattr(policy, theirs)
    }
    if hasattr(policy, "idle_timeout"):
        found["max_socket_idle"] = policy.idle_timeout / 1000
    return found
