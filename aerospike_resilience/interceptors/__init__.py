"""Interceptors, one concern a file.

In chain order, outermost first: telemetry, deadline, retry, backpressure, breaker, attempt.
"""

from .attempt import Attempt
from .backoff import Backoff
from .backpressure import Backpressure
from .base import Interceptor, Proceed, ProceedAsync
from .breaker import Breaker
from .budget import RetryBudget
from .deadline import Deadline
from .gate import Gate
from .gates import GateOptions, Gates
from .limit import Bounds
from .retry import Retry, RetryCounters
from .telemetry import Telemetry

__all__ = [
    "Attempt",
    "Backoff",
    "Backpressure",
    "Bounds",
    "Breaker",
    "Deadline",
    "Gate",
    "GateOptions",
    "Gates",
    "Interceptor",
    "Proceed",
    "ProceedAsync",
    "Retry",
    "RetryBudget",
    "RetryCounters",
    "Telemetry",
]
