"""What makes a write of the C client safe to send again, read off its arguments."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from ...model.rows import ExpectedWrite

# Operators of `operate` lists, as the package numbers them (``aerospike.OPERATOR_*``).
_READ: Final = 0
_WRITE: Final = 1
_TOUCH: Final = 11
_DELETE: Final = 14

_READING_PREFIXES: Final = (
    *("OP_LIST_GET", "OP_LIST_SIZE", "OP_MAP_GET", "OP_MAP_SIZE"),
    *("OP_BIT_GET", "OP_BIT_COUNT", "OP_BIT_LSCAN", "OP_BIT_RSCAN"),
    *("OP_HLL_GET", "OP_HLL_DESCRIBE", "OP_HLL_MAY_CONTAIN", "OP_EXPR_READ"),
)


@functools.cache
def _reading() -> frozenset[int]:
    """Return the operators that only read. Named, not numbered: the package may renumber them."""
    import aerospike  # the client is imported when it is used, never with this library

    return frozenset(
        {_READ}
        | {
            getattr(aerospike, name)
            for name in dir(aerospike)
            if name.startswith(_READING_PREFIXES)
        }
    )


def only_reads(parameter: str) -> Callable[[Mapping[str, Any]], bool]:
    """Return whether every operator in the list given as `parameter` reads."""

    def decide(arguments: Mapping[str, Any]) -> bool:
        operators = _operators(arguments.get(parameter))
        return operators is not None and operators <= _reading()

    return decide


def repeatable(parameter: str, of_rows: str = "") -> Callable[[Mapping[str, Any]], bool]:
    """Return whether every operator in the list reads, writes a given value, touches or deletes.

    Args:
        parameter: the parameter that holds the list.
        of_rows: the parameter that holds a batch's policy for its rows, if there is one.
    """
    unconditional = rows_unconditional(of_rows)

    def decide(arguments: Mapping[str, Any]) -> bool:
        return _repeatable(_operators(arguments.get(parameter))) and unconditional(arguments)

    return decide


def rows_unconditional(of_rows: str) -> Callable[[Mapping[str, Any]], bool]:
    """Return whether the policy for a batch's rows holds no condition that their writing breaks."""

    def decide(arguments: Mapping[str, Any]) -> bool:
        policy = arguments.get(of_rows)
        return not (isinstance(policy, Mapping) and conditional(policy))

    return decide


def records_only_read(arguments: Mapping[str, Any]) -> bool:
    """Return whether every row of a ``BatchRecords`` reads; not where there is none to tell from."""
    rows = _rows(arguments)
    return bool(rows) and all(not getattr(row, "_has_write", True) for row in rows)


def records_repeatable(arguments: Mapping[str, Any]) -> bool:
    """Return whether any row of a ``BatchRecords`` may be applied twice.

    Rows are sent again one by one, each by its own right, so one is enough for the batch to be one
    that may be retried.
    """
    return any(row_repeatable(row) for row in _rows(arguments))


def row_repeatable(row: Any, *, conditional_by_default: bool = False) -> bool:
    """Return whether one row of a ``BatchRecords`` may be applied twice.

    Args:
        row: the row.
        conditional_by_default: whether the client was configured so that rows hold a condition.
    """
    if not getattr(row, "_has_write", True):
        return True
    if conditional_by_default or conditional(getattr(row, "policy", None) or {}):
        return False
    if hasattr(row, "function"):  # Apply
        return False
    if not hasattr(row, "ops"):  # Remove
        return True
    return _repeatable(_operators(row.ops))


def conditional(fields: Mapping[str, Any]) -> bool:
    """Return whether a write under these policy fields fails once it has been applied.

    That is a generation check (``gen`` other than ignore) and create-only. Update-only and replace
    still hold after the write.
    """
    return bool(fields.get("gen")) or fields.get("exists") == 1


def wanted(arguments: Mapping[str, Any], fields: Mapping[str, Any]) -> ExpectedWrite | None:
    """Return what a `put` wants that checks for equal generation, or that only creates."""
    bins, meta = arguments.get("bins"), arguments.get("meta") or {}
    if not isinstance(bins, Mapping):
        return None
    if fields.get("exists") == 1:
        return ExpectedWrite(0, bins)
    generation = meta.get("gen")
    return ExpectedWrite(generation, bins) if generation and fields.get("gen") == 1 else None


def _repeatable(operators: frozenset[int] | None) -> bool:
    return operators is not None and operators <= _reading() | {_WRITE, _TOUCH, _DELETE}


def _operators(listed: object) -> frozenset[int] | None:
    """Return the operators of an `operate` list; None where it is not one."""
    if not isinstance(listed, Iterable):
        return None
    try:
        return frozenset(item["op"] for item in listed)
    except (KeyError, TypeError):
        return None


def _rows(arguments: Mapping[str, Any]) -> Sequence[Any]:
    rows = arguments.get("batch_records")
    return getattr(rows, "batch_records", None) or ()
