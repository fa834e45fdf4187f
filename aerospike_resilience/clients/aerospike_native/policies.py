"""Policies of ``aerospike-native``. They are objects, and their attributes have names of their own."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from .package import native

CLASSES: Final[Mapping[str, str]] = {
    "read": "ReadPolicy",
    "write": "WritePolicy",
    "batch": "BatchPolicy",
    "query": "QueryPolicy",
    "admin": "AdminPolicy",
}
"""The class of each family's policy."""

_BASE: Final[Mapping[str, str]] = {
    name: name
    for name in (
        *("total_timeout", "socket_timeout", "max_retries", "sleep_between_retries"),
        *("timeout_delay", "read_mode_ap", "read_mode_sc", "error_detail_verbosity"),
        *("filter_expression", "txn", "compression_threshold", "replica"),
    )
} | {"compress": "use_compression", "read_touch_ttl_percent": "read_touch_ttl"}

_WRITE: Final[Mapping[str, str]] = {
    "key": "send_key",
    "gen": "generation_policy",
    "exists": "record_exists_action",
    "ttl": "expiration",
    "commit_level": "commit_level",
    "durable_delete": "durable_delete",
    **{name: name for name in ("records_per_second", "generation", "respond_per_each_op", "xdr")},
}

FIELDS: Final[Mapping[str, Mapping[str, str]]] = {
    "read": _BASE,
    "write": {**_BASE, **_WRITE},
    "batch": {
        **_BASE,
        **{name: name for name in ("allow_inline", "allow_inline_ssd", "respond_all_keys")},
        "concurrent": "concurrency",
    },
    "query": {
        **_BASE,
        **{
            name: name
            for name in (
                *("max_records", "records_per_second", "max_concurrent_nodes"),
                *("record_queue_size", "expected_duration", "include_bin_data"),
            )
        },
    },
    "admin": {"timeout": "timeout"},
}
"""From Aerospike's names to the attributes of each family's class."""

_CONSTANTS: Final[Mapping[str, tuple[str, Mapping[Any, str]]]] = {
    "replica": (
        "Replica",
        {
            "master": "MASTER",
            "any": "MASTER_PROLES",
            "sequence": "SEQUENCE",
            "prefer_rack": "PREFER_RACK",
            "random": "RANDOM",
        },
    ),
    "gen": (
        "GenerationPolicy",
        {"ignore": "NONE", "eq": "EXPECT_GEN_EQUAL", "gt": "EXPECT_GEN_GREATER"},
    ),
    "exists": (
        "RecordExistsAction",
        {
            "ignore": "UPDATE",
            "update_only": "UPDATE_ONLY",
            "create_or_replace": "REPLACE",
            "replace_only": "REPLACE_ONLY",
            "create_only": "CREATE_ONLY",
        },
    ),
    "commit_level": ("CommitLevel", {"all": "COMMIT_ALL", "master": "COMMIT_MASTER"}),
    "read_mode_ap": ("ReadModeAP", {"one": "ONE", "all": "ALL"}),
    "read_mode_sc": (
        "ReadModeSC",
        {
            "session": "SESSION",
            "linearize": "LINEARIZE",
            "allow_replica": "ALLOW_REPLICA",
            "allow_unavailable": "ALLOW_UNAVAILABLE",
        },
    ),
    "expected_duration": (
        "QueryDuration",
        {"long": "LONG", "short": "SHORT", "long_relax_ap": "LONG_RELAX_AP"},
    ),
    "concurrent": ("Concurrency", {True: "PARALLEL", False: "SEQUENTIAL"}),
}
"""From the names in a policy file to the members of this package's enumerations."""


_TTL: Final[Mapping[Any, str]] = {
    "namespace_default": "NAMESPACE_DEFAULT",
    "client_default": "NAMESPACE_DEFAULT",  # a client has no other
    "never": "NEVER_EXPIRE",
    "dont_update": "DONT_UPDATE",
}
"""The package's names for times to live that are not a number of seconds."""

