"""Profiles as the SDK's behaviors.

No method of a session takes a policy; all it knows is its behavior. A behavior made here carries the
profile's values, so that ``behavior.explain()`` tells them, and a mark that survives the SDK's mapping
from settings to policies. At the seam below the session a policy with the mark is one that nobody but
the profile has shaped, so it is resolved there, by operation, set and idempotence, as for any client.

The mark is an absurd ``compression_threshold``: every kind of policy has the field, and it means
nothing while compression is off. No marked policy is ever sent: a resolved one takes its place.
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
"""What a profile may say and the SDK cannot do, or takes differently."""

_OWN: Final[Mapping[str, frozenset[str]]] = {
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
"""Attributes that a session's builders set for one call, whatever its behavior says."""


def is_marked(policy: Any) -> bool:
    """Return whether a policy comes from a behavior made here."""
    return getattr(policy, "compression_threshold", None) == MARK


def policy_is_profiles(operation: Operation, kwargs: Mapping[str, Any]) -> bool:
    """Return whether a call's keywords are a marked policy, its twin for strong consistency, or nothing."""
    for name, value in kwargs.items():
        if value is None:
            continue
        if name not in (operation.policy, "policy_sc") or value.compression_threshold != MARK:
            return False
        for attribute, usual in _usual(operation.family):
            found = getattr(value, attribute)
            if found is not usual and found != usual:
                return False
    return True


@functools.cache
def _usual(family: str) -> tuple[tuple[str, Any], ...]:
    """Return what a call may say itself, with the class's default of each."""
    defaults = policies.defaults(family)
    return tuple((name, defaults[name]) for name in sorted(_OWN.get(family, ())))


def own_words(family: str, policy: Any) -> dict[str, Any]:
    """Return what a call says itself in a marked policy: what differs from the class's defaults."""
    return {
        name: value for name, usual in _usual(family) if (value := getattr(policy, name)) != usual
    }


class ProfileBehavior:
    """One behavior for one wrapped cluster; it follows the profile through reloads.

    Args:
        name: the behavior's name.
        scopes: Aerospike's policy fields by the SDK's scope (``reads_point`` …).
    """

    def __init__(self, name: str, scopes: Mapping[str, Mapping[str, Any]]) -> None:
        from aerospike_sdk.policy import Behavior

        self._parent = Behavior.DEFAULT
        self.behavior: Any = self._parent.derive_with_changes(name, **_settings(scopes))

    def follow(self, scopes: Mapping[str, Mapping[str, Any]]) -> None:
        """Take over a reloaded profile; sessions that are open see it at once.

        The values here are for people to read: what is sent is resolved at the seam. So a version of
        the SDK that cannot change a behavior in place loses nothing but that.
        """
        from aerospike_sdk.policy.behavior_settings import Scope

        with contextlib.suppress(AttributeError):
            self.behavior._reload_patches(  # noqa: SLF001 - the SDK's own reload does the same
                {Scope(name): settings for name, settings in _settings(scopes).items()}
            )

    def drop(self) -> None:
        """Let the behavior go: its parent would hold it for ever."""
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
