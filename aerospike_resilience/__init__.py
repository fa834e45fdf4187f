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
from .interceptors import CallStory, Interceptor
from .model.attempt import Attempt
from .model.call import Call
from .model.failure import Failure, FailureKind
from .model.operation import Operation
from .profiles import PolicyFileError, UnknownProfileError
from .wrapping.resilience import Resilience
from .wrapping.wrap import resilient

__all__ = [
    "AlreadyWrappedError",
    "Attempt",
    "BackpressureError",
    "Call",
    "CallStory",
    "CircuitOpenError",
    "ClientClosedError",
    "DeadlineExceededError",
    "Failure",
    "FailureKind",
    "Interceptor",
    "IsolationError",
    "NotAClientError",
    "Operation",
    "PolicyFileError",
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
