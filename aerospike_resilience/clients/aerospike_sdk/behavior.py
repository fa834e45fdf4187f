"""Profiles as the SDK's behaviors.

No method of a session takes a policy: a session gets its policies from its behavior. A behavior made here
carries the profile's values, so that ``behavior.explain()`` shows them, and a mark that survives the SDK's
mapping from settings to policies. When a policy with the mark reaches the native client, it came from the
profile and not from the application. So it is replaced there by the policy resolved from operation, set and
idempotence, as for any client.

The mark is a ``compression_threshold`` that nobody would choose: every kind of policy has the field, and it
has no effect while compression is off. No policy with the mark is ever sent.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from ...model.operation import Operation
from ..aerospike_native import policies

MARK: Final = 1_000_000_007

DURATIONS: Final = {
    "total_timeout": "total_timeout",
    "socket_timeout": "socket_timeout",
    "timeout_delay": "timeout_delay",
    "sleep_between_retries": "retry_delay",
}
SETTINGS: Final = {
    "max_retries": "max_retries",
    "replica": "replica",
    "read_mode_ap": "read_mode_ap",
    "read_mode_sc": "read_mode_sc",
    "commit_level": "commit_level",
    "key": "send_key",
    "durable_delete": "durable_delete",
    "max_concurrent_nodes": "max_concurrent_nodes",
    "record_queue_size": "record_queue_size",
    "allow_inline": "allow_inline",
    "allow_inline_ssd": "allow_inline_ssd",
    "allow_scans_with_where": "allow_scans_with_where",
    "read_touch_ttl_percent": "read_touch_ttl_percent",
    "error_detail_verbosity": "error_detail_verbosity",
}
"""From Aerospike's names to those of the SDK's ``Settings``."""

CANNOT: Final[Mapping[str, str]] = {
    **{
        name: why
        for name, why in policies.CANNOT.items()
        if name not in ("allow_scans_with_where", "system_txn_verify", "system_txn_roll")
        and not name.startswith("connection.")
    },
    **{
        f"connection.{name}": "only the clients below it have it"
        for name in (
            *("opening_connection_threshold", "connect_timeout", "thread_pool_size"),
            *("per_client_runtime_workers", "buffer_reclaim_threshold", "compression_threshold"),
            *("use_shared_connection", "validate_keys", "strict_types", "send_bool_as"),
            *("rack_aware", "rack_id", "shm"),
        )
    },
}
"""What a profile may say and the SDK cannot do or takes differently, and why."""

_SET_BY_CALLS: Final[Mapping[str, frozenset[str]]] = {
    "read": frozenset({"filter_expression", "txn"}),
    "write": frozenset(
        {
            *("filter_expression", "txn", "generation", "generation_policy", "expiration"),
            *("record_exists_action", "durable_delete", "respond_per_each_op", "send_key"),
        }
    ),
    "batch": frozenset({"filter_expression", "txn", "respond_all_keys"}),
    "query": frozenset(
        {
            *("filter_expression", "txn", "max_records", "records_per_second"),
            *("record_queue_size", "max_concurrent_nodes", "include_bin_data"),
            "expected_duration",
        }
    ),
}
"""The attributes that a session's builders set for one call, whatever its behavior says."""


def is_marked(policy: Any) -> bool:
    """Return whether a policy comes from a behavior that this module made."""
    return getattr(policy, "compression_threshold", None) == MARK


def keywords_match_profile(operation: Operation, kwargs: Mapping[str, Any]) -> bool:
    """Return whether a call's keywords are only marked policies in which the call set nothing."""
    for name, value in kwargs.items():
        if value is None:
            continue
        if name not in (operation.policy, "policy_sc") or value.compression_threshold != MARK:
            return False
        for attribute, default in _defaults(operation.family):
            found = getattr(value, attribute)
            if found is not default and found != default:
                return False
    return True


@functools.cache
def _defaults(family: str) -> tuple[tuple[str, Any], ...]:
    """Return the attributes that a call may set, each with its default."""
    defaults = policies.defaults(family)
    return tuple((name, defaults[name]) for name in sorted(_SET_BY_CALLS.get(family, ())))


def fields_of_call(family: str, policy: Any) -> dict[str, Any]:
    """Return the attributes of a marked policy that the call set: those that differ from the defaults."""
    return {
        name: value
        for name, default in _defaults(family)
        if (value := getattr(policy, name)) != default
    }


class ProfileBehavior:
    """The behavior of one wrapped cluster. It changes with the profile.

    Args:
        name: the behavior's name.
        scopes: Aerospike's policy fields by the SDK's scope (``reads_point`` …).
    """

    def __init__(self, name: str, scopes: Mapping[str, Mapping[str, Any]]) -> None:
        from aerospike_sdk.policy import Behavior

        self._parent = Behavior.DEFAULT
        self.behavior: Any = self._parent.derive_with_changes(name, **_settings(scopes))

    def follow(self, scopes: Mapping[str, Mapping[str, Any]]) -> None:
        """Apply a reloaded profile. Sessions that are open show it at once.

        These values are only for people to read, since the policy that is sent is resolved later. So a
        version of the SDK that cannot change a behavior in place only shows old values.
        """
        from aerospike_sdk.policy.behavior_settings import Scope

        with contextlib.suppress(AttributeError):
            self.behavior._reload_patches(  # noqa: SLF001 - the SDK's own reload does the same
                {Scope(name): settings for name, settings in _settings(scopes).items()}
            )

    def drop(self) -> None:
        """Remove the behavior from its parent, which would keep it for ever."""
        with contextlib.suppress(AttributeError, ValueError):
            self._parent._children.remove(self.behavior)  # noqa: SLF001


def _settings(scopes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    from aerospike_sdk.policy import Settings

    found = {}
    for scope, fields in scopes.items():
        values: dict[str, Any] = {
            theirs: timedelta(milliseconds=fields[ours])
            for ours, theirs in DURATIONS.items()
            if ours in fields
        }
        for ours, theirs in SETTINGS.items():
            if ours in fields:
                values[theirs] = policies.constant(ours, fields[ours])
        found[scope] = Settings(**values, compression_threshold=MARK)
    return found
