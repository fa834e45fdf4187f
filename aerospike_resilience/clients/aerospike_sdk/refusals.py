"""Our errors as the errors of ``aerospike-sdk``. Imported when the first cluster is wrapped.

The SDK turns what its native client raises into classes of its own, but passes its own through: so these
arrive intact on every path, as an exception or in the row of a stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aerospike_sdk import exceptions

from ...errors import BackpressureError, CircuitOpenError, DeadlineExceededError, RefusedError
from ..aerospike_native.package import native

if TYPE_CHECKING:
    # The package's classes are not typed for us.
    class _RateError(Exception): ...

    class _BackoffError(Exception): ...

    class _TimeoutError(Exception): ...
else:
    _RateError = exceptions.MaxErrorRateError
    _BackoffError = exceptions.BackoffError
    _TimeoutError = exceptions.TimeoutError


class _CodedError(RefusedError):
    """A refusal with the result code that the SDK's errors have."""

    CODE: str

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.result_code = getattr(native().ResultCode, self.CODE)


class SdkCircuitOpenError(_CodedError, CircuitOpenError, _RateError):
    """`CircuitOpenError` as ``aerospike_sdk.exceptions.MaxErrorRateError``."""

    CODE = "MAX_ERROR_RATE"


class SdkBackpressureError(_CodedError, BackpressureError, _BackoffError):
    """`BackpressureError` as ``aerospike_sdk.exceptions.BackoffError``."""

    CODE = "NO_MORE_CONNECTIONS"


class SdkDeadlineExceededError(_CodedError, DeadlineExceededError, _TimeoutError):
    """`DeadlineExceededError` as ``aerospike_sdk.exceptions.TimeoutError``."""

    CODE = "TIMEOUT"
