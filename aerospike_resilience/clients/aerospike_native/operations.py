"""The operation table of `aerospike_native.Client` 1.0: ``x`` is awaited, ``x_blocking`` is not.

Policies are objects and are passed by keyword. Where there is ``policy_sc`` besides ``policy``, it applies
to strongly consistent namespaces.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from ...model.operation import Idempotence, Kind, Operation, always, never
from ..shared.table import batch, cluster, point, query
from .idempotence import (
    batch_only_reads,
    batch_repeatable,
    lists_only_read,
    only_reads,
    unconditional,
)

READ, WRITE, INFO, ADMIN, TXN = Kind.READ, Kind.WRITE, Kind.INFO, Kind.ADMIN, Kind.TXN


def _table() -> Iterator[Operation]:
    both = "policy policy_sc"
    yield point("get", READ, "key bins", f"{both} filter_expression txn")
    yield point("exists", READ, "key", "policy")
    yield point("put", WRITE, "key bins", f"{both} txn")
    yield point("delete", WRITE, "key", "policy")
    yield point("touch", WRITE, "key", "policy")
    for name in ("add", "append", "prepend"):
        yield point(name, WRITE, "key bins", "policy", idempotent=never)
    yield point(
        *("operate", WRITE, "key operations"),
        f"{both} record_exists_action expiration generation durable_delete filter_expression txn",
        idempotent=never,
        read_only=only_reads,
    )
    yield point(
        *("execute_udf", WRITE, "key server_path function_name args", "policy"), idempotent=never
    )

    yield _batch("batch_read", READ, "keys bins", "read_policy")
    yield _batch("batch_exists", READ, "keys", "read_policy")
    yield _batch("batch_get_header", READ, "keys", "read_policy")
    yield _batch(
        *("batch_write", WRITE, "keys bins_list", "write_policy"), unconditional("write_policy")
    )
    yield _batch(
        "batch_operate", WRITE, "keys operations_list", "write_policy", never, lists_only_read
    )
    yield _batch(*("batch_delete", WRITE, "keys", "delete_policy"), unconditional("delete_policy"))
    yield _batch("batch_apply", WRITE, "keys udf_name function_name args", "udf_policy", never)
    yield _batch("batch", WRITE, "ops", "", batch_repeatable, batch_only_reads)
    yield replace(_batch("batch_stream", WRITE, "ops", "", never, batch_only_reads), streams=True)

    for name, parameters in (
        ("query", "statement partition_filter"),
        ("query_with_plan", "statement partition_filter plan"),
    ):
        yield replace(query(name, READ, parameters, "policy"), streams=True)
    yield query(
        *("query_explain", READ, "namespace ael"),
        "set_name index_name_hint explain_where_flags policy",
    )
    for name, parameters in (
        ("query_operate", "statement operations"),
        ("query_execute_udf", "statement package_name function_name args"),
    ):
        yield query(name, WRITE, parameters, "write_policy", family="write", policy="write_policy")

    yield cluster("info", INFO, "command")
    yield cluster("info_on_all_nodes", INFO, "command")
    yield cluster("commit", TXN, "txn", "verify_policy roll_policy")
    yield cluster("abort", TXN, "txn", "roll_policy")
    for name, parameters in _ADMIN.items():
        yield cluster(name, ADMIN, parameters, "policy", family="admin")


def _batch(
    name: str,
    kind: Kind,
    parameters: str,
    keywords: str,
    idempotent: Idempotence = always,
    read_only: Idempotence | None = None,
) -> Operation:
    """Return a batch. It takes ``batch_policy`` for itself, and another policy for its rows."""
    return batch(
        *(name, kind, parameters, f"batch_policy {keywords}"),
        policy="batch_policy",
        idempotent=idempotent,
        read_only=read_only,
    )


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
_AWAITED_ONLY: Final = (point("exists_legacy", READ, "key", "policy"),)

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
"""Methods that touch no record. The wrapped client passes them on."""
