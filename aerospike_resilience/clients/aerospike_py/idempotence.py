"""What makes a write of ``aerospike-py`` safe to send again, read off its arguments."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ...model.rows import ExpectedWrite

_READ: Final = 1
_REPEATABLE: Final = frozenset({2, 11, 12})  # OPERATOR_WRITE, OPERATOR_TOUCH, OPERATOR_DELETE
CREATE_ONLY: Final = 4

_READING: Final = ("GET", "SIZE", "COUNT", "LSCAN", "RSCAN", "DESCRIBE")
"""What the names of reading collection operations begin with, after ``_OP_LIST_`` and the like."""


@functools.cache
def _reading() -> frozenset[int]:
    """Return the operators that only read. Named, not numbered: the package may renumber them."""
    found = {_READ}
    for kind in ("list", "map", "hll", "bit"):
        module = importlib.import_module(f"aerospike_py.{kind}_operations")
        prefixes = tuple(f"_OP_{kind.upper()}_{word}" for word in _READING)
        found |= {number for name, number in vars(module).items() if name.startswith(prefixes)}
    return frozenset(found)


def only_reads(arguments: Mapping[str, Any]) -> bool:
    """Return whether every operator of ``ops`` reads."""
    operators = _operators(arguments.get("ops"))
    return operators is not None and operators <= _reading()


def repeatable(arguments: Mapping[str, Any]) -> bool:
    """Return whether every operator reads, writes a given value, touches or deletes."""
    operators = _operators(arguments.get("ops"))
    return (
        operators is not None and operators <= _reading() | _REPEATABLE and unconditional(arguments)
    )


def unconditional(arguments: Mapping[str, Any]) -> bool:
    """Return whether ``meta`` holds no condition that the write's own first application breaks.

    A generation in ``meta`` is checked by this client whatever the policy says.
    """
    return not _conditional_meta(arguments.get("meta"))


def unconditional_rows(arguments: Mapping[str, Any]) -> bool:
    """Return whether no row of ``batch_write`` holds such a condition."""
    return all(row_repeatable(row) for row in arguments.get("records") or ())


def row_repeatable(row: Any) -> bool:
    """Return whether one row of ``batch_write``, ``(key, bins[, meta])``, may be applied twice."""
    return not (len(row) > 2 and _conditional_meta(row[2]))


def asked_to_retry(arguments: Mapping[str, Any]) -> bool:
    """Return whether the caller had the client itself retry failed rows."""
    return bool(arguments.get("retry"))


def conditional(fields: Mapping[str, Any]) -> bool:
    """Return whether a write under these policy fields fails once it has been applied."""
    return bool(fields.get("gen")) or fields.get("exists") == CREATE_ONLY


def wanted(arguments: Mapping[str, Any], fields: Mapping[str, Any]) -> ExpectedWrite | None:
    """Return what a `put` wants that checks for equal generation, or that only creates."""
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


def _operators(listed: object) -> frozenset[int] | None:
    """Return the operators of an `operate` list; None where it is not one."""
    if not isinstance(listed, Iterable):
        return None
    try:
        return frozenset(item["op"] for item in listed)
    except (KeyError, TypeError):
        return None
