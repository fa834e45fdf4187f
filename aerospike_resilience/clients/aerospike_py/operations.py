"""The operation table of `aerospike_py.Client` and `AsyncClient` 0.14: the same names, one awaited."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from ...operation import Idempotence, Kind, Operation, Shape, always, never
from ..base import Lazy
from .idempotence import asked_to_retry, only_reads, repeatable, unconditional, unconditional_rows

READ, WRITE, INFO, ADMIN = Kind.READ, Kind.WRITE, Kind.INFO, Kind.ADMIN


def _point(
    name: str,
    kind: Kind,
    parameters: str,
    idempotent: Idempotence = unconditional,
    read_only: Idempotence | None = None,
) -> Operation:
    return Operation(
        name,
        kind,
        Shape.POINT,
        "read" if kind is READ else "write",
        tuple(parameters.split()),
        policy="policy",
        key="key",
        idempotent=idempotent,
        read_only=read_only,
    )


def _batch(
    name: str,
    kind: Kind,
    parameters: str,
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
        policy="policy",
        rows=names[0],
        idempotent=idempotent,
        read_only=read_only,
        retries_itself=asked_to_retry if "retry" in names else None,
    )


def _cluster(name: str, kind: Kind, parameters: str) -> Operation:
    names = tuple(parameters.split())
    return Operation(
        name,
        kind,
        Shape.CLUSTER,
        "admin",
        names,
        policy="policy" if "policy" in names else "",
        idempotent=always if kind is INFO else never,
    )


def _table() -> Iterator[Operation]:
    yield _point("get", READ, "key policy")
    yield _point("select", READ, "key bins policy")
    yield _point("exists", READ, "key policy")
    yield _point("put", WRITE, "key bins meta policy")
    yield _point("remove", WRITE, "key meta policy")
    yield _point("touch", WRITE, "key val meta policy")
    yield _point("append", WRITE, "key bin val meta policy", never)
    yield _point("prepend", WRITE, "key bin val meta policy", never)
    yield _point("increment", WRITE, "key bin offset meta policy", never)
    yield _point("remove_bin", WRITE, "key bin_names meta policy")
    for name in ("operate", "operate_ordered"):
        yield _point(name, WRITE, "key ops meta policy", repeatable, only_reads)
    yield _point("apply", WRITE, "key module function args policy", never)

    yield _batch("batch_read", READ, "keys bins policy")
    yield _batch("batch_write", WRITE, "records policy retry", unconditional_rows)
    yield _batch(
        "batch_write_numpy", WRITE, "data namespace set_name _dtype key_field policy retry"
    )
    yield _batch("batch_operate", WRITE, "keys ops policy", repeatable, only_reads)
    yield _batch("batch_remove", WRITE, "keys policy")
    yield _batch("batch_apply", WRITE, "keys module function args policy", never)

    yield _cluster("info_all", INFO, "command policy")
    yield _cluster("info_random_node", INFO, "command policy")
    yield _cluster("ping", INFO, "")
    yield _cluster("truncate", ADMIN, "namespace set_name nanos policy")
    yield _cluster("udf_put", ADMIN, "filename udf_type policy")
    yield _cluster("udf_remove", ADMIN, "module policy")
    for kind in ("integer", "string", "geo2dsphere"):
        yield _cluster(
            f"index_{kind}_create", ADMIN, "namespace set_name bin_name index_name policy"
        )
    yield _cluster("index_remove", ADMIN, "namespace index_name policy")
    for name, parameters in _ADMIN.items():
        yield _cluster(f"admin_{name}", ADMIN, parameters)


_ADMIN: Final[Mapping[str, str]] = {
    "create_user": "username password roles policy",
    "drop_user": "username policy",
    "change_password": "username password policy",
    "grant_roles": "username roles policy",
    "revoke_roles": "username roles policy",
    "query_user_info": "username policy",
    "query_users_info": "policy",
    "create_role": "role privileges policy whitelist read_quota write_quota",
    "drop_role": "role policy",
    "grant_privileges": "role privileges policy",
    "revoke_privileges": "role privileges policy",
    "query_role": "role policy",
    "query_roles": "policy",
    "set_whitelist": "role whitelist policy",
    "set_quotas": "role read_quota write_quota policy",
}

OPERATIONS: Final[Mapping[str, Operation]] = {operation.name: operation for operation in _table()}

LOCAL: Final = frozenset({"connect", "close", "is_connected", "get_node_names"})
"""Methods that touch no record and go straight to the client."""

_RESULTS: Final = Operation("query", READ, Shape.QUERY, "query", ("policy",), policy="policy")
_FOREACH: Final = replace(_RESULTS, parameters=("callback", "policy"))

LAZY: Final[Mapping[str, Lazy]] = {
    "query": Lazy({"results": _RESULTS, "foreach": _FOREACH}, callback="callback")
}

AWAITED: Final[Mapping[str, Operation]] = {
    name: replace(operation, awaited=True) for name, operation in OPERATIONS.items()
}

LAZY_AWAITED: Final[Mapping[str, Lazy]] = {
    "query": Lazy(
        {
            "results": replace(_RESULTS, awaited=True),
            "foreach": replace(_FOREACH, awaited=True),
        },
        callback="callback",
    )
}
