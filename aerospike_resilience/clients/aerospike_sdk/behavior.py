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
import itertools
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, TypeAlias

from ...model.operation import Operation
from ..aerospike_native import policies

MARK: Final = 1_000_000_007
"""Of behaviors that say what the profile says. One that keeps settings of the application has its own."""

Place: TypeAlias = tuple[str, str]
"""What of a behavior holds for an operation: ``reads`` or ``writes``, and its shape."""

_marks = itertools.count(MARK + 1)
_kept: dict[int, Mapping[Place, frozenset[str]]] = {}
"""By mark: the fields that the application's own behavior decides, by Aerospike's names."""

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

_FIELDS: Final[Mapping[str, str]] = {
    **{theirs: ours for ours, theirs in {**DURATIONS, **SETTINGS}.items()},
    "use_compression": "compress",
    "compression_threshold": "compression_threshold",
}
"""From the names of the SDK's ``Settings`` to Aerospike's."""

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
    mark = getattr(policy, "compression_threshold", None)
    return mark == MARK or mark in _kept


def keywords_match_profile(operation: Operation, kwargs: Mapping[str, Any]) -> bool:
    """Return whether a call's keywords are only marked policies in which the call set nothing."""
    for name, value in kwargs.items():
        if value is None:
            continue
        mark = getattr(value, "compression_threshold", None)
        if name not in (operation.policy, "policy_sc") or mark != MARK:
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


def fields_of_call(operation: Operation, policy: Any) -> dict[str, Any]:
    """Return what the application says in a marked policy.

    That is what differs from the class's defaults where only a call can say it, and what a behavior of the
    application's own decides.
    """
    family = operation.family
    words = {
        name: value
        for name, default in _defaults(family)
        if (value := getattr(policy, name)) != default
    }
    kept = _kept.get(policy.compression_threshold)
    if kept is not None:
        names = policies.FIELDS.get(family, {})
        for field in kept.get(_place(operation), ()):
            if field in names and field != "compression_threshold":
                words[names[field]] = getattr(policy, names[field])
    return words


def _place(operation: Operation) -> Place:
    return ("writes" if operation.writes else "reads"), str(operation.shape)


def _decided(behavior: Any) -> dict[Place, frozenset[str]]:
    """Return the fields that a behavior says something of its own about, by Aerospike's names."""
    from aerospike_sdk.policy import Behavior
    from aerospike_sdk.policy.behavior_settings import Mode, OpKind, OpShape

    found: dict[Place, frozenset[str]] = {}
    for kind, shape, mode in itertools.product(OpKind, OpShape, Mode):
        place = ("reads" if kind is OpKind.READ else "writes"), shape.name.lower()
        own, usual = (one.get_settings(kind, shape, mode) for one in (behavior, Behavior.DEFAULT))
        fields = {
            ours
            for theirs, ours in _FIELDS.items()
            if getattr(own, theirs, None) != getattr(usual, theirs, None)
        }
        found[place] = found.get(place, frozenset()) | fields
    return found


class ProfileBehavior:
    """The behavior of one wrapped cluster. It changes with the profile.

    Args:
        name: the behavior's name.
        scopes: Aerospike's policy fields by the SDK's scope (``reads_point`` …).
        own: a behavior of the application's, whose words win over the profile's; None for none.
    """

    def __init__(self, name: str, scopes: Mapping[str, Mapping[str, Any]], own: Any = None) -> None:
        from aerospike_sdk.policy import Behavior

        self._parent = Behavior.DEFAULT if own is None else own
        self._decided = {} if own is None else _decided(own)
        self._mark = MARK
        if any(self._decided.values()):
            self._mark = next(_marks)
            _kept[self._mark] = self._decided
        self.behavior: Any = self._parent.derive_with_changes(name, **self._settings(scopes))

    def follow(self, scopes: Mapping[str, Mapping[str, Any]]) -> None:
        """Apply a reloaded profile. Sessions that are open show it at once.

        These values are only for people to read, since the policy that is sent is resolved later. So a
        version of the SDK that cannot change a behavior in place only shows old values.
        """
        from aerospike_sdk.policy.behavior_settings import Scope

        with contextlib.suppress(AttributeError):
            self.behavior._reload_patches(  # noqa: SLF001 - the SDK's own reload does the same
                {Scope(name): settings for name, settings in self._settings(scopes).items()}
            )

    def drop(self) -> None:
        """Remove the behavior from its parent and the SDK's table of names, which would keep it."""
        with contextlib.suppress(AttributeError, ValueError):
            self._parent._children.remove(self.behavior)  # noqa: SLF001
        with contextlib.suppress(AttributeError, ImportError):
            from aerospike_sdk.policy import behavior_registry

            known: dict[str, Any] = behavior_registry._registry  # noqa: SLF001
            name = self.behavior.name
            if known.get(name) is self.behavior:
                del known[name]

    def _settings(self, scopes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        return _settings(scopes, self._mark, self._decided)


def _settings(
    scopes: Mapping[str, Mapping[str, Any]], mark: int, decided: Mapping[Place, frozenset[str]]
) -> dict[str, Any]:
    from aerospike_sdk.policy import Settings

    found = {}
    for scope, all_fields in scopes.items():
        side, _, shape = scope.partition("_")
        kept = decided.get((side, shape), frozenset())
        fields = {name: value for name, value in all_fields.items() if name not in kept}
        values: dict[str, Any] = {
            theirs: timedelta(milliseconds=fields[ours])
            for ours, theirs in DURATIONS.items()
            if ours in fields
        }
        for ours, theirs in SETTINGS.items():
            if ours in fields:
                values[theirs] = policies.constant(ours, fields[ours])
        found[scope] = Settings(**values, compression_threshold=mark)
    return found
