"""Policy fields of ``aerospike-py``: which family takes which, and the numbers for names in a policy file.

A client's configuration has no policies, so the package's defaults are here too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_BASE: Final = frozenset(
    "total_timeout socket_timeout max_retries sleep_between_retries timeout_delay "
    "filter_expression read_mode_ap read_touch_ttl_percent".split()
)
_RECORD: Final = frozenset("key exists gen commit_level durable_delete ttl".split())

FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "read": _BASE | {"replica"},
    "write": _BASE | _RECORD,
    "batch": _BASE
    | _RECORD
    | frozenset("allow_inline allow_inline_ssd respond_all_keys replica concurrency".split()),
    "query": _BASE
    | frozenset(
        "max_records records_per_second replica max_concurrent_nodes record_queue_size "
        "expected_duration include_bin_data partition_filter".split()
    ),
    "admin": frozenset({"timeout"}),
}
"""The fields that each family takes, as the package's ``TypedDict`` policies list them."""

NUMBERS: Final[Mapping[str, Mapping[Any, int]]] = {
    "replica": {"master": 0, "sequence": 1, "prefer_rack": 2},
    "key": {"digest": 0, "send": 1},
    "gen": {"ignore": 0, "eq": 1, "gt": 2},
    "exists": {
        "ignore": 0,
        "update_only": 1,
        "create_or_replace": 2,
        "replace_only": 3,
        "create_only": 4,
    },
    "commit_level": {"all": 0, "master": 1},
    "read_mode_ap": {"one": 0, "all": 1},
    "expected_duration": {"long": 0, "short": 1, "long_relax_ap": 2},
    "concurrency": {True: 1, False: 0},
}
"""This client's numbers for the names in a policy file. They differ from client to client."""

TTL: Final[Mapping[Any, int]] = {
    "namespace_default": 0,
    "never": -1,
    "dont_update": -2,
    "client_default": -3,
}
"""The client's numbers for times to live that are not a number of seconds."""

CANNOT: Final[Mapping[str, str]] = {
    "replica: any": "it knows master, sequence and prefer_rack",
    "replica: random": "it knows master, sequence and prefer_rack",
    "connect_timeout": "only its configuration has one, for the whole cluster",
    "info_timeout": "its queries have none",
    "read_mode_sc": "it does not read in a mode for strong consistency",
    "compress": "it does not compress",
    "compression_threshold": "it does not compress",
    "generation": "the generation goes in the call's meta",
    "on_locking_only": "it has no such flag",
    "deserialize": "it always does",
    "error_detail_verbosity": "it does not ask for details",
    "respond_per_each_op": "operate_ordered() answers for each operation",
    "short_query": "its name for it is expected_duration",
    "allow_scans_with_where": "a query without an index is refused by the server, whatever the policy",
    "send_as_is": "its info commands take a timeout only",
    "check_bounds": "its info commands take a timeout only",
    "xdr": "it has no such flag",
    "system_txn_verify": "it has no transactions",
    "system_txn_roll": "it has no transactions",
    "connection.opening_connection_threshold": "it does not limit how many connections open at once",
    "connection.connect_timeout": "its name for it is timeout",
    "connection.login_timeout": "it has timeout for logins too",
    "connection.wait_for_connection_to_complete": "it never waits for a connection of the pool",
    "connection.max_error_rate": "its own breaker is fixed at 100 errors",
    "connection.error_rate_window": "its own breaker is fixed at 1 tend",
    "connection.thread_pool_size": "it has the variable AEROSPIKE_RUNTIME_WORKERS",
    "connection.per_client_runtime_workers": "it has the variable AEROSPIKE_RUNTIME_WORKERS",
    "connection.buffer_reclaim_threshold": "it cannot be told",
    "connection.compression_threshold": "it does not compress",
    "connection.use_shared_connection": "it has no shared memory",
    "connection.force_single_node": "it always looks for the whole cluster",
    "connection.fail_if_not_connected": "it always fails",
    "connection.validate_keys": "it ignores keys it does not know",
    "connection.strict_types": "it always is strict",
    "connection.send_bool_as": "it sends booleans as booleans",
    "connection.rack_aware": "it knows no racks",
    "connection.rack_id": "it knows no racks",
    "connection.rack_ids": "it knows no racks",
    "connection.ip_map": "it knows use_services_alternate only",
    "connection.app_id": "it does not tell the server one",
    "connection.shm": "it has no shared memory",
}
"""What a profile may say and this client cannot do or takes differently, and why."""

MASTER: Final = NUMBERS["replica"]["master"]
SEQUENCE: Final = NUMBERS["replica"]["sequence"]
COMMIT_MASTER: Final = NUMBERS["commit_level"]["master"]
CREATE_ONLY: Final = NUMBERS["exists"]["create_only"]

_TIMEOUTS: Final = {"total_timeout": 1000, "socket_timeout": 30_000, "max_retries": 2}

DEFAULTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "read": {**_TIMEOUTS, "replica": NUMBERS["replica"]["sequence"]},
    "write": {**_TIMEOUTS, "max_retries": 0},
    "batch": {**_TIMEOUTS, "replica": NUMBERS["replica"]["sequence"]},
    "query": {"total_timeout": 0, "socket_timeout": 30_000, "max_retries": 5},
}
"""The policies that apply if a call gives none."""


def native(family: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of `settings` that the family takes, with numbers for names.

    A name that the client has no number for is left out, and the client does what it does by default.
    """
    accepted = FIELDS.get(family, frozenset())
    found = {}
    for ours, value in settings.items():
        name = "concurrency" if ours == "concurrent" else ours
        if name not in accepted:
            continue
        if name == "ttl":
            found[name] = TTL.get(value, value)
            continue
        numbers = NUMBERS.get(name)
        if numbers is None:
            found[name] = value
        elif value in numbers:
            found[name] = numbers[value]
    return found
