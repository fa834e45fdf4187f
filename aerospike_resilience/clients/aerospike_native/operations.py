"""The operation table of `aerospike_native.Client` 1.0: each operation ``x`` awaited, ``x_blocking`` not.

Policies are objects and go by keyword. ``policy_sc`` beside ``policy`` is for namespaces that are
strongly consistent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from ...operation import Idempotence, Kind, Operation, Shape, always, never
from .idempotence import (
    batch_only_reads,
    batch_repeatable,
    lists_only_read,
    only_reads,
)

READ, WRITE, INFO, ADMIN, TXN = Kind.READ, Kind.WRITE, Kind.INFO, Kind.ADMIN, Kind.TXN


def _point(
    name: str,
    kind: Kind,
    parameters: str,
    keywords: str = "policy",
    idempotent: Idempotence = always,
    read_only: Idempotence | None = None,
) -> Operation:
    return Operation(
        name,
        kind,
        Shape.POINT,
        "read" if kind is READ else "write",
        tuple(parameters.split()),
        tuple(keywords.split()),
        policy="policy",
        key="key",
        idempotent=idempotent,
        read_only=read_only,
    )


def _batch(
    name: str,
    kind: Kind,
    parameters: str,
    keywords: str,
    idempotent: Idempotence = always,
    read_only: Idempotence | None = None,
) -> Operation:
    names = tuple(parameters.split())
    return Operation(
        name,
        kind,
        Shape.BATCH,
        "batch",
        names,
        tuple(keywords.split()),
        policy="batch_policy",
        rows=names[0],
        idempotent=idempotent,
        read_only=read_only,
    )


def _query(name: str, kind: Kind, parameters: str, keywords: str = "policy") -> Operation:
    names = tuple(keywords.split())
    return Operation(
        name,
        kind,
        Shape.QUERY,
        "query" if kind is READ else "write",
        tuple(parameters.split()),
        names,
        policy=next(keyword for keyword in names if keyword.endswith("policy")),
    )


def _admin(name: str, parameters: str) -> Operation:
    return Operation(
        name,
        ADMIN,
        Shape.CLUSTER,
        "admin",
        tuple(parameters.split()),
        ("policy",),
        policy="policy",
        idempotent=never,
    )


def _plain(name: str, kind: Kind, parameters: str, keywords: str = "") -> Operation:
    return Operation(
        name,
        kind,
        Shape.CLUSTER,
        "",
        tuple(parameters.split()),
        tuple(keywords.split()),
        idempotent=always if kind is INFO else never,
    )


def _table() -> Iterator[Operation]:
    both = "policy policy_sc"
    yield _point("get", READ, "key bins", f"{both} filter_expression txn")
    yield _point("exists", READ, "key")
    yield _point("put", WRITE, "key bins", f"{both} txn")
    yield _point("delete", WRITE, "key")
    yield _point("touch", WRITE, "key")
    for name in ("add", "append", "prepend"):
        yield _point(name, WRITE, "key bins", idempotent=never)
    yield _point(
        *("operate", WRITE, "key operations"),
        f"{both} record_exists_action expiration generation durable_delete filter_expression txn",
        never,
        only_reads,
    )
    yield _point("execute_udf", WRITE, "key server_path function_name args", idempotent=never)

    yield _batch("batch_read", READ, "keys bins", "batch_policy read_policy")
    yield _batch("batch_exists", READ, "keys", "batch_policy read_policy")
    yield _batch("batch_get_header", READ, "keys", "batch_policy read_policy")
    yield _batch("batch_write", WRITE, "keys bins_list", "batch_policy write_policy")
    yield _batch(
        *("batch_operate", WRITE, "keys operations_list", "batch_policy write_policy"),
        never,
        lists_only_read,
    )
    yield _batch("batch_delete", WRITE, "keys", "batch_policy delete_policy")
    yield _batch(
        *("batch_apply", WRITE, "keys udf_name function_name args", "batch_policy udf_policy"),
        never,
    )
    yield _batch("batch", WRITE, "ops", "batch_policy", batch_repeatable, batch_only_reads)
    yield replace(
        _batch("batch_stream", WRITE, "ops", "batch_policy", never, batch_only_reads), streams=True
    )

    yield replace(_query("query", READ, "statement partition_filter"), streams=True)
    yield replace(_query("query_with_plan", READ, "statement partition_filter plan"), streams=True)
    yield _query(
        *("query_explain", READ, "namespace ael"),
        "set_name index_name_hint explain_where_flags policy",
    )
    yield _query("query_operate", WRITE, "statement operations", "write_policy")
    yield _query(
        *("query_execute_udf", WRITE, "statement package_name function_name args", "write_policy")
    )

    yield _plain("info", INFO, "command")
    yield _plain("info_on_all_nodes", INFO, "command")
    yield _plain("commit", TXN, "txn", "verify_policy roll_policy")
    yield _plain("abort", TXN, "txn", "roll_policy")
    for name, parameters in _ADMIN.items():
        yield _admin(name, parameters)


_ADMIN: Final[Mapping[str, str]] = {
    "register_udf": "udf_body server_path language",
    "register_udf_from_file": "client_path server_path language",
    "remove_udf": "server_path",
    "truncate": "namespace set_name before_nanos",
    "create_index": "namespace set_name bin_name index_name index_type cit ctx",
    "create_set_index": "namespace set_name index_name",
    "create_index_using_expression": "namespace set_name index_name index_type expression cit",
    "drop_index": "namespace set_name index_name",
    "create_user": "user password roles",
    "create_pki_user": "user roles",
    "drop_user": "user",
    "change_password": "user password",
    "grant_roles": "user roles",
    "revoke_roles": "user roles",
    "query_users": "user",
    "query_roles": "role",
    "create_role": "role_name privileges allowlist read_quota write_quota",
    "drop_role": "role_name",
    "grant_privileges": "role_name privileges",
    "revoke_privileges": "role_name privileges",
    "set_allowlist": "role_name allowlist",
    "set_quotas": "role_name read_quota write_quota",
    "set_xdr_filter": "datacenter namespace filter_expression",
}

BLOCKING: Final = "_blocking"
_AWAITED_ONLY: Final = (_point("exists_legacy", READ, "key"),)

OPERATIONS: Final[Mapping[str, Operation]] = {
    **{
        operation.name: replace(operation, awaited=True)
        for operation in (*_table(), *_AWAITED_ONLY)
    },
    **{
        f"{operation.name}{BLOCKING}": replace(operation, method=f"{operation.name}{BLOCKING}")
        for operation in _table()
    },
}

LOCAL: Final = frozenset(
    {
        *("node_names", "nodes", "get_node", "is_connected", "seeds", "cluster_name"),
        *("server_cluster_name", "is_strong_consistency", "client_version", "core_version"),
        *("enable_metrics", "disable_metrics", "metrics_enabled", "metrics"),
        *("close", "close_blocking"),
    }
)
"""Methods that touch no record and go straight to the client."""

PRIVATE: Final = frozenset(
    {
        *("_submit_many_read", "_submit_many_write"),
        *("_submit_coalesced_read", "_submit_coalesced_write"),
    }
)
"""What only ``aerospike-sdk`` calls; see the adapter of that package."""
