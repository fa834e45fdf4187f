"""Policy fields of the C client: which family takes which, and the numbers for names in a policy file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...model.operation import Operation

_BASE: Final = frozenset(
    "total_timeout socket_timeout max_retries sleep_between_retries compress txn expressions "
    "connect_timeout timeout_delay error_detail_verbosity".split()
)

FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "read": _BASE
    | frozenset("key replica deserialize read_touch_ttl_percent read_mode_ap read_mode_sc".split()),
    "write": _BASE
    | frozenset(
        "key gen exists commit_level durable_delete replica compression_threshold on_locking_only "
        "ttl".split()
    ),
    "operate": _BASE
    | frozenset(
        "key gen commit_level replica durable_delete deserialize exists read_touch_ttl_percent "
        "on_locking_only read_mode_ap read_mode_sc ttl".split()
    ),
    "remove": _BASE | frozenset("generation key gen commit_level replica durable_delete".split()),
    "apply": _BASE
    | frozenset("key replica commit_level durable_delete ttl on_locking_only".split()),
    "batch": _BASE
    | frozenset(
        "concurrent allow_inline allow_inline_ssd respond_all_keys deserialize replica "
        "read_touch_ttl_percent read_mode_ap read_mode_sc".split()
    ),
    "query": _BASE
    | frozenset("deserialize replica short_query expected_duration partition_filter".split()),
    "scan": _BASE
    | frozenset(
        "durable_delete records_per_second max_records replica ttl partition_filter".split()
    ),
    "info": frozenset("timeout send_as_is check_bounds".split()),
    "admin": frozenset({"timeout"}),
}
"""The fields that each family accepts in a call's policy. With ``validate_keys`` the client checks them."""

BATCH: Final = "policy_batch"
"""The parameter that takes a writing batch's own policy."""

ROWS: Final[Mapping[str, tuple[str, frozenset[str]]]] = {
    "batch_operate": (
        "policy_batch_write",
        frozenset("key gen commit_level durable_delete exists on_locking_only ttl".split()),
    ),
    "batch_remove": (
        "policy_batch_remove",
        frozenset("key gen generation commit_level durable_delete".split()),
    ),
    "batch_apply": (
        "policy_batch_apply",
        frozenset("key commit_level durable_delete on_locking_only ttl".split()),
    ),
}
"""Batches that take a second policy for their rows: its parameter and its fields.

The rows of ``batch_write`` have their policies in the application's own records, which stay as they are.
"""

NUMBERS: Final[Mapping[str, Mapping[str, int]]] = {
    "replica": {"master": 0, "any": 1, "sequence": 2, "prefer_rack": 3, "random": 4},
    "key": {"digest": 0, "send": 1},
    "gen": {"ignore": 0, "eq": 1, "gt": 2},
    "exists": {
        "ignore": 0,
        "create_only": 1,
        "update_only": 2,
        "replace_only": 3,
        "create_or_replace": 4,
    },
    "commit_level": {"all": 0, "master": 1},
    "read_mode_ap": {"one": 0, "all": 1},
    "read_mode_sc": {"session": 0, "linearize": 1, "allow_replica": 2, "allow_unavailable": 3},
    "expected_duration": {"long": 0, "short": 1, "long_relax_ap": 2},
    "ttl": {
        "namespace_default": 0,
        "never": 0xFFFFFFFF,
        "dont_update": 0xFFFFFFFE,
        "client_default": 0xFFFFFFFD,
    },
}
"""This client's numbers for the names in a policy file. They differ from client to client."""

CANNOT: Final[Mapping[str, str]] = {
    "max_concurrent_nodes": "its queries and batches go to all nodes at once, or with concurrent: false to "
    "one after the other",
    "record_queue_size": "its queries have no queue of records: they return a list or call back",
    "include_bin_data": "a query leaves bins out by its own option nobins",
    "allow_scans_with_where": "a query without an index is refused by the server, whatever the policy",
    "respond_per_each_op": "operate_ordered() answers for each operation",
    "xdr": "it has no such flag",
    "info_timeout": "only its dynamic configuration file has it",
    "system_txn_verify": "commit() and abort() take no policy; give policies.txn_verify to the client",
    "system_txn_roll": "commit() and abort() take no policy; give policies.txn_roll to the client",
    "connection.conn_pools_per_node": "it has one pool for each node",
    "connection.opening_connection_threshold": "it does not limit how many connections open at once",
    "connection.timeout": "its name for it is connect_timeout",
    "connection.wait_for_connection_to_complete": "it never waits for a connection of the pool",
    "connection.per_client_runtime_workers": "it has thread_pool_size",
    "connection.buffer_reclaim_threshold": "it keeps no buffers",
    "connection.ip_map": "it knows use_services_alternate only",
}
"""What a profile may say and this client cannot do or takes differently, and why."""

MASTER_ONLY: Final = NUMBERS["replica"]["master"]
SEQUENCE: Final = NUMBERS["replica"]["sequence"]
REPLICA_TO_LEAVE_MASTER: Final = {SEQUENCE: NUMBERS["replica"]["any"]}
"""``sequence`` begins at the master; ``any`` begins at master and replica in turn."""
LINEARIZE: Final = NUMBERS["read_mode_sc"]["linearize"]
COMMIT_MASTER: Final = NUMBERS["commit_level"]["master"]
CREATE_ONLY: Final = NUMBERS["exists"]["create_only"]
GENERATION_EQUAL: Final = NUMBERS["gen"]["eq"]


def native(operation: Operation, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of `settings` that the operation takes, with numbers for names."""
    accepted = FIELDS.get(operation.family, frozenset())
    if operation.writes and operation.name in ROWS:
        accepted |= ROWS[operation.name][1]
    return {
        name: NUMBERS[name].get(value, value) if name in NUMBERS else value
        for name, value in settings.items()
        if name in accepted
    }


_OF_ROWS: Final = frozenset().union(*(fields for _parameter, fields in ROWS.values()))
_CALLERS: Final = "policy_batch:"
"""Before a row's field that the caller put into the batch's policy, where the client ignores it."""


def kept_from_rows(policy: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return a caller's batch policy in which a row's fields have names that no row knows."""
    return {_CALLERS + name if name in _OF_ROWS else name: value for name, value in policy.items()}


def split_for_rows(
    operation: Operation, policy: Mapping[Any, Any]
) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """Return the fields of a policy that a batch takes, and those that its rows take.

    The caller's fields go to the batch, under their own names.
    """
    of_rows = ROWS[operation.name][1] if operation.name in ROWS else frozenset()
    whole, rows = {}, {}
    for name, value in policy.items():
        if name in of_rows:
            rows[name] = value
        elif isinstance(name, str):
            whole[name.removeprefix(_CALLERS)] = value
        else:
            whole[name] = value
    return whole, rows
