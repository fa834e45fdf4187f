"""The interface between operations and the value modules: lists, maps, bits and expressions."""

from __future__ import annotations

from . import bits, cdt, expressions, hll
from .view import RecordView
from .wire import Bin

cdt_read = cdt.read
cdt_modify = cdt.modify
cdt_at = cdt.at
storable = cdt.storable
bits_read = bits.read
bits_modify = bits.modify
hll_read = hll.read
hll_modify = hll.modify
expression_read = expressions.read
expression_modify = expressions.modify


def matches(expression: bytes, view: RecordView) -> bool:
    """Tell whether a filter expression lets a record pass."""
    return expressions.compile(expression)(view) is True


def check_filter(expression: bytes) -> None:
    """Refuse a filter that cannot be built (4)."""
    expressions.compile(expression)


def expression_value(expression: bytes, view: RecordView) -> Bin | None:
    """Return the value of an expression; None means no value."""
    operation = b"\x92" + expression + b"\x00"
    return expressions.read(operation, view)
