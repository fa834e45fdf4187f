"""The operation table of `aerospike_py.Client` 0.14, and of `AsyncClient`, whose methods are awaited."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from ...model.operation import Kind, Operation, never
from ..contract import LazyMethod
from ..shared.operators import operators_of
from ..shared.table import batch, cluster, point, query
from .idempotence import asked_to_retry, only_reads, repeatable, unconditional, unconditional_rows

READ, WRITE, INFO, ADMIN = Kind.READ, Kind.WRITE, Kind.INFO, Kind.ADMIN


def _table() -> Iterator[Operation]:
    yield point("get", READ, "key policy")
    yield point("select", READ, "key bins policy")
    yield point("exists", READ, "key policy")
    yield point("put", WRITE, "key bins meta policy", idempotent=unconditional)
    yield point("remove", WRITE, "key meta policy", idempotent=unconditional)
    yield point("touch", WRITE, "key val meta policy", idempotent=unconditional)
    yield point("append", WRITE, "key bin val meta policy", idempotent=never)
    yield point("prepend", WRITE, "key bin val meta policy", idempotent=never)
    yield point("increment", WRITE, "key bin offset meta policy", idempotent=never)
    yield point("remove_bin", WRITE, "key bin_names meta policy", idempotent=unconditional)
    for name in ("operate", "operate_ordered"):
        yield point(
            *(name, WRITE, "key ops meta policy"),
            idempotent=repeatable,
            read_only=only_reads,
            decisive=lambda _key, operations, meta: (
                *(operators_of(operations), unconditional({"meta": meta})),
            ),
        )
    yield point("apply", WRITE, "key module function args policy", idempotent=never)

    yield batch("batch_read", READ, "keys bins policy")
    yield batch(
        *("batch_write", WRITE, "records policy retry"),
        idempotent=unconditional_rows,
        retries_itself=asked_to_retry,
    )
    yield batch(
        *("batch_write_numpy", WRITE),
        "data namespace set_name _dtype key_field policy retry",
        retries_itself=asked_to_retry,
    )
    yield batch(
        *("batch_operate", WRITE, "keys ops policy"), idempotent=repeatable, read_only=only_reads
    )
    yield batch("batch_remove", WRITE, "keys policy")
    yield batch("batch_apply", WRITE, "keys module function args policy", idempotent=never)

    for kind, named in ((INFO, _INFO), (ADMIN, _ADMIN)):
        for name, parameters in named.items():
            yield cluster(name, kind, parameters, family="admin")


_INFO: Final[Mapping[str, str]] = {
    "info_all": "command policy",
    "info_random_node": "command policy",
    "ping": "",
}

_ADMIN: Final[Mapping[str, str]] = {
    "truncate": "namespace set_name nanos policy",
    "udf_put": "filename udf_type policy",
    "udf_remove": "module policy",
    **{
        f"index_{kind}_create": "namespace set_name bin_name index_name policy"
        for kind in ("integer", "string", "geo2dsphere")
    },
    "index_remove": "namespace index_name policy",
    "admin_create_user": "username password roles policy",
    "admin_drop_user": "username policy",
    "admin_change_password": "username password policy",
    "admin_grant_roles": "username roles policy",
    "admin_revoke_roles": "username roles policy",
    "admin_query_user_info": "username policy",
    "admin_query_users_info": "policy",
    "admin_create_role": "role privileges policy whitelist read_quota write_quota",
    "admin_drop_role": "role policy",
    "admin_grant_privileges": "role privileges policy",
    "admin_revoke_privileges": "role privileges policy",
    "admin_query_role": "role policy",
    "admin_query_roles": "policy",
    "admin_set_whitelist": "role whitelist policy",
    "admin_set_quotas": "role read_quota write_quota policy",
}

OPERATIONS: Final[Mapping[str, Operation]] = {operation.name: operation for operation in _table()}

LOCAL: Final = frozenset({"connect", "close", "is_connected", "get_node_names"})
"""Methods that touch no record. The wrapped client passes them on."""

_RESULTS: Final = query("query", READ, "policy")
_FOREACH: Final = replace(_RESULTS, parameters=("callback", "policy"))

LAZY: Final[Mapping[str, LazyMethod]] = {
    "query": LazyMethod({"results": _RESULTS, "foreach": _FOREACH}, callback="callback")
}

AWAITED: Final[Mapping[str, Operation]] = {
    name: replace(operation, awaited=True) for name, operation in OPERATIONS.items()
}

LAZY_AWAITED: Final[Mapping[str, LazyMethod]] = {
    "query": LazyMethod(
        {
            "results": replace(_RESULTS, awaited=True),
            "foreach": replace(_FOREACH, awaited=True),
        },
        callback="callback",
    )
}
