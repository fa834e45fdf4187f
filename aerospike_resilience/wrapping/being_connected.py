"""What `connect()` and `instrument()` know of a client that they wrap just now, in this context."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

CREATING: Final[ContextVar[bool]] = ContextVar("aerospike_resilience_creating", default=False)
"""While True, `instrument()` leaves a client bare, as it is wrapped in a moment, and `resilient()` takes
one that is not connected yet."""

SEED: Final[ContextVar[str]] = ContextVar("aerospike_resilience_seed", default="")
"""The first host that the client being wrapped was given, as ``host:port``; empty where it is not known."""
