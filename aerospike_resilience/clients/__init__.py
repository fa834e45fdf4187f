"""One adapter a client: the only place that knows a client's names and codes."""

from .contract import (
    Adapter,
    ClientRefusals,
    CoalescedMethod,
    Creation,
    LazyMethod,
    Refusals,
    Seam,
    every_operation,
)
from .registry import ADAPTERS, PACKAGES, adapter_for, adapter_named

__all__ = [
    "ADAPTERS",
    "PACKAGES",
    "Adapter",
    "ClientRefusals",
    "CoalescedMethod",
    "Creation",
    "LazyMethod",
    "Refusals",
    "Seam",
    "adapter_for",
    "adapter_named",
    "every_operation",
]
