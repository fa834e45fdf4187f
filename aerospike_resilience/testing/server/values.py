"""The one door from operations to the value modules: lists, maps, bits and expressions."""

from __future__ import annotations

import importlib
from typing import Any

from .errors import ERR_UNSUPPORTED_FEATURE, OpError
from .view import RecordView
from .wire import Bin


def canonical(raw: bytes) -> bytes:
    """Return a list or map as the server stores it."""
    result: bytes = _module("cdt.order").canonical(raw)
    return result


def cdt_read(kind: int, raw: bytes, payload: bytes) -> Bin | None:
    """Read from a list or map."""
    result: Bin | None = _module("cdt").read(kind, raw, payload)
    return result


def cdt_modify(
    kind: int | None, raw: bytes | None, payload: bytes
) -> tuple[Bin | None, Bin | None]:
    """Change a list or map; returns the new bin and the result."""
    result: tuple[Bin | None, Bin | None] = _module("cdt").modify(kind, raw, payload)
    return result


def bits_read(kind: int, raw: bytes, payload: bytes) -> Bin | None:
    """Read bits of a blob."""
    result: Bin | None = _module("bits").read(kind, raw, payload)
    return result


def bits_modify(
    kind: int | None, raw: bytes | None, payload: bytes
) -> tuple[Bin | None, Bin | None]:
    """Change bits of a blob; returns the new bin and the result."""
    result: tuple[Bin | None, Bin | None] = _module("bits").modify(kind, raw, payload)
    return result


def hll_read(kind: int, raw: bytes, payload: bytes) -> Bin | None:
    """Read from a HyperLogLog sketch."""
    result: Bin | None = _module("hll").read(kind, raw, payload)
    return result


def hll_modify(
    kind: int | None, raw: bytes | None, payload: bytes
) -> tuple[Bin | None, Bin | None]:
    """Change a HyperLogLog sketch; returns the new bin and the result."""
    result: tuple[Bin | None, Bin | None] = _module("hll").modify(kind, raw, payload)
    return result


def expression_read(payload: bytes, view: RecordView) -> Bin | None:
    """Evaluate an expression operation."""
    result: Bin | None = _module("expressions").read(payload, view)
    return result


def expression_modify(payload: bytes, view: RecordView, current: Bin | None) -> Bin | None:
    """Evaluate an expression operation for the bin it writes."""
    result: Bin | None = _module("expressions").modify(payload, view, current)
    return result


def matches(expression: bytes, view: RecordView) -> bool:
    """Tell whether a filter expression lets a record pass."""
    return _module("expressions").compile(expression)(view) is True


def expression_value(expression: bytes, view: RecordView) -> Bin | None:
    """Evaluate an expression; None stands for no value."""
    result: Bin | None = _module("expressions").read(b"\x92" + expression + b"\x00", view)
    return result


def check_filter(expression: bytes) -> None:
    """Refuse a filter that cannot be built (4)."""
    _module("expressions").compile(expression)


def _module(name: str) -> Any:
    try:
        return importlib.import_module(f".{name}", __package__)
    except ModuleNotFoundError as error:
        raise OpError(ERR_UNSUPPORTED_FEATURE) from error
