"""One adapter a client: the only place that knows a client's names and codes."""

from .base import Adapter, Creation, Lazy, Refusals, Seam, Window, every_operation
from .registry import ADAPTERS, adapter_for, adapter_named

__all__ = [
    "ADAPTERS",
    "Adapter",
    "Creation",
    "Lazy",
    "Refusals",
    "Seam",
    "Window",
    "adapter_for",
    "adapter_named",
    "every_operation",
]
