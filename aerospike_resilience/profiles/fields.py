"""Aerospike's own part of a policy file: policy fields, scopes, connection settings.

The four clients have several names for some fields (``key``, ``send_key``); a file may use each of them,
see `synonyms`. Values that only code can give (transactions, filter expressions, partition filters) are
not part of a file.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .quantities import (
    Bytes,
    Count,
    Flag,
    IdleSeconds,
    Milliseconds,
    NamedMilliseconds,
    PositiveSeconds,
    Section,
    TimeToLive,
)

Retries = Annotated[int, Field(ge=0, le=100, strict=True)]


class PolicyFields(Section):
    """Aerospike's policy fields. Each is optional: a field that is not given keeps its value."""

    total_timeout: Milliseconds | None = None
    socket_timeout: Milliseconds | None = None
    timeout: Milliseconds | None = None
    connect_timeout: Milliseconds | None = None
    timeout_delay: Milliseconds | None = None
    info_timeout: Milliseconds | None = None
    sleep_between_retries: Milliseconds | None = None
    max_retries: Retries | None = None
    replica: Literal["sequence", "master", "any", "prefer_rack", "random"] | None = None
    read_mode_ap: Literal["one", "all"] | None = None
    read_mode_sc: Literal["session", "linearize", "allow_replica", "allow_unavailable"] | None = (
        None
    )
    key: Literal["digest", "send"] | None = None
    gen: Literal["ignore", "eq", "gt"] | None = None
    generation: Count | None = None
    exists: (
        Literal["ignore", "create_only", "update_only", "replace_only", "create_or_replace"] | None
    ) = None
    commit_level: Literal["all", "master"] | None = None
    expected_duration: Literal["long", "short", "long_relax_ap"] | None = None
    ttl: TimeToLive | None = None
    compress: Flag | None = None
    compression_threshold: Bytes | None = None
    durable_delete: Flag | None = None
    on_locking_only: Flag | None = None
    deserialize: Flag | None = None
    read_touch_ttl_percent: Annotated[int, Field(ge=-1, le=100, strict=True)] | None = None
    error_detail_verbosity: Annotated[int, Field(ge=0, le=3, strict=True)] | None = None
    concurrent: Flag | None = None
    allow_inline: Flag | None = None
    allow_inline_ssd: Flag | None = None
    respond_all_keys: Flag | None = None
    respond_per_each_op: Flag | None = None
    short_query: Flag | None = None
    include_bin_data: Flag | None = None
    allow_scans_with_where: Flag | None = None
    max_records: Count | None = None
    records_per_second: Count | None = None
    max_concurrent_nodes: Count | None = None
    record_queue_size: Count | None = None
    send_as_is: Flag | None = None
    check_bounds: Flag | None = None
    xdr: Flag | None = None

    # The same by other clients' names; see synonyms.FIELD_SYNONYMS.
    retry_delay: Milliseconds | None = None
    send_key: Flag | None = None
    generation_policy: Literal["none", "expect_gen_equal", "expect_gen_greater"] | None = None
    record_exists_action: (
        Literal["update", "create_only", "update_only", "replace_only", "replace"] | None
    ) = None
    expiration: TimeToLive | None = None
    use_compression: Flag | None = None
    read_touch_ttl: Annotated[int, Field(ge=-1, le=100, strict=True)] | None = None
    concurrency: Literal["parallel", "sequential"] | None = None


class Scopes(Section):
    """Aerospike's scopes; the more specific one wins."""

    all: PolicyFields | None = None
    reads: PolicyFields | None = None
    reads_ap: PolicyFields | None = None
    reads_sc: PolicyFields | None = None
    reads_point: PolicyFields | None = None
    reads_batch: PolicyFields | None = None
    reads_query: PolicyFields | None = None
    writes: PolicyFields | None = None
    writes_ap: PolicyFields | None = None
    writes_sc: PolicyFields | None = None
    writes_retryable: PolicyFields | None = None
    writes_non_retryable: PolicyFields | None = None
    writes_point: PolicyFields | None = None
    writes_batch: PolicyFields | None = None
    writes_query: PolicyFields | None = None
    system_txn_verify: PolicyFields | None = None
    system_txn_roll: PolicyFields | None = None


class SharedMemorySection(Section):
    """The C client's ``shm``: several processes of a machine share one view of the cluster."""

    max_nodes: Count | None = None
    max_namespaces: Count | None = None
    takeover_threshold_sec: Count | None = None
    shm_key: Annotated[int, Field(ge=0, le=2**32 - 1, strict=True)] | None = None


class ConnectionSection(Section):
    """How a client should be connected: used by `connect()`, and compared with a client that exists.

    Hosts, users, passwords and certificates are not part of a policy file.
    """

    min_conns_per_node: Count | None = None
    max_conns_per_node: Annotated[int, Field(ge=1, le=100_000, strict=True)] | None = None
    conn_pools_per_node: Annotated[int, Field(ge=1, le=1000, strict=True)] | None = None
    opening_connection_threshold: Count | None = None
    max_socket_idle_s: IdleSeconds | None = Field(None, alias="max_socket_idle")
    connect_timeout: Milliseconds | None = None
    login_timeout: Milliseconds | None = None
    timeout: Milliseconds | None = None
    wait_for_connection_to_complete: Milliseconds | None = None
    tend_interval_s: PositiveSeconds = Field(1.0, alias="tend_interval")
    max_error_rate: Count | None = None
    error_rate_window: Count | None = None
    thread_pool_size: Count | None = None
    per_client_runtime_workers: Count | None = None
    buffer_reclaim_threshold: Bytes | None = None
    compression_threshold: Bytes | None = None
    use_shared_connection: Flag | None = None
    use_services_alternate: Flag | None = None
    force_single_node: Flag | None = None
    fail_if_not_connected: Flag | None = None
    validate_keys: Flag | None = None
    strict_types: Flag | None = None
    send_bool_as: Literal["bool", "integer", "pickle"] | None = None
    rack_aware: Flag | None = None
    rack_id: Count | None = None
    rack_ids: list[Count] | None = None
    ip_map: dict[str, str] | None = None
    cluster_name: str | None = None
    app_id: str | None = None
    shm: SharedMemorySection | None = None

    # The same by other clients' names; see synonyms.CONNECTION_SYNONYMS.
    idle_timeout: NamedMilliseconds | None = None
    login_timeout_ms: Milliseconds | None = None
    tend_timeout: Milliseconds | None = None
    max_socket_idle_time: NamedMilliseconds | None = None
    min_connections_per_node: Count | None = None
    max_connections_per_node: Annotated[int, Field(ge=1, le=100_000, strict=True)] | None = None
    max_errors_in_error_window: Count | None = None
    num_tend_intervals_in_error_window: Count | None = None
    seed_only_cluster: Flag | None = None
    application_id: str | None = None
