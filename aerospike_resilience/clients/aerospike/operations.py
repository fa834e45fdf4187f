"""The operation table of `aerospike.Client` 19: every method that touches the database.

Parameter names are the C extension's own, in positional order; its stubs differ in places
(``udf_remove`` takes ``filename``, ``admin_*`` take ``user``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from ...operation import Idempotence, Kind, Operation, Shape, always, never
from ..base import Lazy
from .idempotence import only_reads, records_only_read, records_repeatable, repeatable

READ, WRITE, INFO, ADMIN, TXN = Kind.READ, Kind.WRITE, Kind.INFO, Kind.ADMIN, Kind.TXN


def _point(
    name: str,
    kind: Kind,
    family: str,
    parameters: str,
    idempotent: Idempotence = always,
    read_only: Idempotence | None = None,
) -> Operation:
    return Operation(
        name,
        kind,
        Shape.POINT,
        family,
        tuple(parameters.split()),
        policy="policy",
        key="key",
        idempotent=idempotent,
        read_only=read_only,
    )


def _batch(
    name: str,
    kind: Kind,
    family: str,
    parameters: str,
    idempotent: Idempotence = always,
    read_only: Idempotence | None = None,
) -> Operation:
    names = tuple(parameters.split())
    return Operation(
        name,
        kind,
        Shape.BATCH,
        family,
        names,
        policy=next(parameter for parameter in names if parameter.startswith("policy")),
        rows=names[0],
        idempotent=idempotent,
        read_only=read_only,
    )


def _cluster(name: str, kind: Kind, family: str, parameters: str) -> Operation:
    names = tuple(parameters.split())
    return Operation(
        name,
        kind,
        Shape.CLUSTER,
        family,
        names,
        policy="policy" if "policy" in names else "",
        idempotent=always if kind is INFO else never,
    )


def _query(name: str, kind: Kind, family: str, parameters: str) -> Operation:
    names = tuple(parameters.split())
    return Operation(name, kind, Shape.QUERY, family, names, policy="policy")


def _table() -> Iterator[Operation]:
    yield _point("get", READ, "read", "key policy")
    yield _point("exists", READ, "read", "key policy")
    yield _point("select", READ, "read", "key bins policy")
    yield _point("put", WRITE, "write", "key bins meta policy serializer")
    yield _point("remove", WRITE, "remove", "key meta policy")
    yield _point("remove_bin", WRITE, "write", "key list meta policy")
    yield _point("touch", WRITE, "operate", "key val meta policy")
    yield _point("append", WRITE, "operate", "key bin val meta policy", never)
    yield _point("prepend", WRITE, "operate", "key bin val meta policy", never)
    yield _point("increment", WRITE, "operate", "key bin offset meta policy", never)
    for name in ("operate", "operate_ordered"):
        yield _point(
            *(name, WRITE, "operate", "key list meta policy"),
            repeatable("list"),
            only_reads("list"),
        )
    yield _point("apply", WRITE, "apply", "key module function args policy", never)

    yield _batch("batch_read", READ, "batch", "keys bins policy")
    yield _batch(
        *("batch_write", WRITE, "batch", "batch_records policy_batch"),
        records_repeatable,
        records_only_read,
    )
    yield _batch(
        *("batch_operate", WRITE, "batch", "keys ops policy_batch policy_batch_write ttl"),
        repeatable("ops"),
        only_reads("ops"),
    )
    yield _batch("batch_remove", WRITE, "batch", "keys policy_batch policy_batch_remove")
    yield _batch(
        *("batch_apply", WRITE, "batch"),
        "keys module function args policy_batch policy_batch_apply",
        never,
    )

    yield _query("query_apply", WRITE, "write", "ns set predicate module function args policy")
    yield _query("scan_apply", WRITE, "scan", "ns set module function args policy options")

    yield _cluster("info_all", INFO, "info", "command policy")
    yield _cluster("info_single_node", INFO, "info", "command host policy")
    yield _cluster("info_random_node", INFO, "info", "command policy")
    yield _cluster("job_info", INFO, "info", "job_id module policy")
    yield _cluster("truncate", ADMIN, "info", "namespace set nanos policy")
    yield _cluster(
        "set_xdr_filter", ADMIN, "info", "data_center namespace expression_filter policy"
    )
    yield _cluster("udf_put", ADMIN, "info", "filename udf_type policy")
    yield _cluster("udf_remove", ADMIN, "info", "filename policy")
    yield _cluster("udf_list", INFO, "info", "policy")
    yield _cluster("udf_get", INFO, "info", "module language policy")
    for kind in ("integer", "string", "blob", "geo2dsphere"):
        yield _cluster(f"index_{kind}_create", ADMIN, "info", "ns set bin name policy")
    for kind in ("single_value", "list", "map_keys", "map_values"):
        yield _cluster(
            f"index_{kind}_create", ADMIN, "info", "ns set bin index_datatype name policy ctx"
        )
    yield _cluster("index_set_create", ADMIN, "info", "ns set name policy")
    yield _cluster(
        *("index_cdt_create", ADMIN, "info"), "ns set bin index_type index_datatype name ctx policy"
    )
    yield _cluster(
        *("index_expr_create", ADMIN, "info"),
        "ns set index_type index_datatype expressions name policy",
    )
    yield _cluster("index_remove", ADMIN, "info", "ns name policy")

    for name, parameters in _ADMIN.items():
        yield _cluster(f"admin_{name}", ADMIN, "admin", f"{parameters} policy".strip())
    yield _cluster(
        *("admin_create_role", ADMIN, "admin"),
        "role privileges policy whitelist read_quota write_quota",
    )
    yield _cluster("admin_set_quotas", ADMIN, "admin", "role read_quota write_quota policy")
    yield _cluster("commit", TXN, "", "transaction")
    yield _cluster("abort", TXN, "", "transaction")


_ADMIN: Final[Mapping[str, str]] = {
    "create_user": "user password roles",
    "create_pki_user": "user roles",
    "drop_user": "user",
    "set_password": "user password",
    "change_password": "user password",
    "grant_roles": "user roles",
    "revoke_roles": "user roles",
    "query_user_info": "user",
    "query_users_info": "",
    "drop_role": "role",
    "get_role": "role",
    "get_roles": "",
    "query_role": "role",
    "query_roles": "",
    "grant_privileges": "role privileges",
    "revoke_privileges": "role privileges",
    "set_whitelist": "role whitelist",
}

OPERATIONS: Final[Mapping[str, Operation]] = {operation.name: operation for operation in _table()}

LOCAL: Final = frozenset(
    {
        *("enable_metrics", "disable_metrics", "get_stats", "get_policies", "get_nodes"),
        *("get_node_names", "get_key_partition_id", "is_connected", "shm_key"),
        *("get_cdtctx_base64", "get_expression_base64", "connect", "close"),
    }
)
"""Methods that touch no record and go straight to the client."""

LAZY: Final[Mapping[str, Lazy]] = {
    "query": Lazy(
        {
            "results": _query("query", READ, "query", "policy options"),
            "foreach": _query("query", READ, "query", "callback policy options"),
            "execute_background": _query("query_background", WRITE, "write", "policy"),
        },
        callback="callback",
    ),
    "scan": Lazy(
        {
            "results": _query("scan", READ, "scan", "policy nodename"),
            "foreach": _query("scan", READ, "scan", "callback policy options nodename"),
            "execute_background": _query("scan_background", WRITE, "scan", "policy"),
        },
        callback="callback",
    ),
}
