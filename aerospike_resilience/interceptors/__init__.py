"""Interceptors, one entry a link. Their order is `runtime.chain.CHAIN_ORDER`."""

from .attempt.attempt import NativeAttempt
from .base import Interceptor, Proceed, ProceedAsync
from .breaker.breaker import Breaker
from .deadline import Deadline
from .fallback import Fallback
from .gate.adaptive_limit import Bounds
from .gate.backpressure import Backpressure
from .gate.gates import GateDraft, GateOptions, Gates
from .gate.orphaned_calls import PermitKeeper
from .gate.semaphore import Gate
from .recorder import Recorder
from .retry.backoff import Backoff
from .retry.budget import RetryBudget
from .retry.closing import Closing
from .retry.retry import Retry, RetryCounters
from .retry.tenacity_rules import TenacityRules
from .retry.verification import Verification
from .telemetry import Telemetry

__all__ = [
    "Backoff",
    "Backpressure",
    "Bounds",
    "Breaker",
    "Closing",
    "Deadline",
    "Fallback",
    "Gate",
    "GateDraft",
    "GateOptions",
    "Gates",
    "Interceptor",
    "NativeAttempt",
    "PermitKeeper",
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
