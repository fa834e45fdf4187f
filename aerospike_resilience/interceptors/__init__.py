"""Interceptors, one entry a link. Their order is `runtime.chain.CHAIN_ORDER`.

`telemetry` is not among the names here, since it imports OpenTelemetry's API, which the package does not
need before a client is wrapped.
"""

from .attempt.attempt import NativeAttempt
from .base import Interceptor, Proceed, ProceedAsync
from .breaker.breaker import Breaker
from .deadline import Deadline
from .fallback import Fallback
from .foresight.counts import WouldHave
from .foresight.foresight import Compared, Foresight
from .foresight.virtual_gate import VirtualGate
from .gate.adaptive_limit import Bounds
from .gate.backpressure import Backpressure
from .gate.gates import GateDraft, GateOptions, Gates
from .gate.orphaned_calls import PermitKeeper
from .gate.semaphore import Gate
from .recorder import Recorder
from .retry.backoff import Backoff
from .retry.budget import RetryBudget
from .retry.closing import Closing
from .retry.counters import RetryCounters
from .retry.retry import Retry
from .retry.tenacity_rules import TenacityRules
from .retry.verification import Verification

__all__ = [
    "Backoff",
    "Backpressure",
    "Bounds",
    "Breaker",
    "Closing",
    "Compared",
    "Deadline",
    "Fallback",
    "Foresight",
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
    "TenacityRules",
    "Verification",
    "VirtualGate",
    "WouldHave",
]
