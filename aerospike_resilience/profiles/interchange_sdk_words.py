"""The keys of the SDK's configuration file, and how its behaviors resolve."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from ..model.durations import s_to_whole_ms
from ..model.operation import Kind, Operation, Shape
from .interchange import Word, lower, sent_key, upper

Sort: TypeAlias = tuple[Operation, bool, tuple[str, ...]]
"""An operation, whether its namespace is strongly consistent, and the blocks that hold for it, weakest
first, after ``all_operations`` and those of reads by mode."""

_UNITS_MS: Final = {"ns": 1e-6, "us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4, "h": 3.6e6, "d": 8.64e7}
_DURATION: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*")
_SPELLED: Final = {
    **dict.fromkeys(("nano", "nanosecond"), "ns"),
    **dict.fromkeys(("micro", "microsecond"), "us"),
    **dict.fromkeys(("milli", "millisecond"), "ms"),
    **dict.fromkeys(("sec", "second"), "s"),
    **dict.fromkeys(("min", "minute"), "m"),
    **dict.fromkeys(("hr", "hour"), "h"),
    "day": "d",
}


def _milliseconds(value: Any) -> Any:
    """Turn the SDK's duration into ours; keep what is not one, to be refused later."""
    written = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if written is None:
        return value
    unit = written.group(2)
    unit = unit if unit in _UNITS_MS else _SPELLED.get(unit.rstrip("s"), unit)
    if unit not in _UNITS_MS:
        return value
    found = float(written.group(1)) * _UNITS_MS[unit]
    return f"{int(found)}ms" if found == int(found) else f"{found:.6f}ms"


def _written(milliseconds: Any) -> str:
    return f"{round(milliseconds)}ms"


def _written_s(seconds: float) -> str:
    return f"{s_to_whole_ms(seconds)}ms"


def _retries(value: Any) -> Any:
    """Convert attempts to retries: attempts include the first call."""
    return value - 1 if isinstance(value, int) and not isinstance(value, bool) else value


_TXN_WORDS: Final = (
    Word("abandon_call_after", "total_timeout", _written, _milliseconds),
    Word("wait_for_call_to_complete", "socket_timeout", _written, _milliseconds),
    Word("delay_between_retries", "sleep_between_retries", _written, _milliseconds),
    Word("maximum_number_of_call_attempts", "max_retries", lambda value: value + 1, _retries),
    Word("replica_order", "replica", upper, lower),
)
_VERIFY_WORDS: Final = (*_TXN_WORDS, Word("read_consistency", "read_mode_sc", upper, lower))
WORDS: Final = (
    *_VERIFY_WORDS,
    Word("wait_for_socket_response_after_call_fails", "timeout_delay", _written, _milliseconds),
    Word("migration_read_consistency", "read_mode_ap", upper, lower),
    Word("send_key", "key", lambda value: value == "send", sent_key),
    Word("use_compression", "compress"),
    Word("reset_ttl_on_read_at_percent", "read_touch_ttl_percent"),
    Word("use_durable_delete", "durable_delete"),
    Word("max_concurrent_servers", "max_concurrent_nodes"),
    Word("allow_inline_memory_access", "allow_inline"),
    Word("allow_inline_ssd_access", "allow_inline_ssd"),
    Word("record_queue_size", "record_queue_size"),
    Word("allow_scans_with_where", "allow_scans_with_where"),
    Word("error_detail_verbosity", "error_detail_verbosity"),
)
SPELLINGS: Final = {"consistency": "read_consistency"}
"""Keys that the SDK takes under two names."""

BLOCKS: Final[Mapping[str, tuple[str, tuple[Word, ...]]]] = {
    "all_operations": ("all", WORDS),
    "availability_mode_reads": ("reads_ap", WORDS),
    "consistency_mode_reads": ("reads_sc", WORDS),
    "batch_reads": ("reads_batch", WORDS),
    "query": ("reads_query", WORDS),
    "non_retryable_writes": ("writes", WORDS),
    "batch_writes": ("writes_batch", WORDS),
    "system_txn_verify": ("system_txn_verify", _VERIFY_WORDS),
    "system_txn_roll": ("system_txn_roll", _TXN_WORDS),
}
"""The SDK's blocks: our scope, and the keys that it may have."""

WEAKER: Final[Mapping[str, tuple[str, ...]]] = {
    "availability_mode_reads": ("all_operations",),
    "consistency_mode_reads": ("all_operations",),
    "batch_reads": ("all_operations", "availability_mode_reads", "consistency_mode_reads"),
    "query": ("all_operations", "availability_mode_reads", "consistency_mode_reads"),
    "non_retryable_writes": ("all_operations",),
    "batch_writes": ("all_operations", "non_retryable_writes"),
    "system_txn_verify": ("all_operations",),
    "system_txn_roll": ("all_operations",),
}
"""The blocks that another block overrides, within one behavior."""

CASES: Final[tuple[Sort, ...]] = tuple(
    (Operation(name, kind, shape, family), strong, blocks)
    for name, kind, shape, family, blocks in (
        ("get", Kind.READ, Shape.POINT, "", ()),
        ("batch_read", Kind.READ, Shape.BATCH, "", ("batch_reads",)),
        ("query", Kind.READ, Shape.QUERY, "", ("query",)),
        ("put", Kind.WRITE, Shape.POINT, "", ("non_retryable_writes",)),
        ("batch_write", Kind.WRITE, Shape.BATCH, "", ("non_retryable_writes", "batch_writes")),
        ("background_task", Kind.WRITE, Shape.QUERY, "", ("non_retryable_writes",)),
        ("commit", Kind.TXN, Shape.CLUSTER, "txn_verify", ("system_txn_verify",)),
        ("commit", Kind.TXN, Shape.CLUSTER, "txn_roll", ("system_txn_roll",)),
    )
    for strong in ((False, True) if kind is not Kind.TXN else (True,))
)
"""One operation of every sort."""

SYSTEM: Final[Mapping[str, tuple[Word, ...]]] = {
    "connections": (
        Word("minimum_connections_per_node", "min_conns_per_node"),
        Word("maximum_connections_per_node", "max_conns_per_node"),
        Word(
            "maximum_socket_idle_time",
            "max_socket_idle",
            _written_s,
            _milliseconds,
        ),
        Word(
            "wait_for_connection_to_complete",
            "wait_for_connection_to_complete",
            _written,
            _milliseconds,
        ),
    ),
    "circuit_breaker": (
        Word("num_tend_intervals_in_error_window", "error_rate_window"),
        Word("maximum_errors_in_error_window", "max_error_rate"),
    ),
    "refresh": (
        Word(
            "tend_interval",
            "tend_interval",
            _written_s,
            _milliseconds,
        ),
    ),
}
