"""The connection settings of a cluster of ``aerospike-sdk``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...model.durations import ms_to_s

_SETTINGS: Final[Mapping[str, str]] = {
    name: name
    for name in (
        *("min_conns_per_node", "max_conns_per_node", "conn_pools_per_node", "timeout"),
        *("login_timeout", "tend_interval", "max_error_rate", "error_rate_window"),
        *("fail_if_not_connected", "use_services_alternate", "rack_ids", "cluster_name"),
    )
} | {"force_single_node": "seed_only_cluster", "app_id": "application_id"}
"""The native client's names for the settings of a policy file."""


def connected_with(client: Any) -> dict[str, Any]:
    """Return a cluster's connection settings, by a policy file's names.

    They are in the policy of its native client, a private attribute of the SDK. Empty in a version of the
    SDK that keeps it elsewhere.
    """
    policy: Any = getattr(getattr(client, "_sdk_client", None), "_policy", None)
    found = {
        ours: getattr(policy, theirs)
        for ours, theirs in _SETTINGS.items()
        if hasattr(policy, theirs)
    }
    if hasattr(policy, "idle_timeout"):
        found["max_socket_idle"] = ms_to_s(policy.idle_timeout)
    return found
