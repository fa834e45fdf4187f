"""Filter expressions and expression operations.

An expression is MessagePack: a value, or `[code, arguments...]`. It is built once, which checks the
types of all its parts and answers 4 where the server refuses to build it, and then run on records.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from .. import msgpack
from ..errors import (
    ERR_BIN_EXISTS,
    ERR_BIN_NOT_FOUND,
    ERR_OP_NOT_APPLICABLE,
    OpError,
)
from ..evaluation import TYPE_ANY, TYPE_BOOL, Env, Node, Unknown, Value
from ..view import RecordView
from ..wire import Bin
from . import calls, conditions, metadata, numbers
from .building import Builder

MAX_SIZE: Final = 1 << 20
_MAX_CACHED: Final = 4096

CREATE_ONLY: Final = 1
UPDATE_ONLY: Final = 2
ALLOW_DELETE: Final = 4
POLICY_NO_FAIL: Final = 8
EVAL_NO_FAIL: Final = 16


def build(raw: bytes) -> Node:
    """Build an expression.

    Args:
        raw: The expression.

    Returns:
        The expression, ready to run.

    Raises:
        OpError: It cannot be built; code 4.
    """
    return _cached(raw) if len(raw) <= _MAX_CACHED else _build(raw)


def compile(raw: bytes) -> Callable[[RecordView], Value]:  # noqa: A001
    """Build a filter.

    Args:
        raw: The expression.

    Returns:
        A function of a record. Only `True` lets the record pass; what cannot be computed is
        `Unknown.UNKNOWN` and does not.

    Raises:
        OpError: It cannot be built, or is no condition; code 4.
    """
    node = build(raw)
    if node.type not in (TYPE_BOOL, TYPE_ANY):
        raise msgpack.malformed()
    run = node.run
    return lambda record: run(Env(record))


def read(payload: bytes, view: RecordView) -> Bin | None:
    """Carry out an operation that answers an expression.

    Args:
        payload: `[expression, flags]`.
        view: The record.

    Returns:
        The value, None for nil.

    Raises:
        OpError: It cannot be built (4) or computed (26).
    """
    node, flags = _operation(payload)
    found = node.bin_of(Env(view))
    if not isinstance(found, Unknown):
        return found
    if flags & EVAL_NO_FAIL:
        return None
    raise OpError(ERR_OP_NOT_APPLICABLE)


def modify(payload: bytes, view: RecordView, current: Bin | None) -> Bin | None:
    """Carry out an operation that writes an expression into a bin.

    Args:
        payload: `[expression, flags]`.
        view: The record.
        current: The bin, None if there is none.

    Returns:
        The bin from now on, None if it is no more.

    Raises:
        OpError: It cannot be built (4) or computed (26), or a flag forbids the write (6, 17).
    """
    node, flags = _operation(payload)
    refusal = _refusal(flags, current)
    if refusal:
        if flags & POLICY_NO_FAIL:
            return current
        raise OpError(refusal)
    found = node.bin_of(Env(view))
    if isinstance(found, Unknown):
        if flags & EVAL_NO_FAIL:
            return current
        raise OpError(ERR_OP_NOT_APPLICABLE)
    if found is None and not flags & ALLOW_DELETE:
        if flags & POLICY_NO_FAIL:
            return current
        raise OpError(ERR_OP_NOT_APPLICABLE)
    return found


def _refusal(flags: int, current: Bin | None) -> int:
    if flags & CREATE_ONLY and current is not None:
        return ERR_BIN_EXISTS
    return ERR_BIN_NOT_FOUND if flags & UPDATE_ONLY and current is None else 0


def _operation(payload: bytes) -> tuple[Node, int]:
    if not payload or not msgpack.is_list(payload):
        raise msgpack.malformed()
    items = msgpack.elements(payload)[1]
    flags = msgpack.integer(items[1]) if len(items) == 2 else None
    if flags is None:
        raise msgpack.malformed()
    return build(items[0]), flags


def _build(raw: bytes) -> Node:
    if len(raw) > MAX_SIZE:
        raise msgpack.malformed()
    return Builder().build(msgpack.check(raw))


_cached = lru_cache(maxsize=512)(_build)
_FAMILIES: Final = (calls, conditions, metadata, numbers)
"""What registers the operators; named here so that importing them is not for nothing."""

__all__ = ["build", "compile", "modify", "read"]
