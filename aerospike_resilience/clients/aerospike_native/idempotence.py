"""Which calls and rows of ``aerospike-native`` may be sent again, as far as its objects show.

Its operation objects do not show what they do. The package only answers whether any of them writes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...model.rows import ExpectedWrite
from .package import native


def only_reads(arguments: Mapping[str, Any]) -> bool:
    """Return whether every operation of ``operations`` reads."""
    return _reads(arguments.get("operations"))


def lists_only_read(arguments: Mapping[str, Any]) -> bool:
    """Return whether every operation of every list in ``operations_list`` reads."""
    lists = arguments.get("operations_list")
    return isinstance(lists, list | tuple) and bool(lists) and all(_reads(one) for one in lists)


def unconditional(parameter: str) -> Callable[[Mapping[str, Any]], bool]:
    """Return a function that decides whether the policy for a batch's rows is not `conditional`.

    Args:
        parameter: the parameter that holds that policy.
    """

    def decide(arguments: Mapping[str, Any]) -> bool:
        policy = arguments.get(parameter)
        names = ("record_exists_action", "generation_policy", "filter_expression")
        return not conditional({name: getattr(policy, name, None) for name in names})

    return decide


def batch_only_reads(arguments: Mapping[str, Any]) -> bool:
    """Return whether every row of ``ops`` is a ``BatchReadOp``."""
    rows = arguments.get("ops")
    return isinstance(rows, list | tuple) and all(
        isinstance(row, native().BatchReadOp) for row in rows
    )


def batch_repeatable(arguments: Mapping[str, Any]) -> bool:
    """Return whether any row of ``ops`` may be applied twice: each such row is sent again by itself."""
    rows = arguments.get("ops")
    return isinstance(rows, list | tuple) and any(row_repeatable(row) for row in rows)


def row_repeatable(row: Any) -> bool:
    """Return whether a row of ``batch`` may be applied twice: reads and deletes may."""
    package = native()
    return isinstance(row, package.BatchReadOp | package.BatchDeleteOp)


def conditional(fields: Mapping[str, Any]) -> bool:
    """Return whether a write under these policy fields would fail if it had been applied already.

    A filter expression may no longer hold then.
    """
    package = native()
    action = fields.get("record_exists_action")
    generation = fields.get("generation_policy")
    return (
        action == package.RecordExistsAction.CREATE_ONLY
        or (generation is not None and generation != package.GenerationPolicy.NONE)
        or fields.get("filter_expression") is not None
    )


def expected_write(arguments: Mapping[str, Any], fields: Mapping[str, Any]) -> ExpectedWrite | None:
    """Return what a `put` leaves behind that checks for an equal generation or only creates."""
    package, bins = native(), arguments.get("bins")
    if not isinstance(bins, Mapping):
        return None
    if fields.get("record_exists_action") == package.RecordExistsAction.CREATE_ONLY:
        return ExpectedWrite(0, bins)
    generation = fields.get("generation")
    checks = fields.get("generation_policy") == package.GenerationPolicy.EXPECT_GEN_EQUAL
    return ExpectedWrite(generation, bins) if generation and checks else None


def _reads(operations: object) -> bool:
    if not isinstance(operations, list | tuple):
        return False
    try:
        writes: bool = native().has_any_write_op(operations)
    except TypeError:  # no operations: the client raises its own error for them
        return False
    return not writes
