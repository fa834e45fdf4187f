"""Which calls and rows of the C client may be sent again, read from their arguments."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ...model.rows import ExpectedWrite
from ..shared.operators import numbers_named, operators_in
from .policies import CREATE_ONLY, GENERATION_EQUAL

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
    """Return the operators that only read. Found by name: the package may renumber them."""
    import aerospike  # never with this library: an application may use another client only

    return numbers_named(aerospike, _READING_PREFIXES) | {_READ}


@functools.cache
def _harmless() -> frozenset[int]:
    """Return the operators that may be applied twice."""
    return _reading() | {_WRITE, _TOUCH, _DELETE}


def only_reads(parameter: str) -> Callable[[Mapping[str, Any]], bool]:
    """Return a function that decides from a call's arguments whether its operators only read.

    Args:
        parameter: the parameter that holds the list of operators.
    """

    def decide(arguments: Mapping[str, Any]) -> bool:
        operators = operators_in(arguments.get(parameter))
        return operators is not None and operators <= _reading()

    return decide


def repeatable(parameter: str, of_rows: str = "") -> Callable[[Mapping[str, Any]], bool]:
    """Return a function that decides from a call's arguments whether it may be applied twice.

    It may if every operator reads, writes a given value, touches or deletes, and no condition on the rows
    fails once they are written.

    Args:
        parameter: the parameter that holds the list of operators.
        of_rows: the parameter that holds a batch's policy for its rows; empty if there is none.
    """
    unconditional = rows_unconditional(of_rows)

    def decide(arguments: Mapping[str, Any]) -> bool:
        return _repeatable(arguments.get(parameter)) and (not of_rows or unconditional(arguments))

    return decide


def rows_unconditional(of_rows: str) -> Callable[[Mapping[str, Any]], bool]:
    """Return a function that decides whether a batch's policy for its rows holds no such condition.

    Args:
        of_rows: the parameter that holds that policy; empty if there is none.
    """

    def decide(arguments: Mapping[str, Any]) -> bool:
        policy = arguments.get(of_rows)
        return not (isinstance(policy, Mapping) and conditional(policy))

    return decide


def records_only_read(arguments: Mapping[str, Any]) -> bool:
    """Return whether every row of a ``BatchRecords`` reads. False if there are no rows."""
    rows = _rows(arguments)
    return bool(rows) and all(not getattr(row, "_has_write", True) for row in rows)


def records_repeatable(arguments: Mapping[str, Any]) -> bool:
    """Return whether any row of a ``BatchRecords`` may be applied twice.

    Each row is sent again by itself if it may be. So one such row makes the batch one that can be retried.
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
    return _repeatable(row.ops)


def conditional(fields: Mapping[str, Any]) -> bool:
    """Return whether a write under these policy fields would fail if it had been applied already.

    That is so with a generation check (``gen`` other than ignore), with create-only, and with a filter
    expression, which may no longer hold. Update-only and replace still hold after the write.
    """
    return (
        bool(fields.get("gen"))
        or fields.get("exists") == CREATE_ONLY
        or fields.get("expressions") is not None
    )


def expected_write(arguments: Mapping[str, Any], fields: Mapping[str, Any]) -> ExpectedWrite | None:
    """Return what a `put` leaves behind that checks for an equal generation or only creates."""
    bins, meta = arguments.get("bins"), arguments.get("meta") or {}
    if not isinstance(bins, Mapping):
        return None
    if fields.get("exists") == CREATE_ONLY:
        return ExpectedWrite(0, bins)
    generation = meta.get("gen")
    checks = fields.get("gen") == GENERATION_EQUAL
    return ExpectedWrite(generation, bins) if generation and checks else None


def _repeatable(operate_list: object) -> bool:
    operators = operators_in(operate_list)
    return operators is not None and operators <= _harmless()


def _rows(arguments: Mapping[str, Any]) -> Sequence[Any]:
    rows = arguments.get("batch_records")
    return getattr(rows, "batch_records", None) or ()
