"""Which calls and rows of ``aerospike-py`` may be sent again, read from their arguments."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping
from typing import Any, Final

from ...model.rows import ExpectedWrite
from ..shared.operators import numbers_named, operators_in
from .policies import CREATE_ONLY

_READ: Final = 1
_REPEATABLE: Final = frozenset({2, 11, 12})  # OPERATOR_WRITE, OPERATOR_TOUCH, OPERATOR_DELETE

_READING: Final = ("GET", "SIZE", "COUNT", "LSCAN", "RSCAN", "DESCRIBE")
"""How the names of reading operations on collections go on after ``_OP_LIST_`` and the like."""


@functools.cache
def _reading() -> frozenset[int]:
    """Return the operators that only read. Found by name: the package may renumber them."""
    found = frozenset({_READ})
    for kind in ("list", "map", "hll", "bit"):
        module = importlib.import_module(f"aerospike_py.{kind}_operations")
        found |= numbers_named(module, tuple(f"_OP_{kind.upper()}_{word}" for word in _READING))
    return found


@functools.cache
def _harmless() -> frozenset[int]:
    """Return the operators that may be applied twice."""
    return _reading() | _REPEATABLE


def only_reads(arguments: Mapping[str, Any]) -> bool:
    """Return whether every operator of ``ops`` reads."""
    operators = operators_in(arguments.get("ops"))
    return operators is not None and operators <= _reading()


def repeatable(arguments: Mapping[str, Any]) -> bool:
    """Return whether a call may be applied twice.

    It may if every operator of ``ops`` reads, writes a given value, touches or deletes, and the call is
    `unconditional`.
    """
    operators = operators_in(arguments.get("ops"))
    return operators is not None and operators <= _harmless() and unconditional(arguments)


def unconditional(arguments: Mapping[str, Any]) -> bool:
    """Return whether ``meta`` holds no condition that fails once the write has been applied.

    The client checks a generation in ``meta`` whatever the policy says.
    """
    return not _conditional_meta(arguments.get("meta"))


def unconditional_rows(arguments: Mapping[str, Any]) -> bool:
    """Return whether no row of ``batch_write`` holds such a condition."""
    return all(row_repeatable(row) for row in arguments.get("records") or ())


def row_repeatable(row: Any) -> bool:
    """Return whether one row of ``batch_write``, ``(key, bins[, meta])``, may be applied twice."""
    return not (len(row) > 2 and _conditional_meta(row[2]))


def asked_to_retry(arguments: Mapping[str, Any]) -> bool:
    """Return whether the caller asked the client to send failed rows again."""
    return bool(arguments.get("retry"))


def conditional(fields: Mapping[str, Any]) -> bool:
    """Return whether a write under these policy fields would fail if it had been applied already.

    A filter expression may no longer hold then.
    """
    return (
        bool(fields.get("gen"))
        or fields.get("exists") == CREATE_ONLY
        or fields.get("filter_expression") is not None
    )


def expected_write(arguments: Mapping[str, Any], fields: Mapping[str, Any]) -> ExpectedWrite | None:
    """Return what a `put` leaves behind that checks for an equal generation or only creates."""
    bins, meta = arguments.get("bins"), arguments.get("meta") or {}
    if not isinstance(bins, Mapping):
        return None
    if CREATE_ONLY in (fields.get("exists"), meta.get("exists")):
        return ExpectedWrite(0, bins)
    generation = meta.get("gen")
    return (
        ExpectedWrite(generation, bins) if generation and fields.get("gen", 1) in (0, 1) else None
    )


def _conditional_meta(meta: Any) -> bool:
    return isinstance(meta, Mapping) and (
        meta.get("gen") is not None or meta.get("exists") == CREATE_ONLY
    )
