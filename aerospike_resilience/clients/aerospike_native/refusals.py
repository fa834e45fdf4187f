"""This library's errors as ``aerospike-native``'s. Imported when the first client is wrapped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ...errors import BackpressureError, CircuitOpenError, DeadlineExceededError
from ..contract import Refusals
from .coded_error import CodedError
from .package import native

if TYPE_CHECKING:
    # The extension's classes carry no types.
    class _RateError(Exception): ...

    class _ConnectionsError(Exception): ...

    class _TimeoutError(Exception): ...
else:
    _RateError = native().exceptions.MaxErrorRate
    _ConnectionsError = native().exceptions.NoMoreConnections
    _TimeoutError = native().exceptions.TimeoutError


class _NativeError(CodedError):
    """A refusal with the attributes that the client's errors have."""

    def _describe(self, message: str, facts: dict[str, Any]) -> None:
        super()._describe(message, facts)
        self.base_message = message


class NativeCircuitOpenError(_NativeError, CircuitOpenError, _RateError):
    """`CircuitOpenError` as ``aerospike_native.exceptions.MaxErrorRate``."""

    CODE = "MAX_ERROR_RATE"


class NativeBackpressureError(_NativeError, BackpressureError, _ConnectionsError):
    """`BackpressureError` as ``aerospike_native.exceptions.NoMoreConnections``."""

    CODE = "NO_MORE_CONNECTIONS"


class NativeDeadlineExceededError(_NativeError, DeadlineExceededError, _TimeoutError):
    """`DeadlineExceededError` as ``aerospike_native.exceptions.TimeoutError``."""

    CODE = "TIMEOUT"


REFUSALS: Final = Refusals(
    NativeCircuitOpenError, NativeBackpressureError, NativeDeadlineExceededError
)
