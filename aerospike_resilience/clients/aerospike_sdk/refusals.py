"""This library's errors as the errors of ``aerospike-sdk``. Imported when the first cluster is wrapped.

The SDK turns what its native client raises into classes of its own, but passes those classes through. So
the classes here arrive unchanged on every path, as an exception or in the row of a stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aerospike_sdk import exceptions

from ...errors import BackpressureError, CircuitOpenError, DeadlineExceededError
from ..aerospike_native.coded_error import CodedError
from ..contract import Refusals

if TYPE_CHECKING:
    # The package's classes are untyped here.
    class _RateError(Exception): ...

    class _BackoffError(Exception): ...

    class _TimeoutError(Exception): ...
else:
    _RateError = exceptions.MaxErrorRateError
    _BackoffError = exceptions.BackoffError
    _TimeoutError = exceptions.TimeoutError


class _SdkError(CodedError):
    """A refusal with the attributes that the SDK's errors have."""

    def _describe(self, message: str, facts: dict[str, Any]) -> None:
        # By name, as the builtin `TimeoutError` ends the chain of constructors before it comes to this one.
        exceptions.AerospikeError.__init__(self, message)  # type: ignore[arg-type]  # each class is one
        super()._describe(message, facts)
        self.base_message = message
        del self.result_code  # the None of the SDK's constructor; the class has the code


class SdkCircuitOpenError(_SdkError, CircuitOpenError, _RateError):
    """`CircuitOpenError` as ``aerospike_sdk.exceptions.MaxErrorRateError``."""

    CODE = "MAX_ERROR_RATE"


class SdkBackpressureError(_SdkError, BackpressureError, _BackoffError):
    """`BackpressureError` as ``aerospike_sdk.exceptions.BackoffError``."""

    CODE = "NO_MORE_CONNECTIONS"


class SdkDeadlineExceededError(_SdkError, DeadlineExceededError, _TimeoutError):
    """`DeadlineExceededError` as ``aerospike_sdk.exceptions.TimeoutError``."""

    CODE = "TIMEOUT"
    client = True  # whose deadline it was: not the server's


REFUSALS: Final = Refusals(SdkCircuitOpenError, SdkBackpressureError, SdkDeadlineExceededError)
