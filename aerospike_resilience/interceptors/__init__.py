"""Interceptors, one concern a file.

In chain order, outermost first: telemetry, deadline, retry, backpressure, breaker, attempt.
"""

from .attempt import Attempt
from .backoff import Backoff
from .backpressure import Backpressure
from .base import Interceptor, Proceed, ProceedAsync
from .breaker import Breaker
from .budget import RetryBudget
from .closing import Closing
from .deadline import Deadline
from .fallback import Fallback
from .gate import Gate
from .gates import GateDraft, GateOptions, Gates
from .lasting import Lasting
from .limit import Bounds
from .recorder import CallStory, Recorder
from .retry import Retry, RetryCounters
from .telemetry import Telemetry
from .tenacious import TenacityRules
from .verify import Verification

__all__ = [
    "Attempt",
    "Backoff",
    "Backpressure",
    "Bounds",
    "Breaker",
    "CallStory",
    "Closing",
    "Deadline",
    "Fallback",
    "Gate",
    "GateDraft",
    "GateOptions",
    "Gates",
    "Interceptor",
    "Lasting",
    "Proceed",
    "ProceedAsync",
    "Recorder",
    "Retry",
    "RetryBudget",
    "RetryCounters",
    "Telemetry",
    "TenacityRules",
    "Verification",
]