CANNOT: Final[Mapping[str, str]] = {
    "read_mode_sc": "only its batches say so to the server; a read of one record is a session's",
    "connect_timeout": "only its configuration has one, for the whole cluster",
    "info_timeout": "its queries have none",
    "on_locking_only": "only the rows of its batches have such a flag",
    "deserialize": "it always does",
    "short_query": "its name for it is expected_duration",
    "allow_scans_with_where": "only the SDK asks before it scans",
    "send_as_is": "its info commands take no policy",
    "check_bounds": "its info commands take no policy",
    "system_txn_verify": "commit() takes verify_policy of the call",
    "system_txn_roll": "commit() and abort() take roll_policy of the call",
    "connection.wait_for_connection_to_complete": "its calls wait for a connection as long as they may",
    "connection.thread_pool_size": "it has per_client_runtime_workers",
    "connection.compression_threshold": "policies have it, and the client has not",
    "connection.use_shared_connection": "it has no shared memory",
    "connection.validate_keys": "it always does",
    "connection.strict_types": "it always is strict",
    "connection.send_bool_as": "it sends booleans as booleans",
    "connection.rack_aware": "it has rack_ids only",
    "connection.rack_id": "it has rack_ids only",
    "connection.shm": "it has no shared memory",
}
"""What a profile may say and this client cannot do or takes differently, and why."""


def to_native(family: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes for those settings that a family takes."""
    names = FIELDS.get(family, {})
    return {names[name]: constant(name, value) for name, value in settings.items() if name in names}


def constant(name: str, value: Any) -> Any:
    """Return the package's value for one in a policy file, such as a member of an enumeration."""
    package = native()
    if name in _CONSTANTS:
        enumeration, members = _CONSTANTS[name]
        return getattr(getattr(package, enumeration), members[value])
    if name == "key":
        return value == "send"
    if name == "ttl":
        if value in _TTL:
            return getattr(package.Expiration, _TTL[value])
        return package.Expiration.seconds(value)
    return value


def word_for(name: str, value: Any) -> Any:
    """Return the policy file's value for one of the package: the inverse of `constant`."""
    if name in _CONSTANTS:
        _, members = _CONSTANTS[name]
        return next((word for word in members if constant(name, word) == value), value)
    if name == "key":
        return "send" if value else "digest"
    return value


@functools.cache
def attributes(family: str) -> tuple[str, ...]:
    """Return the attributes of a family's policy, without the one that holds several of the others."""
    cls = getattr(native(), CLASSES[family])
    return tuple(
        name
        for name in dir(cls)
        if not name.startswith("_") and name != "base_policy" and not callable(getattr(cls, name))
    )


@functools.cache
def defaults(family: str) -> dict[str, Any]:
    """Return the attributes that apply if a call gives no policy."""
    return read(family, getattr(native(), CLASSES[family])())


def read(family: str, policy: Any) -> dict[str, Any]:
    """Return the attributes of a policy object."""
    return {name: getattr(policy, name) for name in attributes(family)}


def content(family: str, policy: Any) -> tuple[Any, ...] | None:
    """Return what a policy object says, to be compared with others; None with a filter or a transaction."""
    found: tuple[Any, ...] = _getter(family)(policy)
    return None if any(found[at] is not None for at in _changing(family)) else found


@functools.cache
def _getter(family: str) -> Callable[[Any], Any]:
    return operator.attrgetter(*attributes(family))


@functools.cache
def _changing(family: str) -> tuple[int, ...]:
    """Return where the attributes stand whose values have a state of their own."""
    names = attributes(family)
    return tuple(names.index(name) for name in ("filter_expression", "txn") if name in names)


def build(family: str, fields: Mapping[str, Any]) -> Any:
    """Return a new policy object with these attributes."""
    policy = getattr(native(), CLASSES[family])()
    for name, value in fields.items():
        setattr(policy, name, value)
    return policy
