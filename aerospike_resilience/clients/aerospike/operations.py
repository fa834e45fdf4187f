"""The operation table of `aerospike.Client` 19: every method that touches the database.

Parameter names are those of the C extension, in positional order. Its stubs differ in places: the
extension's ``udf_remove`` takes ``filename``, and its ``admin_*`` take ``user``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from ...model.operation import Kind, Operation, never
from ..contract import LazyMethod
from ..shared.operators import operators_of
from ..shared.table import batch, cluster, point, query
from .idempotence import (
    only_reads,
    records_only_read,
    records_repeatable,
    repeatable,
    rows_unconditional,
)

READ, WRITE, INFO, ADMIN, TXN = Kind.READ, Kind.WRITE, Kind.INFO, Kind.ADMIN, Kind.TXN


def _table() -> Iterator[Operation]:
    yield point("get", READ, "key policy")
    yield point("exists", READ, "key policy")
    yield point("select", READ, "key bins policy")
    yield point("put", WRITE, "key bins meta policy serializer")
    yield point("remove", WRITE, "key meta policy", family="remove")
    yield point("remove_bin", WRITE, "key list meta policy")
    yield point("touch", WRITE, "key val meta policy", family="operate")
    for name, value in (("append", "val"), ("prepend", "val"), ("increment", "offset")):
        yield point(
            *(name, WRITE, f"key bin {value} meta policy"), family="operate", idempotent=never
        )
    for name in ("operate", "operate_ordered"):
        yield point(
            *(name, WRITE, "key list meta policy"),
            family="operate",
            idempotent=repeatable("list"),
            read_only=only_reads("list"),
            decisive=lambda _key, operations, _meta: operators_of(operations),
        )
    yield point("apply", WRITE, "key module function args policy", family="apply", idempotent=never)

    yield batch("batch_read", READ, "keys bins policy")
    yield batch(
        *("batch_write", WRITE, "batch_records policy_batch"),
        policy="policy_batch",
        idempotent=records_repeatable,
        read_only=records_only_read,
    )
    yield batch(
        *("batch_operate", WRITE, "keys ops policy_batch policy_batch_write ttl"),
        policy="policy_batch",
        idempotent=repeatable("ops", "policy_batch_write"),
        read_only=only_reads("ops"),
    )
    yield batch(
        *("batch_remove", WRITE, "keys policy_batch policy_batch_remove"),
        policy="policy_batch",
        idempotent=rows_unconditional("policy_batch_remove"),
    )
    yield batch(
        *("batch_apply", WRITE, "keys module function args policy_batch policy_batch_apply"),
        policy="policy_batch",
        idempotent=never,
    )

    jobs = "module function args policy"
    yield query("query_apply", WRITE, f"ns set predicate {jobs}", family="write")
    yield query("scan_apply", WRITE, f"ns set {jobs} options", family="scan")

    for kind, named in ((INFO, _INFO), (ADMIN, _INDEXES)):
        for name, parameters in named.items():
            yield cluster(name, kind, parameters, family="info")
    for name, parameters in _ADMIN.items():
        yield cluster(f"admin_{name}", ADMIN, parameters, family="admin")
    yield cluster("commit", TXN, "transaction")
    yield cluster("abort", TXN, "transaction")


_INFO: Final[Mapping[str, str]] = {
    "info_all": "command policy",
    "info_single_node": "command host policy",
    "info_random_node": "command policy",
    "job_info": "job_id module policy",
    "udf_list": "policy",
    "udf_get": "module language policy",
}

_INDEXES: Final[Mapping[str, str]] = {
    "truncate": "namespace set nanos policy",
    "set_xdr_filter": "data_center namespace expression_filter policy",
    "udf_put": "filename udf_type policy",
    "udf_remove": "filename policy",
    **{
        f"index_{kind}_create": "ns set bin name policy"
        for kind in ("integer", "string", "blob", "geo2dsphere")
    },
    **{
        f"index_{kind}_create": "ns set bin index_datatype name policy ctx"
        for kind in ("single_value", "list", "map_keys", "map_values")
    },
    "index_set_create": "ns set name policy",
    "index_cdt_create": "ns set bin index_type index_datatype name ctx policy",
    "index_expr_create": "ns set index_type index_datatype expressions name policy",
    "index_remove": "ns name policy",
}

_ADMIN: Final[Mapping[str, str]] = {
    "create_user": "user password roles policy",
    "create_pki_user": "user roles policy",
    "drop_user": "user policy",
    "set_password": "user password policy",
    "change_password": "user password policy",
    "grant_roles": "user roles policy",
    "revoke_roles": "user roles policy",
    "query_user_info": "user policy",
    "query_users_info": "policy",
    "drop_role": "role policy",
    "get_role": "role policy",
    "get_roles": "policy",
    "query_role": "role policy",
    "query_roles": "policy",
    "grant_privileges": "role privileges policy",
    "revoke_privileges": "role privileges policy",
    "set_whitelist": "role whitelist policy",
    "create_role": "role privileges policy whitelist read_quota write_quota",
    "set_quotas": "role read_quota write_quota policy",
}

OPERATIONS: Final[Mapping[str, Operation]] = {operation.name: operation for operation in _table()}

LOCAL: Final = frozenset(
    {
        *("enable_metrics", "disable_metrics", "get_stats", "get_policies", "get_nodes"),
        *("get_node_names", "get_key_partition_id", "is_connected", "shm_key"),
        *("get_cdtctx_base64", "get_expression_base64", "connect", "close"),
    }
)
"""Methods that touch no record. The wrapped client passes them on."""

LAZY: Final[Mapping[str, LazyMethod]] = {
    "query": LazyMethod(
        {
            "results": query("query", READ, "policy options"),
            "foreach": query("query", READ, "callback policy options"),
            "execute_background": query("query_background", WRITE, "policy", family="write"),
        },
        callback="callback",
    ),
    "scan": LazyMethod(
        {
            "results": query("scan", READ, "policy nodename", family="scan"),
            "foreach": query("scan", READ, "callback policy options nodename", family="scan"),
            "execute_background": query("scan_background", WRITE, "policy", family="scan"),
        },
        callback="callback",
    ),
}
