"""What this library raises.

Everything is a `ResilienceError` and an instance of the fitting builtin. What is raised on the call
path is, besides, an instance of the client's own class for the case: each adapter combines the
classes here with its client's (``clients/<client>/refusals.py``), so that ``except
aerospike.exception.MaxErrorRateExceeded`` keeps working.
"""

from __future__ import annotations

from typing import Any

import pybreaker


class ResilienceError(Exception):
    """Anything this library raises.

    Attributes:
        client_name: the name of the wrapped client that it is about; empty where it is about none.
    """

    client_name: str = ""


class RefusedError(ResilienceError):
    """A call that was not sent, because sending it could not have helped.

    Attributes:
        operation: the method that was called.
        profile: the profile in force.
        in_doubt: whether an earlier attempt of the same operation may have been applied.
    """

    def __init__(self, message: str, *, operation: str, profile: str, **facts: Any) -> None:
        super().__init__(message)
        self.operation = operation
        self.profile = profile
        self.in_doubt = False
        for name, value in facts.items():
            setattr(self, name, value)


class CircuitOpenError(RefusedError, pybreaker.CircuitBreakerError):
    """The node that the operation needs is open, and no other can serve it.

    Attributes:
        node: the node's name.
        role: what the operation needs it for: ``master`` or ``replica``.
        state: its state: ``open``, ``half-open`` or ``isolated``.
        open_for_s: how long it has been so, in seconds.
        retry_after_s: seconds until it may be probed; None while it is isolated.
        reason: which errors opened it.
    """

    node: str
    role: str
    state: str
    open_for_s: float
    retry_after_s: float | None
    reason: str


class BackpressureError(RefusedError):
    """No permit came free in time: too many operations at once.

    Attributes:
        limit: the gate's limit when the call gave up.
        waited_s: how long it waited, in seconds.
        reason: ``timeout``, ``deadline``, ``closed`` or ``shed``.
    """

    limit: int
    waited_s: float
    reason: str


class DeadlineExceededError(RefusedError, TimeoutError):
    """The deadline passed, or would pass, before the operation could be tried.

    Attributes:
        deadline_s: the time the operation had, in seconds.
    """

    deadline_s: float


class ClientClosedError(ResilienceError, RuntimeError):
    """The client is closed."""


class NotAClientError(ResilienceError, TypeError):
    """What was given is not a client of Aerospike's that this library knows."""


class AlreadyWrappedError(ResilienceError, TypeError):
    """The client is wrapped already."""


class NotWrappedError(ResilienceError, TypeError):
    """What was given is not a wrapped client."""


class IsolationError(ResilienceError, RuntimeError):
    """A node cannot be isolated, or not be released, as the profile stands."""


class UnknownNodeError(ResilienceError, LookupError):
    """The cluster has no node of that name."""
