"""This library's errors as the errors of ``aerospike-sdk``. Imported when the first cluster is wrapped.

The SDK turns what its native client raises into classes of its own, but passes those classes through. So
the classes here arrive unchanged on every path, as an exception or in the row of a stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

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


class SdkCircuitOpenError(CodedError, CircuitOpenError, _RateError):
    """`CircuitOpenError` as ``aerospike_sdk.exceptions.MaxErrorRateError``."""

    CODE = "MAX_ERROR_RATE"


class SdkBackpressureError(CodedError, BackpressureError, _BackoffError):
    """`BackpressureError` as ``aerospike_sdk.exceptions.BackoffError``."""

    CODE = "NO_MORE_CONNECTIONS"


class SdkDeadlineExceededError(CodedError, DeadlineExceededError, _TimeoutError):
    """`DeadlineExceededError` as ``aerospike_sdk.exceptions.TimeoutError``."""

    CODE = "TIMEOUT"


REFUSALS: Final = Refusals(SdkCircuitOpenError, SdkBackpressureError, SdkDeadlineExceededError)
