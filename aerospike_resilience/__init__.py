"""Keep an Aerospike client serving while nodes stall, overload and die."""

import logging

from .ambient import carry, deadline, remaining
from .errors import (
    AlreadyWrappedError,
    BackpressureError,
    CircuitOpenError,
    ClientClosedError,
    DeadlineExceededError,
    IsolationError,
    NotAClientError,
    ResilienceError,
    UnknownNodeError,
)
from .instrument import instrument, uninstrument
from .interceptors import Interceptor
from .model.attempt import Attempt
from .model.call import Call
from .model.failure import Failure, FailureKind
from .model.operation import Operation
from .model.outcome import Outcome, Refusal
from .profiles import PolicyFileError, UnknownProfileError
from .runtime.chain import CHAIN_ORDER
from .wrapping.resilience import Resilience
from .wrapping.wrap import resilient

__all__ = [
    "CHAIN_ORDER",
    "AlreadyWrappedError",
    "Attempt",
    "BackpressureError",
    "Call",
    "CircuitOpenError",
    "ClientClosedError",
    "DeadlineExceededError",
    "Failure",
    "FailureKind",
    "Interceptor",
    "IsolationError",
    "NotAClientError",
    "Operation",
    "Outcome",
    "PolicyFileError",
    "Refusal",
    "Resilience",
    "ResilienceError",
    "UnknownNodeError",
    "UnknownProfileError",
    "carry",
    "deadline",
    "instrument",
    "remaining",
    "resilient",
    "uninstrument",
]

# Without it Python prints a library's warnings where the application configured no logging at all.
logging.getLogger(__name__).addHandler(logging.NullHandler())
