"""The different names that the clients have for one field.

`canonical` turns them into one, so that a child's ``send_key`` replaces its parent's ``key``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

Synonyms: TypeAlias = Mapping[str, tuple[str, Callable[[Any], Any]]]


def _same(value: Any) -> Any:
    return value


def _as_ms(value: Any) -> Any:
    """Turn a bare number into text with its unit, because the other name has another unit."""
    return f"{value}ms" if isinstance(value, int | float) else value


def _named(names: Mapping[Any, Any]) -> Callable[[Any], Any]:
    return lambda value: names.get(value, value)


FIELD_SYNONYMS: Final[Synonyms] = {
    "retry_delay": ("sleep_between_retries", _same),
    "send_key": ("key", _named({True: "send", False: "digest"})),
    "generation_policy": (
        "gen",
        _named({"none": "ignore", "expect_gen_equal": "eq", "expect_gen_greater": "gt"}),
    ),
    "record_exists_action": (
        "exists",
        _named({"update": "ignore", "replace": "create_or_replace"}),
    ),
    "expiration": ("ttl", _same),
    "use_compression": ("compress", _same),
    "read_touch_ttl": ("read_touch_ttl_percent", _same),
    "concurrency": ("concurrent", _named({"parallel": True, "sequential": False})),
}
"""Other names of policy fields: the field, and what turns a value into its."""

CONNECTION_SYNONYMS: Final[Synonyms] = {
    "idle_timeout": ("max_socket_idle", _as_ms),
    "max_socket_idle_time": ("max_socket_idle", _as_ms),
    "login_timeout_ms": ("login_timeout", _same),
    "tend_timeout": ("timeout", _same),
    "min_connections_per_node": ("min_conns_per_node", _same),
    "max_connections_per_node": ("max_conns_per_node", _same),
    "max_errors_in_error_window": ("max_error_rate", _same),
    "num_tend_intervals_in_error_window": ("error_rate_window", _same),
    "seed_only_cluster": ("force_single_node", _same),
    "application_id": ("app_id", _same),
}
"""Other names of connection settings: the setting, and what turns a value into its."""


def canonical(path: tuple[str, ...], value: Any) -> tuple[str, Any]:
    """Return a key's canonical name, and its value in that name's unit.

    Args:
        path: the path of keys to it.
        value: as in the file; None stays None.
    """
    if path[0] == "connection":
        synonyms = CONNECTION_SYNONYMS
    elif path[0] in ("policy", "operations", "sets"):
        synonyms = FIELD_SYNONYMS
    else:
        return path[-1], value
    if path[-1] not in synonyms:
        return path[-1], value
    name, convert = synonyms[path[-1]]
    return name, None if value is None else convert(value)
