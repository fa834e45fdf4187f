"""What each key of a policy file does, in a sentence: for the JSON Schema and the reference in docs/.

Apart from the models, as loading a profile needs none of it.
"""

from __future__ import annotations

from typing import Final

FIELDS: Final = {
    "total_timeout": "How long an operation may take in all, with its queueing, retries and sleeps; 0 is"
    " no limit.",
    "socket_timeout": "How long one try waits for a node; 0 is no limit but `total_timeout`.",
    "timeout": "How long an info command may take.",
    "connect_timeout": "How long opening a connection for this operation may take.",
    "timeout_delay": "How long the client keeps a connection that timed out, to use it again; 0 closes "
    "it at once.",
    "info_timeout": "How long the info commands that belong to a query or scan may take.",
    "sleep_between_retries": "How long the client sleeps before each retry of its own.",
    "max_retries": "How many requests may follow the first one, by the client and by this library "
    "together.",
    "replica": "Which copy of a record is read first: `sequence` is the master, then its replicas.",
    "read_mode_ap": "How many replicas a read consults in an available namespace.",
    "read_mode_sc": "How consistent a read of a strongly consistent namespace is.",
    "key": "Whether the user key is sent and stored with the record (`send`), or only its digest.",
    "gen": "Whether a write checks the record's generation: equal, or greater.",
    "generation": "The generation that `gen` compares with.",
    "exists": "Whether a write needs the record to exist, or to be missing.",
    "commit_level": "When a write is acknowledged: on all replicas, or on the master alone.",
    "expected_duration": "How long a query is expected to take, so that the server can plan for it.",
    "ttl": "How long the record lives after the write.",
    "compress": "Whether requests and answers are compressed where they are large.",
    "compression_threshold": "The size from which a request is compressed.",
    "durable_delete": "Whether a delete leaves a tombstone, so that the record cannot come back.",
    "on_locking_only": "Whether a write in a transaction locks a record that must not be locked yet.",
    "deserialize": "Whether the client turns stored bytes back into Python objects.",
    "read_touch_ttl_percent": "From which share of its lifetime on a read extends a record's time to live; "
    "-1 never.",
    "error_detail_verbosity": "How much detail the server puts into its errors.",
    "concurrent": "Whether a batch asks all its nodes at once.",
    "allow_inline": "Whether the server handles a batch of records in memory in the thread that "
    "received it.",
    "allow_inline_ssd": "The same for records on flash storage.",
    "respond_all_keys": "Whether the server goes on with a batch after a row failed.",
    "respond_per_each_op": "Whether each operation of an `operate` has a result of its own.",
    "short_query": "Whether a query is expected to return few records (the former name of "
    "`expected_duration`).",
    "include_bin_data": "Whether a query returns bins, or only metadata.",
    "allow_scans_with_where": "Whether a query whose filter has no index may scan the set.",
    "max_records": "How many records a query or scan returns at most, about.",
    "records_per_second": "How many records a second each node of a query or scan sends; 0 is no limit.",
    "max_concurrent_nodes": "How many nodes a query or scan asks at once; 0 is all.",
    "record_queue_size": "How many records of a query or scan wait for the application.",
    "send_as_is": "Whether an info command is sent without the client's own changes.",
    "check_bounds": "Whether an info command checks that its node is one of the cluster's.",
    "xdr": "Whether a write is marked as coming from cross-datacenter replication.",
}

SCOPES: Final = {
    "all": "Every operation but the two of transactions.",
    "reads": "Every read.",
    "reads_ap": "Reads in available namespaces.",
    "reads_sc": "Reads of one record in strongly consistent namespaces.",
    "reads_point": "Reads of one record.",
    "reads_batch": "Batches that only read.",
    "reads_query": "Queries and scans.",
    "writes": "Every write.",
    "writes_ap": "Writes in available namespaces.",
    "writes_sc": "Writes of one record in strongly consistent namespaces.",
    "writes_retryable": "Writes that may safely be applied twice: `put` without a condition, `remove`, "
    "`touch`.",
    "writes_non_retryable": "Writes that may not: `increment`, `append`, UDFs, writes with a condition.",
    "writes_point": "Writes of one record.",
    "writes_batch": "Batches that write.",
    "writes_query": "Background queries and scans that write.",
    "system_txn_verify": "The check of versions when a transaction commits.",
    "system_txn_roll": "The end of a transaction: roll forward or back.",
}

