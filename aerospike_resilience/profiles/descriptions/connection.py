"""Descriptions of connection settings."""

from __future__ import annotations

from typing import Final

from .entry import Entries

CONNECTION: Final[Entries] = {
    "min_conns_per_node": ("Connections to each node that are opened before the first call.", 10),
    "max_conns_per_node": (
        "The most connections to a node. Keep it above backpressure.max_concurrent_operations.",
        300,
    ),
    "conn_pools_per_node": ("The number of pools for the connections to a node.", 2),
    "opening_connection_threshold": (
        "How many connections may be opening at once, over all nodes. 0: no limit.",
        20,
    ),
    "max_socket_idle": (
        "How long an unused connection is kept. A bare number is in seconds. Keep it below the server's "
        "proto-fd-idle-ms.",
        "55s",
    ),
    "connect_timeout": ("How long opening a connection to a node may take.", "1s"),
    "login_timeout": ("How long a login may take.", "5s"),
    "timeout": ("How long a tend's request, or the first connection, may take.", "1s"),
    "wait_for_connection_to_complete": ("How long the SDK waits for its first connection.", "5s"),
    "tend_interval": (
        "The time between two looks at the cluster. Breaker windows are counted in it.",
        "1s",
    ),
    "max_error_rate": (
        "Errors in a window after which the client's own breaker refuses a node. Keep it wide: it cannot "
        "tell who is to blame.",
        10_000,
    ),
    "error_rate_window": ("The window of the client's own breaker, in tends.", 100),
    "thread_pool_size": ("Threads with which the C client asks several nodes at once.", 16),
    "per_client_runtime_workers": ("Threads of this client's own runtime (aerospike-native).", 4),
    "buffer_reclaim_threshold": (
        "A connection's buffer above this size is freed after use (aerospike-native).",
        "64KiB",
    ),
    "compression_threshold": ("The smallest request that the C client compresses.", "64KiB"),
    "use_shared_connection": (
        "Share the C client's connection among clients of one process.",
        False,
    ),
    "use_services_alternate": ("Use the addresses that nodes publish as alternate ones.", False),
    "force_single_node": ("Send everything to the seed node. For tests behind a tunnel.", False),
    "fail_if_not_connected": ("Raise when the first connection fails.", True),
    "validate_keys": ("The C client refuses unknown keys of policies and configurations.", True),
    "strict_types": ("The C client checks the types of bins' values.", True),
    "send_bool_as": ("The type as which the C client stores a bool.", "bool"),
    "rack_aware": ("Prefer nodes of rack_id, with replica: prefer_rack.", True),
    "rack_id": ("The rack that this client is in.", 1),
    "rack_ids": ("Racks in the order of preference, with replica: prefer_rack.", [1, 2]),
    "ip_map": (
        "Addresses to use instead of those that nodes publish.",
        {"10.0.0.1": "203.0.113.1"},
    ),
    "cluster_name": ("The name that the cluster must have.", "production"),
    "app_id": ("The name under which the server shows this application.", "checkout"),
    "shm": (
        "The C client's shared memory: processes of a machine share one view.",
        {"max_nodes": 16},
    ),
    "idle_timeout": ("The same as max_socket_idle, with its unit.", "55s"),
    "login_timeout_ms": ("The same as login_timeout.", "5s"),
    "tend_timeout": ("The same as timeout.", "1s"),
    "max_socket_idle_time": ("The same as idle_timeout.", "55s"),
    "min_connections_per_node": ("The same as min_conns_per_node.", 10),
    "max_connections_per_node": ("The same as max_conns_per_node.", 300),
    "max_errors_in_error_window": ("The same as max_error_rate.", 10_000),
    "num_tend_intervals_in_error_window": ("The same as error_rate_window.", 100),
    "seed_only_cluster": ("The same as force_single_node.", False),
    "application_id": ("The same as app_id.", "checkout"),
}
"""Settings of the connection."""

SHARED_MEMORY: Final[Entries] = {
    "max_nodes": ("The number of nodes for which there is room.", 16),
    "max_namespaces": ("The number of namespaces for which there is room.", 8),
    "takeover_threshold_sec": (
        "Seconds without a tend after which another process takes over tending.",
        30,
    ),
    "shm_key": ("The key of the shared memory segment; one for each cluster.", 0xA7000000),
}
"""Settings of the C client's shared memory."""
