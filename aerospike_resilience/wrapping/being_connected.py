"""Whether `connect()` creates a client just now, in this context."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

CREATING: Final[ContextVar[bool]] = ContextVar("aerospike_resilience_creating", default=False)
"""While True, `instrument()` leaves a client bare, as it is wrapped in a moment, and `resilient()` takes
one that is not connected yet."""