CONNECTION: Final = {
    "min_conns_per_node": "How many connections to each node are kept open.",
    "max_conns_per_node": "How many connections to each node there may be.",
    "conn_pools_per_node": "Into how many pools the connections to a node are divided.",
    "opening_connection_threshold": "How many connections to a node may be in the making at once.",
    "max_socket_idle": "How long a connection may be idle before it is closed; below the server's `proto-"
    "fd-idle-ms`.",
    "connect_timeout": "How long opening a connection may take.",
    "login_timeout": "How long a login may take.",
    "timeout": "How long a tend's requests may take.",
    "wait_for_connection_to_complete": "How long a call waits for a connection that is in the making.",
    "tend_interval": "How often the client, and this library, look at the cluster; breaker windows count"
    " in it.",
    "max_error_rate": "After how many errors in a window the client's *own* breaker shuts a node; wide, "
    "as ours decides.",
    "error_rate_window": "The window of the client's own breaker, in tends.",
    "thread_pool_size": "How many threads the client has for batches, queries and scans.",
    "per_client_runtime_workers": "How many threads the client's own runtime has.",
    "buffer_reclaim_threshold": "From which size on a buffer is given back after use.",
    "compression_threshold": "The size from which requests are compressed, for all policies.",
    "use_shared_connection": "Whether the clients of a process share one view of the cluster.",
    "use_services_alternate": "Whether nodes are reached by their alternate addresses.",
    "force_single_node": "Whether only the seed is used, as through a load balancer.",
    "fail_if_not_connected": "Whether connecting fails if no seed can be reached.",
    "validate_keys": "Whether the client checks keys before it sends them.",
    "strict_types": "Whether the client refuses values of unknown types.",
    "send_bool_as": "As what a Python `bool` is stored.",
    "rack_aware": "Whether reads prefer nodes of the own rack.",
    "rack_id": "The rack in which this process runs.",
    "rack_ids": "The racks to prefer, best first.",
    "ip_map": "Addresses that nodes publish, and those by which they are reached.",
    "cluster_name": "The name that the cluster must have.",
    "app_id": "The name of the application, shown in the server's log.",
    "shm": "Shared memory: several processes of a machine share one view of the cluster.",
}

SHM: Final = {
    "max_nodes": "How many nodes fit in.",
    "max_namespaces": "How many namespaces fit in.",
    "takeover_threshold_sec": "After how many seconds without a tend another process takes over.",
    "shm_key": "The key of the shared memory.",
}

DESCRIPTIONS: Final = {
    "PolicyFile": {
        "version": "The version of the format: 1.",
        "description": "One line for people; `policy list` shows it.",
        "extends": "The profile from which everything is taken that this file does not say.",
        "connection": "How a client should be connected. `connect()` uses it.",
        "policy": "Aerospike's policy fields by scope; the more specific scope wins.",
        "operations": "Policy fields for one method of the client, by its name.",
        "sets": "Policy fields by scope for one namespace, or one `namespace.set`.",
        "retry": "How this library repeats attempts.",
        "adaptive_timeout": "How long a read waits for a node before it leaves for a replica; null is off.",
        "breaker": "The breaker of each node.",
        "backpressure": "The gate: how many operations may run at once.",
        "telemetry": "What is reported to OpenTelemetry.",
        "lint": "Findings that were reviewed and are ignored.",
    },
    "PolicyFields": FIELDS,
    "Scopes": SCOPES,
    "ConnectionSection": CONNECTION,
    "SharedMemorySection": SHM,
    "RetrySection": {
        "backoff": "How the sleeps between attempts grow.",
        "sleep": "The first sleep between two attempts.",
        "max_sleep": "The longest sleep between two attempts.",
        "native_failover": "How many of a read's retries stay inside the client's call, as only it can "
        "move to the replica.",
        "budget": "How many retries are allowed; null is no limit.",
    },
    "BudgetSection": {
        "ratio": "Retries as a share of recent operations.",
        "min_per_second": "Retries a second that are always allowed.",
    },
    "AdaptiveTimeoutSection": {
        "quantile": "Which quantile of a node's recent answers counts as usual.",
        "factor": "How many times that a read waits.",
        "min": "The shortest time that a read waits for its first node.",
        "max": "The longest time that it waits before it leaves.",
    },
    "BreakerSection": {
        "mode": "`enforce` refuses calls, `shadow` only counts and reports, `off` judges no node.",
        "max_error_rate": "More errors of a node than this in a window open it; 0 is no limit.",
        "error_rate_window": "The window, in tends.",
        "half_open_calls": "How many writes at once try out a half-open node, and how many successes close"
        " it.",
        "max_open_share": "The largest share of the nodes that may be open at once.",
        "on_replica_open": "What a write does whose replica is open: fail, commit on the master alone, or "
        "wait.",
        "silence": "A node that owed an answer and showed no sign of life for so long opens at "
        "once.",
        "slow_call_duration": "From which duration on a call counts as slow.",
    },
    "BackpressureSection": {
        "max_concurrent_operations": "How many operations may run at once; 0 is no gate.",
        "operation_queue_timeout": "How long an operation may wait in a queue that does not move; 0: until "
        "its deadline.",
        "queue": "Who is served first: the oldest (`fifo`) or the newest (`lifo`).",
        "limit": "Whether the limit is fixed, or learned from how fast answers come.",
        "floor": "The lowest value of an adaptive limit.",
        "ceiling": "The highest value of an adaptive limit.",
        "batch_weight": "How many permits a batch takes: one, or as many as it touches nodes.",
        "batch_weight_cap": "The most permits that a batch takes.",
        "max_per_node": "How many permits the operations of one node may hold: a share, or a number.",
    },
    "TelemetrySection": {
        "spans": "Whether operations have spans.",
        "metrics": "Whether operations and states are measured.",
        "db_query_text": "Whether the span of a query has its text, with a `?` for every value.",
    },
}
"""Descriptions by model and key, for keys whose field has none of its own."""
